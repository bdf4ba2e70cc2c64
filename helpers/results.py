"""Measured runs that lie in `notebooks/results/` and `benchmarks/results/`: read them, take means, and test whether two kinds of run differ."""

import json
import statistics
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "notebooks/results"
LADDER = ROOT / "benchmarks/results/ladder.json"  # what benchmarks/ladder.py measured of the recipes


class Summary(NamedTuple):
    """Of the runs of one kind: the mean, the standard deviation over seeds, how many there are."""

    mean: float
    sd: float
    seeds: int


class Difference(NamedTuple):
    """Of two kinds of run: how much higher the first one's mean is, and the 95 % confidence interval of that."""

    mean: float
    low: float
    high: float

    @property
    def shown(self):
        """Whether the runs show a difference: the interval does not hold 0."""
        return self.low > 0 or self.high < 0

    def __str__(self):
        return f"{100 * self.mean:+.1f} points, 95 % interval {100 * self.low:+.1f} to {100 * self.high:+.1f}"


def load(study):
    """The results of a study: a dict with `runs`, `command`, `hardware`, `date`.  Raises ValueError, naming those there are."""
    path = RESULTS / f"{study}.json"
    if not path.is_file():
        there = ", ".join(sorted(found.stem for found in RESULTS.glob("*.json")))
        raise ValueError(f"no results of {study!r}: there are {there}")
    return json.loads(path.read_text())


def select(runs, **wanted):
    """The runs whose fields have these values; None stands for a field that a run does not have.  Raises ValueError where there are none."""
    found = [run for run in runs if all(run.get(field) == value for field, value in wanted.items())]
    if not found:
        raise ValueError(f"no run has {', '.join(f'{field}={value!r}' for field, value in wanted.items())}")
    return found


def summary(runs, key="test_accuracy"):
    """Mean, standard deviation and number of what these runs say under `key`."""
    values = [run[key] for run in runs]
    return Summary(statistics.mean(values), statistics.stdev(values) if len(values) > 1 else 0.0, len(values))


def difference(runs, others, key="test_accuracy", paired=False):
    """How much higher `key` is in these runs than in the others, by a t-test, as a `Difference`.

    By Welch's test (1947), which does not take the two spreads for equal.  paired: by the differences
    of runs with the same seed, where the seed decides something that both kinds share, such as which
    part of a set they learn from.  Raises ValueError for fewer than two runs of a kind, and for pairs whose seeds differ.
    """
    if min(len(runs), len(others)) < 2:
        raise ValueError(f"a spread needs two runs of each kind at least; got {len(runs)} and {len(others)}")
    from scipy import stats  # here and not above: whoever only takes means need not wait a second for it

    both = [sorted(kind, key=lambda run: run["seed"]) for kind in (runs, others)]
    values = [[run[key] for run in kind] for kind in both]
    seeds = [[run["seed"] for run in kind] for kind in both]
    if paired and (seeds[0] != seeds[1] or len(set(seeds[0])) < len(runs)):
        raise ValueError(f"pairs need one run a seed of each kind; got seeds {seeds[0]} and {seeds[1]}")
    test = stats.ttest_rel(*values) if paired else stats.ttest_ind(*values, equal_var=False)
    interval = test.confidence_interval(0.95)
    return Difference(statistics.mean(values[0]) - statistics.mean(values[1]), interval.low, interval.high)


# ---- the ladder ----------------------------------------------------------------------------


class Rung(NamedTuple):
    """What was measured of a recipe: means over the seeds; accuracies from 0 to 1, on the test set; sd: of the accuracy."""

    seconds: float
    accuracy: float
    sd: float
    seeds: int


def rungs(dataset, device=None, path=LADDER):
    """What `benchmarks/ladder.py` measured on one machine: name of a recipe or peer → `Rung`, in the ladder's order.

    device: "cpu", "cuda" or "mps"; None, or one on which nothing was measured, takes what there is.
    Returns the dict and the name of the machine; ({}, "") where nothing was measured.
    """
    runs = [run for run in ladder_runs(path) if run["dataset"] == dataset]
    runs = [run for run in runs if run["device"] == device] or runs
    hardware = runs[0]["hardware"] if runs else ""  # never a mean over two machines
    measured = {}
    for name in dict.fromkeys(run["recipe"] for run in runs):
        mine = [run for run in runs if run["recipe"] == name and run["hardware"] == hardware]
        if mine:
            measured[name] = Rung(summary(mine, "seconds").mean, *summary(mine))
    return measured, hardware


def quickest(dataset, target, device, path=LADDER):
    """The name of the recipe that was measured to reach `target` % on the test set in the least time on such a device.

    device: "cpu", "cuda" or "mps".  Raises ValueError, naming the best, where none reaches it.
    """
    measured = {name: rung for name, rung in rungs(dataset, device, path)[0].items() if not name.startswith("peer")}
    reaching = {name: rung.seconds for name, rung in measured.items() if 100 * rung.accuracy >= target}
    if not reaching:
        best = max(measured, key=lambda name: measured[name].accuracy, default=None)
        raise ValueError(
            f"no recipe is known to reach {target:g} % on {dataset}"
            + (
                f": the best, {best}, reaches {100 * measured[best].accuracy:.1f} %"
                if best
                else f": {path} holds no runs"
            )
        )
    return min(reaching, key=reaching.get)


def ladder_runs(path=LADDER):
    """Every run that `benchmarks/ladder.py` has measured: a list of dicts; empty where there is no such file."""
    return json.loads(path.read_text())["runs"] if path.exists() else []


def ladder_table(dataset, changes, path=LADDER):
    """What was measured of a data set's ladder, as a Markdown table: means over the seeds, and the accuracies' sd.

    changes: name of a recipe → what it changes, in words.

    "× peer": images a second, as a multiple of what the peer gets through on the same machine.
    """
    lines = [
        "| recipe | change | parameters | multiply-adds | seconds | images/s | × peer | share of limit | memory | test accuracy |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    runs = [run for run in ladder_runs(path) if run["dataset"] == dataset]
    for hardware in dict.fromkeys(run["hardware"] for run in runs):
        lines.append(f"| **{hardware}** | | | | | | | | | |")
        here = [run for run in runs if run["hardware"] == hardware]
        peer = [run for run in here if run["recipe"].startswith("peer")]
        limit = max(run["matmul_gflops"] for run in here)  # a shared machine is slower at times
        for name in dict.fromkeys(run["recipe"] for run in here):
            change = changes.get(name, "with the usual DataLoader")
            lines.append(_row(name, change, [run for run in here if run["recipe"] == name], peer, limit))
    return "\n".join(lines)


def _row(name, change, runs, peer, limit):
    def mean(key, of=runs):
        return summary(of, key).mean

    accuracy = summary(runs)
    spread = f" ± {100 * accuracy.sd:.2f}" if len(runs) > 1 else ""
    rate = mean("images_per_second")
    ratio = f"{rate / mean('images_per_second', peer):.1f}" if peer else "–"
    gflops = 6e-9 * rate * runs[0]["multiply_adds"]  # forward once, backward twice, 2 operations a multiply-add
    return (
        f"| {name} | {change} | {runs[0]['parameters']:,} | {runs[0]['multiply_adds'] / 1e6:.1f} M | {mean('seconds'):.0f} | "
        f"{rate:,.0f} | {ratio} | {100 * gflops / limit:.0f} % | {mean('peak_gb'):.1f} GB | "
        f"{100 * accuracy.mean:.2f}{spread} % |"
    )
