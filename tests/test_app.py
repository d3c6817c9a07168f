"""The page in a real browser: a photo goes up, comes back coloured at full size, with the brightness it had."""
import shutil
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from birdcolor.app import serve
from birdcolor.metrics import gray
from birdcolor.toy import draw_bird

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
pytestmark = pytest.mark.usefixtures("temporary_folder")


class Tinted:
    "A stand-in for the network: a robin turns everything orange, an unknown bird green."
    size, species, vivid, vividness, square_only = 64, ["Robin"], 2.0, 0.0, False

    def __call__(self, gray, species):
        tint = [0.10, -0.03, -0.10] if species == "Robin" else [-0.05, 0.05, -0.05]
        return gray + np.array(tint, "float32")


@pytest.fixture
def page(tmp_path):
    "The page, served on a free port with the stand-in."
    page = serve(port=None, runs=tmp_path, wait=False, load=lambda model, runs: Tinted())
    yield page
    page.close()
    page.files.cleanup()


@pytest.fixture
def connect(tmp_path):
    "A function that makes a client of a page, whose answers lie in the test's own folder."
    from gradio_client import Client
    return lambda page: Client(page.local_url, verbose=False, download_files=tmp_path / "answers")


def asked_for(page, path):
    "Status and content of the page's answer to who asks for the file `path`, which is sent as it is."
    connection = HTTPConnection(urlsplit(page.local_url).netloc, timeout=30)
    connection.request("GET", f"/gradio_api/file={path}")
    answer = connection.getresponse()
    return answer.status, answer.read()


def answer_about(page, path):
    "The page's answer, as events, to who asks for the colours of a file `path` of the server's."
    import requests
    body = {"data": [{"path": str(path), "meta": {"_type": "gradio.FileData"}}, "unknown", 0, "chroma"]}
    address = f"{page.local_url}gradio_api/call/colour"
    event = requests.post(address, json=body, timeout=60).json()["event_id"]
    return requests.get(f"{address}/{event}", timeout=60).text


@pytest.fixture
def browser():
    "A window of Chromium."
    if CHROMIUM is None: pytest.skip("needs Chromium or Chrome")
    from playwright.sync_api import sync_playwright
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser.new_page(viewport={"width": 1200, "height": 900})
        browser.close()


def downloaded(window, folder):
    "The file behind the download button, once the page has an answer, as pixels."
    with window.expect_download() as download: window.get_by_role("link", name="Download at full size").or_(
        window.get_by_role("button", name="Download at full size")).last.click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path.name, np.asarray(Image.open(path))


def next_answer(window, folder, before):
    "Pixels of the first download that differs from `before`; a minute is enough for any machine."
    for _ in range(60):
        pixels = downloaded(window, folder)[1]
        if not np.array_equal(pixels, before): return pixels
        window.wait_for_timeout(1000)
    raise AssertionError("the answer did not change")


def test_a_photo_goes_up_and_comes_back_coloured(page, browser, tmp_path, monkeypatch):
    photo = Image.fromarray(draw_bird("Robin", 0, 160)).convert("L").resize((300, 200))
    photo.save(tmp_path / "garden.png")
    browser.goto(page.local_url)
    browser.locator("input[type=file]").first.set_input_files(tmp_path / "garden.png")
    browser.get_by_role("button", name="Download at full size", disabled=False).or_(
        browser.get_by_role("link", name="Download at full size")).first.wait_for(timeout=60_000)
    name, green = downloaded(browser, tmp_path)
    assert name == "garden-coloured.png" and green.shape == (200, 300, 3)

    browser.get_by_label("Species").click()
    browser.get_by_role("option", name="Robin").click()
    orange = next_answer(browser, tmp_path, green)
    browser.get_by_label("Vividness").first.fill("1")
    browser.get_by_label("Vividness").first.press("Enter")
    vivid = next_answer(browser, tmp_path, orange)
    browser.screenshot(path=tmp_path / "page.png")

    luma = np.asarray(photo, "float32")
    for pixels in green, orange, vivid: assert np.abs(gray(pixels)[..., 0] * 255 - luma).max() <= 1

    def redness(pixels): return float(np.mean(pixels[..., 0].astype(int) - pixels[..., 1]))
    assert redness(green) < 0 < redness(orange) < redness(vivid)

    def broken(colourist, gray, species): raise ValueError("The network is gone.")
    browser.get_by_text("garden.png is coloured, 300x200 pixels.").wait_for()
    monkeypatch.setattr(Tinted, "__call__", broken)
    browser.get_by_label("Vividness").first.fill("0.5")
    browser.get_by_label("Vividness").first.press("Enter")
    browser.get_by_text("The network is gone.").wait_for()
    browser.get_by_text("garden.png is coloured, 300x200 pixels.").wait_for(state="detached")
    browser.get_by_role("button", name="Download at full size", disabled=True).wait_for()


