"""What was measured, as Markdown."""
import json
from itertools import groupby
from pathlib import Path

from birdcolor.core import MODELS
from birdcolor.report import markdown_table, short

from .kernels import longest_product

PACKAGES = dict(tensorflow="TensorFlow", jax="JAX", keras="Keras", torch="PyTorch")
UNUSED = dict(tensorflow="jax", jax="tensorflow")


def in_words(spread, decimals=2):
    "Median with the lowest and the highest turn."
    return "{median:.{0}f} [{low:.{0}f}, {high:.{0}f}]".format(decimals, **spread)


def beside(row, prefix):
    "How many times as long the fastest contender takes whose name begins with `prefix`."
    tried = {name: spread for name, spread in row["times_birdcolor"].items() if name.startswith(prefix)}
    if not tried: return "not measured"
    best = min(tried, key=lambda name: tried[name]["median"])
    how = dict(pytorch_compiled=" (compiled)", pytorch_graphs=" (compiled, CUDA graphs)")
    return f"{in_words(tried[best])} times as long" + how.get(best, "")


def steps_table(record):
    "Photos a second of every network and how many times as long the others take."
    rows = [["network", "birdcolor, photos a second", "PyTorch's best takes", "the tutorial's manner takes"]]
    rows += [[MODELS[network], f"{row['contenders']['birdcolor']['photos_a_second']:.1f}", beside(row, "pytorch"), beside(row, "tutorial")]
             for network, row in record["steps"].items()]
    return markdown_table(rows)


def arithmetic_table(record):
    "What a training step needs, and how near it comes to what the machine can do."
    rows = [["network", "10⁹ operations a step", "training, 10⁹ a second", "a plain matrix product, 10⁹ a second", "share"]]
    for network, row in record["arithmetic"].items():
        training, product = (f"{row['operations_a_second'][name]['median']/1e9:,.0f}" for name in ("training", "product"))
        rows.append([MODELS[network], f"{row['operations_a_step']/1e9:,.0f}", training, product, in_words(row["share"])])
    counted = "\n\nOnly convolutions and dense layers are counted, and only what no training can do without."
    return "\n\n".join([markdown_table(rows) + counted, *gpu_table(record["arithmetic"])])


def gpu_table(found):
    "Where a GPU's time goes in a step, if the profiler was there; a list of one text or none."
    rows = [["network", "GPU busy, ms a step", "convolutions and matrix products", "the longest kernel of these", "everything else", "idle between"]]
    for network, row in found.items():
        if "gpu" not in row: continue
        busy, spent, span = (row["gpu"][name] for name in ("busy", "products", "span"))
        rows.append([MODELS[network], f"{busy:.2f}", f"{spent/busy:.0%}", f"{longest_product(row['gpu'])/busy:.0%}", f"{1 - spent/busy:.0%}", f"{span - busy:.2f} ms"])
    return [markdown_table(rows) + "\n\nBy JAX's profiler, which makes a step longer by its own work."]*(len(rows) > 1)


OTHERWISE = " The tutorial's manner turns and zooms photos in two resamplings, birdcolor in one; their errors are not of the same pictures."


def files_table(record):
    "Whole trainings from files, data preparation included."
    measured = dict(sorted(record["from_files"].items(), key=lambda found: list(MODELS).index(found[0])))
    rows = [["network", "birdcolor", "the tutorial's manner takes", "training MAE in the last epoch, birdcolor's and the tutorial's"]]
    rows += [[MODELS[network], f"{row['seconds']['birdcolor']['median']:.0f} s", f"{in_words(row['times_birdcolor'])} times as long" if "tutorial" in row["seconds"] else "not measured",
              ", ".join(f"{error:.3f}" for error in row["mae"].values())] for network, row in measured.items()]
    trained = "; ".join(sorted({f"{row['epochs']} epochs on {row['photos']['birdcolor']} JPEG files" for row in measured.values()}))
    return f"{markdown_table(rows)}\n\n{trained}, data preparation included.{OTHERWISE*any('tutorial' in row['mae'] for row in measured.values())}"


