"""`python -m benchmarks`: measure everything side by side and write reports/benchmarks/<machine>.json."""
import json
import os
import re
import tempfile
import time
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from birdcolor.core import PRESETS, _output, commit, graphics_cards, resolve, versions, write_json
from birdcolor.data import decode_photos, find_photos

from .files import draw_photos, from_files, preparation, repeated
from .scale import scale
from .startup import startup
from .steps import CONTENDERS, NETWORKS, TIMED, check_same, measure
from .table import tables
from .worker import Worker

PARTS = ("same", "steps", "arithmetic", "files", "preparation", "startup", "scale")


def listed(text, allowed, what):
    "A comma-separated option as a list; a name that is not `allowed` is an error."
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in allowed]
    if unknown or not names: raise typer.BadParameter(f"{what} must be some of {', '.join(allowed)}, not {text!r}.")
    return names


def numbers(text):
    "`--counts` as a list; anything but whole numbers of photos that can be split is an error."
    found = [int(number) for number in text.split(",") if number.strip().isdecimal()]
    if len(found) != text.count(",") + 1 or min(found) < 10: raise typer.BadParameter(f"--counts must be whole numbers of at least 10, with commas between them, not {text!r}.")
    return list(dict.fromkeys(found))


def as_name(device, precision):
    "The name of a GPU or a processor as a file name, for example `amd-epyc-2-cores`, or `amd-epyc-2-cores-float32` where nothing faster is computed in."
    return re.sub(r"[^a-z0-9]+", "-", f"{device.lower()} {precision if precision == 'float32' else ''}").strip("-")


def code():
    "The commit, with `+` when the library or these benchmarks were changed since."
    changed = _output("git", "-C", str(Path(__file__).parent), "status", "--porcelain", "--", ".")
    return commit().removesuffix("+") + "+"*(commit().endswith("+") or bool(changed))


def of_use():
    "Who takes turns where nobody is named: those whose library is there; CUDA graphs need a GPU."
    needed = dict(birdcolor="birdcolor", tutorial="tensorflow") | dict.fromkeys((name for name in CONTENDERS if name.startswith("pytorch")), "torch")
    return [name for name in CONTENDERS if find_spec(needed[name]) and (name != "pytorch_graphs" or graphics_cards())]


def timed(tell):
    "`tell`, with the minutes since the start before it."
    begun = time.monotonic()
    return lambda text: tell(f"{(time.monotonic() - begun)/60:5.1f} min  {text}")


def main(
    photos: Annotated[Path | None, typer.Option(help="Folder that holds <Species>/<photo>.jpg, best 1024x1024. Default: drawn birds.")] = None,
    parts: Annotated[str, typer.Option(help="What to measure.")] = ",".join(PARTS),
    networks: Annotated[str, typer.Option(help="Networks for the training step.")] = ",".join(NETWORKS),
    contenders: Annotated[str | None, typer.Option(help=f"Who takes turns in the training step: some of {', '.join(CONTENDERS)}; birdcolor always does. Default: all of use here.")] = None,
    trained: Annotated[str, typer.Option(help="Networks for the training from files.")] = "cgan_mae,unet",
    size: Annotated[int, typer.Option(help="Side of the images, pixels.", min=16)] = 128,
    batch: Annotated[int, typer.Option(help="Photos in a training step.", min=2)] = 32,
    rounds: Annotated[int, typer.Option(help="How often everyone takes a turn.", min=1)] = 5,
    turn: Annotated[float, typer.Option(help="Least length of a turn, seconds, to a tenth.")] = 2.0,
    files: Annotated[int, typer.Option(help="Photo files for the training from files.", min=60)] = 240,
    epochs: Annotated[int, typer.Option(help="Epochs of the training from files.", min=1)] = 5,
    counts: Annotated[str, typer.Option(help="Numbers of photo files for the table of time and memory; they are drawn first.")] = "200,2000",
    machine: Annotated[str | None, typer.Option(help="What to call this machine. Default: its GPU, or its processor, and float32 where that is what it computes in.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for <machine>.json.")] = Path("reports/benchmarks"),
):
    "Measure birdcolor, the tutorial's manner and PyTorch side by side; see benchmarks/README.md."
    parts, tell = listed(parts, PARTS, "--parts"), timed(typer.echo)
    names = list(dict.fromkeys(["birdcolor", *listed(contenders or ",".join(of_use()), CONTENDERS, "--contenders")]))
    networks, trained, counts = listed(networks, NETWORKS, "--networks"), listed(trained, NETWORKS, "--trained"), numbers(counts)
    if "files" in parts and files < 2*batch: raise typer.BadParameter(f"--files must be at least {2*batch}, twice --batch, not {files}.")
    settings = dict(image_size=size, batch_size=batch)
    try: resolve("study", **settings)
    except ValueError as error: raise typer.BadParameter(str(error)) from None
    with Worker() as worker: device, precision = worker("device"), worker("precision")
    made = whereabouts(device, precision, settings | dict(rounds=rounds, turn_seconds=turn, photos="given" if photos else "drawn"))
    def keep(part, found): finished(part, found, made, out/f"{machine or as_name(device, precision)}.json")
    with tempfile.TemporaryDirectory() as folder:
        if {"steps", "arithmetic", "files", "preparation"} & set(parts):
            if not photos: draw_photos(Path(folder)/"drawn", 60)
            try:
                seen = find_photos(str(photos or Path(folder)/"drawn"))
                decoded = decode_photos(seen, size, Path(folder)/"cache")
            except ValueError as error: raise typer.BadParameter(str(error)) from None
            readable, few = set(decoded.names), decoded.images[:2*batch]
            source = [photo for photo in seen if photo.name in readable]
            np.save(Path(folder)/"photos.npy", few[np.arange(2*batch) % len(few)])
        if "same" in parts:
            uncompiled = list(dict.fromkeys("pytorch" if name.startswith("pytorch") else name for name in names))
            keep("same", {network: check_same(network, tell, names=uncompiled) for network in networks})
        if timed_steps := [part for part in TIMED if part in parts]:
            taking_turns = names if "steps" in parts else ["birdcolor"]
            for part, found in measure(timed_steps, networks, Path(folder)/"photos.npy", settings, taking_turns, rounds, turn, tell).items(): keep(part, found)
        if "files" in parts:
            repeated(Path(folder)/"files", source, files)
            keep("from_files", {network: from_files(network, Path(folder)/"files", settings, epochs, rounds, tell) for network in trained})
        if "preparation" in parts: keep("preparation", preparation(source, size, rounds, tell))
        if "startup" in parts: keep("startup", startup(rounds, tell))
        if "scale" in parts: keep("scale", scale(folder, counts, 32, tell))
    typer.echo(tables(out))


def whereabouts(device, precision, settings):
    "Where and with what everything is measured: on what `device` and in what `precision`, as a worker sees them, with what code, packages and `settings`."
    packages = versions() | (dict(torch=metadata.version("torch")) if find_spec("torch") else {})
    return dict(device=device, precision=precision, backend=os.environ.get("KERAS_BACKEND", "tensorflow"), commit=code(), versions=packages, settings=settings, presets=vars(PRESETS["study"]))


def finished(part, found, made, path):
    "Write what was `found` in a part and how it was `made` over the same part of an earlier record; other parts stay."
    earlier = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    write_json(path, earlier | {part: dict(found=found, made=made | dict(finished=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())))})


if __name__ == "__main__": typer.run(main)
