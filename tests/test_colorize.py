"""Colouring photos as people have them: every mode and format, the luma promise, and folders with bad files in them."""
import io
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms
from typer.testing import CliRunner

import birdcolor.colorize
from birdcolor.colorize import colour_files, colourise_photo, find_files, luma, new_path, open_photo, prepared, save_photo
from birdcolor.data import LUMA
from birdcolor.reproduce import app
from birdcolor.toy import draw_bird

random = np.random.default_rng(0)


class Stand:
    "A colourist without a network: orange where it is bright, blue where it is dark, greener to the right for a robin."
    size, species, vivid, vividness = 32, ["Robin", "Great_Tit"], 2.0, 0.5
    shapes = []

    def __call__(self, gray, species=None):
        self.shapes.append(gray.shape)
        answer = gray + (gray - 0.4) * np.float32([1.0, -0.1, -1.5])
        if species == "Robin":
            answer[..., 1] += np.linspace(0, 0.5, gray.shape[2], dtype=np.float32)
        return answer


class Square(Stand):
    square_only = True


def colours(image):
    "RGB of `image` as float32, without alpha."
    return np.asarray(image.convert("RGB"), np.float32)


def luma_error(image, coloured):
    "Largest difference of luma, in levels of 255, between what `image` is in 8-bit sRGB and `coloured`."
    return np.abs(colours(coloured) @ LUMA - luma(prepared(image)[0])).max()


def noise(height, width, planes=3):
    return random.integers(0, 256, (height, width, planes), dtype=np.uint8)


@pytest.fixture
def bird():
    return Image.fromarray(draw_bird("Robin", 1, 96))


# --- the promise: luma stays ---

@pytest.mark.parametrize("vividness", [0, 0.5, 1])
@pytest.mark.parametrize("kind", ["noise", "black and white", "one colour a block", "saturated", "gray"])
def test_luma_is_kept_to_one_level_in_the_array_and_in_the_file(kind, vividness, tmp_path):
    pixels = noise(203, 317)
    if kind == "black and white": pixels = 255 * (pixels[..., :1].repeat(3, -1) > 127).astype(np.uint8)
    if kind == "one colour a block": pixels = noise(7, 11).repeat(29, 0).repeat(29, 1)
    if kind == "saturated": pixels = 255 * (pixels > 127).astype(np.uint8)
    photo = Image.fromarray(pixels[..., 0] if kind == "gray" else pixels)
    coloured = colourise_photo(photo, Stand(), "Robin", vividness)
    assert coloured.size == photo.size
    assert luma_error(photo, coloured) < 1
    save_photo(coloured, tmp_path / "coloured.png")
    with Image.open(tmp_path / "coloured.png") as read:
        assert luma_error(photo, read) < 1
    assert np.abs(np.diff(colours(coloured))).max() > 20 or kind == "black and white"


def test_colours_far_out_of_gamut_and_strips_of_one_row(monkeypatch):
    monkeypatch.setattr(birdcolor.colorize, "STRIP_PIXELS", 1)
    photo = Image.fromarray(noise(50, 41))
    colourist = Stand()
    colourist.vivid = 1000.0
    assert luma_error(photo, colourise_photo(photo, colourist, vividness=1)) < 1


def test_strips_leave_no_seam(monkeypatch, bird):
    whole = colourise_photo(bird, Stand())
    monkeypatch.setattr(birdcolor.colorize, "STRIP_PIXELS", 96 * 7)
    assert np.abs(colours(colourise_photo(bird, Stand())) - colours(whole)).max() <= 1


@pytest.mark.parametrize("size", [(1, 1), (1, 2000), (2000, 1), (3, 2), (33, 31), (640, 64)])
def test_any_size(size):
    photo = Image.fromarray(noise(size[1], size[0]))
    for colourist in Stand(), Square():
        coloured = colourise_photo(photo, colourist)
        assert coloured.size == size and luma_error(photo, coloured) < 1
    *_, seen, square = Stand.shapes
    assert square == (1, 32, 32, 1)
    assert seen[1] % 8 == seen[2] % 8 == 0 and 32 <= max(seen[1:3]) <= 64


