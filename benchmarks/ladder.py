"""Measure every rung of the ladders, and the peers, each run in a process of its own, one after another.

python benchmarks/ladder.py                         # what is missing, full data: hours
python benchmarks/ladder.py --only cifar10 batch adamw --seeds 5
python benchmarks/ladder.py --quick                 # a part of an epoch of peers and targets: under 5 minutes
python benchmarks/ladder.py --table                 # print what was measured and put it into the README; train nothing

Quick rungs are measured from more seeds than slow ones: see SEEDS. Each run is written as soon as it is there;
started again on such a machine, the script goes on (delete the file to measure anew). The recipes were
chosen on the validation split; here every one of them meets the test set, once for each seed.
"""

import argparse
import functools
import json
import os
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import peers  # noqa: E402

from helpers import arithmetic, data, results  # noqa: E402
from helpers.train import machine, recipes  # noqa: E402

README = ROOT / "README.md"
PEERS = {"cifar10": "peer: tutorial", "fashion_mnist": "peer: tinyvgg"}
SEEDS = [(30, 10), (180, 5)]  # rungs that take less than so many seconds are measured from so many seeds,
LEAST_SEEDS = 3  # the others from these
QUICK = {"cifar10": ("batch", "gelu"), "fashion_mnist": ("batch", "views")}  # held against the peer's speed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="a data set, then recipes of it (default: all)")
    parser.add_argument("--seeds", type=int, help="of each rung (default: ten, five or three)")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--results", type=Path, default=results.LADDER)
    options = parser.parse_args()
    if options.quick:
        return quick()
    if not options.table:
        measure(options)
    for dataset in PEERS:
        print(f"\n{dataset}\n" + table(dataset, options.results))
    if options.results == results.LADDER:
        README.write_text(with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")


def table(dataset, path=results.LADDER):
    changes = {name: recipe.change for name, recipe in recipes.RECIPES[dataset].items()}
    return results.ladder_table(dataset, changes, path)


def with_tables(text):
    """The text with the table of each data set between its two marks."""
    for dataset in PEERS:
        before, rest = text.split(f"<!-- ladder {dataset} -->", 1)
        after = rest.split("<!-- end -->", 1)[1]
        text = f"{before}<!-- ladder {dataset} -->\n\n{table(dataset)}\n\n<!-- end -->{after}"
    return text


def measure(options):
    runs = results.ladder_runs(options.results)
    here = machine.hardware()
    runs = [run for run in runs if not changed(run)]  # what is no longer a recipe is measured anew
    for seed in range(options.seeds or SEEDS[0][1]):
        for dataset, name in chosen(options.only):
            mine = [run for run in runs if (run["dataset"], run["recipe"], run["hardware"]) == (dataset, name, here)]
            if any(run["seed"] == seed for run in mine) or (not options.seeds and seed >= wanted(name, mine)):
                continue
            run = one_run(dataset, name, seed)
            print(f"{dataset} {name} {seed}: {run['seconds']:.1f} s", flush=True)  # the accuracies when all is measured
            runs = sorted([*runs, run], key=place)
            save({"command": "python benchmarks/ladder.py", "runs": runs}, options.results)


def wanted(name, runs):
    """From how many seeds a rung is measured, going by the seconds of its runs so far."""
    if results.is_peer(name):
        return LEAST_SEEDS
    seconds = results.summary(runs, "seconds").mean if runs else 0
    return next((seeds for limit, seeds in SEEDS if seconds < limit), LEAST_SEEDS)


def place(run):
    """Where a run stands in the file: in the order of the ladders, whenever it was measured."""
    return list(chosen(None)).index((run["dataset"], run["recipe"])), run["seed"]


def changed(run):
    """Whether this run is of a recipe that has changed since, or is no more."""
    if results.is_peer(run["recipe"]):
        return False
    now = recipes.RECIPES[run["dataset"]].get(run["recipe"])
    return now is None or str(now) != run["settings"]


def chosen(only):
    """(data set, recipe) of each run; the peer of a data set stands first."""
    for dataset, peer in PEERS.items():
        for name in [peer, *recipes.RECIPES[dataset]]:
            if only is None or (dataset == only[0] and (name in only[1:] or len(only) == 1)):
                yield dataset, name


def one_run(dataset, name, seed, *more):
    """Train and test in a process of its own; what it reports, and on what."""
    if results.is_peer(name):
        command = ["benchmarks/peers.py", name.removeprefix("peer: "), "--seed", str(seed), *more]
    else:
        command = ["-m", "helpers.train", "--dataset", dataset, "--recipe", name, "--seed", str(seed), "--json", *more]
        command += ["--source", "full"]
    process = subprocess.Popen([sys.executable, *command], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    lines = process.stdout.read().splitlines()
    _, status, used = os.wait4(process.pid, 0)  # wait() would not say how much memory it used
    if status:
        raise SystemExit(f"{' '.join(command)} failed: its error stands above")
    settings = {} if results.is_peer(name) else {"settings": str(recipes.find(dataset, name))}
    return json.loads(lines[-1]) | {"recipe": name} | settings | {
        "multiply_adds": multiply_adds(dataset, name), "matmul_gflops": matmul_gflops(),
        "peak_gb": round(used.ru_maxrss / 2**20, 2), "date": date.today().isoformat(),
        "hardware": machine.hardware(), "torch": torch.__version__,
    }  # fmt: skip


def multiply_adds(dataset, name):
    """Of one image going forward through the network."""
    if results.is_peer(name):
        model = peers.PEERS[name.removeprefix("peer: ")]["model"]()
    else:
        recipe = recipes.find(dataset, name)
        model = recipe.network(data.SHAPES[dataset][0], **recipe.options)
    return sum(layer.multiply_adds for layer in arithmetic.trace_shapes(model, data.SHAPES[dataset]))


@functools.cache
def matmul_gflops(size=2048, seconds=1.0):
    """What this machine multiplies at most, in GFLOP/s: two large matrices, in bf16 where training uses it, else fp32."""
    device = machine.choose_device()
    dtype = machine.DTYPES[machine.choose_precision(device)]
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    rate, end = 0.0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(10):
            c = a @ b
        c[0, 0].item()  # waits until a GPU has done its work
        rate = max(rate, 10 * 2 * size**3 / (time.perf_counter() - start) / 1e9)
    return round(rate)


def quick():
    """Images a second of the peers and of the rungs that are held against them, each on a part of its run."""
    for dataset, peer in PEERS.items():
        theirs = one_run(dataset, peer, 0, "--images", "10000")
        print(f"\n{dataset}: {peer} {theirs['images_per_second']:,} images/s")
        for name in QUICK[dataset]:
            run = one_run(dataset, name, 0, "--epochs", "1")
            ratio = run["images_per_second"] / theirs["images_per_second"]
            work = ratio * run["multiply_adds"] / theirs["multiply_adds"]
            print(f"  {name}: {run['images_per_second']:,} images/s, {ratio:.2f} times as many, "
                  f"and {work:.0f} times as many multiply-adds a second")  # fmt: skip


def save(results, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    temporary.replace(path)


if __name__ == "__main__":
    main()
