"""Runs on a Dask cluster of two workers, one of which is killed on the way, end with the scores of runs in one process after the other."""
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from forked import Forked, whole_run

from birdcolor.cluster import connect

pytest.importorskip("distributed")

ONE, SIX = "fcnn", "fcnn,cnn,unet,cgan,cgan_mae,cgan_patchgan"


def start(*command, cwd):
    "Start a program of this Python's environment in the folder `cwd`; what it prints can be read from its `stdout`."
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "BIRDCOLOR_CACHE": str(cwd / "cache"), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def reproduce(models, out, *options, cwd):
    return start("birdcolor", "reproduce", "--preset", "smoke", "--set", "image_size=16", "--models", models, "--out", out, *options, cwd=cwd)


def printed(process):
    "What `process` printed, once it has ended well."
    text = process.communicate(timeout=3600)[0]
    assert process.returncode == 0, text
    return text


@pytest.fixture
def cluster(tmp_path):
    "A scheduler's address, and its two workers, each a process."
    programs = [start("dask", "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", cwd=tmp_path)]
    try:
        address = next(found.group() for line in programs[0].stdout if (found := re.search(r"tcp://127\.0\.0\.1:\d+", line)))
        for _ in range(2): programs.append(start("dask", "worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", cwd=tmp_path))
        yield address, programs[1:]
    finally:
        for program in programs: program.kill()
        for program in programs: program.communicate()


def kill_during(name, process, workers, folder):
    "Kill without warning the one of the `workers` that holds the run `name` of `process` in `folder`, once the run has kept a first epoch."
    run = folder / "runs" / name
    while not (run / "history.csv").exists():
        assert process.poll() is None, process.communicate()[0]
        assert all(worker.poll() is None for worker in workers), "a worker ended before it could be killed"
        time.sleep(0.01)
    holder = int((run / ".notebook.lock").read_text().split()[1])
    (worker,) = (worker for worker in workers if worker.pid == holder)
    worker.kill()
    assert not (folder / f"results/{name}.json").exists(), "the run had ended before its worker was killed"


def scores(folder):
    "The per-photo scores of every run in `folder`, as bytes."
    return {path.name: path.read_bytes() for path in sorted((folder / "results").glob("*-seed0.csv"))}


def test_a_killed_worker_changes_no_score(cluster, tmp_path, request):
    models, (address, workers) = SIX if request.config.getoption("--six-on-a-cluster") else ONE, cluster
    with reproduce(models, "together", "--scheduler", address, cwd=tmp_path) as process:
        try:
            kill_during("fcnn-seed0", process, workers, tmp_path / "together")
            said = printed(process)
        finally: process.kill()
    print(said)
    assert f"2 workers at {address}" in said
    assert len(re.findall(r"fcnn-seed0 \.\.\.", said)) == 2 and "fcnn-seed0 done in" in said, "the run of the killed worker was not begun again"
    assert said.endswith(f"Report: {tmp_path / 'together/report.html'}\n")

    for model in models.split(","): assert Forked(whole_run, tmp_path / "alone", tmp_path / "cache", model).wait() == 0
    together, alone = ({file: {content} for file, content in scores(tmp_path / out).items()} for out in ("together", "alone"))
    assert len(alone) == len(models.split(",")) and set(together) == set(alone)
    differing = [file for file in alone if together[file] != alone[file]]
    print(f"{len(alone)} runs; per-photo scores that differ from those of one process: {', '.join(differing) or 'none'}")
    # Should a training of a conditional GAN differ, it is trained again, here and there, to tell whether the cluster is to blame:
    # two files of scores never agree in every digit by accident.
    for file in differing:
        assert file.startswith("cgan")
        for attempt in range(3):
            model, places = file.removesuffix("-seed0.csv"), [tmp_path / f"{side}{attempt}" for side in ("together", "alone")]
            printed(reproduce(model, places[0].name, "--scheduler", address, cwd=tmp_path))
            assert Forked(whole_run, places[1], tmp_path / "cache", model).wait() == 0
            for found, place in zip((together, alone), places): found[file].add(scores(place)[file])
            if together[file] & alone[file]: break
        else: pytest.fail(f"no training of {file} on the cluster gave the scores of one in one process")

    again = printed(reproduce(models, "together", "--scheduler", address, cwd=tmp_path))
    assert again.count("is complete and unchanged: skipped") == len(alone)


def test_no_scheduler_is_one_sentence(tmp_path):
    process = reproduce("fcnn", "out", "--scheduler", "tcp://127.0.0.1:1", cwd=tmp_path)
    assert process.communicate(timeout=600)[0] == ("birdcolor: No Dask scheduler answers at tcp://127.0.0.1:1 within 10"
                                                   " seconds; expected tcp://HOST:PORT, as dask scheduler prints it.\n")
    assert process.returncode == 2 and not (tmp_path / "out").exists()


def test_a_cluster_without_dask_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError) as raised: connect("tcp://127.0.0.1:1")
    assert str(raised.value) == 'A cluster needs Dask; install it with pip install "birdcolor[distributed] @ git+https://github.com/birdcolor/birdcolor".'