def test_a_species_and_vividness_change_the_colours(bird):
    plain, robin = colourise_photo(bird, Stand()), colourise_photo(bird, Stand(), "robin")
    assert np.abs(colours(robin) - colours(plain)).mean() > 3
    spread = [np.ptp(colours(colourise_photo(bird, Stand(), vividness=vividness)), axis=-1).mean() for vividness in (0, 1)]
    assert spread[1] > 1.2 * spread[0]


# --- every mode and format ---

def example(mode):
    "A small bird in `mode`."
    bird = Image.fromarray(draw_bird("Robin", 1, 48))
    if mode == "I;16": return Image.fromarray(np.asarray(bird.convert("L")).astype(np.uint16) * 257)
    if mode == "I": return Image.fromarray(np.asarray(bird.convert("L")).astype(np.int32) * 257)
    if mode == "F": return Image.fromarray(np.asarray(bird.convert("L")).astype(np.float32) / 255)
    if mode == "P": return bird.quantize(64)
    if mode in ("LA", "RGBA"):
        image = bird.convert(mode)
        image.putalpha(Image.linear_gradient("L").resize(bird.size))
        return image
    return bird.convert(mode)


FILES = [("1", "png"), ("L", "png"), ("LA", "png"), ("P", "png"), ("P", "gif"), ("RGB", "png"), ("RGB", "jpg"), ("RGB", "bmp"), ("RGB", "webp"),
         ("RGB", "tif"), ("RGB", "ppm"), ("RGBA", "png"), ("RGBA", "webp"), ("RGBA", "tif"), ("CMYK", "jpg"), ("CMYK", "tif"), ("YCbCr", "jpg"),
         ("LAB", "tif"), ("I;16", "png"), ("I;16", "tif"), ("I", "tif"), ("F", "tif"), ("L", "jpg"), ("L", "pgm")]


