"""How large the fault harness and the test of the cluster run, and where the harness's counts go."""
import os
import tempfile
from pathlib import Path

import pytest

from birdcolor.core import provenance, write_json

# equal bits and two devices that share a step are asked of processors
os.environ |= dict(CUDA_VISIBLE_DEVICES="-1", JAX_PLATFORMS="cpu")


def pytest_addoption(parser):
    parser.addoption("--damaged-photos", type=int, default=200, help="damaged photos that go through the cache, colorize and the page")
    parser.addoption("--kills", type=int, default=3, help="times that a run is killed without warning")
    parser.addoption("--requests", type=int, default=32, help="photos that 16 clients send to the page")
    parser.addoption("--counts", type=Path, help="folder for the counts of the fault harness; default: they are not kept")
    parser.addoption("--six-on-a-cluster", action="store_true", help="train all six networks of the study on the cluster of two workers, not one")


def pytest_collection_modifyitems(items):
    "The longest tests first, so that none runs alone at the end."
    longest = "test_cluster.py", "test_backends.py", "test_resume.py", "test_devices.py"
    items.sort(key=lambda item: item.path.name not in longest)


@pytest.fixture
def keep(request):
    "A function that stores rows of the harness's table: `fault`, how often `tried`, `outcome` in words, how many went `wrong`."
    def keep(name, *rows):
        folder = request.config.getoption("--counts")
        if folder: write_json(folder / f"{name}.json", dict(rows=rows, provenance=provenance()))
    return keep


@pytest.fixture
def temporary_folder(tmp_path, monkeypatch):
    "The test's own folder, in which all that this process makes in the temporary folder goes for once: Gradio's client leaves an empty folder a photo."
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path
