"""Measured runs that lie in `notebooks/results/` and `benchmarks/results/`: read them, take means, and test whether two kinds of run differ."""

import json
import math
import statistics
from pathlib import Path
from typing import NamedTuple

from helpers import checks, data

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "notebooks/results"
LADDER = ROOT / "benchmarks/results/ladder.json"  # what benchmarks/ladder.py measured of the recipes
UNITS = {"seconds": "s", "images_per_second": "images/s", "peak_gb": "GB"}  # of what is no share
MOST = 1e100  # that can be squared without running over


class Summary(NamedTuple):
    """Of the runs of one kind: the mean, the standard deviation over seeds (0 of a single run), how many there are."""

    mean: float
    sd: float
    seeds: int

    @property
    def margin(self):
        """Half of the 95 % confidence interval of the mean, by Student's t; infinite for a single run."""
        if self.seeds < 2:
            return math.inf
        from scipy import stats  # here and not above: whoever only takes means need not wait a second for it

        return float(stats.t.ppf(0.975, self.seeds - 1)) * self.sd / self.seeds**0.5


class _Interval(NamedTuple):
    mean: float
    low: float
    high: float


class Difference(_Interval):
    """Of two kinds of run: how much higher the first one's mean is, and the 95 % confidence interval of that.

    mean, low, high: as the runs say it.  unit: in which `str` says it; "points" are hundredths.
    """

    def __new__(cls, mean, low, high, unit="points"):
        difference = super().__new__(cls, mean, low, high)
        difference.unit = unit
        return difference

    @property
    def shown(self):
        """Whether the runs show a difference: the interval does not hold 0."""
        return self.low > 0 or self.high < 0

    def __str__(self):
        scale = 100 if self.unit == "points" else 1
        mean, low, high = (f"{round(scale * value, 1) + 0.0:+.1f}" for value in self)  # + 0.0 makes a 0 of -0.0
        return f"{mean} {self.unit}".rstrip() + f", 95 % interval {low} to {high}"


def load(study):
    """The results of a study: a dict with `runs`, `command`, `hardware`, `date`.

    Raises ValueError, naming those there are, for another one, and for a file that holds no results.
    """
    there = sorted(found.stem for found in RESULTS.glob("*.json"))
    if not isinstance(study, str) or study not in there:
        raise ValueError(f"no results of {checks.shown(study)}: there are {', '.join(there)}")
    return _read(RESULTS / f"{study}.json")


def save(path, head, **tables):
    """Write results for `load`: head, a dict, and tables, lists or dicts, an entry a line, so that a change of the file can be read.

    The file is written whole or not at all; its folder is made where need be.
    """
    text = json.dumps(head, indent=1)[:-2]
    for name, table in tables.items():
        named = isinstance(table, dict)
        entries = (
            [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in table.items()]
            if named
            else map(json.dumps, table)
        )
        left, right = "{}" if named else "[]"
        text += f',\n "{name}": {left}\n' + ",\n".join(f"  {entry}" for entry in entries) + f"\n {right}"
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(text + "\n}\n", encoding="utf-8")
    temporary.replace(path)


