"""The wheel and the source distribution on every Python at hand, each in an empty environment, and the notebooks with the oldest versions that the wheel takes: `make packages`."""
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent.parent
DIST = ROOT / "build/dist"
UV = Path(sys.executable).with_name("uv")
PYTHONS = [name for name in ("python3.11", "python3.12", "python3.13")
           if shutil.which(name) and subprocess.run([name, "-c", ""], capture_output=True).returncode == 0] or [sys.executable]
USE = """
from PIL import Image
from birdcolor.colorize import colourise_photo, load_colourist
from birdcolor.toy import draw_bird
coloured = colourise_photo(Image.fromarray(draw_bird("Robin", 1, 96)).convert("L"), load_colourist(), species="Robin")
assert coloured.size == (96, 96) and coloured.mode == "RGB"
"""


def quiet(*command, cwd):
    "Run `command` outside the repository; returns what it prints."
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    finished = subprocess.run(command, cwd=cwd, env=clean | {"BIRDCOLOR_CACHE": str(cwd / "cache"), "TF_CPP_MIN_LOG_LEVEL": "3"}, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


@pytest.fixture(scope="session")
def built():
    "The wheel, made from the source distribution, and that."
    shutil.rmtree(DIST, ignore_errors=True)
    quiet(UV, "build", "--quiet", "--out-dir", DIST, ROOT, cwd=ROOT / "build")
    [wheel], [source] = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
    return wheel, source


def test_the_wheel_holds_types_weights_and_notebooks(built):
    with zipfile.ZipFile(built[0]) as archive: names = archive.namelist()
    assert {"birdcolor/py.typed", "birdcolor/weights/chroma.npz", "birdcolor/notebooks/12_unet.ipynb"} <= set(names)
    with tarfile.open(built[1]) as archive: assert any(name.endswith("/nbs/12_unet.ipynb") for name in archive.getnames())


def metadata(wheel, field):
    "What `wheel` says of itself in all lines named `field`."
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return Parser().parsestr(archive.read(name).decode()).get_all(field)


def extras(wheel):
    "Names of all extras of `wheel`."
    return metadata(wheel, "Provides-Extra")


def oldest(wheel):
    "The oldest version that `wheel` takes of every package for which it names one, as constraints."
    wanted = map(Requirement, metadata(wheel, "Requires-Dist"))
    return {f"{asked.name}=={bound.version}" for asked in wanted for bound in asked.specifier if bound.operator == ">="}


def test_the_wheel_is_what_install_lines_name(built):
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "nbs").glob("*.ipynb")]
    for line in {line for text in texts for line in re.findall(r'%pip install -q \\"(.* @ git.*)\\"', text)}:
        asked = Requirement(line)
        assert built[0].name.startswith(f"{asked.name}-") and asked.extras <= set(extras(built[0]))


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("kind", ["wheel", "source"])
def test_it_installs_into_an_empty_environment_and_works(built, kind, python, tmp_path):
    quiet(UV, "venv", "--quiet", "--python", shutil.which(python), "venv", cwd=tmp_path)
    wanted = f"birdcolor[{','.join(extras(built[0]))}] @ {built[0].as_uri()}" if kind == "wheel" else str(built[1])
    quiet(UV, "pip", "install", "--quiet", "--python", "venv", wanted, cwd=tmp_path)
    quiet(UV, "pip", "check", "--python", "venv", cwd=tmp_path)
    assert quiet(tmp_path / "venv/bin/birdcolor", "--version", cwd=tmp_path).startswith("birdcolor ")
    quiet(tmp_path / "venv/bin/python", "-c", USE, cwd=tmp_path)
    if kind == "source": quiet(tmp_path / "venv/bin/birdcolor", "reproduce", "--preset", "smoke", "--models", "fcnn", "--out", "out", cwd=tmp_path)
    shutil.rmtree(tmp_path / "venv")


@pytest.fixture(scope="session")
def with_oldest(built, tmp_path_factory):
    "The programs of an environment with the wheel, the extras that notebooks need, and the oldest versions that it names, of other packages the newest that go with them."
    folder, bounds = tmp_path_factory.mktemp("oldest"), oldest(built[0])
    assert {"pillow==10.3", "filelock==4"} <= bounds
    (folder / "oldest.txt").write_text("\n".join(bounds))
    quiet(UV, "venv", "--quiet", "--python", shutil.which(PYTHONS[0]), "venv", cwd=folder)
    wanted = f"birdcolor[app,distributed,tensorboard] @ {built[0].as_uri()}"
    quiet(UV, "pip", "install", "--quiet", "--python", "venv", "--constraint", "oldest.txt", wanted, cwd=folder)
    yield folder / "venv/bin"
    shutil.rmtree(folder / "venv")


# index needs reports/, 37_ablation a finished run
@pytest.mark.parametrize("path", [path for path in sorted((ROOT / "nbs").glob("*.ipynb")) if path.stem not in ("index", "37_ablation")], ids=lambda path: path.stem)
def test_it_works_with_the_oldest_versions_that_it_names(path, with_oldest, tmp_path):
    quiet(with_oldest / "papermill", path, "executed.ipynb", "--kernel", "python3", "--no-progress-bar", cwd=tmp_path)
