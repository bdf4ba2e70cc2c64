"""Measured runs that lie in `notebooks/results/`: read them, take means, and test whether two kinds of run differ."""

import json
import statistics
from pathlib import Path
from typing import NamedTuple

RESULTS = Path(__file__).resolve().parent.parent / "notebooks/results"


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