@pytest.mark.parametrize("mode, suffix", FILES)
def test_every_mode(mode, suffix, tmp_path):
    options = dict(lossless=True) if suffix == "webp" else {}
    if mode == "LAB":
        image = ImageCms.profileToProfile(example("RGB"), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB")
    else:
        image = example(mode)
    image.save(tmp_path / f"bird.{suffix}", **options)
    written, failed = colour_files([tmp_path / f"bird.{suffix}"], None, Stand())
    assert failed == {}
    result, = written.values()
    assert result == tmp_path / f"bird-coloured.{'jpg' if suffix == 'jpg' else 'png'}"
    with Image.open(result) as read:
        assert read.mode == ("RGBA" if mode in ("LA", "RGBA") else "RGB")
        assert luma_error(open_photo(tmp_path / f"bird.{suffix}"), read) < (8 if suffix == "jpg" else 1)
        if mode in ("LA", "RGBA"): assert read.getchannel("A").tobytes() == image.getchannel("A").tobytes()
    if mode not in ("1", "F") and suffix != "jpg":
        expected = np.asarray(example("RGB" if mode == "P" else "L").convert("L"), np.float32)
        assert np.abs(luma(prepared(open_photo(tmp_path / f"bird.{suffix}"))[0]) - expected).mean() < 6


def test_sixteen_bits_use_the_whole_range():
    ramp = np.arange(65_536, dtype=np.uint16).reshape(256, 256)
    photo = prepared(Image.fromarray(ramp))[0]
    assert photo.mode == "L"
    assert np.abs(np.asarray(photo, float) - ramp / 257).max() <= 0.5


def test_transparency_of_a_palette_is_kept(tmp_path):
    image = Image.new("P", (20, 10), 1)
    image.putpalette([0, 0, 0, 200, 50, 50])
    image.paste(0, (0, 0, 5, 10))
    image.save(tmp_path / "palette.png", transparency=0)
    coloured = colourise_photo(open_photo(tmp_path / "palette.png"), Stand())
    assert (coloured.mode, coloured.getpixel((0, 0))[3], coloured.getpixel((9, 0))[3]) == ("RGBA", 0, 255)


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tif"])
def test_of_an_animation_the_first_frame(suffix, tmp_path):
    frames = [Image.new("RGB", (24, 16), colour) for colour in ("#606060", "#ffffff", "#000000")]
    frames[0].save(tmp_path / f"moving.{suffix}", save_all=True, append_images=frames[1:])
    coloured = colourise_photo(open_photo(tmp_path / f"moving.{suffix}"), Stand())
    assert abs(luma(coloured.convert("RGB"))[8, 8] - 96) < 3
    save_photo(coloured, tmp_path / "still.png")
    assert getattr(Image.open(tmp_path / "still.png"), "n_frames", 1) == 1


# --- what a camera notes ---

@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_orientation_is_applied_once(orientation, suffix, tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Artist] = "A. Birdwatcher"
    pixels = np.zeros((16, 40, 3), np.uint8)
    pixels[:8, :20] = 255
    Image.fromarray(pixels).save(tmp_path / f"held.{suffix}", exif=exif)
    written, failed = colour_files([tmp_path / f"held.{suffix}"], None, Stand())
    assert failed == {}
    with Image.open(*written.values()) as read:
        assert read.getexif().get(ExifTags.Base.Orientation, 1) == 1
        assert read.getexif()[ExifTags.Base.Artist] == "A. Birdwatcher"
        assert read.size == ((40, 16) if orientation <= 4 else (16, 40))
        level = np.asarray(read.convert("L"))
        corners = [bool(level[row, column] > 127) for row in (2, -3) for column in (2, -3)]
    assert corners == [index == [0, 1, 3, 2, 0, 1, 3, 2][orientation - 1] for index in range(4)]


def test_exif_and_dpi_are_kept_and_notes_about_the_old_file_are_not(tmp_path, bird):
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Camera"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ColorSpace] = 65_535
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2026:05:01 06:00:00"
    for about_the_file in ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight, ExifTags.Base.Gamma: exif.get_ifd(ExifTags.IFD.Exif)[about_the_file] = 2
    exif.get_ifd(ExifTags.IFD.GPSInfo)[1] = "N"
    for suffix in "jpg", "png", "tif":
        bird.save(tmp_path / f"noted.{suffix}", exif=exif.tobytes(), dpi=(240, 240))
    bird.save(tmp_path / "pages.tif", exif=exif.tobytes(), dpi=(240, 240), save_all=True, append_images=[bird])
    written, failed = colour_files(sorted(tmp_path.glob("*.*")), tmp_path / "out", Stand())
    assert failed == {} and len(set(written.values())) == 4
    for path in written.values():
        with Image.open(path) as read:
            found = read.getexif()
            assert set(found) <= {ExifTags.Base.Make, ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo}
            assert found.get_ifd(ExifTags.IFD.Exif) == {ExifTags.Base.ColorSpace: 1, ExifTags.Base.DateTimeOriginal: "2026:05:01 06:00:00"}
            assert found.get_ifd(ExifTags.IFD.GPSInfo)[1] == "N"
            assert [round(value) for value in read.info["dpi"]] == [240, 240]
            assert "sRGB" in ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(read.info["icc_profile"])))


@pytest.mark.parametrize("exif", [b"Exif\0\0nonsense", b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(40), b"", b"Exif\0\0MM\0*\xff\xff\xff\xff"])
def test_damaged_exif_does_not_spoil_a_photo(exif, tmp_path, bird):
    bird.save(tmp_path / "odd.jpg", exif=exif)
    written, failed = colour_files([tmp_path / "odd.jpg"], None, Stand())
    assert failed == {} and len(written) == 1


def lab_profile():
    "An ICC profile that is not for RGB."
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


