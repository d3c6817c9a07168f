"""Kaggle's own client against a stand-in for its server: download, offline use, and what goes wrong on the way."""
import base64
import hashlib
import io
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image

from birdcolor.data import find_photos
from birdcolor.kaggle import KAGGLE_DATASET
from birdcolor.toy import draw_bird


def archive(*others):
    "The bytes of a data set of two species with two photos each, in Kaggle's layout, and of files of these `others` names."
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name in others: file.writestr(name, "not wanted here")
        for species in "Robin", "Magpie":
            for number in 1, 2:
                photo = io.BytesIO()
                Image.fromarray(draw_bird(species, number, 32)).save(photo, "PNG")
                file.writestr(f"withBackground/{species}/({number}).png", photo.getvalue())
    return content.getvalue()


class StandIn(BaseHTTPRequestHandler):
    "Answers the two requests of a download; `server.status`, `promised` (the checksum), `sent` (the share of bytes) and `silent` can be spoilt."

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append(self.path)
        if self.server.silent.is_set(): return self.server.done.wait(60)
        if self.server.status != 302: return self.answer(self.server.status, b'{"message": "no"}')
        self.answer(302, b"", Location=f"http://127.0.0.1:{self.server.server_port}/archive.zip")

    def do_GET(self):
        checksum = base64.b64encode(hashlib.md5(self.server.promised).digest()).decode()
        self.answer(200, self.server.content, self.server.sent, **{"X-Goog-Hash": f"md5={checksum}", "Content-Type": "application/zip"})

    def answer(self, status, content, sent=1.0, **headers):
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(content))}).items(): self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[:int(sent*len(content))])

    def log_message(self, *arguments): "Keep the test's output free of requests."


@pytest.fixture
def server(tmp_path, monkeypatch):
    "A running stand-in, to which Kaggle's client is directed, and an empty cache for the client."
    from kagglesdk import kaggle_env
    server = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    server.asked, server.status, server.content, server.sent = [], 302, archive(), 1.0
    server.promised, server.silent, server.done = server.content, threading.Event(), threading.Event()
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "kaggle"))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in "KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_API_TOKEN": monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.LOCAL, f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.done.set()
    server.shutdown()
    server.server_close()


def test_photos_are_downloaded_once_and_then_found_offline(server):
    names = ["Magpie/(1).png", "Magpie/(2).png", "Robin/(1).png", "Robin/(2).png"]
    assert [photo.name for photo in find_photos("kaggle")] == names
    assert server.asked
    server.asked.clear()
    server.status = 500
    assert [photo.name for photo in find_photos("kaggle")] == names
    assert server.asked == []


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
def test_a_refused_download_says_what_to_do(server, status):
    server.status = status
    with pytest.raises(ConnectionError) as caught: find_photos("kaggle")
    sentence = str(caught.value)
    assert sentence.startswith(f"Kaggle's data set {KAGGLE_DATASET} could not be downloaded (")
    assert str(status) in sentence
    assert sentence.endswith("download it in a browser and give its folder as data.")


def test_a_damaged_download_is_refused_and_the_next_one_succeeds(server):
    server.promised = b"something else"
    with pytest.raises(ConnectionError, match="could not be downloaded \\(DataCorruptionError"): find_photos("kaggle")
    server.promised = server.content
    assert len(find_photos("kaggle")) == 4


def test_a_server_that_falls_silent_is_given_up(server, monkeypatch):
    monkeypatch.setattr("birdcolor.kaggle.PATIENCE", 0.3)
    server.silent.set()
    with pytest.raises(ConnectionError, match="could not be downloaded \\(.*Read timed out"): find_photos("kaggle")


def test_a_download_that_breaks_off_is_refused_and_the_next_one_succeeds(server):
    server.sent = 0.5
    with pytest.raises(ConnectionError, match="could not be downloaded \\("): find_photos("kaggle")
    server.sent = 1.0
    assert len(find_photos("kaggle")) == 4


def test_no_network_at_all_says_what_to_do(server):
    server.server_close()
    server.shutdown()
    with pytest.raises(ConnectionError, match="could not be downloaded \\(ConnectionError: .*\\); download it in a browser and give its folder as data\\.$"):
        find_photos("kaggle")


def test_an_archive_writes_nothing_outside_its_folder(server, tmp_path):
    inside = "datasets/davemahony/20-uk-garden-birds"
    server.content = server.promised = archive("../escaped.txt", "../../../../../../escaped.txt", f"{tmp_path}/escaped.txt", "withBackground/../../escaped.txt")
    assert len(find_photos("kaggle")) == 4
    found = [path.relative_to(tmp_path / "kaggle").as_posix() for path in tmp_path.rglob("escaped.txt")]
    assert found and all(path.startswith(f"{inside}/versions/1/") for path in found)
    assert not any((folder / "escaped.txt").exists() for folder in tmp_path.parents)


def test_a_link_in_an_archive_leads_to_no_file_of_this_machine(server, tmp_path):
    secret = tmp_path / "secret.png"
    Image.new("RGB", (32, 32)).save(secret)
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as file:
        link = tarfile.TarInfo("withBackground/Robin/link.png")
        link.type, link.linkname = tarfile.SYMTYPE, str(secret)
        file.addfile(link)
    server.content = server.promised = content.getvalue()
    with pytest.raises(ConnectionError, match="could not be downloaded \\(AbsoluteLinkError"): find_photos("kaggle")
