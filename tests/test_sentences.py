"""Every sentence that says what is wrong stands literally in a test: the longest piece of each that is the same every time, or all where that is short."""
import ast
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ERRORS = "ValueError", "ConnectionError", "BlockingIOError", "FloatingPointError"


def pieces(node):
    "The pieces of a text in the source that are the same every time."
    if isinstance(node, ast.Constant) and isinstance(node.value, str): return [node.value]
    if isinstance(node, ast.JoinedStr): return [piece for value in node.values if isinstance(value, ast.Constant) for piece in pieces(value)]
    return []


def sentences():
    "All texts that the package raises or returns as sentences, each as its constant pieces, with where it stands."
    for path in sorted((ROOT / "birdcolor").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS and node.args): continue
            found = pieces(node.args[0])
            if found: yield pytest.param(found, id=f"{path.stem}-{node.lineno}")


def sources_of_tests():
    "The source of all tests: those here, and the cells of the notebooks that are not exported."
    sources = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests").rglob("*.py"))]
    for path in sorted((ROOT / "nbs").glob("*.ipynb")):
        cells = ["".join(cell["source"]) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
        sources += [source for source in cells if not source.startswith("#| export")]
    return "\n".join(sources).replace("\\\\(", "(").replace("\\\\)", ")")


TESTED = sources_of_tests()


@pytest.mark.parametrize("sentence", list(sentences()))
def test_a_sentence_is_asserted_literally(sentence):
    longest = max((piece.strip(" .;:'") for piece in sentence), key=len)
    # a piece so short stands in other sentences too: then all pieces, in a line
    if len(longest) < 15: assert re.search(".*".join(re.escape(piece) for piece in sentence).removesuffix(r"\."), TESTED), sentence
    else: assert longest in TESTED
