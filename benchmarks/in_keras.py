"""What birdcolor and the tutorial's manner have in common: their networks are Keras models, listed in `networks`."""
import math

import keras

from birdcolor.core import on_gpu


class InKeras:
    "Counts and takes over the weights of `networks`, network after network and layer after layer."
    on_gpu, backend = property(lambda self: on_gpu()), property(lambda self: keras.backend.backend())

    @property
    def parameters(self):
        "How many numbers are trained, and how many there are."
        return [sum(math.prod(weight.shape) for network in self.networks for weight in getattr(network, kind))
                for kind in ("trainable_weights", "weights")]

    def set_weights(self, weights):
        for network in self.networks:
            own, weights = weights[:len(network.weights)], weights[len(network.weights):]
            network.set_weights(own)
