"""Functions in processes of their own, for tests that kill them."""
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
