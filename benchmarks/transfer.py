"""Transfer against training from nothing: how well each names three new classes after 5, 10, 20 or 50 images of each, for notebook 14.

    python benchmarks/transfer.py                     # the full CIFAR-10 must be there; three quarters of an hour on two cores
    python benchmarks/transfer.py --seeds 2 --results /tmp/again.json
    python benchmarks/transfer.py --choose            # the settings of each way, tried on validation images

The network "seven_classes" has never seen a frog, a horse or a ship. A run's seed decides which training images
of these it learns from and how its new weights begin; at one seed all ways learn from the same images. Settings
were chosen on the validation images of the three classes, with two seeds; each run is then measured
on all 3,000 test images of the three. Each is written as soon as it is there; started again, the script goes on.
"""

import argparse
import contextlib
import io
import json
import sys
import time
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from helpers import data, models, results, train  # noqa: E402
from helpers.augment import Augment  # noqa: E402
from helpers.train import machine  # noqa: E402

NEW = ("frog", "horse", "ship")
COUNTS = (5, 10, 20, 50)  # images of each class
SEEDS = 10
BATCH = 30
FLIP_AND_SHIFT = Augment(flip=True, shift=2)


@dataclass(frozen=True)
class Way:
    """How a network comes to tell the new classes apart: what it is called, for how many steps it learns, at which rate."""

    case: str
    steps: int
    lr: float


FROZEN = Way("frozen base, new head", 200, 0.003)
UNFROZEN = Way("unfrozen", 160, 0.001)
NOTHING = Way("from nothing", 200, 0.01)
WAYS = (FROZEN, UNFROZEN, NOTHING)
# Steps and rates that `--choose` measures on validation; no neighbour of those taken gained over 0.3 points (means of both counts).
TRIED = {
    FROZEN: [(200, 0.0003), (200, 0.001), (200, 0.003), (200, 0.01), (200, 0.03)],
    UNFROZEN: [
        (40, 0.0001), (40, 0.0003), (40, 0.001), (80, 0.0003), (80, 0.001), (160, 0.0003), (160, 0.001), (160, 0.003),
        (320, 0.0003), (320, 0.001),
    ],
    NOTHING: [(100, 0.01), (200, 0.005), (200, 0.01), (200, 0.02), (400, 0.01), (800, 0.01)],
}  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--choose", action="store_true", help="try steps and rates on validation, and stop")
    parser.add_argument("--cases", nargs="+", default=[way.case for way in WAYS], help="only these ways")
    parser.add_argument("--results", type=Path, default=results.RESULTS / "transfer.json")
    options = parser.parse_args()
    sets = {split: data.of_classes(data.load("cifar10", split, source="full"), NEW) for split in data.SPLITS}
    if options.choose:
        choose(sets, options.cases)
        return
    runs = json.loads(options.results.read_text(encoding="utf-8"))["runs"] if options.results.exists() else []
    done = [(run["case"], run["lr"], run["per_class"], run["seed"]) for run in runs]
    for seed in range(options.seeds):
        for count in COUNTS:
            for way in WAYS:
                if way.case in options.cases and (way.case, way.lr, count, seed) not in done:
                    runs.append(one_run(way, count, seed, sets))
                    save(runs, options)


def choose(sets, cases):
    for way in (way for way in WAYS if way.case in cases):
        for steps, lr in TRIED[way]:
            tried = replace(way, steps=steps, lr=lr)
            for count in (10, 50):
                found = [one_run(tried, count, seed, sets | {"test": sets["valid"]}) for seed in range(2)]
                mean = results.summary(found).mean
                print(f"{tried}, {count} of each: {100 * mean:.1f} % of the validation images", flush=True)


