"""One small run from photos to report in one process: whole_run.py FOLDER; says `ready` when its imports are done."""
import sys
from pathlib import Path

from birdcolor.core import resolve, start_run
from birdcolor.data import load_data, write_manifest
from birdcolor.models.fcnn import build_fcnn
from birdcolor.report import write_report
from birdcolor.training import direct_colorizer, finish_run, prepare, train

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    print("ready", flush=True)
    run = start_run("fcnn", "smoke", folder / "out", image_size=16, epochs=6)
    prepare(run.settings)
    data = load_data(run.settings, folder / "cache")
    write_manifest(run.out / "split.csv", data)
    model = direct_colorizer(build_fcnn(run.settings), run.settings)
    finish_run(run, model, data, train(model, data, run))
    write_report(run.out)
