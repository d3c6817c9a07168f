"""Time and memory against the number of photos: each stage in a process of its own."""
import importlib
import json
import os
import re
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

STAGES = ("preparation", "training", "scoring", "report")


def stage(name, folder, photos, size):
    "Carry out one stage on so many drawn birds; the cache and the results of earlier stages are in `folder`."
    from birdcolor.core import start_run
    from birdcolor.data import load_data
    run = start_run("fcnn", "smoke", f"{folder}/results", toy_photos=photos, image_size=size, epochs=1, batch_size=32)
    if name == "report":
        from birdcolor.report import write_report
        return write_report(run.out)
    if name == "preparation": return load_data(run.settings, f"{folder}/cache")
    training = importlib.import_module("birdcolor.training")
    training.prepare(run.settings)
    data = load_data(run.settings, f"{folder}/cache")
    model = training.direct_colorizer(importlib.import_module("birdcolor.models.fcnn").build_fcnn(run.settings), run.settings)
    history = training.train(model, data, run)
    if name == "scoring": training.finish_run(run, model, data, history)


def measured(name, folder, photos, size):
    "Seconds and peak memory, in megabytes, of a stage in a new process: all of it, and without mapped files, which the system can drop."
    command = [sys.executable, "-m", "benchmarks.scale", name, str(folder), str(photos), str(size)]
    quiet = dict(TF_CPP_MIN_LOG_LEVEL="3", TQDM_DISABLE="1")
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=os.environ | quiet)
    return json.loads(done.stdout.splitlines()[-1])


def scale(folder, counts, size, tell=print):
    "`measured` of every stage for every number of photos."
    found = {}
    for photos in counts:
        own = Path(folder)/str(photos)
        found[photos] = {name: measured(name, own, photos, size) for name in STAGES}
        tell(f"{photos} photos: " + ", ".join(f"{name} {row['seconds']:.0f} s, {row['own_megabytes']:.0f} MB" for name, row in found[photos].items()))
    return dict(image_size=size, photos=found)


class OwnMemory(threading.Thread):
    "Watches the memory of this process that no file stands behind, and keeps its peak in megabytes; 0 where there is no /proc."
    def __init__(self):
        super().__init__(daemon=True)
        self.megabytes, self.status, self.over = 0.0, Path("/proc/self/status"), threading.Event()

    def run(self):
        while self.status.exists() and not self.over.wait(0.05):
            kilobytes = re.search(r"RssAnon:\s+(\d+)", self.status.read_text()).group(1)
            self.megabytes = max(self.megabytes, int(kilobytes)/1024)


def main(name, folder, photos, size):
    begun, own = time.perf_counter(), OwnMemory()
    own.start()
    stage(name, folder, int(photos), int(size))
    own.over.set()
    own.join()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/(1024 if sys.platform == "linux" else 1024**2)
    print(json.dumps(dict(seconds=time.perf_counter() - begun, megabytes=peak, own_megabytes=own.megabytes)))


if __name__ == "__main__": main(*sys.argv[1:])