def preparation_table(record):
    "Decoding and shrinking photos."
    row = record["preparation"]
    rows = [[f"{row['photos']} photos to {row['size']}x{row['size']} pixels", f"{row['seconds']['birdcolor']['median']:.2f} s",
             f"{title}, {row['seconds'][name]['median']:.2f} s", f"{in_words(row['times_birdcolor'][name])} times as long"]
            for name, title in dict(pillow="a Pillow loop", pillow_threads="Pillow on every core").items()]
    return (markdown_table([["measured", "birdcolor", "beside it", "takes"], *rows]) + f"\n\nbirdcolor's pixels are within {row['mean_difference_levels']:.2f} levels of 255 of the whole decode, on average; "
            f"a second start opened {row['second_start_opened']} photos.")


def startup_table(record):
    "Seconds until a command answers; none of them loads TensorFlow."
    return markdown_table([["command", "seconds"], *([f"`{name}`", in_words(row)] for name, row in record["startup"].items())])


def scale_table(record):
    "Time and peak memory of every stage against the number of photos."
    found = record["scale"]["photos"]
    stages = list(next(iter(found.values())))
    rows = [["photos", *stages]]
    rows += [[f"{int(photos):,}", *(f"{row[name]['seconds']:.0f} s, {row[name]['own_megabytes'] or row[name]['megabytes']:.0f} MB" for name in stages)] for photos, row in sorted(found.items(), key=lambda item: int(item[0]))]
    mapped = "without" if all(row[name]["own_megabytes"] for row in found.values() for name in stages) else "with"
    return markdown_table(rows) + "\n\nJPEG files of drawn birds, {0}x{0} pixels; training is one pass of the FCNN; peak memory {1} mapped files, libraries included.".format(record["scale"]["image_size"], mapped)


def machine(made):
    "What was measured on."
    return f"{made.get('device') or made['processor']}{', in float32'*(made.get('precision') == 'float32')}"


def sentence(made, parts):
    "Where, when and on what `parts` were measured."
    settings, versions = made["settings"], made["versions"]
    trained = f"trained on {settings['image_size']}x{settings['image_size']} pixels, {settings['batch_size']} photos a step, augmentation on; "
    turns = f"median [lowest, highest] of {settings['rounds']} turns; "
    packages = ", ".join(f"{title} {versions[name]}" for name, title in PACKAGES.items() if name in versions and name != UNUSED[made.get("backend", "tensorflow")])
    return (f"{machine(made)}; {trained if {'steps', 'arithmetic', 'from_files'} & set(parts) else ''}{turns if set(parts) != {'scale'} else 'measured once; '}"
            f"{packages}; commit {short(made['commit'])}, {made['finished'][:10]}.")


SHOWN = dict(steps=("A training step", steps_table), arithmetic=("What the machine could do", arithmetic_table), from_files=("Whole trainings, from files", files_table),
             preparation=("Preparing photos", preparation_table), startup=("Starting", startup_table), scale=("Many photos", scale_table))


def tables(folder="reports/benchmarks", parts=tuple(SHOWN)):
    "What was measured of `parts` on every machine, in Markdown; an empty text when nothing was."
    texts = []
    for path in sorted(Path(folder).glob("*.json"), key=lambda path: path.stem):
        record = json.loads(path.read_text(encoding="utf-8"))
        shown = [part for part in parts if part in record]
        texts += [f"### {machine(record[part]['made'])}" for part in shown[:1]]
        for _, together in groupby(shown, key=lambda part: (part == "scale", record[part]["made"] | dict(finished=None))):
            group = list(together)
            texts += [f"**{title}**\n\n{table({part: record[part]['found']})}" for part in group for title, table in [SHOWN[part]]] + [sentence(record[group[-1]]["made"], group)]
    return "\n\n".join(texts)
