"""From photo files: data preparation by itself, and whole trainings."""
import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from birdcolor.data import decode_photos
from birdcolor.toy import SPECIES, draw_bird

from .steps import ELSEWHERE, ratios, spread
from .worker import Worker


def draw_photos(folder, count, size=1024):
    "Draw `count` birds as JPEG files of `size` pixels a side, `<folder>/<species>/<number>.jpg`."
    for number in range(count):
        species = SPECIES[number % len(SPECIES)]
        path = Path(folder)/species/f"{number:04}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw_bird(species, number, size)).save(path, quality=92)


def pillow_loop(paths, size):
    "What one would write: open, whole decode, resize, one photo after another."
    return np.stack([np.asarray(ImageOps.fit(Image.open(path).convert("RGB"), (size, size), Image.Resampling.LANCZOS)) for path in paths])


def pillow_threads(paths, size):
    "The same on every core."
    with ThreadPoolExecutor(os.cpu_count()) as pool: return np.concatenate(list(pool.map(lambda path: pillow_loop([path], size), paths)))


class Opened:
    "Counts the photo files that this process opens."
    def __init__(self):
        self.paths = []
        sys.addaudithook(lambda event, arguments: event == "open" and self.paths.append(str(arguments[0])))

    def among(self, photos):
        "How many openings of `photos` there were; counting starts anew."
        names = {str(photo.path) for photo in photos}
        found, self.paths = sum(path in names for path in self.paths), []
        return found


def preparation(photos, size, rounds, tell=print):
    "Seconds to decode `photos`, which are readable: birdcolor against Pillow in a loop and on every core; what a second start opens."
    opened = Opened()
    paths, times = [photo.path for photo in photos], dict(birdcolor=[], pillow=[], pillow_threads=[])
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as cache:
            opened.among(photos)
            begun = time.perf_counter()
            decoded = np.array(decode_photos(photos, size, cache).images)
            times["birdcolor"].append(time.perf_counter() - begun)
            first = opened.among(photos)
            begun = time.perf_counter()
            decode_photos(photos, size, cache)
            second, opened_again = time.perf_counter() - begun, opened.among(photos)
        for name, function in (("pillow", pillow_loop), ("pillow_threads", pillow_threads)):
            begun = time.perf_counter()
            whole = function(paths, size)
            times[name].append(time.perf_counter() - begun)
    assert (first, opened_again) == (len(photos), 0), f"a second start opened {opened_again} of {len(photos)} photos, the first {first}"
    difference = float(np.abs(decoded.astype(int) - whole).mean())
    found = dict(photos=len(photos), size=size, seconds={name: spread(values) for name, values in times.items()},
                 times_birdcolor={name: ratios(times, name, "birdcolor") for name in ("pillow", "pillow_threads")},
                 mean_difference_levels=difference, second_start_seconds=second, second_start_opened=opened_again)
    tell(f"preparation: {found['times_birdcolor']['pillow']['median']:.1f} times as fast as a Pillow loop, {difference:.2f} levels from it")
    return found


def repeated(folder, photos, count):
    "Fill a folder in `folder` with copies of `photos`, again and again until there are `count`; all are JPEG files, as the tutorial's manner wants them, and none is another's equal, which birdcolor would leave out."
    (Path(folder)/"Bird").mkdir(parents=True)
    for number in range(count):
        path, copy = photos[number % len(photos)].path, Path(folder)/"Bird"/f"{number}.jpg"
        if path.suffix.lower() in (".jpg", ".jpeg"): shutil.copy(path, copy)
        else: Image.open(path).convert("RGB").save(copy, quality=92)
        with open(copy, "ab") as file: file.write(number.to_bytes(4, "big"))


def from_files(network, folder, settings, epochs, rounds, tell=print):
    "Seconds of whole trainings from the files of `folder`, birdcolor against the tutorial's manner, a new process and an empty cache each time."
    times, rest = dict(birdcolor=[]) | (dict(tutorial=[]) if find_spec("tensorflow") else {}), {}
    for _ in range(rounds):
        for name in list(times):
            count = rest["birdcolor"]["photos"] if name == "tutorial" else None
            with Worker() as worker, tempfile.TemporaryDirectory() as cache:
                rest[name] = worker("from_files", contender=name, network=network, folder=str(folder), epochs=epochs, cache=cache,
                                    options=settings, count=count)
            times[name].append(rest[name]["seconds"])
            if rest[name]["on_gpu"] != rest["birdcolor"]["on_gpu"]:
                tell(f"{name} cannot take part: {ELSEWHERE}")
                del times[name], rest[name]
    assert len({row["photos"] for row in rest.values()}) == 1, f"not as many photos for each: {rest}"
    compared = ratios(times, "tutorial", "birdcolor") if "tutorial" in times else None
    tell(f"{network} from files: " + (f"the tutorial's manner takes {compared['median']:.2f} times as long" if compared else "birdcolor alone"))
    return dict(seconds={name: spread(values) for name, values in times.items()}, times_birdcolor=compared, epochs=epochs,
                photos={name: row["photos"] for name, row in rest.items()}, mae={name: row["mae"] for name, row in rest.items()})
