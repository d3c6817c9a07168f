"""A full disk, a folder that cannot be written, a dead kernel: one sentence, and what was finished stays."""
import errno
import os
import resource
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat import v4
from PIL import Image
from typer.testing import CliRunner

import birdcolor.colorize
from birdcolor.core import Run, resolve, writing
from birdcolor.data import load_data
from birdcolor.reproduce import app, run_notebook
from birdcolor.toy import draw_bird

KEPT = "try again: what is finished is kept."


def command(*arguments, cwd, largest=None):
    "Run `birdcolor`; files may not grow beyond `largest` bytes, which to a program is a full disk."
    limit = (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))) if largest else None
    environment = os.environ | {"BIRDCOLOR_CACHE": str(cwd / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([Path(sys.executable).with_name("birdcolor"), *arguments], cwd=cwd, env=environment, capture_output=True, text=True, preexec_fn=limit)


def test_a_full_disk_ends_decoding_with_one_sentence_and_leaves_no_half_set(tmp_path):
    finished = command("data", "toy", cwd=tmp_path, largest=100_000)
    assert finished.returncode == 2
    assert finished.stderr.splitlines()[-1] == f"birdcolor: File too large; make room and {KEPT}"
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".lock"]
    assert command("data", "toy", cwd=tmp_path).returncode == 0


class Gray:
    "A colourist without a network."
    size, species, vivid, vividness, square_only = 32, [], 2.0, 0.0, False

    def __call__(self, gray, species=None): return np.repeat(gray, 3, axis=-1)


@pytest.mark.parametrize("number, end", [
    (errno.ENOSPC, f"; make room and {KEPT}"),
    (errno.EDQUOT, f"; make room and {KEPT}"),
    (errno.EROFS, f"; give a folder that can be written and {KEPT}"),
    (errno.EACCES, f"; change its permissions or give another and {KEPT}"),
    (errno.EIO, "."),
])
def test_colorize_keeps_what_it_wrote_before_the_disk_was_full(number, end, tmp_path, monkeypatch):
    def fail(coloured, path):
        if path.name.startswith("b"): raise OSError(number, os.strerror(number))
        with writing(path) as temporary: coloured.save(temporary)
    monkeypatch.setattr(birdcolor.colorize, "save_photo", fail)
    monkeypatch.setattr(birdcolor.colorize, "load_colourist", lambda model, runs: Gray())
    for name in "abc": Image.fromarray(draw_bird("Robin", 1, 32)).save(tmp_path / f"{name}.png")
    answer = CliRunner().invoke(app, ["colorize", str(tmp_path), "--out", str(tmp_path / "out")])
    assert (answer.exit_code, answer.stderr.lstrip()) == (1, f"birdcolor: {tmp_path}/b.png: {os.strerror(number)}{end}\nbirdcolor: 1 of 3 photos failed.\n")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a-coloured.png", "c-coloured.png"]


@pytest.mark.parametrize("arguments", [["reproduce", "--preset", "smoke", "--models", "fcnn", "--out", "file/out"], ["report", "file/out"], ["data", "toy"],
                                       ["colorize", "robin.png", "--out", "file/out"]])
def test_a_folder_that_cannot_be_is_one_sentence(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BIRDCOLOR_CACHE", "file/cache" if arguments[0] == "data" else "cache")
    monkeypatch.setattr(birdcolor.colorize, "load_colourist", lambda model, runs: Gray())
    Path("file").touch()
    Image.fromarray(draw_bird("Robin", 1, 32)).save("robin.png")
    answer = CliRunner().invoke(app, arguments)
    sentence = answer.stderr.splitlines()[-1]
    place = "cache" if arguments[0] == "data" else "out"
    assert answer.exit_code in (1, 2) and "Traceback" not in answer.stderr
    if arguments[0] == "report": assert sentence == "birdcolor: There are no run records in file/out/results; make some with birdcolor reproduce."
    else: assert sentence.startswith(("birdcolor: Not a directory (", "birdcolor: robin.png: Not a directory (")) and f"file/{place}" in sentence and sentence.endswith(f"; give another folder and {KEPT}")


def test_a_kernel_that_dies_is_one_sentence(tmp_path):
    notebook = tmp_path / "deadly.ipynb"
    kernel = dict(name="python3", language="python", display_name="Python 3")
    nbformat.write(v4.new_notebook(cells=[v4.new_code_cell("import os; os.kill(os.getpid(), 9)")], metadata=dict(kernelspec=kernel)), notebook)
    run = Run("unet", "smoke", resolve("smoke"), tmp_path)
    assert run_notebook(run, notebook, {}, print) == f"nbclient.exceptions.DeadKernelError: Kernel died (exit status 138; see {run.folder}/log.txt)"


@pytest.mark.parametrize("species, photos, sentence", [
    (1, 3, "3 photos are too few: none is left for validation; give at least 10 of a species."),
    (3, 1, "3 photos are too few: none is left for test; give at least 10 of a species."),
    (1, 10, None),
])
def test_small_folders(species, photos, sentence, tmp_path):
    for number in range(species * photos):
        folder = tmp_path / "photos" / f"Species{number % species}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw_bird("Robin", number, 48)).save(folder / f"{number}.png")
    settings = resolve("smoke", data=str(tmp_path / "photos"))
    if sentence is None: assert len(load_data(settings, tmp_path / "cache").images) == species * photos
    else:
        with pytest.raises(ValueError) as caught: load_data(settings, tmp_path / "cache")
        assert str(caught.value) == sentence
