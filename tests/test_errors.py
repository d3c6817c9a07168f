"""What is answered with one sentence, each sentence to the letter: parameters, numbers, files from elsewhere."""
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from birdcolor import claims, colorize, core, data, figures, metrics, report, reproduce, toy, training
from birdcolor.models import chroma

images = np.zeros((2, 16, 16, 3), "uint8")
known = SimpleNamespace(species=["Robin", "Wren"])
NAN = float("nan")


@pytest.mark.parametrize("call, sentence", [
    (lambda: core.resolve("smoke", image_size=60), "image_size must be a multiple of 16, not 60."),
    (lambda: core.resolve("smoke", learning_rate=NAN), "learning_rate must be from 1e-08 to 1.0 (Adam's step size, direct networks), not nan."),
    (lambda: core.resolve("smoke", epochs=True), "epochs must be a whole number (passes over the training photos, direct networks), not True."),
    (lambda: core.resolve("smoke", epochs=1.5), "epochs must be a whole number (passes over the training photos, direct networks), not 1.5."),
    (lambda: core.resolve("smoke", dropout="much"), "dropout must be a number (share of units dropped in the fully connected network), not 'much'."),
    (lambda: core.resolve("smoke", precision="float8"), "precision must be one of auto, float32, mixed_bfloat16, mixed_float16, not 'float8'."),
    (lambda: core.resolve("smoke", data=""), "data must be a text (photos: toy, kaggle, or a folder that holds <Species>/<photo>), not ''."),
    (lambda: core.parse_setting("learning_rate=small"), "learning_rate must be a number, not 'small'."),
    (lambda: colorize.find_species(SimpleNamespace(species=[]), "Robin"), "This network knows no species, so it cannot be told that this is 'Robin'."),
    (lambda: colorize.chroma_gain(SimpleNamespace(vivid=2.0, vividness=0.0), NAN), "vividness must be from 0 (most likely) to 1 (vivid), not nan."),
    (lambda: chroma.Colourist.number(known, "Dodo"), "Species must be one of Robin, Wren, not 'Dodo'."),
    (lambda: claims.seed_interval([[1.0, NAN]]), "values must be finite, one row per seed and one column per photo, not of shape (1, 2) with 1 finite"),
    (lambda: metrics.interval([]), "values must be one row of one or more finite numbers, not of shape (0,) with 0 finite"),
    (lambda: metrics.paired_interval([1.0], [1.0, 2.0]), "a and b must score the same images, not arrays of shape (1,) and (2,)"),
    (lambda: metrics.check_images(images[0], "photos"),
     "photos must be one or more uint8 RGB images (N, height, width, 3) of at least 1 pixels a side, not uint8 of shape (16, 16, 3)"),
    (lambda: metrics.score_images(images[:1], images), "prediction and truth must have one shape, not (1, 16, 16, 3) and (2, 16, 16, 3)"),
    (lambda: figures.save_figure(None, "curve.bmp"), "curve.bmp must end in .png or .jpg to hold a figure"),
    (lambda: figures.check_labels(["Robin"], images), "labels must name each image, not 1 labels for 2 images"),
    (lambda: figures.curves_in({"seconds": [1]}), "history must hold one of generator_loss, discriminator_loss, loss, mae, not only seconds"),
    (lambda: figures.show_predictions(images, {"U-Net": images[:1]}), "U-Net must have the shape of the truth, (2, 16, 16, 3), not (1, 16, 16, 3)"),
    (lambda: toy.draw_bird("Robin", 0, 4), "size must be a whole number from 8 to 1024, not 4"),
    (lambda: reproduce.notebook_of("resnet"),
     f"There is no notebook for resnet in {Path(core.__file__).parent.parent / 'nbs'}."),
    (lambda: report.photos_of(dict(settings=dict(data="birds"))), "To score stored predictions again, give the folder of photos birds with --data."),
    (lambda: report.check_comparable([dict(split_digest=split, preset="quick", settings=dict(image_size=64)) for split in "ab"]),
     "These runs cannot be compared (split a, preset quick, 64 pixels; split b, preset quick, 64 pixels); keep each kind in a folder of its own."),
])
def test_one_sentence(call, sentence):
    with pytest.raises(ValueError) as caught: call()
    assert str(caught.value) == sentence


TABLE = "sha256,species," + ",".join(metrics.SCORES)
ROW = ",Robin," + ",".join("1" for _ in metrics.SCORES)


