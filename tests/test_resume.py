"""A training that is killed in the middle of an epoch and started again ends with the weights of one that was not."""
import time

import numpy as np
import pytest
from forked import Forked

EPOCHS = 12


def training(name, folder):
    "Train the network `name` in `folder` and store its best and its last weights there."
    from birdcolor.core import start_run
    from birdcolor.data import load_data
    from birdcolor.models.cgan_mae import build_cgan_mae
    from birdcolor.models.fcnn import build_fcnn
    from birdcolor.training import direct_colorizer, prepare, train
    run = start_run(name, "smoke", folder, image_size=16, epochs=EPOCHS, adversarial_epochs=EPOCHS)
    prepare(run.settings)
    model = build_cgan_mae(run.settings) if name == "cgan_mae" else direct_colorizer(build_fcnn(run.settings), run.settings)
    history = train(model, load_data(run.settings), run)
    last, best = model.network, model.network.get_weights()
    last.load_weights(run.folder / "last.weights.h5")
    np.savez(run.folder / "weights.npz", *best, *last.get_weights(), val_mae=history["val_mae"])


def kill_after_epochs(process, history, epochs):
    "Kill `process` without warning, a little after its `history` holds so many epochs; returns how many it then holds."
    while not history.exists() or len(history.read_text().splitlines()) <= epochs:
        assert process.poll() is None, "the training ended before it could be killed"
        time.sleep(0.01)
    time.sleep(0.02)
    process.kill()
    process.wait()
    return len(history.read_text().splitlines()) - 1


def differing(name, folder):
    "Train without and with a kill in `folder`; returns the arrays in which the two ends differ."
    assert Forked(training, name, folder / "whole").wait() == 0
    done = kill_after_epochs(Forked(training, name, folder / "cut"), folder / f"cut/runs/{name}-seed0/history.csv", epochs=3)
    assert 3 <= done < EPOCHS
    assert Forked(training, name, folder / "cut").wait() == 0
    whole, resumed = (np.load(folder / f"{side}/runs/{name}-seed0/weights.npz") for side in ("whole", "cut"))
    assert len(whole["val_mae"]) == EPOCHS and whole.files == resumed.files
    return [array for array in whole.files if not np.array_equal(whole[array], resumed[array])]


@pytest.mark.parametrize("name", ["fcnn", "cgan_mae"])
def test_killed_and_resumed_is_bit_for_bit_the_uninterrupted_run(name, tmp_path):
    assert differing(name, tmp_path) == []
