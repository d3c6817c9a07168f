"""The same weights, photos and order give the same losses on every Keras backend."""
import json
import os
import subprocess
import sys

import numpy as np
import pytest

EPOCH = """
import json
import numpy as np
from birdcolor.core import resolve
from birdcolor.models.cgan_mae import build_cgan_mae
from birdcolor.models.unet import build_unet
from birdcolor.training import batches, direct_colorizer, one_pass, prepare

settings = resolve("smoke", image_size=16, rotation=0.0, zoom=0.0)
prepare(settings)
random = np.random.default_rng(0)
photos = random.integers(0, 256, (16, 16, 16, 3), "uint8")
found = {}
for model in (direct_colorizer(build_unet(settings), settings), build_cgan_mae(settings)):
    for weight in model.trainable_weights:
        if len(weight.shape) > 1: weight.assign(random.normal(size=weight.shape)*0.05)
    training = one_pass(model.train_on_batch, batches(photos, range(16), 8, seed=0))
    validation = one_pass(model.test_on_batch, batches(photos, range(8), 8))
    found[model.name] = training | {f"val_{name}": value for name, value in validation.items()}
print("LOSSES", json.dumps(found))
"""


def losses(backend):
    "Losses after one epoch of a direct and an adversarial network on `backend`, in a process of its own."
    finished = subprocess.run([sys.executable, "-c", EPOCH], env=os.environ | {"KERAS_BACKEND": backend}, capture_output=True, text=True, timeout=600)
    assert finished.returncode == 0, finished.stderr[-2000:]
    (line,) = (line for line in finished.stdout.splitlines() if line.startswith("LOSSES "))
    return json.loads(line.removeprefix("LOSSES "))


def test_jax_trains_to_the_losses_of_tensorflow():
    pytest.importorskip("jax")
    tensorflow, jax = losses("tensorflow"), losses("jax")
    assert set(tensorflow) == {"unet", "cgan_mae"}
    for model, expected in tensorflow.items():
        assert set(jax[model]) == set(expected) >= {"loss", "val_loss", "mae", "val_mae"}
        for name, value in expected.items():
            np.testing.assert_allclose(jax[model][name], value, rtol=1e-3, err_msg=f"{model} {name}")
