"""The command line as people meet it: what it prints, what it leaves on disk, and how it says no."""
import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat import v4
from PIL import Image
from typer.testing import CliRunner

from birdcolor.core import public_settings, resolve, write_json
from birdcolor.data import load_data
from birdcolor.metrics import score_images, summarise
from birdcolor.reproduce import app
from birdcolor.toy import SPECIES, draw_bird

KINDS = SPECIES[0], "a$^$b"  # the second is a formula to some
ROOT = Path(__file__).resolve().parent.parent
HEAVY = {"tensorflow", "keras", "pandas", "scipy", "matplotlib", "distributed"}


def run(*command, cwd):
    "Run `command` with this Python's programs on the path; returns the finished process."
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "BIRDCOLOR_CACHE": str(cwd / "cache")}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=600)


@pytest.fixture
def ask(tmp_path, monkeypatch):
    "A function that gives its arguments to the command in this process, in the test's own folder; it returns exit status, standard error and output."
    monkeypatch.chdir(tmp_path)
    for name, value in {"BIRDCOLOR_CACHE": str(tmp_path / "cache"), "BIRDCOLOR_DEVICES": "1", "BIRDCOLOR_TENSORBOARD": "0"}.items(): monkeypatch.setenv(name, value)
    def ask(*arguments):
        answer = CliRunner().invoke(app, arguments)
        return answer.exit_code, answer.stderr, answer.stdout
    return ask


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    "A folder in Kaggle's layout with 40 drawn photos of two species, and one that is no image."
    folder = tmp_path_factory.mktemp("photos") / "withBackground"
    for species, kind in zip(SPECIES, KINDS):
        (folder / kind).mkdir(parents=True)
        for number in range(20):
            Image.fromarray(draw_bird(species, number, 48)).save(folder / kind / f"({number}).jpg")
    (folder / SPECIES[0] / "broken.jpg").write_bytes(b"this is no image")
    return folder.parent


@pytest.mark.parametrize("statement, heavy", [("import birdcolor", HEAVY), ("import birdcolor.core, birdcolor.reproduce", HEAVY), ("import birdcolor.colorize, birdcolor.data", HEAVY - {"scipy"})])
def test_importing_loads_no_framework(statement, heavy, tmp_path):
    finished = run(sys.executable, "-c", f"import sys; {statement}; print([name for name in {heavy} if name in sys.modules])", cwd=tmp_path)
    assert finished.stdout.strip() == "[]"


