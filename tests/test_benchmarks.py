"""The contenders of benchmarks/ do the same work, and what was measured becomes a table."""
import json
from importlib.util import find_spec
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import typer
from PIL import Image

from benchmarks.__main__ import as_name, finished, main, numbers, whereabouts
from benchmarks.arithmetic import needed
from benchmarks.files import Opened, draw_photos, preparation, repeated
from benchmarks.in_birdcolor import Contender
from benchmarks.kernels import longest_product, summary
from benchmarks.scale import draw_versions
from benchmarks.steps import check_same, measure, ratios, steps_of_a_turn, warmed_up
from benchmarks.table import arithmetic_table, files_table, preparation_table, scale_table, sentence, startup_table, steps_table, tables
from birdcolor.data import decode_photos, find_photos, near_duplicates

CONTENDERS = ["birdcolor", "tutorial"] + ["pytorch"]*bool(find_spec("torch"))


def test_contenders_learn_the_same():
    found = check_same("cgan_patchgan", names=CONTENDERS, steps=3, size=16, batch_size=4)
    assert set(found["losses"]) == set(CONTENDERS)
    assert found["losses"]["birdcolor"][2] < found["losses"]["birdcolor"][0]
    assert all(difference < 0.01 for difference in found["difference"].values())


def test_a_loss_that_is_no_number_agrees_with_none(monkeypatch):
    found = dict(birdcolor=[1.0], tutorial=[1.001], pytorch=[float("nan")])
    monkeypatch.setattr("benchmarks.steps.losses", lambda network: (found, dict.fromkeys(found, (5, 0))))
    with pytest.raises(AssertionError, match="^unet learns differently"): check_same("unet")


def test_operations_of_a_step():
    gray, colour = keras.Input((8, 8, 1)), keras.Input((8, 8, 3))
    half = keras.layers.Conv2D(4, 4, strides=2, padding="same")(gray)
    generator = keras.Model(gray, keras.layers.Conv2DTranspose(3, 2, strides=2)(keras.layers.ReLU()(half)))
    judge = keras.Model(colour, keras.layers.Dense(1)(keras.layers.Flatten()(colour)))
    down, up, dense = 2 * (4*4*1*4) * 4*4, 2 * (2*2*4*3) * 4*4, 2 * (8*8*3)
    assert needed(generator) == 2 * down + 3 * up
    assert needed(generator, judge) == 2 * down + 3 * up + 2 * 2 * dense + dense
    seen = keras.layers.Conv2D(4, 4, strides=2, padding="same")(colour)
    first, logit, patches = 2 * (4*4*3*4) * 4*4, 2 * (4*4*4), 2 * (2*2*4) * 3*3
    one = keras.Model(colour, keras.layers.Dense(1)(keras.layers.Flatten()(seen)))
    assert needed(generator, one) == 2 * down + 3 * up + 5 * first + 6 * logit
    many = keras.Model(colour, keras.layers.Conv2D(1, 2)(seen))
    assert needed(generator, many) == 2 * down + 3 * up + 5 * first + 7 * patches


def test_arithmetic_of_a_step(tmp_path):
    np.save(tmp_path / "photos.npy", np.zeros((8, 16, 16, 3), "uint8"))
    found = measure(["arithmetic"], ["fcnn"], tmp_path / "photos.npy", dict(image_size=16, batch_size=4), ["birdcolor"], rounds=1, turn_seconds=0.01, tell=lambda text: None)
    found = found["arithmetic"]["fcnn"]
    assert found["operations_a_step"] == 4 * 2 * (2 * 256*512 + 3 * (512*1024 + 1024*2048 + 2048*768))
    assert 0 < found["share"]["median"] < 1
    assert f"| FCNN | {found['operations_a_step']/1e9:.0f} |" in arithmetic_table(dict(arithmetic=dict(fcnn=found)))


def test_where_the_time_of_a_gpu_goes():
    # two steps: a convolution of 2 s with a fusion of 1 s beside it on another stream, half of it meanwhile, then a second of nothing, then a memset of 1 s
    found = summary([("sm90_xmma_fprop", 0.0, 2.0, "conv.1"), ("loop_add_fusion", 1.5, 2.5, "add.1"), ("Memset", 3.5, 4.5, "")], steps=2)
    assert (found["busy"], found["products"], found["span"]) == (1750.0, 1000.0, 2250.0)
    assert list(found["kernels"].items())[0] == ("sm90_xmma_fprop", dict(times_a_step=0.5, milliseconds_a_step=1000.0, operations=["conv.1"]))
    assert longest_product(found) == 1000.0
    rates = dict(training=dict(median=1e12), product=dict(median=2e12))
    row = dict(operations_a_step=3e9, operations_a_second=rates, share=dict(median=0.5, low=0.5, high=0.5), gpu=found)
    assert "| U-Net | 1750.00 | 57% | 57% | 43% | 500.00 ms |" in arithmetic_table(dict(arithmetic=dict(unet=row)))
    assert "profiler" not in arithmetic_table(dict(arithmetic=dict(unet={name: value for name, value in row.items() if name != "gpu"})))


