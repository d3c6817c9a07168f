"""The page under load: 16 clients at once, every photo answered with its own colours, in bounded memory."""
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
from gradio_client import Client, handle_file
from PIL import Image

from birdcolor.metrics import gray
from birdcolor.toy import draw_bird

SERVE = "from birdcolor.app import serve; serve(port=None, runs='no runs')"
CLIENTS, MEGABYTES = 16, 600


def megabytes(process):
    "What `process` has in memory."
    return psutil.Process(process.pid).memory_info().rss / 2**20


def ask(client, number, folder):
    "Have a photo coloured whose size is its own; returns how long it took, in seconds, and what is wrong with the answer."
    photo = Image.fromarray(draw_bird("Robin", number, 160)).convert("L").resize((300 + number, 200))
    photo.save(folder / f"{number}.png")
    started = time.monotonic()
    try: _, button, _ = client.predict(handle_file(folder / f"{number}.png"), "Robin", 0.5, "chroma", api_name="/colour")
    except Exception as error: return time.monotonic() - started, str(error)
    seconds, answer = time.monotonic() - started, np.asarray(Image.open(button["value"] if isinstance(button, dict) else button))
    fine = answer.shape == (200, 300 + number, 3) and np.abs(gray(answer)[..., 0] * 255 - np.asarray(photo, "float32")).max() <= 1
    return seconds, "" if fine else "another photo"


def test_the_page_answers_every_request_of_16_clients(temporary_folder, request, keep):
    count = request.config.getoption("--requests")
    server = subprocess.Popen([sys.executable, "-u", "-c", SERVE], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              env=os.environ | {"TMPDIR": str(temporary_folder)})
    try:
        address = next(line.split()[-1] for line in server.stdout if line.startswith("The page is at"))
        clients = [Client(address, verbose=False, download_files=temporary_folder / "answers") for _ in range(CLIENTS)]
        assert ask(clients[0], 0, temporary_folder)[1] == ""
        uploads = list(temporary_folder.glob("birdcolor-*/*/0.png"))
        before, peak = megabytes(server), []

        def serve_client(first):
            found = []
            for number in range(first, count, CLIENTS):
                found.append(ask(clients[first], number, temporary_folder))
                peak.append(megabytes(server))
            return found

        with ThreadPoolExecutor(CLIENTS) as pool: answers = [answer for found in pool.map(serve_client, range(CLIENTS)) for answer in found]
    finally:
        server.terminate()
        try: server.wait(60)
        finally: server.kill()
    wrong = [problem for _, problem in answers if problem]
    latency = ", ".join(f"{share}%: {np.percentile([seconds for seconds, _ in answers], share):.1f} s" for share in (50, 95, 99))
    keep("load", dict(fault=f"photo for the page, {CLIENTS} clients at once", tried=len(answers), wrong=len(wrong),
                      outcome=f"{len(answers) - len(wrong)} answers; latency {latency}; {max(peak) - before:+.0f} MB at most, after {before:.0f} MB"))
    assert len(answers) == count and wrong == []
    assert len(uploads) == 1 and not list(temporary_folder.glob("birdcolor-*"))
    assert max(peak) - before < MEGABYTES