def test_help_names_the_commands_and_loads_no_framework(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    finished = run("birdcolor", "--help", cwd=tmp_path)
    assert finished.returncode == 0
    assert "Usage:" in finished.stdout and "reproduce" in finished.stdout and "report" in finished.stdout
    assert "birdcolor.reproduce" in finished.stderr and "tensorflow" not in finished.stderr


def test_help_ends_with_examples(): assert "birdcolor data 'my photos'" in CliRunner().invoke(app, ["data", "--help"]).stdout


@pytest.mark.parametrize("typed, offered", [("birdcolor re", ["reproduce", "report"]), ("birdcolor reproduce --preset s", ["smoke", "study"])])
def test_the_shell_completes_commands_and_presets(typed, offered, tmp_path, monkeypatch):
    for name, value in {"_BIRDCOLOR_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}.items(): monkeypatch.setenv(name, value)
    assert run("birdcolor", cwd=tmp_path).stdout.split() == offered


@pytest.mark.parametrize("arguments, sentence", [
    (["--preset", "fast"], "preset must be one of smoke, quick, study, not 'fast'."),
    (["--models", "unet,resnet"], "Unknown model resnet; allowed are fcnn, cnn, unet, cgan, cgan_mae, cgan_patchgan, chroma."),
    (["--seeds", "one"], "seeds must be whole numbers with commas between them, not 'one'."),
    (["--seeds", "-1"], "seed must be from 0 to 2147483647 (seed of weights, batches and augmentation), not -1."),
    (["--set", "epochs=many"], "epochs must be a whole number, not 'many'."),
    (["--set", "batch_size=0"], "batch_size must be from 1 to 4096 (photos in a training step), not 0."),
    (["--set", "epochs=2", "--models", "cgan"], "epochs is not a parameter of cgan."),
    (["--set", "seed=3"], "Give seed with --seeds, not with --set."),
    (["--set", "data=birds"], "Give data with --data, not with --set."),
    (["--learning-curve", "--models", "cnn"], "The learning curve needs unet on all training photos as well; add it to --models."),
    (["--data", "no/such/folder"], "There is no folder 'no/such/folder'; data must be toy, kaggle, or a folder that holds <Species>/<photo>."),
    (["--out", "/dev/null"], "/dev/null is a file; results need a folder."),
    (["--data", "."], "The folder '.' holds no photos: expected <Species>/<photo> with one of .apng, .avif, .avifs, .bmp, .dib, .gif, .icb, .j2c, .j2k, .jfif, .jp2, .jpc, .jpe, .jpeg, .jpf, .jpg, "
        ".jpx, .pbm, .pfm, .pgm, .png, .pnm, .ppm, .tga, .tif, .tiff, .vda, .vst, .webp."),
])
def test_what_cannot_be_is_answered_with_one_sentence(arguments, sentence, ask, tmp_path):
    assert ask("reproduce", *arguments) == (2, f"birdcolor: {sentence}\n", "")
    assert not (tmp_path / "reports").exists()


def test_studies_that_cannot_be_made_are_told_before_anything_is_trained(ask, tmp_path):
    record = Path("out/studies/share-10/results/unet-seed0.json")
    write_json(tmp_path / record, dict(split_digest="0123", settings=dict(image_size=99)))
    status, said, _ = ask("reproduce", "--preset", "smoke", "--models", "unet", "--learning-curve", "--out", "out")
    assert (status, said.splitlines()[-1]) == (2, f"birdcolor: {record} is of a run with other settings (image_size=99, not 32); give results another folder, or delete it.")
    assert not (tmp_path / "out/results").exists() and not (tmp_path / "out/runs").exists()


def test_a_report_is_of_records_not_of_data(ask):
    assert ask("report", "out", "--data", "birds") == (2, "birdcolor: --data is for --check alone: a report is written from the records.\n", "")


def test_scores_are_set_beside_those_of_another_folder(ask):
    study = ROOT / "reports/study"
    mean = json.loads((study / "results/fcnn-seed0.json").read_text())["test"]["ciede2000"]["mean"]
    status, said, told = ask("report", str(study), "--against", str(study))
    assert (status, said) == (0, "")
    assert told.startswith(f"FCNN (trainings: 1, again 1)\n  CIEDE2000: {mean:.2f}, again {mean:.2f}\n")
    assert told.splitlines()[-1].startswith("568 test photos in both. One training each does not tell how far trainings differ: FCNN, CNN, ")
    assert told.endswith("; every verdict is the same.\n")
    assert ask("report", "out", "--against", "out") == (2, "birdcolor: There are no run records in out/results; make some with birdcolor reproduce.\n", "")
    assert ask("report", "out", "--against", "out", "--check") == (2, "birdcolor: Give --check or --against, not both.\n", "")


def test_an_unknown_setting_is_answered_with_those_that_exist(ask):
    status, said, _ = ask("reproduce", "--set", "epoch=3")
    assert status == 2
    assert said.startswith("birdcolor: 'epoch=3' is not a setting; write name=value with one of toy_photos, image_size,")


def test_a_report_without_records_ends_the_command_with_status_2(tmp_path):
    finished = run("birdcolor", "report", "nowhere", cwd=tmp_path)
    assert (finished.returncode, finished.stderr) == (2, "birdcolor: There are no run records in nowhere/results; make some with birdcolor reproduce.\n")


def test_reproduce_skips_what_is_complete_goes_on_after_a_failure_and_names_it(photos, tmp_path):
    command = ["birdcolor", "reproduce", "--preset", "smoke", "--data", str(photos), "--set", "image_size=16", "--set", "epochs=1", "--models", "fcnn", "--out=-out {seed}"]
    for name in ("papermill", "keras"): (tmp_path / f"{name}.py").write_text("raise SystemExit('a file of the working folder was run')")
    out = tmp_path / "-out {seed}"
    blocked = out / "figures" / "fcnn-seed0-history.png"
    blocked.mkdir(parents=True)
    first = run(*command, "--seeds", "0,1", cwd=tmp_path)
    assert first.returncode == 2
    assert "[1/2] fcnn-seed0 FAILED: IsADirectoryError" in first.stdout
    assert "[2/2] fcnn-seed1 done in" in first.stdout
    assert first.stderr.endswith("\nbirdcolor: 1 of 2 runs failed: fcnn-seed0.\n")

    record = json.loads((out / "results/fcnn-seed1.json").read_text())
    assert (record["skipped"], record["n_train"], record["n_validation"], record["n_test"]) == (1, 28, 4, 8)
    assert record["settings"]["data"] == photos.name
    assert str(photos) not in json.dumps(record)
    assert "Skipped 1 unreadable of 41 photos: Blackbird/broken.jpg" in first.stdout

    blocked.rmdir()
    second = run(*command, "--seeds", "1", cwd=tmp_path)
    assert second.returncode == 0
    assert "[1/1] fcnn-seed1 is complete and unchanged: skipped" in second.stdout
    assert second.stdout.endswith("Report: -out {seed}/report.html\n")
    for name in ("report.html", "split.csv", "tables/scores.csv", "figures/dataset.jpg", "notebooks/fcnn-seed1.html", "results/fcnn-seed1.csv"):
        assert (out / name).stat().st_size > 0, name
    page = (out / "report.html").read_text()
    assert "1 unreadable photos skipped" in page and "Figure 3. FCNN" in page


def test_runs_of_other_photos_are_not_replaced(photos, ask, tmp_path):
    write_json(tmp_path / "reports/photos-smoke/results/fcnn-seed0.json", dict(split_digest="0123", settings=dict(data="garden A")))
    status, said, _ = ask("reproduce", "--preset", "smoke", "--data", str(photos), "--models", "fcnn")
    sentence = (f"birdcolor: reports/photos-smoke/results/fcnn-seed0.json is of a run with other settings (data=garden A, not {photos.name}); "
                "give results another folder, or delete it.")
    assert (status, said.splitlines()[-1]) == (2, sentence)
    assert [path.name for path in (tmp_path / "reports/photos-smoke").iterdir()] == ["results"]


def test_check_tells_whether_stored_predictions_give_the_stored_scores(ask, tmp_path):
    settings = resolve("smoke", image_size=16)
    data = load_data(settings, cache=tmp_path / "cache")
    truth = data.images[data.rows("test")]
    scores = score_images(truth // 2, truth)
    write_json(tmp_path / "out/results/unet-seed0.json", dict(model="unet", preset="smoke", seed=0, settings=public_settings(settings),
                                                              split_digest=data.digest, test=summarise(scores)))
    table = scores.assign(species="Robin", sha256=[data.sha256[row][:16] for row in data.rows("test")])
    table.to_csv(tmp_path / "out/results/unet-seed0.csv", index=False, float_format="%.6g")
    assert ask("report", "out", "--check") == (0, "", "unet-seed0: the means are those of its per-photo scores; its predictions are not stored here.\n")

    (tmp_path / "out/runs/unet-seed0").mkdir(parents=True)
    np.savez_compressed(tmp_path / "out/runs/unet-seed0/predictions.npz", prediction=truth // 2)
    status, _, told = ask("report", "out", "--check")
    assert (status, told) == (0, "unet-seed0: its stored predictions give the stored scores again.\n")

    table["ssim"] = table["ssim"].to_numpy()[::-1]
    table.to_csv(tmp_path / "out/results/unet-seed0.csv", index=False, float_format="%.6g")
    assert ask("report", "out", "--check") == (2, "birdcolor: 1 of 1 runs and trivial predictors in out have other scores than their files say; run birdcolor reproduce again.\n",
                                               "unet-seed0: the predictions of unet-seed0 do not give ssim in unet-seed0.csv.\n")


def test_data_looks_through_a_folder_and_clears_the_cache(photos, tmp_path):
    finished = run("birdcolor", "data", str(photos), cwd=tmp_path)
    lines = finished.stdout.splitlines()
    assert lines[:2] == [f"40 photos of 2 species: {', '.join(f'{kind} 20' for kind in sorted(KINDS))}", "40 of 48x48 pixels"]
    assert f"1 unreadable: {SPECIES[0]}/broken.jpg" in lines and f"in {tmp_path / 'cache'}" in lines[-1]
    finished = run("birdcolor", "data", "--clear", cwd=tmp_path)
    assert finished.stdout.splitlines()[-1].startswith("1 decoded sets, ") and list((tmp_path / "cache").iterdir()) == []
    finished = run("birdcolor", "data", "nowhere", cwd=tmp_path)
    assert (finished.returncode, finished.stderr) == (2, "birdcolor: There is no folder 'nowhere'; data must be toy, kaggle, or a folder that holds <Species>/<photo>.\n")


def test_bare_papermill_refuses_a_misspelt_parameter(tmp_path):
    notebook = nbformat.read(ROOT / "nbs/10_fcnn.ipynb", 4)
    cells = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []) or "run = start_run(" in cell.source]
    notebook.cells = [v4.new_code_cell("from birdcolor.core import start_run"), *cells]
    nbformat.write(notebook, tmp_path / "fcnn.ipynb")
    finished = run("papermill", "fcnn.ipynb", "out.ipynb", "-p", "sede", "1", cwd=tmp_path)
    assert finished.returncode != 0
    assert "ValueError: Unknown parameter sede; this notebook accepts preset, out, data," in finished.stderr


def test_colorize_works_with_the_weights_that_ship(tmp_path):
    Image.fromarray(draw_bird("Robin", 1, 200)).convert("L").save(tmp_path / "robin.png")
    finished = run("birdcolor", "colorize", "robin.png", "--species", "robin", cwd=tmp_path)
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "robin-coloured.png\n", "")
    before, after = (Image.open(tmp_path / f"robin{end}.png") for end in ("", "-coloured"))
    assert after.mode == "RGB" and after.size == before.size
    levels, pixels = np.asarray(before, "float32"), np.asarray(after, "float32")
    assert np.abs(pixels @ [0.299, 0.587, 0.114] - levels).max() <= 1
    assert np.ptp(pixels, axis=-1).mean() > 2
    finished = run("birdcolor", "colorize", "robin.png", "--species", "Dodo", cwd=tmp_path)
    assert finished.returncode == 2 and "Unknown species 'Dodo'; this network knows Blackbird, Bluetit" in finished.stderr