def test_an_epoch_a_call_on_a_gpu():
    contender = object.__new__(Contender)
    contender.resident = SimpleNamespace(one_pass=lambda order, training: dict(loss=float(len(order))))
    assert contender.train([[0]] * 93) == dict(loss=(62*62 + 31*31) / 93)


def test_ratios_are_taken_turn_by_turn():
    assert ratios(dict(birdcolor=[1.0, 2.0, 4.0], other=[2.0, 6.0, 4.0]), "other", "birdcolor") == dict(median=2.0, low=1.0, high=3.0)


def test_a_second_start_opens_no_photo(tmp_path):
    draw_photos(tmp_path, 4, size=64)
    found = preparation(find_photos(str(tmp_path)), 32, rounds=2, tell=lambda text: None)
    assert (found["photos"], found["second_start_opened"]) == (4, 0)
    assert found["mean_difference_levels"] < 3


def test_openings_are_counted(tmp_path):
    draw_photos(tmp_path, 2, size=16)
    photos, opened = find_photos(str(tmp_path)), Opened()
    photos[0].path.read_bytes()
    assert (opened.among(photos), opened.among(photos)) == (1, 0)


def test_tables():
    spread = dict(median=1.5, low=1.25, high=2.0)
    compared = dict(tutorial=spread, pytorch=spread, pytorch_compiled=spread | dict(median=1.3))
    measured = dict(unet=dict(contenders=dict(birdcolor=dict(photos_a_second=20.0)), times_birdcolor=compared))
    assert steps_table(dict(steps=measured)).endswith("| U-Net | 20.0 | 1.30 [1.25, 2.00] times as long (compiled) | 1.50 [1.25, 2.00] times as long |")
    trained = dict(seconds=dict(birdcolor=spread, tutorial=spread), epochs=5, photos=dict(birdcolor=168), times_birdcolor=spread, mae=dict(birdcolor=0.0664, tutorial=0.068))
    assert "| cGAN + MAE | 2 s | 1.50 [1.25, 2.00] times as long | 0.066, 0.068 |\n\n5 epochs on 168 JPEG files, data preparation included. The tutorial's manner turns" in files_table(dict(from_files=dict(cgan_mae=trained)))
    alone = trained | dict(seconds=dict(birdcolor=spread), times_birdcolor=None, mae=dict(birdcolor=0.0664))
    assert files_table(dict(from_files=dict(unet=alone))).endswith("| U-Net | 2 s | not measured | 0.066 |\n\n5 epochs on 168 JPEG files, data preparation included.")
    prepared = dict(photos=60, size=128, seconds=dict.fromkeys(("birdcolor", "pillow", "pillow_threads"), spread), second_start_opened=0,
                    times_birdcolor=dict(pillow=spread, pillow_threads=spread), mean_difference_levels=0.4)
    assert preparation_table(dict(preparation=prepared)).endswith("a second start opened 0 photos.")
    assert "| `import birdcolor` | 1.50 [1.25, 2.00] |" in startup_table(dict(startup={"import birdcolor": spread}))


def test_a_part_measured_again_replaces_that_part_alone(tmp_path):
    spread, settings = dict(median=1.5, low=1.25, high=2.0), dict(image_size=128, batch_size=32, rounds=5)
    made = whereabouts("Example", "float32", settings)
    finished("same", {}, made, tmp_path / "here.json")
    assert tables(tmp_path) == ""
    for part, found in ("same", {}), ("startup", {"import birdcolor": spread}): finished(part, found, made, tmp_path / "here.json")
    finished("startup", {"import birdcolor": spread | dict(median=1.75)}, whereabouts("Example", "float32", settings | dict(rounds=7)), tmp_path / "here.json")
    stored = json.loads((tmp_path / "here.json").read_text())
    assert (stored["same"]["made"]["settings"]["rounds"], stored["startup"]["made"]["settings"]["rounds"]) == (5, 7)
    written = tables(tmp_path)
    assert "| `import birdcolor` | 1.75 [1.25, 2.00] |" in written and "of 7 turns" in written and "trained on" not in written
    assert written.startswith("### Example, in float32\n\n**Starting**\n\n| command | seconds |")
    assert tables(tmp_path / "nowhere") == ""


def test_parts_of_one_measurement_share_a_sentence(tmp_path):
    spread, made = dict(median=1.5, low=1.25, high=2.0), whereabouts("Example", "mixed_bfloat16", dict(image_size=128, batch_size=32, rounds=5))
    finished("startup", {"import birdcolor": spread}, made, tmp_path / "here.json")
    prepared = dict(photos=60, size=128, seconds=dict.fromkeys(("birdcolor", "pillow", "pillow_threads"), spread), second_start_opened=0,
                    times_birdcolor=dict(pillow=spread, pillow_threads=spread), mean_difference_levels=0.4)
    finished("preparation", prepared, made, tmp_path / "here.json")
    assert tables(tmp_path).count("Example; ") == tables(tmp_path).count("of 5 turns") == 1
    assert "**Starting**" in tables(tmp_path) and "**Starting**" not in tables(tmp_path, ["preparation"])
    assert tables(tmp_path, ["scale"]) == ""
    sizes = dict(seconds=2.0, megabytes=90.0, own_megabytes=60.0)
    finished("scale", dict(image_size=32, photos={"200": dict(preparation=sizes)}), made, tmp_path / "here.json")
    assert (tables(tmp_path).count("of 5 turns"), tables(tmp_path).count("Example; measured once; ")) == (1, 1)
    assert "| 200 | 2 s, 60 MB |" in tables(tmp_path) and "peak memory without mapped files" in tables(tmp_path)
    elsewhere = dict(scale=dict(image_size=32, photos={"200": dict(preparation=sizes | dict(own_megabytes=0.0))}))
    assert "| 200 | 2 s, 90 MB |" in scale_table(elsewhere) and "peak memory with mapped files" in scale_table(elsewhere)


