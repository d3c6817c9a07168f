"""Plain PyTorch as one would write it for speed: channels last, bfloat16 where the hardware has it, a fused Adam, `torch.compile` where it helps."""
import math
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

EPSILON = 1e-3
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def fast_precision():
    "bfloat16 where the GPU or the processor multiplies in it, else float32."
    if DEVICE == "cuda": return torch.bfloat16 if torch.cuda.get_device_capability() >= (8, 0) else torch.float32
    information = Path("/proc/cpuinfo")
    flags = information.read_text().split() if information.exists() else []
    return torch.bfloat16 if {"avx512_bf16", "amx_bf16"} & set(flags) else torch.float32


# --- the networks ---

def norm(filters, momentum): return nn.BatchNorm2d(filters, EPSILON, 1 - momentum)
def convolved(inputs, filters, momentum): return nn.Sequential(nn.Conv2d(inputs, filters, 3, padding=1, bias=False), norm(filters, momentum), nn.ReLU(True))
def colours(inputs): return nn.Sequential(nn.Conv2d(inputs, 3, 3, padding=1), nn.Sigmoid())


class Fcnn(nn.Module):
    def __init__(self, size, momentum, dropout):
        super().__init__()
        self.size, inputs, hidden = size, size**2, []
        for units in (512, 1024, 2048):
            hidden += [nn.Linear(inputs, units), nn.ReLU(True), nn.BatchNorm1d(units, EPSILON, 1 - momentum), nn.Dropout(dropout)]
            inputs = units
        self.layers = nn.Sequential(*hidden, nn.Linear(inputs, 3*size**2), nn.Sigmoid())

    def forward(self, gray):
        return self.layers(gray.flatten(1)).view(-1, self.size, self.size, 3).permute(0, 3, 1, 2)


class Cnn(nn.Sequential):
    def __init__(self, size, momentum, dropout):
        raised = nn.ConvTranspose2d(128, 64, 3, stride=2, padding=1, output_padding=1, bias=False)
        super().__init__(convolved(1, 64, momentum), convolved(64, 128, momentum), nn.MaxPool2d(2), convolved(128, 128, momentum), raised,
                         norm(64, momentum), nn.ReLU(True), convolved(64, 64, momentum), convolved(64, 32, momentum), colours(32))


class Unet(nn.Module):
    def __init__(self, size, momentum, dropout):
        super().__init__()
        self.first, self.second, self.third = convolved(1, 64, momentum), convolved(64, 128, momentum), convolved(128, 256, momentum)
        self.raise_half, self.join_half = nn.ConvTranspose2d(256, 128, 2, stride=2), convolved(256, 128, momentum)
        self.raise_full, self.join_full = nn.ConvTranspose2d(128, 64, 2, stride=2), convolved(128, 64, momentum)
        self.colours = colours(64)

    def forward(self, gray):
        full = self.first(gray)
        half = self.second(functional.max_pool2d(full, 2))
        quarter = self.third(functional.max_pool2d(half, 2))
        hidden = self.join_half(torch.cat([self.raise_half(quarter), half], 1))
        return self.colours(self.join_full(torch.cat([self.raise_full(hidden), full], 1)))


def scaled(layer, inputs, filters, momentum):
    return nn.Sequential(layer(inputs, filters, 4, stride=2, padding=1, bias=False), norm(filters, momentum), nn.LeakyReLU(0.2, True))


class Generator(nn.Module):
    def __init__(self, size, momentum, dropout, skips=False):
        super().__init__()
        self.skips, twice = skips, 2 if skips else 1
        self.first, self.second = scaled(nn.Conv2d, 1, 64, momentum), scaled(nn.Conv2d, 64, 128, momentum)
        self.third, self.raise_quarter = scaled(nn.Conv2d, 128, 256, momentum), scaled(nn.ConvTranspose2d, 256, 128, momentum)
        self.raise_half = scaled(nn.ConvTranspose2d, 128*twice, 64, momentum)
        self.colours = nn.ConvTranspose2d(64*twice, 3, 4, stride=2, padding=1)

    def forward(self, gray):
        half = self.first(gray)
        quarter = self.second(half)
        hidden = self.raise_quarter(self.third(quarter))
        hidden = self.raise_half(torch.cat([hidden, quarter], 1) if self.skips else hidden)
        return torch.tanh(self.colours(torch.cat([hidden, half], 1) if self.skips else hidden))*0.5 + 0.5


class SkipGenerator(Generator):
    def __init__(self, *arguments): super().__init__(*arguments, skips=True)


