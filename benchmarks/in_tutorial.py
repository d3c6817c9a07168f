"""The manner of TensorFlow's pix2pix tutorial: tf.data from JPEG files, decoded every epoch, a tape for each network, float32."""
import os
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"  # also where birdcolor is measured on another of Keras' backends

import tensorflow as tf
from tensorflow.keras import Model, layers, optimizers

from .in_keras import InKeras

LUMA = tf.constant([0.299, 0.587, 0.114])


class Contender(InKeras):
    "The network `name` and one training step after another; `options` as birdcolor's settings, `precision` aside."
    precision = "float32"

    def __init__(self, name, image_size, batch_size, seed=0, rotation=0.02, zoom=0.1, dropout=0.3, batch_norm_momentum=0.99, **options):
        tf.keras.utils.set_random_seed(seed)
        self.size, self.batch_size, self.dropout, self.momentum = image_size, batch_size, dropout, batch_norm_momentum
        self.jitter = [layers.RandomRotation(rotation), layers.RandomZoom(zoom)] if rotation or zoom else []
        self.adversarial, self.mae_weight = name.startswith("cgan"), 0.0 if name == "cgan" else 100.0
        self.generator = getattr(self, name)()
        self.networks, step = [self.generator], self.direct_step
        adam = dict(learning_rate=2e-4, beta_1=0.5) if self.adversarial else dict(learning_rate=1e-3)
        self.generator_optimizer, self.discriminator_optimizer = optimizers.Adam(**adam), optimizers.Adam(**adam)
        if self.adversarial:
            self.discriminator, step = (self.patches if name == "cgan_patchgan" else self.judge)(), self.adversarial_step
            self.networks.append(self.discriminator)
            self.discriminator_optimizer.build(self.discriminator.trainable_variables)
        self.generator_optimizer.build(self.generator.trainable_variables)
        self.step = tf.function(step, input_signature=[tf.TensorSpec((None, image_size, image_size, 3), tf.float32)])

    # --- the networks ---

    def norm(self, x, activation): return activation(layers.BatchNormalization(momentum=self.momentum)(x))
    def convolved(self, x, filters): return self.norm(layers.Conv2D(filters, 3, padding="same", use_bias=False)(x), layers.ReLU())
    def colours(self, x): return layers.Conv2D(3, 3, padding="same", activation="sigmoid")(x)
    def gray(self): return layers.Input((self.size, self.size, 1))

    def fcnn(self):
        gray = self.gray()
        x = layers.Flatten()(gray)
        for units in (512, 1024, 2048):
            x = layers.BatchNormalization(momentum=self.momentum)(layers.Dense(units, activation="relu")(x))
            x = layers.Dropout(self.dropout)(x)
        x = layers.Dense(self.size**2*3, activation="sigmoid")(x)
        return Model(gray, layers.Reshape((self.size, self.size, 3))(x))

    def cnn(self):
        gray = self.gray()
        x = self.convolved(self.convolved(gray, 64), 128)
        x = self.convolved(layers.MaxPooling2D()(x), 128)
        x = self.norm(layers.Conv2DTranspose(64, 3, strides=2, padding="same", use_bias=False)(x), layers.ReLU())
        return Model(gray, self.colours(self.convolved(self.convolved(x, 64), 32)))

    def unet(self):
        gray = self.gray()
        full = self.convolved(gray, 64)
        half = self.convolved(layers.MaxPooling2D()(full), 128)
        x = self.convolved(layers.MaxPooling2D()(half), 256)
        for filters, skip in ((128, half), (64, full)):
            x = layers.Concatenate()([layers.Conv2DTranspose(filters, 2, strides=2)(x), skip])
            x = self.convolved(x, filters)
        return Model(gray, self.colours(x))

    def downsample(self, x, filters):
        return self.norm(layers.Conv2D(filters, 4, strides=2, padding="same", use_bias=False)(x), layers.LeakyReLU(negative_slope=0.2))

    def upsample(self, x, filters):
        return self.norm(layers.Conv2DTranspose(filters, 4, strides=2, padding="same", use_bias=False)(x), layers.LeakyReLU(negative_slope=0.2))

    def generated(self, skips):
        gray = self.gray()
        half = self.downsample(gray, 64)
        quarter = self.downsample(half, 128)
        x = self.upsample(self.downsample(quarter, 256), 128)
        x = self.upsample(layers.Concatenate()([x, quarter]) if skips else x, 64)
        x = layers.Concatenate()([x, half]) if skips else x
        return Model(gray, layers.Conv2DTranspose(3, 4, strides=2, padding="same", activation="tanh")(x))

    def cgan(self): return self.generated(skips=False)
    def cgan_mae(self): return self.generated(skips=False)
    def cgan_patchgan(self): return self.generated(skips=True)

    def judge(self):
        x = colour = layers.Input((self.size, self.size, 3))
        for filters in (64, 128): x = layers.LeakyReLU(negative_slope=0.2)(layers.Conv2D(filters, 4, strides=2, padding="same")(x))
        return Model(colour, layers.Dense(1)(layers.Flatten()(x)))

    def patches(self):
        x = colour = layers.Input((self.size, self.size, 3))
        for filters, strides in ((64, 2), (128, 2), (128, 2), (128, 1), (128, 1)):
            x = layers.LeakyReLU(negative_slope=0.2)(layers.Conv2D(filters, 4, strides=strides, padding="same")(x))
        return Model(colour, layers.Conv2D(1, 4, padding="same")(x))

    # --- the step: pictures from -1 to 1 in the adversarial pairs, as in the tutorial ---

    def pair(self, rgb):
        colour = rgb/255
        for layer in self.jitter: colour = layer(colour, training=True)
        return tf.reduce_sum(colour*LUMA, axis=-1, keepdims=True), colour

    def direct_step(self, rgb):
        gray, colour = self.pair(rgb)
        with tf.GradientTape() as tape:
            predicted = self.generator(gray, training=True)
            loss = tf.reduce_mean(tf.square(predicted - colour))
        self.generator_optimizer.apply_gradients(zip(tape.gradient(loss, self.generator.trainable_variables), self.generator.trainable_variables))
        return loss, tf.reduce_mean(tf.abs(predicted - colour))

    def adversarial_step(self, rgb):
        gray, colour = self.pair(rgb)
        with tf.GradientTape() as generator_tape, tf.GradientTape() as discriminator_tape:
            fake = self.generator(gray, training=True)
            true, caught = self.discriminator(2*colour - 1, training=True), self.discriminator(fake, training=True)
            error = tf.reduce_mean(tf.abs(fake - (2*colour - 1)))/2
            generator_loss = cross_entropy(caught, 1.0) + self.mae_weight*error
            discriminator_loss = (cross_entropy(true, 1.0) + cross_entropy(caught, 0.0))/2
        for tape, loss, network, optimizer in ((generator_tape, generator_loss, self.generator, self.generator_optimizer),
                                               (discriminator_tape, discriminator_loss, self.discriminator, self.discriminator_optimizer)):
            optimizer.apply_gradients(zip(tape.gradient(loss, network.trainable_variables), network.trainable_variables))
        return generator_loss + discriminator_loss, error

    # --- what the benchmark asks of every contender ---

    def keep(self, photos):
        "Take the uint8 `photos` to train on."
        self.photos = photos

    def train(self, order):
        "One step for each batch of row numbers in `order`; the means of loss and MAE."
        return self.steps(self.photos[rows] for rows in order)

    def steps(self, batches):
        measured = [self.step(tf.cast(batch, tf.float32)) for batch in batches]
        loss, mae = (float(tf.reduce_mean(column)) for column in zip(*measured))
        return dict(loss=loss, mae=mae)

    def load(self, path):
        "A photo file as float32 RGB, as the tutorial loads it: whole, then resized."
        picture = tf.image.resize(tf.cast(tf.io.decode_jpeg(tf.io.read_file(path), channels=3), tf.float32), (self.size, self.size))
        return tf.ensure_shape(picture, (self.size, self.size, 3))

    def from_files(self, folder, epochs, cache, count=None):
        "All that lies between a folder of photos and so many epochs of training; there is no cache."
        paths = sorted(str(path) for path in Path(folder).glob("*/*.jpg"))[:count]
        files = tf.data.Dataset.from_tensor_slices(paths).shuffle(len(paths))
        photos = files.map(self.load, num_parallel_calls=tf.data.AUTOTUNE).batch(self.batch_size, drop_remainder=True).prefetch(tf.data.AUTOTUNE)
        for _ in range(epochs): measured = self.steps(photos)
        return measured | dict(photos=len(paths))


def cross_entropy(logits, target):
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(tf.fill(tf.shape(logits), target), logits))
