"""Two devices that share every training step give the losses of one, on either backend, and the record says that they were two."""
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from forked import Forked

# TensorFlow's random draws are per device, JAX's are per batch: only there can the augmentation stay on.
DIVIDED = {
    "tensorflow": """
augmentation = dict(rotation=0.0, zoom=0.0)
import tensorflow as tf
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()]*2)
""",
    "jax": """
augmentation = dict(rotation=0.1, zoom=0.1)
import os
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2 --xla_backend_optimization_level=1"
"""}

# The convolution has no bias: before a batch normalisation its gradient is rounding alone, which Adam would turn into steps of full size.
LOSSES = """
import json, os
import keras
import numpy as np
from birdcolor.core import resolve
from birdcolor.devices import data_parallel
from birdcolor.layers import Conv2DTranspose
from birdcolor.training import adversarial_colorizer, batches, direct_colorizer, one_pass, prepare

def small_network(channels=1, answers=3):
    photo = keras.Input((16, 16, channels))
    hidden = keras.layers.BatchNormalization()(keras.layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(photo))
    return keras.Model(photo, Conv2DTranspose(answers, 4, strides=2, padding="same")(keras.layers.LeakyReLU()(hidden)))

settings = resolve("smoke", **augmentation)
photos = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3), "uint8")
builders = dict(direct=lambda: direct_colorizer(small_network(), settings),
                adversarial=lambda: adversarial_colorizer(small_network(), small_network(3, 1), settings, mae_weight=10.0))
found = {name: [] for name in builders}
for devices in "12":
    os.environ["BIRDCOLOR_DEVICES"] = devices
    for name, build in builders.items():
        prepare(settings)
        model = data_parallel(build)
        training = one_pass(model.train_on_batch, batches(photos, range(32), 8, seed=0))
        validation = one_pass(model.test_on_batch, batches(photos, range(32, 37), 4))
        found[name].append(training | {f"val_{name}": value for name, value in validation.items()})
try: model.train_on_batch(photos[:7])
except ValueError as error: print("REFUSED", error)
print("FOUND", json.dumps(found))
"""

RUN = """
import json, os, sys
import numpy as np
from birdcolor.core import start_run
from birdcolor.data import load_data
from birdcolor.devices import data_parallel
from birdcolor.models.cnn import build_cnn
from birdcolor.training import Training, direct_colorizer, finish_run, prepare, train

found = {}
for devices in "12":
    os.environ["BIRDCOLOR_DEVICES"] = devices
    run = start_run("cnn", "smoke", os.path.join(sys.argv[1], devices), image_size=16, rotation=0.0, zoom=0.0, epochs=3)
    def begin():
        prepare(run.settings)
        return data_parallel(lambda: direct_colorizer(build_cnn(run.settings), run.settings))
    data = load_data(run.settings, cache=sys.argv[1])
    if devices == "2": Training(begin(), data, run).epoch()
    model = begin()
    record, predictions = finish_run(run, model, data, train(model, data, run))
    found[devices] = {name: record[name] for name in ("history", "test", "fingerprint")} | dict(devices=record["provenance"]["devices"])
print("FOUND", json.dumps(found))
"""


def found_by(backend, code, folder):
    "What `code` prints on two devices of `backend` in a process of its own, which may write to `folder`: the lines by their first word."
    if backend == "tensorflow": ended = Forked(execute, DIVIDED[backend] + code, folder, output=folder / "printed.txt").wait(1800)
    else:
        with open(folder / "printed.txt", "w") as output:
            command = [sys.executable, "-c", DIVIDED[backend] + code, str(folder)]
            ended = subprocess.run(command, env=os.environ | {"KERAS_BACKEND": backend}, stdout=output, stderr=output, timeout=1800).returncode
    printed = (folder / "printed.txt").read_text()
    assert ended == 0, printed[-2000:]
    return dict(line.split(" ", 1) for line in printed.splitlines() if line.startswith(("FOUND ", "REFUSED ")))


def execute(code, folder):
    import keras
    assert keras.backend.backend() == "tensorflow"
    sys.argv = ["", str(folder)]
    exec(code, {})


@pytest.mark.parametrize("backend", DIVIDED)
def test_two_devices_have_the_losses_of_one(backend, tmp_path):
    pytest.importorskip(backend)
    answer = found_by(backend, LOSSES, tmp_path)
    for name, (one, two) in json.loads(answer["FOUND"]).items():
        assert set(one) == set(two) >= {"loss", "mae", "val_loss", "val_mae"}
        for measure in one: np.testing.assert_allclose(two[measure], one[measure], rtol=1e-5, err_msg=f"{name} {measure}")
    assert answer["REFUSED"] == "A training step of 7 photos cannot be shared out equally among 2 devices; choose another batch_size."


def test_a_run_on_two_devices_is_resumed_scored_and_recorded(tmp_path):
    found = json.loads(found_by("tensorflow", RUN, tmp_path)["FOUND"])
    one, two = found["1"], found["2"]
    assert (one["devices"], two["devices"]) == (1, 2)
    assert one["fingerprint"] == two["fingerprint"]
    assert len(two["history"]["epoch"]) == 3
    for measure in ("loss", "val_loss"): np.testing.assert_allclose(two["history"][measure], one["history"][measure], rtol=1e-3)
    np.testing.assert_allclose(two["test"]["mae"]["mean"], one["test"]["mae"]["mean"], rtol=1e-3)
