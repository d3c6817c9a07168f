"""How many operations a training step needs, and how many a second a plain matrix product reaches."""
import math
import time


def operations(layer):
    "Multiplications and additions of a Keras layer's forward pass for one photo: two for each weight wherever it is applied; 0 without a kernel."
    if not hasattr(layer, "kernel"): return 0
    places = layer.input.shape if type(layer).__name__ == "Conv2DTranspose" else layer.output.shape
    return 2*math.prod(layer.kernel.shape)*math.prod(places[1:-1])


def needed(network, discriminator=None):
    """Operations that a training step cannot do without, for one photo: every layer forward, and backward to its weights and to what came before.

    Nothing comes before the first layer. A discriminator judges a true and a coloured photo, the second with a way back to the photo; with more than one
    logit a photo, the generator's loss needs a second way back, through all layers.
    """
    generator, *judge = ([operations(layer) for layer in model.layers if operations(layer)] for model in (network, discriminator) if model)
    ways = 7 if judge and len(discriminator.output_shape) > 2 else 6
    return 3*sum(generator) - generator[0] + sum(ways*sum(layers) - (ways - 5)*layers[0] for layers in judge)


def plain_product(precision):
    "Operations a second of products of two square matrices on Keras' backend, in the arithmetic of a policy such as `mixed_bfloat16`; random, since zeros are faster."
    from birdcolor.core import on_gpu
    from keras import ops, random
    side, products = (8192, 200) if on_gpu() else (4096, 4)
    matrix = ops.cast(random.normal((side, side), stddev=side**-0.5), precision.removeprefix("mixed_"))
    float(ops.cast(ops.matmul(matrix, matrix)[0, 0], "float32"))
    begun, product = time.perf_counter(), matrix
    for _ in range(products): product = ops.matmul(product, matrix)
    float(ops.cast(product[0, 0], "float32"))
    return 2*side**3*products/(time.perf_counter() - begun)
