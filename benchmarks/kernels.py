"""Where a GPU's time goes: the kernels that ran, from a trace by JAX's profiler."""
import re
from collections import defaultdict
from pathlib import Path

PRODUCTS = re.compile("xmma|cutlass|convolve|gemm|nvjet")


def events(folder):
    "Name, stream, start and end in seconds, and XLA's operation of everything that ran on the GPU, of the trace that `jax.profiler` left in `folder`."
    from jax.profiler import ProfileData
    path, = Path(folder).rglob("*.xplane.pb")
    for plane in ProfileData.from_file(str(path)).planes:
        if not plane.name.startswith("/device:GPU"): continue
        for line in plane.lines:
            if not line.name.startswith("Stream"): continue
            for event in line.events: yield event.name, event.start_ns/1e9, event.end_ns/1e9, dict(event.stats).get("hlo_op", "")


def busy(spans):
    "Seconds in which at least one of the `spans`, pairs of start and end, lasted."
    total, until = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def summary(found, steps):
    "Of `events` during so many `steps`: milliseconds a step in which the GPU was busy, with `products` and at all, and between its first and its last event, and the 60 longest kernels' own."
    found = list(found)
    kernels = defaultdict(lambda: dict(times_a_step=0.0, milliseconds_a_step=0.0, operations=set()))
    for name, start, end, operation in found:
        row = kernels[name]
        row["times_a_step"] += 1/steps
        row["milliseconds_a_step"] += 1e3*(end - start)/steps
        row["operations"].add(operation)
    longest = sorted(kernels.items(), key=lambda item: -item[1]["milliseconds_a_step"])
    span = max(end for _, _, end, _ in found) - min(start for _, start, _, _ in found)
    spans = [(start, end) for _, start, end, _ in found]
    products = [(start, end) for name, start, end, _ in found if PRODUCTS.search(name)]
    return dict(busy=1e3*busy(spans)/steps, products=1e3*busy(products)/steps, span=1e3*span/steps,
                kernels={name: row | dict(operations=sorted(row["operations"])[:8]) for name, row in longest[:60]})


def longest_product(found):
    "Of a `summary`: milliseconds a step in the longest kernel of a convolution or a matrix product."
    return max((row["milliseconds_a_step"] for name, row in found["kernels"].items() if PRODUCTS.search(name)), default=0.0)
