"""Functions in processes of their own, for tests that kill them or need a process apart."""
import multiprocessing
import os
import subprocess
import sys

# a fork has TensorFlow loaded already; on macOS a process with its libraries cannot be forked
CONTEXT = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
CONTEXT.set_forkserver_preload(["birdcolor.models.cgan_mae", "birdcolor.models.fcnn", "birdcolor.report"])


class Forked:
    "`function` with its `arguments` in a new process, which prints into the file `output`; it has the methods of a `subprocess.Popen` that the tests need."
    def __init__(self, function, *arguments, output=os.devnull):
        self.process = CONTEXT.Process(target=printing, args=(output, function, *arguments))
        self.process.start()

    def poll(self): return self.process.exitcode
    def kill(self): self.process.kill()

    def wait(self, timeout=None):
        self.process.join(timeout)
        if self.poll() is None: raise subprocess.TimeoutExpired(self.process.name, timeout)
        return self.poll()


def printing(output, function, *arguments):
    with open(output, "w") as file:
        for descriptor in 1, 2: os.dup2(file.fileno(), descriptor)
    function(*arguments)


def whole_run(out, cache, name="fcnn", **settings):
    "One small run of the network `name` from photos to report."
    from importlib import import_module
    from birdcolor.core import start_run
    from birdcolor.data import load_data, write_manifest
    from birdcolor.report import write_report
    from birdcolor.training import Colorizer, direct_colorizer, finish_run, prepare, train
    run = start_run(name, "smoke", out, image_size=16, **settings)
    prepare(run.settings)
    data = load_data(run.settings, cache)
    write_manifest(run.out / "split.csv", data)
    built = getattr(import_module(f"birdcolor.models.{name}"), f"build_{name}")(run.settings)
    model = built if isinstance(built, Colorizer) else direct_colorizer(built, run.settings)
    finish_run(run, model, data, train(model, data, run))
    write_report(run.out)
