"""What the site consists of: the repository's own pages, where they lie, and a page of reference for every module.

mkdocs calls `on_config`, `on_files` and `on_page_content`. Files keep their places, so that links between them hold on the site as they do in the
repository, and only files that are committed are published.
"""
import json
import re
import subprocess
from pathlib import Path

from mkdocs.plugins import event_priority
from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parent.parent
PUBLISHED = "*.md", "LICENSE", "CITATION.cff", "nbs/*.ipynb", "birdcolor/weights/*.json", "reports", ":!nbs/index.ipynb", ":!.github"


def committed(*patterns):
    "Paths of committed files that match git's `patterns`, relative to the repository's folder."
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "--", *patterns], capture_output=True, text=True, check=True)
    return [path for path in listed.stdout.split("\0") if path]


def modules():
    "Names of the modules that have a page of reference, such as `birdcolor.models.unet`."
    return [path.removesuffix(".py").replace("/", ".") for path in committed("birdcolor/*.py") if "/_" not in path]


def title(notebook):
    "The first heading of a notebook, after the number in its name."
    first = json.loads((ROOT / notebook).read_text(encoding="utf-8"))["cells"][0]["source"][0]
    return f"{Path(notebook).name.partition('_')[0]} {first.removeprefix('# ').strip()}"


def report(folder):
    "The navigation of a report: its page and its executed notebooks."
    return {folder.name: [{"Report": f"{folder}/report.html"}, *({Path(path).stem: path} for path in committed(f"{folder}/notebooks/*.ipynb"))]}


def listing(folder):
    "A page of links to the files in `folder`, which a web server does not list by itself."
    return f"# {folder}\n\n" + "\n".join(f"- [{Path(path).name}]({Path(path).name})" for path in committed(f"{folder}/*"))


def on_config(config):
    "Set the navigation."
    config.nav = [
        {"Start": "README.md"},
        {"Notebooks": [{title(path): path} for path in committed("nbs/[0-9]*.ipynb")]},
        {"Reports": [report(Path(page).parent) for page in committed("reports/*/report.html")]},
        {"Reference": [{name.removeprefix("birdcolor."): f"reference/{name}.md"} for name in modules()]},
        {"About": [{"Photos": "DATA_CARD.md"}, {"Weights": "MODEL_CARD.md"}, {"Changes": "CHANGELOG.md"}, {"Working on birdcolor": "CONTRIBUTING.md"},
                   {"Repository": "https://github.com/birdcolor/birdcolor"}]},
    ]


@event_priority(100)
def on_files(files, config):
    "Add the pages, before the other plugins look at them."
    for path in committed(*PUBLISHED): files.append(File(path, str(ROOT), config.site_dir, config.use_directory_urls))
    for folder in sorted({str(Path(path).parent) for path in committed("reports/*/results/*")}): files.append(File.generated(config, f"{folder}/index.md", content=listing(folder)))
    for name in modules(): files.append(File.generated(config, f"reference/{name}.md", content=f"::: {name}\n"))
    return files


def on_page_content(html, page, config, files):
    "Let links between notebooks lead to pages, as mkdocs does for links between Markdown files."
    return re.sub(r'(href="(?!\w+:)[^"#]*)\.ipynb\b', r"\1.html", html)
