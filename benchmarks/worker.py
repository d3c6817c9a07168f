"""One contender in a process of its own: it builds, warms up, and trains when told to."""
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy as np

from birdcolor import core

from .arithmetic import plain_product
from .kernels import events, summary

STEPS_A_CALL = 62  # a pass over the study's 1,989 training photos


def serve():
    "Answer each line of JSON on standard input with a line on standard output; what libraries print goes to standard error."
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    state = {}
    for line in sys.stdin:
        answers.write(json.dumps(COMMANDS[(order := json.loads(line)).pop("do")](state, **order)) + "\n")
        answers.flush()


def build(state, contender, network, photos, options, weights=None, keep=None):
    "Build a network for the uint8 `photos`, a file; take over `weights` or `keep` its own in a file."
    module = importlib.import_module(f"benchmarks.in_{contender}")
    state["contender"] = made = module.Contender(network, **options)
    if keep: np.savez(keep, *made.weights())
    if weights:
        with np.load(weights) as arrays: made.set_weights([arrays[name] for name in arrays.files])
    mirror = slice(None, None, -1 if weights and getattr(made, "mirrored", False) else None)
    kept = np.ascontiguousarray(np.load(photos)[:, mirror, mirror])
    made.keep(kept)
    state["rows"] = np.arange(len(kept)).reshape(-1, options["batch_size"])
    return dict(parameters=made.parameters, precision=made.precision, on_gpu=made.on_gpu, backend=made.backend, operations=getattr(made, "operations", None))


def train(state, steps):
    "Train so many steps, going round the photos; seconds on the clock and of the processor, and the means of loss and MAE."
    order = [state["rows"][step % len(state["rows"])] for step in range(steps)]
    clock, processor = time.perf_counter(), time.process_time()
    measured = state["contender"].train(order)
    return measured | dict(seconds=time.perf_counter() - clock, processor_seconds=time.process_time() - processor)


def from_files(state, contender, network, folder, epochs, cache, options, count=None):
    "Seconds between a folder of photos and so many epochs of training, after a step has been compiled; `count` limits the photos."
    module = importlib.import_module(f"benchmarks.in_{contender}")
    made = module.Contender(network, **options)
    made.keep(np.zeros((options["batch_size"], options["image_size"], options["image_size"], 3), "uint8"))
    made.train([np.arange(options["batch_size"])])
    clock = time.perf_counter()
    measured = made.from_files(folder, epochs, cache, count)
    return measured | dict(seconds=time.perf_counter() - clock, on_gpu=made.on_gpu)


def product(state):
    "Operations a second of a plain matrix product in the arithmetic of the contender."
    return plain_product(state["contender"].precision)


def kernels(state):
    "What the GPU does in a pass of birdcolor's training on JAX, by kernel."
    import jax
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder): train(state, STEPS_A_CALL)
        return summary(events(folder), STEPS_A_CALL)


def device(state):
    "What birdcolor computes on here: its Keras backend may not see the GPU that there is."
    importlib.import_module("keras")
    return core.device()


def precision(state):
    "What birdcolor computes in here."
    return importlib.import_module("birdcolor.training").prepare(core.PRESETS["study"])


COMMANDS = dict(build=build, train=train, from_files=from_files, product=product, kernels=kernels, device=device, precision=precision)


class Worker:
    "A process that serves; call it with a command and its options."
    def __init__(self, **environment):
        self.log = tempfile.TemporaryFile("w+")
        usual = dict(TF_CPP_MIN_LOG_LEVEL="3", TQDM_DISABLE="1", KERAS_BACKEND="tensorflow")
        shared = dict(XLA_PYTHON_CLIENT_PREALLOCATE="false", TF_FORCE_GPU_ALLOW_GROWTH="true")
        self.process = subprocess.Popen([sys.executable, "-m", "benchmarks.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
                                        text=True, env=usual | shared | os.environ | environment)

    def __call__(self, do, **options):
        self.process.stdin.write(json.dumps(dict(do=do, **options)) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if answer: return json.loads(answer)
        self.log.seek(0)
        raise RuntimeError(f"The process for {options} ended without an answer:\n{self.log.read()[-3000:]}")

    def __enter__(self): return self

    def __exit__(self, *error):
        self.process.stdin.close()
        self.process.wait()


if __name__ == "__main__": serve()
