"""A run that is killed without warning, at any moment and however often, ends with the results of one that was left alone."""
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

WORKER = Path(__file__).with_name("whole_run.py")


def start(folder):
    "Start the run in `folder` and return its process when it has finished importing."
    process = subprocess.Popen([sys.executable, str(WORKER), str(folder)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def finish(process):
    process.communicate()
    assert process.returncode == 0


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
    return record, files, re.sub("Made on [0-9-]+|<h2>Runs</h2>.*?</table>", "", page, flags=re.DOTALL), predicted, left


def test_killed_runs_end_like_one_that_was_left_alone(tmp_path, request, keep):
    wanted = request.config.getoption("--kills")
    process, started = start(tmp_path / "alone"), time.monotonic()
    finish(process)
    alone, seconds = results(tmp_path / "alone"), time.monotonic() - started
    random, kills, rounds, wrong = np.random.default_rng(0), 0, 0, []
    while kills < wanted:
        folder, rounds = tmp_path / f"killed{rounds}", rounds + 1
        while kills < wanted:
            process = start(folder)
            try: process.wait(random.uniform(0, seconds))
            except subprocess.TimeoutExpired: process.send_signal(signal.SIGKILL)
            process.communicate()
            if process.returncode == 0: break
            assert process.returncode == -signal.SIGKILL
            kills += 1
        finish(start(folder))
        if results(folder) != alone: wrong.append(folder)
        keep("kills", dict(fault="kill -9 of a run", tried=kills, outcome=f"{rounds} runs ended", wrong=len(wrong)))
    assert wrong == []
