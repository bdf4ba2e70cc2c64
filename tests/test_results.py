"""The studies of notebooks 06 to 08: matched runs, taken up again, and what their summaries say."""

import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from helpers import models, results


@pytest.fixture(scope="module")
def ablations(root):
    sys.path.insert(0, str(root / "benchmarks"))
    import ablations

    return ablations


def runs(case, *accuracies):
    return [{"case": case, "seed": seed, "test_accuracy": a} for seed, a in enumerate(accuracies)]


def test_a_difference_is_welchs_and_is_shown_only_where_its_interval_leaves_out_0():
    a, b = runs("a", 0.90, 0.91, 0.92), runs("b", 0.80, 0.84, 0.82)
    found = results.difference(a, b)
    assert found.mean == pytest.approx(0.09)
    n, sd_a, sd_b = 3, 0.01, 0.02
    error = ((sd_a**2 + sd_b**2) / n) ** 0.5
    freedom = error**4 / ((sd_a**4 + sd_b**4) / (n**2 * (n - 1)))
    assert found.high - found.mean == pytest.approx(error * stats.t.ppf(0.975, freedom))
    assert found.shown
    assert str(found).startswith("+9.0 points, 95 % interval +")
    assert not results.difference(a, runs("b", 0.80, 0.99, 0.88)).shown
    assert results.difference(b, a).shown  # lower is a difference, too
    with pytest.raises(ValueError, match="two runs of each kind at least; got 3 and 1"):
        results.difference(a, runs("b", 0.5))


def test_a_paired_difference_looks_at_each_seed():
    a, b = runs("a", 0.50, 0.61, 0.70), runs("b", 0.49, 0.59, 0.69)
    assert not results.difference(a, b).shown  # the spread over the seeds hides it
    found = results.difference(a, b[::-1], paired=True)  # in any order
    half = stats.t.ppf(0.975, 2) * 0.01 / 3  # of 0.01, 0.02, 0.01: the standard error
    assert found == pytest.approx((0.04 / 3, 0.04 / 3 - half, 0.04 / 3 + half))
    for other in (runs("b", 0.5, 0.6), [*b, b[0]]):
        with pytest.raises(ValueError, match="pairs need one run a seed of each kind; got seeds"):
            results.difference(a, other, paired=True)


def test_a_difference_is_said_in_the_unit_of_its_key():
    def timed(*seconds):
        return [{"seed": seed, "seconds": s, "gap": s / 100, "parameters": s} for seed, s in enumerate(seconds)]

    slow, quick = timed(12.0, 13.0, 14.0), timed(2.0, 3.0, 3.5)
    words = [str(results.difference(slow, quick, key)) for key in ("seconds", "gap", "parameters")]
    assert words[0].startswith("+10.2 s, 95 % interval +")
    assert words[1].startswith("+10.2 points, 95 % interval +")
    assert words[2].startswith("+10.2, 95 % interval +")
    mean, low, high = results.difference(slow, quick, "seconds")  # three numbers, as of an accuracy
    assert low < mean < high


def test_select_and_summary_take_the_runs_that_are_asked_for():
    both = runs("a", 0.5, 0.7) + runs("b", 0.1)
    assert results.summary(results.select(both, case="a")) == pytest.approx((0.6, 0.02**0.5, 2))
    assert results.summary(results.select(both, case="b")) == (0.1, 0.0, 1)
    assert results.select(both, case="a", seed=np.int64(1)) == [both[1]]
    assert results.select([*both, {"case": "a", "longer": 4}], case="a", longer=None) == both[:2]
    assert results.summary(tuple(both[:2]), "seed").mean == 0.5