def test_an_icc_profile_is_applied():
    linear = linear_profile()
    photo = Image.new("RGB", (8, 8), (55, 55, 55))
    photo.info["icc_profile"] = linear
    assert abs(prepared(photo)[0].getpixel((0, 0))[0] - 128) <= 2
    glass = Image.new("RGBA", (8, 8), (55, 55, 55, 77))
    glass.info["icc_profile"] = linear
    assert colourise_photo(glass, Stand()).getpixel((0, 0))[3] == 77


def linear_profile():
    "The bytes of sRGB's profile with the identity in place of its curve: the numbers are proportional to light."
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for index in range(int.from_bytes(data[128:132], "big")):
        entry = 132 + 12 * index
        start, length = (int.from_bytes(data[place:place + 4], "big") for place in (entry + 4, entry + 8))
        if data[entry + 1:entry + 4] == b"TRC":
            data[start:start + length] = (b"curv" + bytes(8)).ljust(length, b"\0")
    return bytes(data)


@pytest.mark.parametrize("profile", [b"nonsense", b"", linear_profile()[:200], bytes(500), lab_profile()])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK", "RGBA", "P"])
def test_a_profile_that_cannot_be_used_is_ignored(mode, profile):
    photo, bare = example(mode), example(mode)
    photo.info["icc_profile"] = profile
    assert prepared(photo)[0].tobytes() == prepared(bare)[0].tobytes()


def test_a_turned_negative_of_16_bits_is_turned_and_made_positive(tmp_path):
    tags = {ExifTags.Base.PhotometricInterpretation: 0, ExifTags.Base.Orientation: 3}
    Image.fromarray(np.uint16([[0, 257, 32_768, 65_535]])).save(tmp_path / "turned.tif", tiffinfo=tags)
    assert np.asarray(prepared(open_photo(tmp_path / "turned.tif"))[0]).tolist() == [[0, 127, 254, 255]]


# --- what is no photo ---

@pytest.fixture
def folder(tmp_path, bird):
    "Three photos, two in folders, among files that are none."
    for name in "one.jpg", "two.png", "deeper/three.jpg", "deeper/still/hidden.jpg", ".hidden.png", "one-coloured.jpg":
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        bird.save(tmp_path / "photos" / name)
    (tmp_path / "photos/readme.txt").write_text("no photo")
    return tmp_path / "photos"


@pytest.fixture
def command(monkeypatch):
    monkeypatch.setattr(birdcolor.colorize, "load_colourist", lambda model, runs: Stand())
    return lambda *arguments: CliRunner().invoke(app, ["colorize", *map(str, arguments)])


def test_a_photo_is_coloured_beside_itself(command, folder):
    before = (folder / "one.jpg").read_bytes()
    (folder / "one-coloured.jpg").unlink()
    answer = command(folder / "one.jpg")
    assert (answer.exit_code, answer.stdout, answer.stderr) == (0, f"{folder}/one-coloured.jpg\n", "")
    assert (folder / "one.jpg").read_bytes() == before
    with Image.open(folder / "one-coloured.jpg") as read:
        assert [read.layer[index][1:3] for index in range(3)] == [(1, 1)] * 3
        assert max(read.quantization[0]) < 30


