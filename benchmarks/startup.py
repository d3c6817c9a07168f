"""Seconds until a command answers, and whether TensorFlow was loaded for it."""
import subprocess
import sys
import time
from pathlib import Path

from .steps import spread

SHOW_LOADED = "import sys; print('tensorflow' in sys.modules or 'keras' in sys.modules)"

COMMANDS = {"python -c pass": [sys.executable, "-c", "pass"],
            "import birdcolor": [sys.executable, "-c", "import birdcolor"],
            "birdcolor --help": [str(Path(sys.executable).with_name("birdcolor")), "--help"]}


def loads_tensorflow(code):
    "Whether Python `code` loads TensorFlow or Keras."
    shown = subprocess.run([sys.executable, "-c", f"{code}; {SHOW_LOADED}"], capture_output=True, text=True, check=True).stdout
    return shown.strip().endswith("True")


def startup(rounds, tell=print):
    "Seconds of each of `COMMANDS`, taking turns."
    times = {name: [] for name in COMMANDS}
    for turn in range(rounds + 1):
        for name, command in COMMANDS.items():
            begun = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
            if turn: times[name].append(time.perf_counter() - begun)
    assert not loads_tensorflow("import birdcolor") and not loads_tensorflow("from birdcolor import reproduce"), "starting loads TensorFlow"
    found = {name: spread(values) for name, values in times.items()}
    tell("start-up: " + ", ".join(f"{name} {row['median']:.2f} s" for name, row in found.items()))
    return found
