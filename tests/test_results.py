"""The studies of notebooks 06 to 08: matched runs, taken up again, and what their summaries say."""

import json
import sys

import pytest
import torch
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


def test_select_and_summary_name_what_is_not_there():
    both = runs("a", 0.5, 0.7) + runs("b", 0.1)
    assert results.summary(results.select(both, case="a")) == pytest.approx((0.6, 0.02**0.5, 2))
    assert results.summary(results.select(both, case="b")) == (0.1, 0.0, 1)
    with pytest.raises(ValueError, match="no run has case='c'"):
        results.select(both, case="c")
    with pytest.raises(ValueError, match="no results of 'nothing': there are .*shift_curve"):
        results.load("nothing")


def test_equal_parameters_are_equal_within_ten_per_cent(ablations):
    for cell, options, _ in ablations.hyperparameters():
        if "equal parameters" in cell["case"]:
            for channels in (1, 3):
                wanted = models.count_parameters(models.plain_cnn(channels))
                found = models.count_parameters(models.plain_cnn(channels, **options))
                assert found == pytest.approx(wanted, rel=0.1), (cell["case"], channels, found, wanted)


def test_no_cell_of_a_study_is_there_twice_and_every_network_can_be_built(ablations):
    for study in ablations.STUDIES.values():
        cells = list(study())
        assert len({json.dumps(cell, sort_keys=True) for cell, _, _ in cells}) == len(cells)
        for cell, options, _ in cells:
            channels, size, _ = ablations.data.SHAPES[cell["dataset"]]
            ablations.arithmetic.trace_shapes(models.plain_cnn(channels, **options), (channels, size, size))


def test_kept_studies_hold_just_what_the_script_measures(ablations):
    for name, study in ablations.STUDIES.items():
        kept, wanted = results.load(name), [cell for cell, _, _ in study()]
        found = [ablations.cell_of(run) for run in kept["runs"]]
        assert kept["recipe"] == ablations.RECIPE
        assert all(cell in wanted for cell in found)
        for cell in wanted:
            is_slow = (cell["dataset"], cell["case"]) in ablations.SLOW
            assert found.count(cell) == (3 if is_slow else 5), cell


def test_a_part_of_a_set_has_its_share_of_every_class_and_its_seed(ablations, photos):
    tenth = ablations.part_of(photos, 0.1, seed=0)
    assert torch.bincount(tenth.labels).tolist() == [45] * 10
    assert torch.equal(tenth.images, ablations.part_of(photos, 0.1, seed=0).images)
    assert not torch.equal(tenth.images, ablations.part_of(photos, 0.1, seed=1).images)
    assert ablations.part_of(photos, 1.0, seed=3) is photos


def test_a_study_goes_on_where_it_stopped_and_refuses_another_recipe(ablations, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(ablations, "EPOCHS", 0.02)
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
    assert "fashion_mnist off 0.01" in capsys.readouterr().out
    monkeypatch.setattr(ablations, "RECIPE", ablations.RECIPE | {"lr": 1})
    with pytest.raises(SystemExit, match="holds another recipe or source"):
        start(2)
