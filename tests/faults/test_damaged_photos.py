"""No damaged photo crashes, hangs or swallows the memory of the cache, the tool or the page: each gives an image or one sentence."""
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

WORKER = Path(__file__).with_name("damaged.py")


def test_damaged_photos_give_an_image_or_one_sentence(tmp_path, request, keep):
    count = request.config.getoption("--damaged-photos")
    finished = subprocess.run([sys.executable, str(WORKER), "0", str(count), str(tmp_path)], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr[-3000:]
    outcomes = [json.loads(line) for line in finished.stdout.splitlines() if line.startswith("{")]
    counts = {door: Counter(found[door] for found in outcomes) for door in ("cache", "colorize", "page")}
    wrong = [found for found in outcomes if not set(found.values()) - {found["photo"]} <= {"image", "sentence"}]
    keep("damaged-photos", *(dict(fault=f"damaged photo, {door}", tried=len(outcomes), wrong=len(outcomes) - found["image"] - found["sentence"],
                                  outcome=f"{found['image']} images, {found['sentence']} sentences") for door, found in counts.items()))
    assert len(outcomes) == count and wrong == []
    assert all(set(found) == {"image", "sentence"} for found in counts.values()), counts
