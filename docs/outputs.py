"""Execute notebooks and keep what they show, so that what is read on the web is what the code gives: python docs/outputs.py nbs/*.ipynb."""
import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from birdcolor.core import writing


def shown(outputs):
    "The `outputs` of a cell without logs and warnings."
    for output in outputs:
        if output.output_type == "stream": output.text = "".join(line for line in output.text.splitlines(True) if not line.startswith(("WARNING:tensorflow", "INFO:tensorflow")))
    return [output for output in outputs if output.output_type != "stream" or output.name != "stderr" and output.text]


def main(paths):
    "Execute the notebooks `paths` one after the other, all with one new and empty cache, and write them when all are done: until then the checkout is unchanged, and so is the commit in records."
    executed = {}
    with tempfile.TemporaryDirectory() as cache:
        os.environ |= dict(BIRDCOLOR_CACHE=cache, TF_CPP_MIN_LOG_LEVEL="3", PYTHONWARNINGS="ignore")
        for path in map(Path, paths):
            notebook = nbformat.read(path, 4)
            metadata = notebook.metadata.copy()
            NotebookClient(notebook, timeout=None, kernel_name="python3", coalesce_streams=True, resources=dict(metadata=dict(path=str(path.parent)))).execute()
            notebook.metadata = metadata
            for cell in notebook.cells:
                if "outputs" in cell: cell.outputs = shown(cell.outputs)
            executed[path] = nbformat.writes(notebook, 4).replace(cache, "~/.cache/birdcolor")
    for path, text in executed.items():
        with writing(path) as temporary: temporary.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__": main(sys.argv[1:])