def test_examples_are_there_when_visitors_files_are_gone(page, connect, tmp_path):
    from gradio.route_utils import delete_files_created_by_app
    from gradio_client import handle_file
    Image.new("L", (30, 20), 128).save(tmp_path / "mine.png")
    client = connect(page)
    _, button, said = client.predict(handle_file(tmp_path / "mine.png"), "Robin", 0, "chroma", api_name="/colour")
    here = Path(page.files.name)
    assert said == '<p role="status">mine.png is coloured, 30x20 pixels.</p>'
    assert len(list(here.rglob("mine*.png"))) == 2
    delete_files_created_by_app(page, 0)
    assert list(here.rglob("mine*.png")) == [] and len(list(here.rglob("Robin.png"))) == 1
    example = {"path": str(here / "examples" / "Robin.png"), "meta": {"_type": "gradio.FileData"}}
    _, button, _ = client.predict(example, "Robin", 0, "chroma", api_name="/colour")
    assert button["value"].endswith("Robin-coloured.png")


def test_no_vividness_is_the_networks_own(page, connect, tmp_path):
    from gradio_client import handle_file
    Image.new("L", (30, 20), 128).save(tmp_path / "typing.png")
    def coloured(vividness):
        _, button, _ = connect(page).predict(handle_file(tmp_path / "typing.png"), "Robin", vividness, "chroma", api_name="/colour")
        with Image.open(button["value"]) as image: return np.asarray(image)

    own, full, nothing = map(coloured, (Tinted.vividness, 1, None))
    assert np.array_equal(nothing, own) and not np.array_equal(nothing, full)


def test_an_upload_that_is_no_photo_is_answered_with_a_sentence(page, connect, tmp_path):
    from gradio_client import handle_file
    from gradio_client.exceptions import AppError
    (tmp_path / "letter.png").write_text("Dear robin,")
    with pytest.raises(AppError, match="^letter.png is not a readable image \\(UnidentifiedImageError\\)"):
        connect(page).predict(handle_file(tmp_path / "letter.png"), "unknown", 0, "chroma", api_name="/colour")


def test_files_of_the_server_cannot_be_read_through_the_page(page, tmp_path):
    secret, inside = tmp_path / "secret.png", Path(page.files.name)
    Image.new("L", (30, 20), 77).save(secret)
    link, upward = inside / "examples" / "link.png", f"{inside}/../secret.png"
    link.symlink_to(secret)
    assert Path(upward).read_bytes() == link.read_bytes() == secret.read_bytes()
    assert asked_for(page, inside / "examples" / "Robin.png")[0] == 200
    for path in (secret, link, upward, upward.replace("/../", "/..%2f"), f"{inside}/../../../../../../../../etc/passwd", "/etc/passwd", "../../../../../../etc/passwd",
                 "settings.ini", "birdcolor/app.py"):
        status, content = asked_for(page, path)
        assert status in (403, 404) and secret.read_bytes() not in content and b"root:" not in content and b"lib_name" not in content, path
    answer = answer_about(page, secret)
    assert answer.startswith("event: error") and "coloured" not in answer


