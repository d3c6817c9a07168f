"""birdcolor as it is: its own networks, its own step, its own cache of decoded photos."""
import importlib
from dataclasses import replace
from statistics import fmean

from birdcolor.core import on_gpu, resolve
from birdcolor.data import in_chunks, load_data
from birdcolor.resident import Resident
from birdcolor.training import direct_colorizer, in_batches, one_pass, prepare, training_rows

from .arithmetic import needed
from .in_keras import InKeras
from .worker import STEPS_A_CALL


class Contender(InKeras):
    "The network `name` and one training step after another; `options` are settings of birdcolor."
    def __init__(self, name, **options):
        self.settings = resolve("study", **options)
        self.precision = prepare(self.settings)
        build = getattr(importlib.import_module(f"birdcolor.models.{name}"), f"build_{name}")
        built = build(self.settings)
        self.model = built if hasattr(built, "discriminator") else direct_colorizer(built, self.settings)
        self.networks = [self.model.network] + ([self.model.discriminator] if hasattr(self.model, "discriminator") else [])
        self.operations = needed(*self.networks)

    def weights(self):
        "All weights, network after network and layer after layer."
        return [weight for network in self.networks for weight in network.get_weights()]

    def keep(self, photos):
        "Take the uint8 `photos` to train on; on a GPU they are kept there, as birdcolor's own trainings keep them."
        self.photos, self.resident = photos, Resident(self.model, photos) if on_gpu() else None

    def train(self, order):
        "One step for each batch of row numbers in `order`; the means of loss and MAE. On a GPU, a call takes as many steps as an epoch of the study has."
        if not self.resident: return one_pass(self.model.train_on_batch, (self.photos[rows] for rows in order))
        order = list(order)
        parts = list(in_chunks(order, STEPS_A_CALL))
        calls = [self.resident.one_pass(part, training=True) for part in parts]
        return {name: fmean([call[name] for call in calls], map(len, parts)) for name in calls[0]}

    def from_files(self, folder, epochs, cache, count=None):
        "All that lies between a folder of photos and so many epochs of training: decoding, looking for near-duplicates, splitting, training."
        data = load_data(replace(self.settings, data=folder), cache)
        rows = training_rows(data, self.settings)[:count]
        self.keep(data.images)
        for epoch in range(epochs): measured = self.train(in_batches(rows, self.settings.batch_size, self.settings.seed, epoch))
        return measured | dict(photos=len(rows))
