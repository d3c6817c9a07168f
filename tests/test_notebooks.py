"""What every notebook owes to those who open it in Colab or give it to papermill."""
import ast
import json
import re
from importlib.metadata import metadata
from pathlib import Path

import pytest
from papermill import inspect_notebook

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent / "nbs").glob("*.ipynb"))
COLAB = "https://colab.research.google.com/github/birdcolor/birdcolor/blob/main/nbs"
INSTALL = re.compile(r'    %pip install -q "birdcolor(?:\[([a-z,]+)\])? @ git\+https://github.com/birdcolor/birdcolor"')
chapters = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def sources(path):
    "The notebook's cells as `(kind, tags, text)`."
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [(cell["cell_type"], cell["metadata"].get("tags", []), "".join(cell["source"])) for cell in cells]


@chapters
def test_it_opens_in_colab_and_installs_what_it_needs(path):
    badges = [text for kind, _, text in sources(path) if kind == "markdown" and f"]({COLAB}/{path.name})" in text]
    assert len(badges) == 1
    first = next(text for kind, _, text in sources(path) if kind == "code")
    condition, *commands = first.splitlines()[2:]
    assert condition == 'if "google.colab" in sys.modules:'
    extras = INSTALL.fullmatch(commands[-1])[1]
    assert set(extras.split(",") if extras else []) <= set(metadata("birdcolor").get_all("Provides-Extra"))


@chapters
def test_papermill_tells_the_type_and_the_meaning_of_every_parameter(path):
    parameters = inspect_notebook(path)
    tagged = [text for _, tags, text in sources(path) if "parameters" in tags]
    assert len(parameters) == sum(len(text.splitlines()) for text in tagged)
    for name, parameter in parameters.items(): assert parameter["inferred_type_name"] in ("str", "int", "float", "bool") and parameter["help"], name


experiments = pytest.mark.parametrize("path", [path for path in NOTEBOOKS if any("parameters" in tags and text.startswith("preset") for _, tags, text in sources(path))],
                                      ids=lambda path: path.stem)


@experiments
def test_colab_draws_a_form_for_preset_folder_and_photos(path):
    [text] = [text for _, tags, text in sources(path) if "parameters" in tags]
    forms = {line.partition(":")[0]: line for line in text.splitlines() if "#@param" in line}
    assert list(forms) == ["preset", "out", "data"]
    assert '["smoke", "quick", "study"]' in forms["preset"] and "allow-input: true" in forms["data"]


@experiments
def test_a_run_accepts_every_parameter_of_its_notebook(path):
    cells = [ast.parse(text) for _, _, text in sources(path) if "run = start_run(" in text]
    calls = [node for cell in cells for node in ast.walk(cell) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "start_run"]
    # a run refuses what it was not given by name; preset and folder come first, without one
    for call in calls: assert set(inspect_notebook(path)) - {keyword.arg for keyword in call.keywords} == {"preset", "out"}


@experiments
def test_parameters_are_checked_before_anything_is_done_with_them(path):
    cells = [(tags, text) for kind, tags, text in sources(path) if kind == "code"]
    (place,) = (place for place, (tags, _) in enumerate(cells) if "parameters" in tags)
    assert "run = start_run(" in cells[place + 1][1]


@experiments
def test_no_cell_changes_a_parameter(path):
    # a cell may be run again without that of the parameters, and must do the same
    cells = [ast.parse(text) for kind, tags, text in sources(path) if kind == "code" and "parameters" not in tags and not re.search(r"^\s*[%!]", text, re.MULTILINE)]
    stored = {node.id for cell in cells for node in ast.walk(cell) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    assert not stored & set(inspect_notebook(path))