def test_a_folder_with_bad_files_goes_on_and_names_them(command, folder, bird, tmp_path):
    bird.save(tmp_path / "outside.jpg")
    (folder / "link.jpg").symlink_to(tmp_path / "outside.jpg")
    (folder / "broken.jpg").write_bytes((folder / "one.jpg").read_bytes()[:700])
    (folder / "deeper/letter.png").write_text("Dear bird,")
    (folder / "phone.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    answer = command(folder, "--out", folder / "out")
    assert answer.exit_code == 1
    assert sorted(answer.stdout.split()) == [f"{folder}/out/{name}-coloured.{suffix}" for name, suffix in (("one", "jpg"), ("three", "jpg"), ("two", "png"))]
    assert f"birdcolor: {folder}/broken.jpg is not a readable image (OSError).\n" in answer.stderr
    assert f"birdcolor: {folder}/deeper/letter.png is not a readable image (UnidentifiedImageError).\n" in answer.stderr
    assert f"birdcolor: {folder}/phone.HEIC is in HEIF, which is not read; save it as JPEG.\n" in answer.stderr
    assert f"Left out of {folder}: 1 that are links to elsewhere; put the files themselves there.\n" in answer.stderr
    assert answer.stderr.endswith("birdcolor: 3 of 6 photos failed.\n")
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["one-coloured.jpg", "three-coloured.jpg", "two-coloured.png"]


def test_results_of_the_same_name_are_numbered_and_nothing_is_written_over(command, folder, bird):
    bird.save(folder / "deeper/one.jpg")
    answer = command(folder / "one.jpg", folder / "deeper/one.jpg", "--out", folder / "out")
    assert [line.rpartition("/")[2] for line in answer.stdout.splitlines()] == ["one-coloured.jpg", "one-coloured-2.jpg"]
    assert command(folder / "one.jpg", "--vividness", 1, "--out", folder / "out").stdout.endswith("/one-coloured-3.jpg\n")
    before = (folder / "one-coloured.jpg").read_bytes()
    answer = command(folder / "one.jpg", folder / "one-coloured.jpg")
    assert [line.rpartition("/")[2] for line in answer.stdout.splitlines()] == ["one-coloured-2.jpg", "one-coloured-coloured.jpg"]
    assert (folder / "one-coloured.jpg").read_bytes() == before


def test_compare_shows_gray_beside_the_colours(command, folder):
    assert command(folder / "two.png", "--compare").stdout == f"{folder}/two-compared.png\n"
    with Image.open(folder / "two-compared.png") as read:
        assert read.size == (192, 96)
        left, right = colours(read)[:, :96], colours(read)[:, 96:]
    assert np.ptp(left, axis=-1).max() == 0
    assert np.ptp(right, axis=-1).max() > 20
    assert np.abs(left[..., 0] - right @ LUMA).max() <= 1.01


def test_a_map_of_where_it_is_unsure(command, folder):
    assert command(folder / "one.jpg", "--unsure").stdout == f"{folder}/one-unsure.png\n"
    with Image.open(folder / "one-unsure.png") as read: assert (read.mode, read.size) == ("L", (96, 96)) and np.asarray(read).max() > 0


@pytest.mark.parametrize("arguments, sentence", [
    (["--compare", "--unsure"], "Give --compare or --unsure, not both."),
    (["--unsure", "--species", "Robin"], "--unsure compares all species; leave out --species and --vividness."),
    (["--runs", "reports/mine"], "Chroma comes with birdcolor; --runs is for the other networks, with --model."),
    (["--unsure", "--vividness", "0"], "--unsure compares all species; leave out --species and --vividness."),
    ([""], "An empty name stands for no photo; give a file or a folder, or . for this folder."),
    (["--species", "Dodo"], "Unknown species 'Dodo'; this network knows Blackbird, Bluetit, Carrion Crow, Chaffinch, Coal Tit, Collared Dove, Dunnock, Feral Pigeon, Goldfinch,"
                            " Great Tit, Greenfinch, House Sparrow, Jackdaw, Long Tailed Tit, Magpie, Robin, Song Thrush, Starling, Wood Pigeon, Wren."),
    (["--vividness", "1.5"], "vividness must be from 0 (most likely) to 1 (vivid), not 1.5."),
    (["--model", "unet", "--unsure"], "This network knows no species, so it cannot say where it is unsure."),
    (["--out", "FILE"], "FILE is a file; results need a folder."),
])
def test_wishes_that_cannot_be_met(command, folder, arguments, sentence):
    file = str(folder / "readme.txt")
    answer = command(folder, *[argument.replace("FILE", file) for argument in arguments])
    assert (answer.exit_code, answer.stderr) == (2, f"birdcolor: {sentence.replace('FILE', file)}\n")
    assert not list(folder.glob("two-coloured*"))


def test_unknown_models_and_missing_weights(tmp_path, folder):
    def invoke(*arguments): return CliRunner().invoke(app, ["colorize", str(folder), *arguments])
    assert invoke("--model", "resnet").stderr.startswith("birdcolor: Unknown model resnet; allowed are chroma, fcnn, cnn, unet,")
    answer = invoke("--model", "unet", "--runs", str(tmp_path))
    assert (answer.exit_code, answer.stderr) == (2, f"birdcolor: {tmp_path}/results/unet-seed0.json is missing; train one with birdcolor "
                                                    "reproduce --models unet --data <photos> --out <folder>, and give --runs <folder>.\n")


def test_no_photos_at_all(command, tmp_path):
    (tmp_path / "empty").mkdir()
    answer = command(tmp_path / "empty")
    assert (answer.exit_code, answer.stderr) == (2, f"birdcolor: The folder '{tmp_path}/empty' holds no photos.\n")
    answer = command(tmp_path / "none.jpg")
    assert (answer.exit_code, answer.stderr) == (2, f"birdcolor: There is no photo or folder '{tmp_path}/none.jpg'.\n")


def claims(width, height):
    "A PNG of a few bytes that says it is `width` by `height`."
    from zlib import crc32
    def chunk(kind, content): return len(content).to_bytes(4, "big") + kind + content + crc32(kind + content).to_bytes(4, "big")
    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size + bytes([8, 2, 0, 0, 0])) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(60_000, 60_000), (15_001, 10_000), (70_000, 10), (2**31 - 1, 2**31 - 1)])
