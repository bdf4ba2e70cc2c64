"""Find the learning rate of each rung of the ladders, on the validation images alone.

python benchmarks/rates.py cifar10                     # every rung of a ladder: hours; prints what it found
python benchmarks/rates.py cifar10 muon falling        # these rungs only
python benchmarks/rates.py                             # print what was found; train nothing

The same small search on each rung: the recipe's rate, half of it and twice it, from two seeds each, and
on in that direction for as long as the best of them stands at an end. Each run is written as soon as
it is there; started again, the script goes on. (The first rung has the tutorial's own rate; one that only
asks more often in testing has that of the rung below.)
"""

import argparse
import contextlib
import io
import json
import statistics
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ladder import save  # noqa: E402

from helpers import data, train  # noqa: E402
from helpers.train import machine, recipes  # noqa: E402

FOUND = ROOT / "benchmarks/results/rates.json"
SEEDS = (100, 101)  # none of those by which the ladder is measured


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", nargs="?", choices=recipes.RECIPES)
    parser.add_argument("recipes", nargs="*")
    parser.add_argument("--results", type=Path, default=FOUND)
    parser.add_argument("--seeds", type=int, default=len(SEEDS), choices=(1, 2), help="1 for what takes long")
    options = parser.parse_args()
    if options.dataset:
        sets = [data.load(options.dataset, split, "full") for split in ("train", "valid")]
        for name in options.recipes or list(recipes.RECIPES[options.dataset])[1:]:
            search(recipes.find(options.dataset, name), sets, SEEDS[: options.seeds], options.results)
    for dataset, ladder in recipes.RECIPES.items():
        for name, recipe in ladder.items():
            rates = ", ".join(
                f"{rate:g}: {100 * mean:.2f} %" for rate, mean in means(dataset, recipe, options.results).items()
            )
            print(f"{dataset:13} {name:11} takes {recipe.lr:g}; tried {rates}")


def search(recipe, sets, seeds, path):
    """Try the recipe's rate, half of it and twice it, and go on while the best of them stands at an end."""
    next_ones = [recipe.lr / 2, recipe.lr, 2 * recipe.lr]
    while next_ones:
        for rate in next_ones:
            for seed in seeds:
                measure(replace(recipe, lr=rate), sets, seed, path)
        found = means(sets[0].name, recipe, path)
        best = max(found, key=found.get)
        next_ones = [best / 2] * (best == min(found)) + [2 * best] * (best == max(found))


def means(dataset, recipe, path=FOUND):
    """What was found for this recipe: rate → mean validation accuracy, the lowest rate first."""
    tried = {}
    for run in kept(path):
        if run["dataset"] == dataset and run["settings"] == str(replace(recipe, lr=run["lr"])):
            tried.setdefault(run["lr"], []).append(run["valid_accuracy"])
    return {rate: statistics.mean(tried[rate]) for rate in sorted(tried)}


def measure(recipe, sets, seed, path):
    """One run, kept in the file; nothing where it is there already."""
    run = {"dataset": sets[0].name, "lr": recipe.lr, "seed": seed, "settings": str(recipe)}
    if any(run.items() <= other.items() for other in kept(path)):
        return
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            model = recipe.build(sets[0], seed)
            seconds = sum(train.fit(model, *sets, **recipe.settings(), seed=seed).seconds)
        accuracy = train.evaluate(model, sets[1], recipe.views).accuracy
    except FloatingPointError:  # the rate was far too high
        accuracy, seconds = 0.0, 0.0
    print(
        f"{run['dataset']} {recipe.change}: rate {recipe.lr:g}, {100 * accuracy:.2f} % in {seconds:.0f} s", flush=True
    )
    run |= {"valid_accuracy": round(accuracy, 4), "seconds": round(seconds, 1)}
    run |= {"hardware": machine.hardware(), "date": date.today().isoformat()}
    save({"command": "python benchmarks/rates.py cifar10", "runs": [*kept(path), run]}, path)


def kept(path):
    return json.loads(path.read_text(encoding="utf-8"))["runs"] if path.exists() else []


if __name__ == "__main__":
    main()
