"""A run that is killed without warning, at any moment and however often, ends with the results of one that was left alone."""
import json
import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from forked import Forked, whole_run

REPRODUCE = [Path(sys.executable).with_name("birdcolor"), "reproduce", "--preset", "smoke", "--data", "toy", "--models", "fcnn", "--set", "image_size=16", "--set", "epochs=6"]


def start_run_alone(folder):
    "Start one small run from photos to report."
    return Forked(partial(whole_run, epochs=6), folder / "out", folder / "cache")


def start_reproduce(folder):
    "Start the same run by the command; a kill hits the command alone, and its notebook's kernel finds itself an orphan."
    return subprocess.Popen([*REPRODUCE, "--out", folder / "out"], env=os.environ | {"BIRDCOLOR_CACHE": str(folder / "cache")}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def results(folder):
    "All that a run in `folder` leaves for the world, without what tells the time."
    record = json.loads((folder / "out/results/fcnn-seed0.json").read_text())
    for name in "wall_seconds", "train_images_per_second", "finished": record["provenance"].pop(name)
    for name in "seconds", "train_seconds": record["history"].pop(name)
    files = {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*"))
             if path.suffix in (".csv", ".jpg", ".npy") and path.name not in ("history.csv", "runs.csv")}
    page = (folder / "out/report.html").read_text()
    with np.load(folder / "out/runs/fcnn-seed0/predictions.npz") as archive: predicted = archive["prediction"].tobytes()
    left = [path.name for path in folder.rglob(".writing-*")]
    return record, files, re.sub("Made on [0-9-]+|<h2 id=\"runs\">.*?</table>", "", page, flags=re.DOTALL), predicted, left


def kill_and_compare(start, wanted, tmp_path, keep, name, fault):
    "Kill what `start` starts `wanted` times, let it end each time that it is not killed, and compare every end with that of a run left alone."
    process, started = start(tmp_path / "alone"), time.monotonic()
    assert process.wait() == 0
    alone, seconds = results(tmp_path / "alone"), time.monotonic() - started
    random, kills, rounds, wrong = np.random.default_rng(0), 0, 0, []
    while kills < wanted:
        folder, rounds = tmp_path / f"killed{rounds}", rounds + 1
        while kills < wanted:
            process = start(folder)
            try: process.wait(random.uniform(0, seconds))
            except subprocess.TimeoutExpired: process.kill()
            ended = process.wait()
            if ended == 0: break
            assert ended == -signal.SIGKILL
            kills += 1
        assert start(folder).wait() == 0
        if results(folder) != alone: wrong.append(folder)
        keep(name, dict(fault=fault, tried=kills, outcome=f"{rounds} runs ended", wrong=len(wrong)))
    assert wrong == []


def test_killed_runs_end_like_one_that_was_left_alone(tmp_path, request, keep):
    assert Forked(len, ()).wait() == 0, "the first fork waits for the libraries"
    kill_and_compare(start_run_alone, request.config.getoption("--kills"), tmp_path, keep, "kills", "kill -9 of a run")


def test_killed_commands_end_like_one_that_was_left_alone(tmp_path, request, keep):
    kills = request.config.getoption("--kills") // 6
    if not kills: pytest.skip("a command takes long to kill: make faults")
    kill_and_compare(start_reproduce, kills, tmp_path, keep, "kills-of-the-command", "kill -9 of `birdcolor reproduce`")