def one_run(way, count, seed, sets):
    few = part_of(sets["train"], count, seed)
    torch.manual_seed(seed)
    begin = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        model, trained, scale = TAUGHT[way.case](way, few, seed)
    seconds = time.perf_counter() - begin
    measure = of_features if way.case == FROZEN.case else of_images
    accuracy = {
        f"{name}_accuracy": round(measure(model, replace(images, **scale)), 4)
        for name, images in [("train", few), ("test", sets["test"])]
    }
    print(f"{way.case}, {count} of each, seed {seed}: {accuracy}, {seconds:.1f} s", flush=True)
    return {
        "network": "fast_cnn 64/128/256", "dataset": "cifar10: frog, horse, ship", "case": way.case, "per_class": count,
        "steps": way.steps, "lr": way.lr, "seed": seed, "parameters": trained, "seconds": round(seconds, 2), **accuracy,
        "hardware": machine.hardware(), "torch": torch.__version__,
    }  # fmt: skip


def part_of(images, count, seed):
    """So many images of each class, drawn by the seed."""
    draw = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(images), generator=draw)
    chosen = torch.cat([order[images.labels[order] == c][:count] for c in range(len(NEW))])
    return replace(images, images=images.images[chosen], labels=images.labels[chosen])


def of_images(model, images):
    return train.evaluate(model, images).accuracy


FEATURES = {}  # of the test images, which are always the same and so are asked once


def of_features(model, images):
    """The accuracy of a network with the frozen base, whose features of the test images are computed only once."""
    if images.split == "train":
        return of_images(model, images)
    if images.split not in FEATURES:
        FEATURES[images.split] = train.predict(nn.Sequential(model.base, *model.head[:-1]), images)
    with torch.no_grad():
        return (model.head[-1](FEATURES[images.split]).argmax(dim=1) == images.labels).double().mean().item()


# Each way gives the model, how many of its parameters learned, and the scale on which it sees images.


def frozen(way, few, seed):
    """Features computed once, as the images are; then all steps on the new linear layer alone."""
    model = models.trained("seven_classes")
    model.head[-1] = head = nn.Linear(model.head[-1].in_features, len(NEW))
    scale = {name: tuple(models.about("seven_classes")[name]) for name in ("mean", "std")}
    with torch.no_grad():
        features = model.head[:-1](model.base(train.normalise(few.images, **scale)))
    optimizer = torch.optim.AdamW(head.parameters(), lr=way.lr)
    for _ in range(way.steps):
        loss = F.cross_entropy(head(features), few.labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model, models.count_parameters(head), scale


def unfrozen(way, few, seed):
    """First as `frozen`; then all weights but the whitened stem's learn on, with flips and shifts."""
    model, _, scale = frozen(FROZEN, few, seed)
    return fitted(model, way, replace(few, **scale), seed)


def from_nothing(way, few, seed):
    """The same network with random weights, and the scale of these few images."""
    values = few.images.double() / 255
    scale = {"mean": tuple(values.mean((0, 2, 3)).tolist()), "std": tuple(values.std((0, 2, 3)).tolist())}
    return fitted(models.fast_cnn(3, (64, 128, 256), len(NEW), nn.GELU), way, replace(few, **scale), seed)


def fitted(model, way, few, seed):
    epochs = round(way.steps / -(-len(few) // BATCH))
    glance = replace(few, images=few.images[:2], labels=few.labels[:2])  # `fit` asks for a validation set; not used
    train.fit(
        model, few, glance, epochs=epochs, batch_size=min(BATCH, len(few)), lr=way.lr, augment=FLIP_AND_SHIFT,
        seed=seed, device="cpu",
    )  # fmt: skip
    return model, models.count_parameters(model), {"mean": few.mean, "std": few.std}


TAUGHT = {"frozen base, new head": frozen, "unfrozen": unfrozen, "from nothing": from_nothing}


def save(runs, options):
    head = {
        "command": "python benchmarks/transfer.py", "date": date.today().isoformat(), "source": "full",
        "hardware": " · ".join(sorted({run["hardware"] for run in runs})),
        "torch": " · ".join(sorted({run["torch"] for run in runs})), "seeds": sorted({run["seed"] for run in runs}),
        "recipe": {"batch_size": BATCH, "optimizer": "adamw", "augment": f"{FLIP_AND_SHIFT}; frozen base: none"},
    }  # fmt: skip
    results.save(options.results, head, runs=runs)


if __name__ == "__main__":
    main()
