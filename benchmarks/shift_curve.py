"""The shift curve of notebook 05: what a shift of 0 to 8 pixels does to networks that condense in different ways.

python benchmarks/shift_curve.py --source sample          # 9,000 images, three seeds: about a quarter of an hour on two cores
python benchmarks/shift_curve.py --results /tmp/full.json # the full Fashion-MNIST: hours, mostly for "blur"

Every network is trained on centred images only, but for the last one, which sees each image
shifted at random. The images lie in the middle of a black canvas of 48×48 pixels, so that a
shift never cuts anything off, and the networks pad it with its own other side, so that no frame
plays a part. They have nearly as many parameters. Measured on the test set, on which nothing was
chosen: accuracy on all images, and the feature distance of 500 of them, both as a mean over shifts
to the left and to the right. Each run is written as soon as it is there; started again, the script
goes on.
"""

import argparse
import json
import sys
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import torch
import torch.nn.functional as F

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from helpers import augment, data, models, train  # noqa: E402
from helpers.train import machine  # noqa: E402

MARGIN, FARTHEST = 10, 8
RECIPE = {"epochs": 5, "batch_size": 128, "lr": 0.01}  # the same for all; tried on the validation split
NETWORKS = ["stride", "max", "average", "blur", "global", "max, shifted"]
WIDTH = {"global": 14}  # else 8: so that the smallest head does not make the smallest network


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--source", choices=data.SOURCES, default="full")
    parser.add_argument("--results", type=Path, default=ROOT / "notebooks/results/shift_curve.json")
    options = parser.parse_args()

    sets = {split: on_canvas(data.load("fashion_mnist", split, options.source)) for split in data.SPLITS}
    results = {
        "command": f"python benchmarks/shift_curve.py --seeds {options.seeds} --source {options.source}",
        "date": date.today().isoformat(),
        "source": f"fashion_mnist, {options.source}",
        "hardware": machine.hardware(),
        "torch": torch.__version__,
        "recipe": RECIPE,
        "shifts": list(range(FARTHEST + 1)),
        "seeds": list(range(options.seeds)),
        "runs": runs_before(options),
    }
    done = {(run["network"], run["seed"]) for run in results["runs"]}
    for seed in range(options.seeds):
        for network in NETWORKS:
            if (network, seed) not in done:
                results["runs"].append(one_run(network, seed, sets))
                save(results, options.results)
    save(results, options.results)


def runs_before(options):
    """The runs of an earlier start, where they are of the same recipe on the same data."""
    if not options.results.exists():
        return []
    before = json.loads(options.results.read_text(encoding="utf-8"))
    if before["recipe"] != RECIPE or before["source"] != f"fashion_mnist, {options.source}":
        raise SystemExit(
            f"{options.results} holds another recipe or source: delete it, or name another file by --results"
        )
    return before["runs"]


def save(results, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    temporary.replace(path)


def one_run(network, seed, sets):
    torch.manual_seed(seed)
    condense, _, shifted = network.partition(", ")
    model = models.condensing_cnn(condense, size=28 + 2 * MARGIN, width=WIDTH.get(condense, 8))
    moved = (lambda x: augment.random_shift(x, FARTHEST)) if shifted else None
    start = time.perf_counter()
    history = train.fit(model, sets["train"], sets["valid"], **RECIPE, augment=moved, seed=seed)
    seconds = time.perf_counter() - start
    accuracy, distance = shift_curve(model, sets["test"])
    print(f"{network} {seed}: accuracy", *(f"{100 * a:.1f}" for a in accuracy))
    print(f"{network} {seed}: distance", *(f"{d:.3f}" for d in distance), flush=True)
    return {
        "network": network, "seed": seed, "parameters": models.count_parameters(model), "seconds": round(seconds, 1),
        "valid_accuracy": history.valid_accuracy[-1], "accuracy": accuracy, "distance": distance,
    }  # fmt: skip


def on_canvas(images):
    """The same set with a black margin around every image."""
    return replace(images, images=F.pad(images.images, [MARGIN] * 4))


def shift_curve(model, images, few=500):
    """Accuracy, and distance of the last linear layer's inputs from those of the unmoved image, for each shift.

    The distance is given as a share of the mean distance between two different images.
    """
    some = replace(images, images=images.images[:few], labels=images.labels[:few])
    still = features(model, some)
    scale = (still - still.roll(1, dims=0)).norm(dim=1).mean()
    accuracy, distance = [], []
    for by in range(FARTHEST + 1):
        sides = {by, -by}
        both = [train.evaluate(model, moved(images, side)).accuracy for side in sides]
        accuracy.append(sum(both) / len(sides))
        both = [(features(model, moved(some, side)) - still).norm(dim=1).mean() / scale for side in sides]
        distance.append((sum(both) / len(sides)).item())
    return accuracy, distance


def moved(images, right):
    return replace(images, images=augment.shift(images.images, right))


def features(model, images):
    """What the last linear layer gets, (N, features)."""
    return train.predict(torch.nn.Sequential(model.base, model.head[:-1]), images)


if __name__ == "__main__":
    main()