NAN = runs("a", 0.5, float("nan"))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: results.select(runs("a", 0.5), case="c"), "no run has case='c'"),
        (lambda: results.select({"runs": []}, case="c"), r"runs must be a list of dicts, one a run; got \{'runs'"),
        (lambda: results.select(runs("a", 0.5), seed=np.zeros(2)), "seed must be one value.*; got a NumPy array"),
        (lambda: results.load("nothing"), "no results of 'nothing': there are .*shift_curve"),
        (lambda: results.load("../results/dropout"), "no results of '../results/dropout': there are"),
        (lambda: results.load(None), "no results of None: there are"),
        (lambda: results.summary([]), "runs must hold one run at least, to say something of 'test_accuracy'; got none"),
        (lambda: results.summary(runs("a", 0.5), "speed"), r"nothing under key 'speed': it has \['case', 'seed', 'test_acc"),
        (lambda: results.summary(runs("a", 0.5), "case"), "case of a run must be a finite number .*; got 'a'"),
        (lambda: results.summary(runs("a", 0.5), ["seed"]), r"key must be the name of a field; got \['seed'\]"),
        (lambda: results.summary(NAN), "test_accuracy of a run must be a finite number .*; got nan"),
        (lambda: results.summary([0.5, 0.6]), r"runs must be a list of dicts, one a run; got \[0.5, 0.6\]"),
        (lambda: results.difference(NAN, runs("b", 0.1, 0.2)), "test_accuracy of a run must be .*; got nan"),
        (lambda: results.difference([], runs("b", 0.1, 0.2)), "two runs of each kind at least; got 0 and 2"),
        (lambda: results.difference(runs("a", 0.5, 0.5), runs("b", 0.1, 0.1)), "no spread to test by"),
        (lambda: results.difference(runs("a", 0.5, 0.7), runs("b", 0.4, 0.6), paired=True), "no spread to test by"),
        (lambda: results.difference(runs("a", 0.5, 0.7), runs("b", 0.4, 0.5), paired="yes"), "paired must be True or False"),
        (lambda: results.difference([{"test_accuracy": 0.5}] * 2, runs("b", 0.4, 0.5), paired=True), "nothing under key 'seed'"),
        (lambda: results.rungs("mnist"), "dataset must be one of .*cifar10.*; got 'mnist'"),
        (lambda: results.rungs("cifar10", "gpu"), "device must be one of cpu, cuda, mps; got 'gpu'"),
        (lambda: results.quickest("cifar10", float("nan"), "cpu"), "target must be a finite number from 0 to 100; got nan"),
        (lambda: results.quickest("mnist", 90, "cpu"), "dataset must be one of"),
        (lambda: results.ladder_table("mnist", {}), "dataset must be one of"),
        (lambda: results.ladder_table("cifar10", None), "changes must be a dict.*; got None"),
    ],
)  # fmt: skip
def test_what_says_nothing_is_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is damaged"),
        (b'{"runs": [{"seed": 0}, {"se', "is damaged .*: fetch it again, `git checkout -- kept.json`"),
        (b"\xff\xfe\x00", "is damaged"),
        (b"[" * 100_000, "is damaged"),
        (b"[]", "holds no list of runs"),
        (b'{"runs": {}}', "holds no list of runs"),
        (b'{"runs": [1, 2]}', "holds no list of runs"),
    ],
    ids=str,
)  # fmt: skip
def test_a_damaged_file_is_named(content, says, tmp_path, monkeypatch):
    path = tmp_path / "kept.json"
    path.write_bytes(content)
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    for read in (
        lambda: results.load("kept"),
        lambda: results.ladder_runs(path),
        lambda: results.rungs("cifar10", path=str(path)),
    ):
        with pytest.raises(ValueError, match=says):
            read()


def test_a_file_is_read_as_utf_8_whatever_the_machine_takes(tmp_path, monkeypatch):
    (tmp_path / "kept.json").write_bytes('{"runs": [{"case": "kernel 3×3 – größer"}]}'.encode())
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    read = Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda path, encoding="ascii": read(path, encoding=encoding))
    assert results.load("kept")["runs"] == [{"case": "kernel 3×3 – größer"}]


def test_the_margin_of_a_mean_is_that_of_students_t():
    three = results.summary(runs("a", 0.1, 0.2, 0.3))
    low, high = stats.ttest_1samp([0.1, 0.2, 0.3], 0).confidence_interval(0.95)
    assert three.margin == pytest.approx((high - low) / 2)
    assert results.summary(runs("a", 0.1)).margin == float("inf")


def test_runs_of_something_else_are_no_ladder(tmp_path):
    path = tmp_path / "ladder.json"
    path.write_text(json.dumps({"runs": runs("a", 0.5)}), encoding="utf-8")
    with pytest.raises(
        ValueError, match="is no ladder's: a run has no dataset, recipe, device, hardware, valid_accuracy"
    ):
        results.rungs("cifar10", path=path)


FIELD = st.integers() | st.floats() | st.text(max_size=3) | st.none() | st.booleans() | st.just(np.float32(0.5))
RUN = st.dictionaries(st.sampled_from(["seed", "test_accuracy", "seconds"]), FIELD)
RUNS = st.lists(RUN, max_size=4) | st.lists(
    st.fixed_dictionaries({"seed": st.integers(0, 9), "test_accuracy": st.floats(0, 1), "seconds": st.floats(0)}),
    min_size=2,
)