def test_wrong_counts_are_one_sentence():
    assert numbers("200, 2000, 200") == [200, 2000]
    for wrong in "200,", "9", "0", "2e3", "-1", "":
        with pytest.raises(typer.BadParameter, match="--counts must be whole numbers of at least 10, with commas between them, not "): numbers(wrong)


def test_sizes_and_batches_that_no_training_takes_end_before_anything_is_measured():
    for wrong in dict(size=100), dict(batch=5000):
        with pytest.raises(typer.BadParameter, match="must be "): main(**wrong)


def test_a_turn_is_as_long_as_asked_for():
    def slow(do, steps): return dict(seconds=0.5 * steps)
    def fast(do, steps): return dict(seconds=1.0 if steps == 1 else 0.01 * steps)
    assert (steps_of_a_turn([slow], 2.0), steps_of_a_turn([fast, slow], 2.0)) == (4, 200)
    assert steps_of_a_turn([slow], 2.0, call=3) == 6


def test_what_a_measurement_says_of_its_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    finished("steps", {}, whereabouts("NVIDIA Example", "mixed_bfloat16", dict(image_size=128, batch_size=32, rounds=5)), tmp_path / "here.json")
    made = json.loads((tmp_path / "here.json").read_text())["steps"]["made"]
    assert (made["backend"], made["device"], made["precision"]) == ("jax", "NVIDIA Example", "mixed_bfloat16")
    assert [as_name("AMD EPYC, 2 cores", precision) for precision in ("mixed_bfloat16", "float32")] == ["amd-epyc-2-cores", "amd-epyc-2-cores-float32"]
    made |= dict(versions=dict(tensorflow="2", jax="3", keras="4", torch="5"), commit="5a" * 20, finished="2026-11-26T12:00:00Z")
    assert sentence(made, ["steps"]) == ("NVIDIA Example; trained on 128x128 pixels, 32 photos a step, augmentation on; median [lowest, highest] of 5 turns; "
                                         "JAX 3, Keras 4, PyTorch 5; commit 5a5a5a5a5a, 2026-11-26.")
    assert sentence(made | dict(precision="float32"), ["steps"]).startswith("NVIDIA Example, in float32; trained on")


def test_who_computes_elsewhere_is_left_out():
    where, told = dict(birdcolor=dict(on_gpu=True), pytorch=dict(on_gpu=False)), []
    workers = dict.fromkeys([*where, "pytorch_compiled"], lambda do, steps: dict(seconds=0.5))

    def built(worker, name):
        if name in where: return where[name]
        raise RuntimeError("out of memory")

    assert warmed_up(workers, built, told.append) == (where, dict(birdcolor=0.5), dict(pytorch="of the two, only one computes on a GPU", pytorch_compiled="out of memory"))
    assert told == ["pytorch cannot take part: of the two, only one computes on a GPU", "pytorch_compiled cannot take part: out of memory"]


def test_copies_fill_a_folder_of_one_species(tmp_path):
    draw_photos(tmp_path / "drawn", 2, size=16)
    Image.new("RGB", (16, 16)).save(tmp_path / "drawn/Blackbird/dark.png")
    repeated(tmp_path / "filled", find_photos(str(tmp_path / "drawn")), 5)
    assert {path.name for path in (tmp_path / "filled/Bird").iterdir()} == {f"{number}.jpg" for number in range(5)}
    assert {photo.species for photo in find_photos(str(tmp_path / "filled"))} == {"Bird"} and len(find_photos(str(tmp_path / "filled"))) == 5
    assert len(decode_photos(find_photos(str(tmp_path / "filled")), 16, tmp_path / "cache").images) == 5


def test_versions_of_drawn_birds_are_no_near_duplicates(tmp_path):
    draw_versions(tmp_path, 12, 32)
    photos = find_photos(str(tmp_path))
    assert [photo.name for photo in photos[::6]] == ["Blackbird/000000-0.jpg", "Blackbird/000000-6.jpg"] and len(photos) == 12
    assert [photo.name for photo in photos[8:]] == [f"Bluetit/000001-{version}.jpg" for version in range(4)]
    gray = np.stack([np.asarray(Image.open(photo.path).convert("L")) for photo in photos])
    assert gray.shape == (12, 32, 32) and near_duplicates(gray) == []
    assert len(near_duplicates(np.concatenate([gray, gray[:1]]))) == 1
