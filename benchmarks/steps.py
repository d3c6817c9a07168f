"""Seconds a training step, every contender in a process of its own, taking turns: A B C A B C ..."""
import math
import statistics
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from pathlib import Path
from threading import Lock

import numpy as np

from birdcolor.core import cores
from birdcolor.data import in_chunks

from .worker import STEPS_A_CALL, Worker

NETWORKS = ("fcnn", "cnn", "unet", "cgan", "cgan_mae", "cgan_patchgan")

# what takes turns: a name, the module that makes it, and its options beside the settings of all
CONTENDERS = dict(birdcolor=("birdcolor", dict(data="toy")), tutorial=("tutorial", {}), pytorch=("pytorch", {}),
                  pytorch_compiled=("pytorch", dict(compile=True)), pytorch_graphs=("pytorch", dict(compile=True, mode="reduce-overhead")))

# those that are not another one compiled
UNLIKE = [name for name, (_, options) in CONTENDERS.items() if "compile" not in options]

ELSEWHERE = "of the two, only one computes on a GPU"


def spread(values):
    "Median, lowest and highest of some numbers."
    return dict(median=statistics.median(values), low=min(values), high=max(values))


def ratios(times, of, to):
    "How many times as long as `to` the contender `of` took, turn by turn."
    return spread([a/b for a, b in zip(times[of], times[to], strict=True)])


def build(worker, name, network, photos, settings, **files):
    "Have `worker` build the contender `name`; what it says of itself."
    return worker("build", contender=CONTENDERS[name][0], network=network, photos=str(photos), options=settings | CONTENDERS[name][1], **files)


# XLA and cuDNN choose between kernels by timing them, and time wrongly while others use the same GPU
CHOOSING = Lock()


def a_call(said):
    "How many steps a contender that has `said` what it is takes at least: on a GPU as many as birdcolor takes in one call, since other numbers are compiled anew."
    return STEPS_A_CALL if said["on_gpu"] else 1


def warmed_up(workers, built, tell):
    "What `built(worker, name)` says of each contender, the seconds of its first call, and why any cannot take part, by name; without birdcolor there is nothing to measure."
    said, seconds, failed = {}, {}, {}
    for name, worker in workers.items():
        try:
            said[name] = built(worker, name)
            if said[name]["on_gpu"] != said["birdcolor"]["on_gpu"]: raise RuntimeError(ELSEWHERE)
            with CHOOSING if said[name]["on_gpu"] else nullcontext(): seconds[name] = worker("train", steps=a_call(said[name]))["seconds"]
        except RuntimeError as error:
            if name == "birdcolor": raise
            failed[name] = str(error)
            tell(f"{name} cannot take part: {error}")
    return said, seconds, failed


def steps_of_a_turn(workers, turn_seconds, call=1):
    "How many steps, a multiple of `call`, take the fastest of `workers`, which are warm, `turn_seconds`, to a tenth; all have then trained so many at once."
    fastest, steps = min(worker("train", steps=call)["seconds"] for worker in workers), call
    while fastest < 0.9*turn_seconds:
        steps = call*math.ceil(steps*turn_seconds/fastest/call)
        for worker in workers: worker("train", steps=steps)
        fastest = min(worker("train", steps=steps)["seconds"] for worker in workers)
    return steps


def ready(stack, network, photos, settings, names, tell):
    "Contenders on `network` after a first call each: workers, what each says of itself, seconds of warming up, who failed."
    workers = {name: stack.enter_context(Worker()) for name in names}
    return workers, *warmed_up(workers, lambda worker, name: build(worker, name, network, photos, settings), tell)


