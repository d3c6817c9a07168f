"""The site in a real browser, without network: `make site-check`."""
import shutil
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urldefrag

import pytest
from playwright.sync_api import sync_playwright

SITE = Path(__file__).resolve().parent.parent.parent / "build/site"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SITE_PATH = "birdcolor"
BADGE = "https://colab.research.google.com/assets/colab-badge.svg"
PHONE = dict(width=390, height=844)
LOOK = """() => ({
    links: [...document.querySelectorAll("a[href], link[href]")].map(element => element.href)
        .concat([...document.querySelectorAll("img[src], script[src]")].map(element => element.src)),
    names: [...document.querySelectorAll("[id], a[name]")].flatMap(element => [element.id, element.name]),
    width: document.documentElement.scrollWidth})"""


class UnderItsName(SimpleHTTPRequestHandler):
    "Serves the site where the published one lies, in a folder of the server."
    def translate_path(self, path): return super().translate_path(path.removeprefix(f"/{SITE_PATH}"))
    def log_message(self, *arguments): pass


@pytest.fixture(scope="module")
def pages():
    "What the browser, as wide as a phone, finds on every page: `{path: found}`; `outside` are addresses that a page wanted to load from elsewhere."
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(UnderItsName, directory=SITE)) as server, sync_playwright() as playwright:
        Thread(target=server.serve_forever, daemon=True).start()
        origin, found = f"http://127.0.0.1:{server.server_port}/{SITE_PATH}/", {}
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS, timeout=0)
        window, outside = browser.new_page(viewport=PHONE), []
        window.set_default_timeout(0)

        def only_here(route):
            if route.request.url.startswith((origin, "data:", "blob:")): return route.continue_()
            outside.append(route.request.url)
            route.abort()

        window.route("**/*", only_here)
        for file in sorted(SITE.rglob("*.html")):
            outside.clear()
            window.goto(origin + file.relative_to(SITE).as_posix())
            seen = window.evaluate(LOOK)
            here = [link.removeprefix(origin) for link in seen["links"] if link.startswith(origin)]
            found[file.relative_to(SITE).as_posix()] = seen | dict(links=here, outside=list(outside))
        browser.close()
        server.shutdown()
    return found


def test_the_site_has_notebooks_reference_and_reports(pages):
    for page in ("index.html", "nbs/12_unet.html", "reference/birdcolor.models.unet.html", "reports/quick/report.html", "CONTRIBUTING.html"): assert page in pages


def test_every_link_and_anchor_leads_somewhere(pages):
    broken = set()
    for page, found in pages.items():
        for link in found["links"]:
            path, anchor = map(unquote, urldefrag(link))
            path = path.partition("?")[0]
            if path == "" or path.endswith("/"): path += "index.html"
            there = (SITE / path).is_file() and (not anchor or path not in pages or anchor in pages[path]["names"])
            if not there: broken.add(f"{page}: {link}")
    assert sorted(broken) == []


def test_nothing_but_the_badge_is_loaded_from_elsewhere(pages):
    assert {page: found["outside"] for page, found in pages.items() if set(found["outside"]) - {BADGE}} == {}


def test_no_page_is_wider_than_a_phone(pages):
    assert {page: found["width"] for page, found in pages.items() if found["width"] > PHONE["width"]} == {}