def _read(path):
    """What a file of results holds: a dict with a list of runs under `runs`."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is damaged ({error}): fetch it again, `git checkout -- {path.name}` in its folder"
        ) from error
    runs = kept.get("runs") if isinstance(kept, dict) else None
    if not isinstance(runs, list) or not all(isinstance(run, dict) for run in runs):
        raise ValueError(f"{path} holds no list of runs under 'runs'")
    return kept


def select(runs, **wanted):
    """The runs whose fields have these values; None stands for a field that a run does not have.  Raises ValueError where there are none."""
    for field, value in wanted.items():
        if getattr(value, "ndim", 0):
            raise ValueError(f"{field} must be one value, that a run may have; got {checks.shown(value)}")
    found = [run for run in _checked(runs) if all(run.get(field) == value for field, value in wanted.items())]
    if not found:
        raise ValueError(f"no run has {', '.join(f'{field}={checks.shown(value)}' for field, value in wanted.items())}")
    return found


def summary(runs, key="test_accuracy"):
    """Mean, standard deviation and number of what these runs say under `key`.

    Raises ValueError for no runs, and where one says nothing under `key`, or no finite number.
    """
    values = _values(runs, key)
    return Summary(statistics.mean(values), statistics.stdev(values) if len(values) > 1 else 0.0, len(values))


def difference(runs, others, key="test_accuracy", paired=False):
    """How much higher `key` is in these runs than in the others, by a t-test, as a `Difference`.

    By Welch's test (1947), which does not take the two spreads for equal.  paired: by the differences
    of runs with the same seed, where the seed decides something that both kinds share, such as which
    part of a set they learn from.  Raises ValueError as `summary` does, for fewer than two runs of a
    kind, for pairs whose seeds differ, and for runs without any spread, of which nothing can be inferred.
    """
    kinds = [_checked(kind) for kind in (runs, others)]
    if min(map(len, kinds)) < 2:
        raise ValueError(f"a spread needs two runs of each kind at least; got {len(kinds[0])} and {len(kinds[1])}")
    from scipy import stats  # here and not above: whoever only takes means need not wait a second for it

    if checks.flag("paired", paired):
        seeds = [sorted(int(seed) for seed in _values(kind, "seed")) for kind in kinds]
        if seeds[0] != seeds[1] or len(set(seeds[0])) < len(seeds[0]):
            raise ValueError(f"pairs need one run a seed of each kind; got seeds {seeds[0]} and {seeds[1]}")
        kinds = [sorted(kind, key=lambda run: run["seed"]) for kind in kinds]
    values = [_values(kind, key) for kind in kinds]
    if all(_are_equal(numbers) for numbers in ([[a - b for a, b in zip(*values)]] if paired else values)):
        raise ValueError(f"the runs do not differ from seed to seed in {key!r}, so there is no spread to test by")
    test = stats.ttest_rel(*values) if paired else stats.ttest_ind(*values, equal_var=False)
    interval = test.confidence_interval(0.95)
    mean = statistics.mean(values[0]) - statistics.mean(values[1])
    is_share = key.endswith(("accuracy", "gap"))
    return Difference(mean, float(interval.low), float(interval.high), "points" if is_share else UNITS.get(key, ""))


def _checked(runs):
    """The runs as a list.  Raises ValueError for anything but a list of dicts."""
    is_list = isinstance(runs, (list, tuple))
    if not is_list or not all(isinstance(run, dict) for run in runs):
        raise ValueError(f"runs must be a list of dicts, one a run; got {checks.shown(runs)}")
    return list(runs)


def _values(runs, key):
    """What each run says under `key`: at least one finite number, or a ValueError."""
    if not isinstance(key, str):
        raise ValueError(f"key must be the name of a field; got {checks.shown(key)}")
    values = []
    for run in _checked(runs):
        if key not in run:
            raise ValueError(f"a run says nothing under key {key!r}: it has {checks.shown(list(run))}")
        values.append(checks.number(f"{key} of a run", run[key], least=-MOST, most=MOST))
    if not values:
        raise ValueError(f"runs must hold one run at least, to say something of {key!r}; got none")
    return values


def _are_equal(numbers):
    return math.isclose(min(numbers), max(numbers), rel_tol=1e-9, abs_tol=1e-12)


# ---- the ladder ----------------------------------------------------------------------------


LADDER_FIELDS = (
    "dataset", "recipe", "device", "hardware", "seed", "valid_accuracy", "test_accuracy", "seconds", "images_per_second", "peak_gb",
    "parameters", "multiply_adds", "matmul_gflops",
)  # fmt: skip


class Rung(NamedTuple):
    """What was measured of a recipe, over its seeds: seconds of training, and the accuracies, from 0 to 1.

    valid: on the validation images; what chooses a rung chooses by it.  None of a peer, which learns from
    them.  test: what the choice is worth.
    """

    seconds: float
    valid: Summary | None
    test: Summary


def rungs(dataset, device=None, path=LADDER):
    """What `benchmarks/ladder.py` measured on one machine: name of a recipe or peer → `Rung`, in the ladder's order.

    device: "cpu", "cuda" or "mps"; None, or one on which nothing was measured, takes what there is.
    Returns the dict and the name of the machine; ({}, "") where nothing was measured.
    Raises ValueError for another data set or device, and for a file that is no ladder's.
    """
    runs = _runs_of(dataset, path)
    if device is not None:
        checks.one_of("device", device, ("cpu", "cuda", "mps"))
    runs = [run for run in runs if run["device"] == device] or runs
    hardware = runs[0]["hardware"] if runs else ""  # never a mean over two machines
    measured = {}
    for name in dict.fromkeys(run["recipe"] for run in runs):
        mine = [run for run in runs if run["recipe"] == name and run["hardware"] == hardware]
        if mine:
            valid = None if is_peer(name) else summary(mine, "valid_accuracy")
            measured[name] = Rung(summary(mine, "seconds").mean, valid, summary(mine))
    return measured, hardware


def quickest(dataset, target, device, path=LADDER):
    """The name of the recipe that was measured to reach `target` % in the least time on such a device.

    It is chosen by the validation accuracy: what the test set chose could no longer be tested by it.
    target: from 0 to 100.  device: "cpu", "cuda" or "mps".  Raises ValueError as `rungs` does, and,
    naming the best, where none reaches the target.
    """
    target = checks.number("target", target, least=0, most=100)
    measured = {name: rung for name, rung in rungs(dataset, device, path)[0].items() if not is_peer(name)}
    reaching = {name: rung.seconds for name, rung in measured.items() if 100 * rung.valid.mean >= target}
    if not reaching:
        best = max(measured, key=lambda name: measured[name].valid.mean, default=None)
        raise ValueError(
            f"no recipe is known to reach {target:g} % on {dataset}"
            + (
                f": the best, {best}, reaches {100 * measured[best].valid.mean:.1f} % of the validation images"
                if best
                else f": {path} holds no runs"
            )
        )
    return min(reaching, key=reaching.get)


def ladder_runs(path=LADDER):
    """Every run that `benchmarks/ladder.py` has measured: a list of dicts; empty where there is no such file.

    Raises ValueError where the file is damaged, or holds other runs.
    """
    path = Path(path)
    if not path.exists():
        return []
    runs = _read(path)["runs"]
    lacking = [field for field in LADDER_FIELDS if any(field not in run for run in runs)]
    if lacking:
        raise ValueError(f"{path} is no ladder's: a run has no {', '.join(lacking)}")
    return runs


def is_peer(name):
    """Whether it is what others teach, measured beside the recipes."""
    return name.startswith("peer")


def _runs_of(dataset, path):
    checks.one_of("dataset", dataset, data.CLASSES)
    return [run for run in ladder_runs(path) if run["dataset"] == dataset]


def ladder_table(dataset, changes, path=LADDER):
    """What was measured of a data set's ladder, as a Markdown table: means over the seeds, ± half of their 95 % interval.

    changes: name of a recipe → what it changes, in words.
    "× peer": images a second, as a multiple of what the peer gets through on the same machine.
    Raises ValueError as `rungs` does, and for changes that are no dict.
    """
    if not isinstance(changes, dict):
        raise ValueError(f"changes must be a dict, name of a recipe → what it changes; got {checks.shown(changes)}")
    lines = [
        "| recipe | change | parameters | multiply-adds | seconds | images/s | × peer | share of limit | memory | seeds "
        "| validation | test accuracy |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    runs = _runs_of(dataset, path)
    for hardware in dict.fromkeys(run["hardware"] for run in runs):
        lines.append(f"| **{hardware}** | | | | | | | | | | | |")
        here = [run for run in runs if run["hardware"] == hardware]
        peer = [run for run in here if is_peer(run["recipe"])]
        limit = max(run["matmul_gflops"] for run in here)  # a shared machine is slower at times
        for name in dict.fromkeys(run["recipe"] for run in here):
            change = changes.get(name, "with the usual DataLoader")
            lines.append(_row(name, change, [run for run in here if run["recipe"] == name], peer, limit))
    return "\n".join(lines)


def _row(name, change, runs, peer, limit):
    def mean(key, of=runs):
        return summary(of, key).mean

    def accuracy(key):
        found = summary(runs, key)
        margin = f" ± {100 * found.margin:.2f}" if len(runs) > 1 else ""
        return f"{100 * found.mean:.2f}{margin} %"

    rate = mean("images_per_second")
    ratio = f"{rate / mean('images_per_second', peer):.1f}" if peer else "–"
    gflops = 6e-9 * rate * runs[0]["multiply_adds"]  # forward once, backward twice, 2 operations a multiply-add
    return (
        f"| {name} | {change} | {runs[0]['parameters']:,} | {runs[0]['multiply_adds'] / 1e6:.1f} M | {mean('seconds'):.0f} | "
        f"{rate:,.0f} | {ratio} | {100 * gflops / limit:.0f} % | {mean('peak_gb'):.1f} GB | "
        f"{len(runs)} | {'–' if is_peer(name) else accuracy('valid_accuracy')} | {accuracy('test_accuracy')} |"
    )