@given(
    mine=RUNS | FIELD,
    others=RUNS,
    key=st.sampled_from(["test_accuracy", "seconds", "seed", "speed", 3]),
    paired=st.booleans(),
)
@settings(deadline=None, max_examples=200)
@pytest.mark.filterwarnings("ignore:Precision loss occurred")
def test_any_runs_give_numbers_or_a_value_error(mine, others, key, paired):
    try:
        summary = results.summary(mine, key)
        assert all(math.isfinite(number) for number in summary)
        assert min(run[key] for run in mine) - 1e-9 <= summary.mean or summary.mean > 1e9
    except ValueError as error:
        assert str(error)
    try:
        found = results.difference(mine, others, key, paired)
        assert all(math.isfinite(number) for number in found)
        assert found.low <= found.mean <= found.high
        assert str(found)
    except ValueError as error:
        assert str(error)


# ---- the studies ---------------------------------------------------------------------------


@pytest.mark.parametrize("study", ["hyperparameters", "learning_rates", "dropout", "transfer", "clinic"])
def test_a_study_that_is_saved_again_is_the_same_file(study, tmp_path):
    kept = results.load(study)
    tables = {name: kept.pop(name) for name in ("charts", "runs") if name in kept}
    results.save(tmp_path / "new" / "again.json", kept, **tables)
    assert (tmp_path / "new" / "again.json").read_bytes() == (results.RESULTS / f"{study}.json").read_bytes()
    assert not list(tmp_path.glob("new/*.part"))


def test_equal_parameters_are_equal_within_ten_per_cent(ablations):
    for kind in ablations.hyperparameters():
        if "equal parameters" in kind.case:
            for channels in (1, 3):
                wanted = models.count_parameters(models.plain_cnn(channels))
                found = models.count_parameters(models.plain_cnn(channels, **kind.options))
                assert found == pytest.approx(wanted, rel=0.1), (kind.case, channels, found, wanted)


def test_no_kind_of_a_study_is_there_twice_and_every_network_can_be_built(ablations):
    for study in ablations.STUDIES.values():
        kinds = list(study())
        assert len({json.dumps(kind.cell()) for kind in kinds}) == len(kinds)
        for kind in kinds:
            channels, size, _ = ablations.data.SHAPES[kind.dataset]
            ablations.arithmetic.trace_shapes(kind.build(channels, **kind.options), (channels, size, size))


def test_kept_studies_hold_just_what_the_script_measures(ablations):
    for name, study in ablations.STUDIES.items():
        kept, kinds = results.load(name), list(study())
        found = [ablations.cell_of(run) for run in kept["runs"]]
        assert kept["recipe"] == ablations.RECIPE
        assert all(cell in [kind.cell() for kind in kinds] for cell in found)
        for kind in kinds:
            assert found.count(kind.cell()) == kind.seeds, kind


def test_a_part_of_a_set_has_its_share_of_every_class_and_its_seed(ablations, photos):
    tenth = ablations.part_of(photos, 0.1, seed=0)
    assert torch.bincount(tenth.labels).tolist() == [45] * 10
    assert torch.equal(tenth.images, ablations.part_of(photos, 0.1, seed=0).images)
    assert not torch.equal(tenth.images, ablations.part_of(photos, 0.1, seed=1).images)
    assert ablations.part_of(photos, 1.0, seed=3) is photos


def test_a_study_goes_on_where_it_stopped_and_refuses_another_recipe(ablations, tmp_path, monkeypatch, capsys):
    whole = ablations.quietly_loaded

    def few(*which):  # so that a run takes less than a second
        images = whole(*which)
        count = 700 if "train" in which else 100
        return replace(images, images=images.images[:count], labels=images.labels[:count])

    monkeypatch.setattr(ablations, "quietly_loaded", few)
    monkeypatch.setattr(ablations, "EPOCHS", dict.fromkeys(ablations.EPOCHS, 2))
    path = tmp_path / "study.json"
    command = [
        "ablations.py",
        "augmentation",
        "--only",
        "fashion_mnist",
        "--cases",
        "off",
        "flip",
        "--source",
        "sample",
    ]

    def start(seeds):
        monkeypatch.setattr(sys, "argv", [*command, "--seeds", str(seeds), "--results", str(path)])
        ablations.main()
        return json.loads(path.read_text())["runs"]

    one = start(1)
    assert len(one) == 4  # two shares of two kinds
    two = start(2)
    assert two[:4] == one
    assert [run["seed"] for run in two] == [0] * 4 + [1] * 4
    assert "fashion_mnist 0.01 small off" in capsys.readouterr().out
    monkeypatch.setattr(ablations, "RECIPE", ablations.RECIPE | {"batch_size": 1})
    with pytest.raises(SystemExit, match="holds another recipe or source"):
        start(2)