class Discriminator(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 64, 4, stride=2, padding=1), nn.LeakyReLU(0.2, True),
                                      nn.Conv2d(64, 128, 4, stride=2, padding=1), nn.LeakyReLU(0.2, True))
        self.logit = nn.Linear(128*(size//4)**2, 1)

    def forward(self, colour): return self.logit(self.features(2*colour - 1).permute(0, 2, 3, 1).flatten(1))


class PatchDiscriminator(nn.Module):
    def __init__(self, size):
        super().__init__()
        inputs, hidden = 3, []
        for filters, stride in ((64, 2), (128, 2), (128, 2), (128, 1), (128, 1)):
            hidden += [nn.Conv2d(inputs, filters, 4, stride, padding=1 if stride == 2 else "same"), nn.LeakyReLU(0.2, True)]
            inputs = filters
        self.layers = nn.Sequential(*hidden, nn.Conv2d(inputs, 1, 4, padding="same"))

    def forward(self, colour): return self.layers(2*colour - 1)


NETWORKS = dict(fcnn=(Fcnn, None), cnn=(Cnn, None), unet=(Unet, None), cgan=(Generator, Discriminator), cgan_mae=(Generator, Discriminator),
                cgan_patchgan=(SkipGenerator, PatchDiscriminator))


# --- the step ---

def cross_entropy(logits, target): return torch.mean(functional.softplus(logits) - target*logits)


def glorot(module):
    "Keras' way to draw first weights."
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None: nn.init.zeros_(module.bias)


class Contender:
    "The network `name` and one training step after another; `options` as birdcolor's settings."
    def __init__(self, name, image_size, batch_size, seed=0, rotation=0.02, zoom=0.1, dropout=0.3, batch_norm_momentum=0.99, precision="auto",
                 compile=False, mode=None, **options):
        torch.manual_seed(seed)
        torch.backends.cudnn.benchmark = True
        self.rotation, self.zoom, self.mae_weight = rotation, zoom, 0.0 if name == "cgan" else 100.0
        self.dtype = fast_precision() if precision == "auto" else torch.float32
        self.precision = str(self.dtype).removeprefix("torch.") + (f", torch.compile {mode or ''}".rstrip() if compile else "")
        generator, discriminator = NETWORKS[name]
        self.networks = [generator(image_size, batch_norm_momentum, dropout)] + ([discriminator(image_size)] if discriminator else [])
        for network in self.networks: network.apply(glorot).to(DEVICE, memory_format=torch.channels_last)
        weights = [weight for network in self.networks for weight in network.parameters()]
        adam = dict(lr=2e-4, betas=(0.5, 0.999)) if discriminator else dict(lr=1e-3)
        self.optimizer = torch.optim.Adam(weights, eps=1e-7, fused=True, **adam)
        self.measure = self.adversarial_loss if discriminator else self.direct_loss
        self.mirrored = name == "cnn"
        if compile: self.measure = torch.compile(self.measure, mode=mode)

    def pair(self, rgb):
        "Gray and colour of a batch of uint8 RGB, turned and zoomed in one resampling."
        colour = rgb.permute(0, 3, 1, 2).float()/255
        if self.rotation or self.zoom:
            turn = (2*torch.rand(len(rgb), device=DEVICE) - 1)*self.rotation*2*math.pi
            scale = 1 + (2*torch.rand(len(rgb), device=DEVICE) - 1)*self.zoom
            cosine, sine, none = scale*turn.cos(), scale*turn.sin(), torch.zeros(len(rgb), device=DEVICE)
            transform = torch.stack([cosine, -sine, none, sine, cosine, none], 1).view(-1, 2, 3)
            grid = functional.affine_grid(transform, colour.shape, align_corners=False)
            colour = functional.grid_sample(colour, grid, padding_mode="reflection", align_corners=False)
        gray = 0.299*colour[:, :1] + 0.587*colour[:, 1:2] + 0.114*colour[:, 2:]
        return gray.contiguous(memory_format=torch.channels_last), colour.contiguous(memory_format=torch.channels_last)

    def direct_loss(self, rgb):
        gray, colour = self.pair(rgb)
        with torch.autocast(DEVICE, self.dtype, enabled=self.dtype != torch.float32): predicted = self.networks[0](gray)
        error = predicted.float() - colour
        return error.square().mean(), error.detach().abs().mean()

    def adversarial_loss(self, rgb):
        "The sum of both networks' losses; for the generator's, the discriminator judges with weights held fixed."
        generator, discriminator = self.networks
        gray, colour = self.pair(rgb)
        fixed = {name: weight.detach() for name, weight in discriminator.named_parameters()}
        with torch.autocast(DEVICE, self.dtype, enabled=self.dtype != torch.float32):
            fake = generator(gray)
            true, caught = discriminator(colour), discriminator(fake.detach())
            fooled = torch.func.functional_call(discriminator, fixed, fake)
        error = (fake.float() - colour).abs().mean()
        discriminator_loss = (cross_entropy(true.float(), 1.0) + cross_entropy(caught.float(), 0.0))/2
        return discriminator_loss + cross_entropy(fooled.float(), 1.0) + self.mae_weight*error, error.detach()

    # --- what the benchmark asks of every contender ---

    on_gpu, backend = DEVICE == "cuda", "torch"

    @property
    def parameters(self):
        "How many numbers are trained, and how many there are."
        trained = sum(weight.numel() for network in self.networks for weight in network.parameters())
        kept = sum(buffer.numel() for network in self.networks for buffer in network.buffers() if buffer.ndim)
        return [trained, trained + kept]

    def set_weights(self, weights):
        "Take over weights in Keras' layout and order."
        pending = iter(weights)
        for module in (module for network in self.networks for module in network.modules()):
            own = [module._parameters.get("weight"), module._parameters.get("bias"), module._buffers.get("running_mean"), module._buffers.get("running_var")]
            for tensor in (tensor for tensor in own if tensor is not None):
                weight = torch.from_numpy(next(pending))
                if weight.ndim == 4: weight = (weight.flip(0, 1) if self.mirrored else weight).permute(3, 2, 0, 1)
                with torch.no_grad(): tensor.copy_(weight.T if weight.ndim == 2 else weight)

    def keep(self, photos):
        "Take the uint8 `photos` to train on, to the GPU if there is one."
        self.photos = torch.from_numpy(photos).to(DEVICE)

    def train(self, order):
        "One step for each batch of row numbers in `order`; the means of loss and MAE, which nothing waits for before the end."
        order = torch.from_numpy(np.stack(order)).to(DEVICE)
        total = torch.zeros(2, device=DEVICE)
        for rows in order:
            torch.compiler.cudagraph_mark_step_begin()
            loss, mae = self.measure(self.photos[rows])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += torch.stack([loss.detach(), mae])
        loss, mae = (total/len(order)).tolist()
        return dict(loss=loss, mae=mae)
