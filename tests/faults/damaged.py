"""Damaged photos through every door that takes photos; run as a program: damaged.py SEED COUNT FOLDER, prints a JSON line a photo."""
import io
import json
import resource
import signal
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

from birdcolor.app import UNKNOWN, answer
from birdcolor.colorize import colour_files
from birdcolor.data import Photo, decode_photos
from birdcolor.toy import SPECIES, draw_bird

SECONDS, GIGABYTES, BATCH = 20, 3, 40


class Stand:
    "A colourist without a network, so that nothing but the photo can fail."
    size, species, vivid, vividness, square_only = 32, list(SPECIES), 2.0, 0.0, False

    def __call__(self, gray, species=None):
        return gray + (gray - 0.4) * np.float32([1.0, -0.1, -1.5])


def whole_photos():
    "Photos of many kinds as `(suffix, bytes)`, none of them damaged."
    bird = Image.fromarray(draw_bird("Robin", 1, 96))
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a robin"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    deep = Image.fromarray(np.asarray(bird.convert("L")).astype(np.uint16) * 257)
    kinds = [("jpg", bird, dict(exif=exif, icc_profile=profile)), ("jpg", bird, dict(progressive=True)), ("jpg", bird.convert("CMYK"), {}),
             ("jpg", bird.convert("L"), {}), ("png", bird, dict(icc_profile=profile, exif=exif)), ("png", bird.convert("P"), dict(transparency=0)),
             ("png", deep, {}), ("png", bird.convert("RGBA"), {}), ("png", bird.convert("1"), {}), ("bmp", bird, {}), ("webp", bird, {}),
             ("gif", bird.convert("P"), dict(save_all=True, append_images=[bird.convert("P").rotate(90)])),
             ("tif", bird, {}), ("tif", bird, dict(compression="tiff_lzw")), ("tif", deep, {}),
             ("tif", bird.resize((4, 4)), dict(icc_profile=profile, dpi=(72, 72), exif=exif))]  # hardly more than its tags
    return [(suffix, _encoded(image, suffix, options)) for suffix, image, options in kinds]


def _encoded(image, suffix, options):
    file = io.BytesIO()
    image.save(file, {"jpg": "JPEG", "tif": "TIFF"}.get(suffix, suffix.upper()), **options)
    return file.getvalue()


def damage(content, random):
    "`content` with one kind of damage, by chance."
    content, place = bytearray(content), int(random.integers(len(content)))
    length = int(random.integers(1, 64))
    match random.integers(9 if content.startswith(b"II*\0") else 8):
        case 0: del content[place:]
        case 1: del content[place:place + length]
        case 2: content[place:place] = random.bytes(length)
        case 3: content[place:place + length] = bytes(len(content[place:place + length]))
        case 4: content[place:place] = content[max(0, place - length):place] * 8
        case 5 | 6:
            for spot in random.integers(len(content), size=random.integers(1, 20)): content[spot] = random.integers(256)
        case 7:
            for spot in random.integers(min(64, len(content)), size=random.integers(1, 4)): content[spot] = random.integers(256)
        case 8:  # a tag of a TIFF: another type, and half of the time another value
            start = int.from_bytes(content[4:8], "little")
            entry = start + 2 + 12*int(random.integers(int.from_bytes(content[start:start + 2], "little")))
            content[entry + 2] = random.integers(1, 14)
            if random.random() < 0.5: content[entry + 8:entry + 12] = random.bytes(4)
    return bytes(content)


def make(folder, kinds, numbers, seed):
    "Write the damaged photos of these `numbers` and return their paths; some get the suffix of another kind."
    paths = []
    for number in numbers:
        random = np.random.default_rng([seed, number])
        suffix, content = kinds[number % len(kinds)]
        if random.random() < 0.1: suffix = kinds[int(random.integers(len(kinds)))][0]
        paths.append(folder / f"{number}.{suffix}")
        paths[-1].write_bytes(damage(content, random))
    return paths


def outcome(act):
    "What came of `act`: image, sentence, or the name of what should not have happened."
    signal.alarm(SECONDS)
    try: return act()
    except ValueError as error: return "sentence" if "\n" not in str(error) else "several lines"
    except BaseException as error: return type(error).__name__
    finally: signal.alarm(0)


def through_colorize(path, folder):
    written, failed = colour_files([path], folder, Stand())
    return "image" if written else "sentence" if "\n" not in failed[path] else "several lines"


def through_page(path, folder):
    answer(path, Stand(), UNKNOWN, 0, folder)
    return "image"


def through_cache(paths, folder):
    "The outcomes of building one cache from all `paths`, by path."
    photos = [Photo(path.name, "Robin", path) for path in paths]
    try: decoded = decode_photos(photos, 32, folder)
    except ValueError: return {path: "sentence" for path in paths}
    skipped = dict(decoded.skipped)
    return {path: "image" if path.name in decoded.names else "sentence" if "\n" not in skipped[path.name] else "several lines" for path in paths}


def hanging(*_): raise TimeoutError


if __name__ == "__main__":
    seed, count, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    if sys.platform == "linux": resource.setrlimit(resource.RLIMIT_AS, (GIGABYTES * 2**30, GIGABYTES * 2**30))
    signal.signal(signal.SIGALRM, hanging)
    kinds = whole_photos()
    for start in range(0, count, BATCH):
        paths = make(folder, kinds, range(start, min(count, start + BATCH)), seed)
        signal.alarm(SECONDS * 3)
        cached = through_cache(paths, folder / "cache")
        signal.alarm(0)
        for path in paths:
            found = dict(cache=cached[path], colorize=outcome(lambda: through_colorize(path, folder / "out")),
                         page=outcome(lambda: through_page(path, folder)))
            print(json.dumps(dict(photo=path.name) | found), flush=True)
            path.unlink()
