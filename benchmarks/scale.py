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

import numpy as np
from PIL import Image

from birdcolor.toy import SPECIES, draw_bird

STAGES = ("preparation", "training", "scoring", "report")


def draw_versions(folder, count, size):
    "Fill `<folder>/<species>/<number>.jpg` from drawn birds: each gives eight files, turned in four ways and those as negatives, so that none is a near-duplicate of another."
    for number in range(-(-count//8)):
        species = SPECIES[number % len(SPECIES)]
        (Path(folder)/species).mkdir(parents=True, exist_ok=True)
        bird = draw_bird(species, number, size)
        versions = [np.rot90(picture, turns) for picture in (bird, 255 - bird) for turns in range(4)]
        for version, pixels in enumerate(versions[:count - 8*number]): Image.fromarray(pixels).save(Path(folder)/species/f"{number:06}-{version}.jpg", quality=92)


def stage(name, folder, size):
    "Carry out one stage on the photos of `<folder>/photos`; the cache and the results of earlier stages are beside them."
    from birdcolor.core import start_run
    from birdcolor.data import load_data
    run = start_run("fcnn", "smoke", f"{folder}/results", data=f"{folder}/photos", image_size=size, epochs=1, batch_size=32)
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


def measured(name, folder, size):
    "Seconds and peak memory, in megabytes, of a stage in a new process: all of it, and without mapped files, which the system can drop."
    command = [sys.executable, "-m", "benchmarks.scale", name, str(folder), str(size)]
    quiet = dict(TF_CPP_MIN_LOG_LEVEL="3", TQDM_DISABLE="1")
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=os.environ | quiet)
    return json.loads(done.stdout.splitlines()[-1])


def scale(folder, counts, size, tell=print):
    "`measured` of every stage for every number of photo files, drawn first."
    found = {}
    for photos in counts:
        own = Path(folder)/str(photos)
        draw_versions(own/"photos", photos, size)
        found[photos] = {name: measured(name, own, size) for name in STAGES}
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


def main(name, folder, size):
    begun, own = time.perf_counter(), OwnMemory()
    own.start()
    stage(name, folder, int(size))
    own.over.set()
    own.join()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/(1024 if sys.platform == "linux" else 1024**2)
    print(json.dumps(dict(seconds=time.perf_counter() - begun, megabytes=peak, own_megabytes=own.megabytes)))


if __name__ == "__main__": main(*sys.argv[1:])