@pytest.mark.parametrize("table, sentence", [
    ("", "PATH is not a table of per-photo scores (EmptyDataError); run birdcolor reproduce again."),
    (f"{TABLE}\na{ROW[:-1]}many", "PATH is not a table of per-photo scores (ValueError); run birdcolor reproduce again."),
    (f"{TABLE}\na{ROW}\nb{ROW[:-2]}", "PATH is not a whole table of per-photo scores; run birdcolor reproduce again."),
    (f"{TABLE}\na{ROW}\na{ROW}", "PATH is not a whole table of per-photo scores; run birdcolor reproduce again."),
    ("sha256,species\na,Robin", "PATH is not a whole table of per-photo scores; run birdcolor reproduce again."),
    (f"{TABLE}\nb{ROW}", "The scores in unet-seed0.csv are not of the same photos; run birdcolor reproduce again."),
])
def test_scores_that_were_edited_or_cut_off(table, sentence, tmp_path):
    path = tmp_path / "results/unet-seed0.csv"
    path.parent.mkdir()
    path.write_text(f"{TABLE}\na{ROW}\n")
    assert list(claims.read_scores(tmp_path, "unet-seed0", ["a"])["psnr"]) == [1]
    path.write_text(table)
    with pytest.raises(ValueError) as caught: claims.read_scores(tmp_path, "unet-seed0", ["a"])
    assert str(caught.value) == sentence.replace("PATH", str(path))


@pytest.mark.parametrize("content, sentence", [
    ('{"model": "un', "PATH is not a readable JSON record (Unterminated string starting at: line 1 column 11 (char 10)); delete it and run again."),
    ("[]", "PATH is not a record of this version of birdcolor: its model is missing or of the wrong kind."),
    ('{"model": "unet", "preset": "quick", "seed": "0"}', "PATH is not a record of this version of birdcolor: its seed is missing or of the wrong kind."),
])
def test_a_record_that_was_edited_cut_off_or_comes_from_another_version(content, sentence, tmp_path):
    path = tmp_path / "results/unet-seed0.json"
    path.parent.mkdir()
    path.write_text(content)
    for options in [], ["--check"]:
        answer = CliRunner().invoke(reproduce.app, ["report", str(tmp_path), *options])
        assert (answer.exit_code, answer.stderr) == (2, f"birdcolor: {sentence.replace('PATH', str(path))}\n")


def test_no_readable_photo_at_all(tmp_path):
    (tmp_path / "letter.jpg").write_text("Dear robin,")
    photo = data.Photo("letter.jpg", "Robin", tmp_path / "letter.jpg")
    with pytest.raises(ValueError) as caught: data.decode_photos([photo], 16, tmp_path / "cache")
    assert str(caught.value) == "None of the 1 photos is readable, for example letter.jpg is not a readable image (UnidentifiedImageError)."


@pytest.mark.parametrize("note", ["weights of something else", "[]", '{"mark": 1}', '{"mark": "mark", "history": []}', '{"mark": "mark", "sessions": "GPU"}'])
def test_a_checkpoint_of_another_program(tmp_path, note):
    np.savez(tmp_path / "checkpoint.npz", note=note)
    with pytest.raises(ValueError) as caught: training.load_checkpoint(tmp_path / "checkpoint.npz", None, "mark")
    assert str(caught.value) == f"{tmp_path}/checkpoint.npz is not a checkpoint of birdcolor; delete it and run again."


def test_a_checkpoint_cut_short(tmp_path):
    (tmp_path / "checkpoint.npz").touch()
    with pytest.raises(ValueError) as caught: training.load_checkpoint(tmp_path / "checkpoint.npz", None, "mark")
    assert str(caught.value) == f"{tmp_path}/checkpoint.npz does not hold the arrays of this network: EOFError; if it is damaged, delete it and run again."


def test_no_photos_to_decode(tmp_path):
    with pytest.raises(ValueError) as caught: data.decode_photos([], 16, tmp_path)
    assert str(caught.value) == "There are no photos to decode."


def test_the_page_without_gradio(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    answer = CliRunner().invoke(reproduce.app, ["app"])
    assert (answer.exit_code, answer.stderr) == (2, 'birdcolor: The page needs Gradio; install it with pip install "birdcolor[app] @ git+https://github.com/birdcolor/birdcolor".\n')


def test_the_page_without_its_runs(tmp_path):
    answer = CliRunner().invoke(reproduce.app, ["app", "--runs", str(tmp_path / "nowhere")])
    assert (answer.exit_code, answer.stderr) == (2, f"birdcolor: There is no folder '{tmp_path}/nowhere' of finished runs.\n")


@pytest.mark.parametrize("port", ["-1", "70000", "many"])
def test_a_port_that_cannot_be(port):
    answer = CliRunner().invoke(reproduce.app, ["app", "--port", port])
    assert answer.exit_code == 2 and "Invalid value for '--port'" in answer.stderr