def test_a_bomb_is_refused_before_it_goes_off(size, tmp_path):
    (tmp_path / "bomb.png").write_bytes(claims(*size))
    with pytest.raises(ValueError, match="too large; photos up to 150 megapixels, 65535 pixels a side and 1024 MB are read"):
        open_photo(tmp_path / "bomb.png")


def test_a_program_is_not_run(tmp_path, bird):
    bird.save(tmp_path / "bird.eps")
    with pytest.raises(ValueError, match="not a readable image"):
        open_photo(tmp_path / "bird.eps")


def most_memory():
    "The most bytes that this process ever held, by Linux's own count; `ru_maxrss` counts those of the process that started it too."
    return next(int(line.split()[1]) * 1024 for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))


def bytes_taken(size):
    "By how many bytes `most_memory` grows when a photo of this `size` is made and coloured."
    before = most_memory()
    colourise_photo(Image.new("RGB", size, (90, 120, 60)), Stand())
    return most_memory() - before


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_stays_a_few_times_that_of_the_photo():
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
        assert 12e6 * 3 < fresh.submit(bytes_taken, (4000, 3000)).result() < 12e6 * 4 * 7


def test_photos_whose_names_differ_in_case_are_two(tmp_path, bird):
    for name in ("Robin.png", "robin.png"): bird.save(tmp_path / name)
    written, failed = colour_files(find_files([tmp_path]), tmp_path / "out", Stand())
    assert failed == {} and len(set(written.values())) == len(set(tmp_path.glob("*.png")))


def test_what_is_too_wide_for_a_jpeg_becomes_a_png(tmp_path):
    Image.new("L", (33_000, 16), 99).save(tmp_path / "wide.jpg")
    for kind, suffix, width in ("coloured", ".jpg", 33_000), ("compared", ".png", 66_000):
        written, failed = colour_files([tmp_path / "wide.jpg"], None, Stand(), kind=kind)
        result, = written.values()
        assert (failed, result.suffix, Image.open(result).size) == ({}, suffix, (width, 16))


def test_a_name_that_another_process_takes_meanwhile_keeps_its_file(tmp_path, bird, monkeypatch):
    def overtaken(*asked):
        target = new_path(*asked)
        if not list(tmp_path.glob("*-coloured*")): target.write_text("another's")
        return target
    monkeypatch.setattr(birdcolor.colorize, "new_path", overtaken)
    bird.save(tmp_path / "robin.png")
    written, failed = colour_files([tmp_path / "robin.png"], None, Stand())
    assert (written, failed) == ({tmp_path / "robin.png": tmp_path / "robin-coloured-2.png"}, {})
    assert (tmp_path / "robin-coloured.png").read_text() == "another's"