def test_what_is_sent_has_limits(page, connect, tmp_path, monkeypatch):
    import requests
    from gradio_client import handle_file
    from gradio_client.exceptions import AppError
    address = f"{page.local_url}gradio_api/upload"
    assert requests.post(address, files={"files": ("robin.png", bytes(31 * 2**20))}, timeout=60).status_code == 413
    robin = {"files": ("robin.png", bytes(100))}
    for refused, status, sentence in (
        (requests.post(address, data={"no file": 32 * 2**20 * "a"}, timeout=60), 413, "Too long; photos of up to 30 MB are taken."),
        (requests.post(address, data=iter([b"of no length"]), timeout=60), 411, "What is sent must say how long it is."),
        (requests.post(address, files=robin, headers={"Sec-Fetch-Site": "cross-site"}, timeout=60), 403, "Photos are taken from this page, not from other sites."),
    ): assert (refused.status_code, refused.text) == (status, sentence)
    assert requests.post(address, files=robin, headers={"Sec-Fetch-Site": "same-origin"}, timeout=60).status_code == 200
    with monkeypatch.context() as full:
        full.setattr("birdcolor.app.MOST_KEPT", 0)
        refused = requests.post(address, files={"files": ("robin.png", bytes(100))}, timeout=60)
        assert (refused.status_code, refused.text) == (507, "No room for more photos; try again in an hour.")
        assert "No room for more photos; try again in an hour." in answer_about(page, Path(page.files.name) / "examples" / "Robin.png")
    assert requests.post(address, files={"files": ("robin.png", bytes(100))}, timeout=60).status_code == 200
    Image.new("1", (41_000, 1000)).save(tmp_path / "vast.png")
    with pytest.raises(AppError, match="^vast.png is too large; photos up to 40 megapixels, 65535 pixels a side and 30 MB are read."):
        connect(page).predict(handle_file(tmp_path / "vast.png"), "unknown", 0, "chroma", api_name="/colour")
    assert page._queue.max_size == 32 and page.max_file_size == 30 * 2**20
    Image.new("L", (30, 20), 128).save(tmp_path / "small.png")
    for wrong, said in (("Dodo", 0, "chroma"), "Dodo"), (("unknown", 7, "chroma"), "7"), (("unknown", 0, "../chroma"), "../chroma"):
        with pytest.raises(AppError) as caught: connect(page).predict(handle_file(tmp_path / "small.png"), *wrong, api_name="/colour")
        assert said in str(caught.value) and "Traceback" not in str(caught.value) and str(tmp_path) not in str(caught.value)


def test_the_page_fetches_nothing_from_addresses(page, connect, monkeypatch):
    from gradio_client.exceptions import AppError
    async def fetched(*asked, **options): raise AssertionError("an address was fetched")
    monkeypatch.setattr("gradio.processing_utils.async_ssrf_protected_download", fetched)
    elsewhere = {"path": "https://example.org/robin.png", "meta": {"_type": "gradio.FileData"}}
    with pytest.raises(AppError, match="^Upload the photo itself, not its address\\.$"):
        connect(page).predict(elsewhere, "unknown", 0, "chroma", api_name="/colour")
    for path in "https://example.org/robin.png", "http%3A//example.org/robin.png", "/http://example.org/robin.png":
        assert asked_for(page, path) == (403, b"This page has its own files alone, none from other addresses.")


def test_a_folder_is_no_photo(page):
    import requests
    from gradio.route_utils import delete_files_created_by_app
    (sent,) = requests.post(f"{page.local_url}gradio_api/upload", files={"files": ("robin.png", bytes(100))}, timeout=60).json()
    assert "Upload a photo, not a folder." in answer_about(page, Path(sent).parent)
    delete_files_created_by_app(page, 0)
    assert not Path(sent).exists()


def test_the_page_takes_photos_by_every_suffix_that_colorize_takes(page, connect, tmp_path):
    from gradio_client import handle_file
    for name in "robin.jfif", "robin.tga", "robin.j2k":
        Image.fromarray(draw_bird("Robin", 0, 32)).save(tmp_path / name)
        _, button, _ = connect(page).predict(handle_file(tmp_path / name), "unknown", 0, "chroma", api_name="/colour")
        assert "robin-coloured" in button["value"]


def test_a_photo_that_takes_too_long_is_answered_with_a_sentence(tmp_path, connect):
    from threading import Event

    from gradio_client import handle_file
    from gradio_client.exceptions import AppError
    ended = Event()

    class Slow(Tinted):
        def __call__(self, gray, species):
            ended.wait()
            return super().__call__(gray, species)

    Image.new("L", (30, 20), 128).save(tmp_path / "slow.png")
    page = serve(port=None, runs=tmp_path, wait=False, load=lambda model, runs: Slow(), seconds=2)
    try:
        client = connect(page)
        with pytest.raises(AppError, match="^No answer within 2 seconds; try again later, or a smaller photo\\.$"):
            client.predict(handle_file(tmp_path / "slow.png"), "unknown", 0, "chroma", api_name="/colour")
        ended.set()
        # on a busy machine, two seconds may be too short for any answer
        for attempt in range(20):
            try: _, button, _ = client.predict(handle_file(tmp_path / "slow.png"), "Robin", 0, "chroma", api_name="/colour")
            except AppError: continue
            break
        assert button["value"].endswith("slow-coloured.png")
    finally:
        ended.set()
        page.close()
        page.files.cleanup()