def measure(parts, networks, photos, settings, names, rounds, turn_seconds, tell=print):
    "By part, `steps` or `arithmetic`, and network, what contenders show that are made ready one at a time, or where there are many cores, one on every two."
    found, room = {part: {} for part in parts}, max(1, cores()//2 if cores() > 4 else 1)
    for group in in_chunks(networks, room):
        with ExitStack() as stack, ThreadPoolExecutor(room) as pool:
            made = list(pool.map(lambda network: ready(stack, network, photos, settings, names, tell), group))
            for network, contenders in zip(group, made, strict=True):
                for part in parts: found[part][network] = TIMED[part](network, *contenders, settings, rounds, turn_seconds, tell)
    return found


def take_turns(network, workers, said, warm, failed, settings, rounds, turn_seconds, tell=print):
    "Per contender the seconds a step of every turn, photos a second, seconds of warming up, MAE, parameters."
    steps = steps_of_a_turn([workers[name] for name in warm], turn_seconds, a_call(said["birdcolor"]))
    turns = {name: [] for name in warm}
    for _ in range(rounds):
        for name in warm: turns[name].append(workers[name]("train", steps=steps))
    times = {name: [turn["seconds"]/steps for turn in done] for name, done in turns.items()}
    found = {name: said[name] | dict(seconds_a_step=times[name], photos_a_second=settings["batch_size"]/statistics.median(times[name]),
                                     warm_up_seconds=warm[name], mae=[turn["mae"] for turn in turns[name]],
                                     processor_seconds=[turn["processor_seconds"]/steps for turn in turns[name]]) for name in warm}
    compared = {name: ratios(times, name, "birdcolor") for name in warm if name != "birdcolor"}
    tell(f"{network}: " + ", ".join(f"{name} {row['photos_a_second']:.1f} photos/s" for name, row in found.items()))
    return dict(contenders=found, steps_a_turn=steps, times_birdcolor=compared, failed=failed)


def against_product(network, workers, said, warm, failed, settings, rounds, turn_seconds, tell=print):
    "Operations a step of birdcolor on `network`, operations a second in training and in a plain matrix product, their ratio turn by turn, and with JAX on a GPU its kernels."
    worker, said = workers["birdcolor"], said["birdcolor"]
    step = said["operations"]*settings["batch_size"]
    steps = steps_of_a_turn([worker], turn_seconds, a_call(said))
    times = dict(training=[], product=[])
    for _ in range(rounds):
        times["training"].append(worker("train", steps=steps)["seconds"]/(steps*step))
        times["product"].append(1/worker("product"))
    rates = {name: spread([1/seconds for seconds in taken]) for name, taken in times.items()}
    share = ratios(times, "product", "training")
    tell(f"{network}: {share['median']:.0%} of the rate of a plain matrix product")
    return dict(operations_a_step=step, operations_a_second=rates, share=share) | (in_detail(worker, tell) if said["on_gpu"] and said["backend"] == "jax" else {})


def in_detail(worker, tell):
    "What the GPU's kernels did in a pass, if JAX's profiler works here."
    try: return dict(gpu=worker("kernels"))
    except RuntimeError as error: tell(f"The profiler failed: {error}")
    return {}


TIMED = dict(steps=take_turns, arithmetic=against_product)

# --- do they do the same work? ---

def losses(network, names=UNLIKE, steps=12, size=32, batch_size=8):
    "Losses step by step of every contender, from the same first weights, on the same photos, in float32 without chance."
    settings = dict(image_size=size, batch_size=batch_size, rotation=0.0, zoom=0.0, dropout=0.0, precision="float32")
    drawn = np.random.default_rng(0).integers(0, 256, (batch_size, size//8, size//8, 3), "uint8").repeat(8, 1).repeat(8, 2)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        photos, weights, found, parameters = Path(folder)/"photos.npy", Path(folder)/"weights.npz", {}, {}
        np.save(photos, drawn)
        for name in names:
            files = dict(keep=str(weights)) if name == "birdcolor" else dict(weights=str(weights))
            worker = stack.enter_context(Worker())
            parameters[name] = build(worker, name, network, photos, settings, **files)["parameters"]
            found[name] = [worker("train", steps=1)["loss"] for _ in range(steps)]
    return found, parameters


def check_same(network, tell=print, tolerance=0.05, **options):
    "Raise an `AssertionError` unless all contenders have the same parameters and the same last loss, within `tolerance` of birdcolor's."
    found, parameters = losses(network, **options)
    own = found["birdcolor"][-1]
    apart = {name: abs(values[-1] - own)/own for name, values in found.items() if name != "birdcolor"}
    assert len({tuple(numbers) for numbers in parameters.values()}) == 1, f"{network} differs in parameters: {parameters}"
    assert all(difference <= tolerance for difference in apart.values()), f"{network} learns differently: {found}"
    furthest = max(apart.values(), default=0.0)
    tell(f"{network}: the same {parameters['birdcolor'][0]:,} trained parameters, losses after {len(found['birdcolor'])} steps within {furthest:.1%}")
    return dict(parameters=parameters["birdcolor"], losses=found, difference=apart)
