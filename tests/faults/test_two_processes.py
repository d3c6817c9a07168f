"""Two processes that want the same folder: the second waits or says who has it; a killed one has nothing."""
import os
import platform
import re
import signal
import subprocess
import sys
import time

import numpy as np

from birdcolor.core import Run, fingerprint, holding, resolve, start_run, write_json
from birdcolor.data import decode_photos, load_data, toy_birds

DECODE = """
import sys, time
import birdcolor.data
from birdcolor.data import decode_photos, toy_birds

read = birdcolor.data.read_photo
def slowly(photo, size):
    print("decoding", flush=True)
    time.sleep(0.2)
    return read(photo, size)

birdcolor.data.read_photo = slowly
decode_photos(toy_birds(8), 16, sys.argv[1])
"""
TRAIN = "import sys, time; from birdcolor.core import start_run; start_run('unet', 'smoke', sys.argv[1]); print('started', flush=True); time.sleep(60)"
REPRODUCE = """
import sys
from birdcolor.reproduce import plan_runs, reproduce_runs
print(reproduce_runs(plan_runs("smoke", "toy", ["unet"], [0], sys.argv[1], {}), lambda text: print(text, flush=True)))
"""
HOLDER = rf"process (\d+) of {re.escape(platform.node())} since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d \S+"


def start(code, folder):
    return subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_set_of_photos_is_decoded_by_one_process_while_the_other_waits(tmp_path):
    processes = [start(DECODE, tmp_path) for _ in range(2)]
    said = [process.communicate(timeout=120)[0].splitlines() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    first, second = sorted(said, key=len, reverse=True)
    assert first == ["decoding"] * 8
    assert len(second) <= 1 and all(re.fullmatch(rf"{tmp_path}/[0-9a-f]{{16}} is in use by {HOLDER}; waiting for its end\.", line) for line in second)
    assert np.array_equal(decode_photos(toy_birds(8), 16, tmp_path).images, decode_photos(toy_birds(8), 16, tmp_path / "again").images)


def test_a_run_is_refused_while_another_process_has_it_and_free_when_that_was_killed(tmp_path):
    holder = start(TRAIN, tmp_path)
    assert "started" in holder.stdout.readline() + holder.stdout.readline()
    refused = start(TRAIN, tmp_path).communicate(timeout=60)[1].splitlines()[-1]
    found = re.fullmatch(rf"BlockingIOError: {tmp_path}/runs/unet-seed0 is in use by {HOLDER}; stop it, wait for its end, or give another folder\.", refused)
    assert found and int(found[1]) == holder.pid
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert start_run("unet", "smoke", tmp_path).folder == tmp_path / "runs/unet-seed0"


def test_reproduce_waits_for_who_is_at_the_run_and_skips_what_they_completed(tmp_path, monkeypatch):
    monkeypatch.setenv("BIRDCOLOR_CACHE", str(tmp_path / "cache"))
    run = Run("unet", "smoke", resolve("smoke", data="toy", seed=0), tmp_path)
    digest = load_data(run.settings).digest
    with holding(run.folder):
        process = start(REPRODUCE, tmp_path)
        assert process.stdout.readline().startswith("60 photos of")
        waiting = process.stdout.readline()
        assert re.fullmatch(rf"{run.folder} is in use by {HOLDER}; waiting for its end\.\n", waiting) and f"process {os.getpid()} " in waiting
        time.sleep(0.3)
        assert process.poll() is None
        write_json(run.record, dict(fingerprint=fingerprint(run, digest)))
    assert process.communicate(timeout=60)[0].splitlines() == ["[1/1] unet-seed0 is complete and unchanged: skipped", "{}"]
