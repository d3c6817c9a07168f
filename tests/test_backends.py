"""The same weights, photos and order give the same losses on every Keras backend."""
import json
import os
import subprocess
import sys

import numpy as np
import pytest

# for a few steps, XLA compiles longer than it computes
LESS_OPTIMISED = "--xla_backend_optimization_level=1"

# where JAX is what the machine has, there need be no TensorFlow
ALONE = {"tensorflow": "", "jax": """
import sys

class NoTensorFlow:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "tensorflow": raise ModuleNotFoundError(f"No module named {name!r}")

sys.meta_path.insert(0, NoTensorFlow())
"""}

EPOCH = """
import json
from unittest.mock import patch
import keras
import numpy as np
from birdcolor.core import resolve
from birdcolor.layers import Conv2DTranspose, MaxPooling2D
from birdcolor.models.cgan_mae import build_cgan_mae
from birdcolor.models.unet import build_unet
from birdcolor.resident import Resident
from birdcolor.training import batches, direct_colorizer, in_batches, one_pass, prepare

settings = resolve("smoke", image_size=16, rotation=0.0, zoom=0.0)
prepare(settings)
photos, found = np.random.default_rng(0).integers(0, 256, (16, 16, 16, 3), "uint8"), {}

def losses(model, resident):
    random = np.random.default_rng(1)
    for weight in model.trainable_weights:
        if len(weight.shape) > 1: weight.assign(random.normal(size=weight.shape)*0.05)
    if resident:
        kept = Resident(model, photos)
        training, validation = kept.one_pass(in_batches(range(16), 8, seed=0), True), kept.one_pass(in_batches(range(9), 8), False)
    else:
        training = one_pass(model.train_on_batch, batches(photos, range(16), 8, seed=0))
        validation = one_pass(model.test_on_batch, batches(photos, range(9), 8))
    return training | {f"val_{name}": value for name, value in validation.items()}

# all weights are given anew above; JAX would compile an initialiser for each shape
with patch.object(keras.initializers.GlorotUniform, "__call__", lambda self, shape, dtype=None: np.zeros(shape, "float32")):
    models = [(model, resident) for resident in (False, True) for model in (direct_colorizer(build_unet(settings), settings), build_cgan_mae(settings))]
for model, resident in models: found[model.name + " resident"*resident] = losses(model, resident)

def after_a_step(pool, up):
    keras.utils.set_random_seed(0)
    levels = keras.Input((8, 8, 3))
    hidden = pool()(keras.layers.Conv2D(4, 1)(levels))
    raised = [up(3, size, strides=2, padding=padding, activation="tanh")(hidden) for size, padding in ((2, "valid"), (3, "same"), (4, "same"))]
    model = keras.Model(levels, keras.layers.Add()(raised))
    model.compile(keras.optimizers.SGD(0.5), "mean_absolute_error")
    photos = np.random.default_rng(0).integers(0, 3, (4, 8, 8, 3)).astype("float32")
    model.train_on_batch(photos, photos[:, ::-1])
    return model.get_weights()

if keras.backend.backend() == "jax":
    own, kerass = after_a_step(MaxPooling2D, Conv2DTranspose), after_a_step(keras.layers.MaxPooling2D, keras.layers.Conv2DTranspose)
    for one, other in zip(own, kerass): np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)

    import os
    import jax
    from birdcolor.layers import way_back
    from birdcolor.pairs import turned
    from birdcolor.resident import graph_options

    pictures, ones = np.ones((1, 2, 2, 5), "float32"), np.ones(1, "float32")
    gradient = jax.make_jaxpr(jax.grad(lambda kernel: way_back((2, 2), "same", (1, 4, 4, 3))(pictures, kernel).sum()))(np.ones((4, 4, 3, 5), "float32"))
    assert "rhs_dilation=(2, 2)" in str(gradient), "the gradient for the weights is not that of a convolution with strides"
    assert "HIGHEST" in str(jax.make_jaxpr(turned)(pictures, ones, ones)), "places are not exact where there is TF32"
    not_a_number = keras.ops.convert_to_numpy(MaxPooling2D()(np.array([np.nan, 1, 1, np.nan, 1, 1, 1, 1], "float32").reshape(2, 2, 2, 1))).ravel()
    assert np.isnan(not_a_number).tolist() == [True, False]
    assert MaxPooling2D()(np.ones((1, 3, 5, 1), "float32")).shape == (1, 1, 2, 1)
    assert "CONVOLUTION" in graph_options()["compiler_options"]["xla_gpu_enable_command_buffer"]
    for trouble in patch.dict(os.environ, XLA_FLAGS="--xla_gpu_enable_command_buffer="), patch("jax.jit", side_effect=TypeError):
        graph_options.cache_clear()
        with trouble: assert graph_options() == {}
print("LOSSES", json.dumps(found))
"""


def losses_on(backend):
    "Losses after one epoch of a direct and an adversarial network on `backend`, in a process of its own; resident: photos on the device, one call a pass."
    finished = subprocess.run([sys.executable, "-c", ALONE[backend] + EPOCH], env=os.environ | {"KERAS_BACKEND": backend, "XLA_FLAGS": LESS_OPTIMISED}, capture_output=True, text=True, timeout=600)
    assert finished.returncode == 0, finished.stderr[-2000:]
    (line,) = (line for line in finished.stdout.splitlines() if line.startswith("LOSSES "))
    return json.loads(line.removeprefix("LOSSES "))


def test_jax_trains_to_the_losses_of_tensorflow():
    pytest.importorskip("jax")
    tensorflow, jax = losses_on("tensorflow"), losses_on("jax")
    assert set(tensorflow) == {"unet", "cgan_mae", "unet resident", "cgan_mae resident"}
    for backend in (tensorflow, jax):
        for model in ("unet", "cgan_mae"):
            for name, value in backend[model].items(): np.testing.assert_allclose(backend[f"{model} resident"][name], value, rtol=1e-4, err_msg=f"{model} {name}")
    for model, expected in tensorflow.items():
        assert set(jax[model]) == set(expected) >= {"loss", "val_loss", "mae", "val_mae"}
        for name, value in expected.items():
            np.testing.assert_allclose(jax[model][name], value, rtol=1e-3, err_msg=f"{model} {name}")
