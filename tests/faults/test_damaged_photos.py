"""No damaged photo crashes, hangs or swallows the memory of the cache, the tool or the page: each gives an image or one sentence."""
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

WORKER = Path(__file__).with_name("damaged.py")


def test_damaged_photos_give_an_image_or_one_sentence(tmp_path, request):
    count = request.config.getoption("--damaged-photos")
    finished = subprocess.run([sys.executable, str(WORKER), "0", str(count), str(tmp_path)], capture_output=True, text=True, timeout=60 + count)
    assert finished.returncode == 0, finished.stderr[-3000:]
    outcomes = [json.loads(line) for line in finished.stdout.splitlines() if line.startswith("{")]
    assert len(outcomes) == count
    for door in "cache", "colorize", "page":
        counts = Counter(found[door] for found in outcomes)
        print(f"{door}: {dict(counts)}")
        assert set(counts) == {"image", "sentence"}, [found for found in outcomes if found[door] not in ("image", "sentence")]
