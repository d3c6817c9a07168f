"""Every notebook as Colab runs it: unchanged, from outside the repository, in an environment of its own that has TensorFlow
and Jupyter's kernel, and besides them only what its set-up cell installs.

The set-up cells run as they are. git alone is told that the repository's address stands for this working tree. The first
notebook with an install line starts without birdcolor, the next ones with that line start from a copy of what it installed,
since pip would fetch the same packages again. It takes minutes and fetches packages, so it is no part of `make test`:
`make colab-check`.
"""
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
ADDRESS = "https://github.com/birdcolor/birdcolor"
UV = Path(sys.executable).with_name("uv")

# what the notebooks use of Colab's own package, with a person who uploads nothing
COLAB = {
    "__init__.py": "",
    "files.py": "def upload(): return {}\ndef download(path): assert open(path, 'rb').read()\n",
    "output.py": "from urllib.request import urlopen\ndef serve_kernel_port_as_iframe(port, height): "
                 "assert urlopen(f'http://127.0.0.1:{port}').status == 200\n",
}


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    "The working tree, less what git ignores, as a repository of one commit."
    folder = tmp_path_factory.mktemp("published")
    git = ["git", f"--git-dir={folder}", f"--work-tree={ROOT}", "-c", "user.name=check", "-c", "user.email=check@example.org"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "working tree"]): subprocess.run(git + command, check=True)
    return folder


@pytest.fixture(scope="session")
def before_setup(tmp_path_factory):
    "An environment with what Colab has before the set-up cell."
    folder = tmp_path_factory.mktemp("before") / "venv"
    subprocess.run([UV, "venv", "--quiet", "--seed", "--python", sys.executable, folder], check=True)
    subprocess.run([UV, "pip", "install", "--quiet", "--compile-bytecode", "--python", folder / "bin/python", "tensorflow", "ipykernel"], check=True)
    return folder


@pytest.fixture(scope="session")
def installed():
    "Environments by the install line that made them."
    return {}


def colab(before, published, tmp_path):
    "Make a kernel named `colab`, whose Python is a copy of the environment `before`."
    shutil.copytree(before, tmp_path / "venv", symlinks=True, copy_function=os.link)
    package = tmp_path / "packages/google/colab"
    package.mkdir(parents=True)
    for name, text in COLAB.items(): (package / name).write_text(text)
    environment = {"PATH": f"{tmp_path / 'venv/bin'}{os.pathsep}{os.defpath}", "HOME": str(tmp_path), "PYTHONPATH": str(tmp_path / "packages"),
                   "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.file://{published}.insteadOf", "GIT_CONFIG_VALUE_0": ADDRESS,
                   "TF_CPP_MIN_LOG_LEVEL": "3"}
    start = "import google.colab; from ipykernel.kernelapp import launch_new_instance; launch_new_instance()"
    kernel = tmp_path / "jupyter/kernels/colab/kernel.json"
    kernel.parent.mkdir(parents=True)
    kernel.write_text(json.dumps(dict(argv=[str(tmp_path / "venv/bin/python"), "-c", start, "-f", "{connection_file}"],
                                      display_name="Colab", language="python", env=environment)))


@pytest.mark.parametrize("path", sorted((ROOT / "nbs").glob("*.ipynb")), ids=lambda path: path.stem)
def test_it_runs_top_to_bottom(path, published, before_setup, installed, tmp_path):
    [line] = [line for line in path.read_text(encoding="utf-8").splitlines() if "%pip install" in line]
    colab(installed.get(line, before_setup), published, tmp_path)
    (tmp_path / "content").mkdir()
    command = [sys.executable, "-m", "papermill", path, "executed.ipynb", "--kernel", "colab", "--no-progress-bar"]
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    finished = subprocess.run(command, cwd=tmp_path / "content", env=environment | {"JUPYTER_PATH": str(tmp_path / "jupyter")}, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr[-3000:]
    where = subprocess.run([tmp_path / "venv/bin/python", "-c", "import birdcolor; print(birdcolor.__file__)"], cwd=tmp_path, capture_output=True, text=True)
    assert where.stdout.startswith(str(tmp_path / "venv")), where
    if installed.setdefault(line, tmp_path / "venv") != tmp_path / "venv": shutil.rmtree(tmp_path / "venv")
