"""The ladders, their optimiser and their stem."""

import dataclasses
import inspect
import json
import sys
from itertools import pairwise

import pytest
import torch
from torch import nn

from helpers import models, results, train
from helpers.train import recipes
from tests.small_runs import images

# ---- rungs ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dataset", recipes.RECIPES)
def test_every_rung_builds_a_network_that_takes_a_step(dataset, clothes, photos):
    images = {"fashion_mnist": clothes, "cifar10": photos}[dataset]
    few = type(images)(**vars(images) | {"images": images.images[:32], "labels": images.labels[:32]})
    for name, recipe in recipes.RECIPES[dataset].items():
        torch.manual_seed(5)
        model = recipe.build(few, seed=1)
        before = [p.clone() for p in model.parameters() if p.requires_grad]
        history = train.fit(model, few, few, **recipe.settings(epochs=1, batch_size=16), device="cpu")
        assert len(history) == 1
        after = [p for p in model.parameters() if p.requires_grad]
        assert all(not torch.equal(a, b) for a, b in zip(before, after)), f"{name} leaves a parameter where it was"


@pytest.mark.parametrize("dataset", recipes.RECIPES)
def test_each_rung_changes_one_thing_or_says_why_it_changes_two(dataset):
    rungs = list(recipes.RECIPES[dataset].values())
    for below, above in pairwise(rungs):
        changed = above.differences(below)
        print(f"{above.change}: {changed}")
        assert len(changed) == (2 if "since" in above.change else 1), f"{above.change}: {changed}"
        assert above.change != below.change


def test_a_difference_says_what_was_there_and_what_is_here():
    below = recipes.Recipe("", models.fast_cnn, {"widths": (8, 8)}, epochs=2, lr=0.1)
    above = dataclasses.replace(below, options={"widths": (8, 8), "activation": nn.GELU}, epochs=3, lr=0.2)
    assert above.differences(below) == {"activation": (None, "GELU"), "epochs": ("2", "3")}
    other = dataclasses.replace(below, network=models.small_cnn, options={"width": 8})
    assert other.differences(below) == {"network": ("fast_cnn", "small_cnn")}
    assert below.differences(below) == {}


def test_build_repeats_itself_by_seed(photos):
    recipe = recipes.find("cifar10", "muon")
    one, same, other = (nn.utils.parameters_to_vector(recipe.build(photos, seed).parameters()) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_a_recipe_whitens_its_stem_by_the_images_and_starts_by_handing_them_on(photos):
    recipe = recipes.find("cifar10", "muon")
    model = recipe.build(photos, seed=3)
    torch.manual_seed(3)
    expected = models.fast_cnn(3, (32, 64, 128))
    assert not torch.equal(model.base[0].weight, expected.base[0].weight)
    models.whiten_stem(expected, train.normalise(photos.images, photos.mean, photos.std))
    torch.testing.assert_close(model.base[0].weight, expected.base[0].weight)
    assert not model.base[0].weight.requires_grad
    kernels = model.base[2][0].weight
    assert torch.equal(kernels[:24].sum(dim=(2, 3)), torch.eye(24))  # of the first convolution: a channel each


def test_a_recipe_hands_fit_all_that_it_says(monkeypatch):
    recipe = recipes.find("cifar10", "wider")
    handed = recipe.settings(epochs=3)
    assert set(handed) <= set(inspect.signature(train.fit).parameters)
    assert handed.pop("epochs") == 3
    fields = {f.name for f in dataclasses.fields(recipe)} - {"change", "network", "options", "whiten", "epochs"}
    assert set(handed) == fields - {"views"}
    assert all(getattr(recipe, name) == value for name, value in handed.items())


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            lambda: recipes.find("cifar10", "fastest"),
            "unknown recipe 'fastest' for cifar10: choose one of tutorial, batch",
        ),
        (lambda: recipes.find("cifar10", ["muon"]), r"unknown recipe \['muon'\] for cifar10: choose one of"),
        (lambda: recipes.find("mnist", "batch"), "unknown data set 'mnist': choose one of cifar10, fashion_mnist"),
        (lambda: recipes.find(None, "batch"), "unknown data set None: choose one of"),
        (lambda: recipes.Recipe("none", models.lenet, whiten="no"), "whiten must be True or False; got 'no'"),
        (lambda: recipes.find("cifar10", "muon").build(torch.zeros(3)), "images must be an ImageSet"),
        (lambda: recipes.find("cifar10", "muon").build(images(5), seed=-1), "seed must be a whole number from 0 to"),
    ],
)
def test_what_is_no_recipe_is_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"network": "lenet"}, "network must be a function .*; got 'lenet'"),
        ({"options": 3}, "options must be a dict .* got 3"),
    ],
)
def test_a_recipe_of_other_kinds_is_refused(fields, says):
    with pytest.raises(TypeError, match=says):
        recipes.Recipe("none", **{"network": models.lenet} | fields)


# ---- what was measured ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def rates(root):
    sys.path.insert(0, str(root / "benchmarks"))
    import rates

    return rates


@pytest.fixture
def measured(tmp_path):
    def run(recipe, seed, accuracy, seconds, device="cpu"):
        return {
            "dataset": "cifar10", "recipe": recipe, "seed": seed, "valid_accuracy": accuracy, "seconds": seconds,
            "test_accuracy": 1.2 - accuracy,  # chosen by the test set, the other end of the ladder would be best
           
            "device": device, "images_per_second": 1000, "parameters": 62_006, "multiply_adds": 10_000_000,
            "matmul_gflops": 100, "hardware": device, "peak_gb": 1.5,
        }  # fmt: skip

    runs = [
        run("batch", 0, 0.60, 10), run("batch", 1, 0.62, 12),
        run("muon", 0, 0.79, 50), run("muon", 1, 0.82, 52),
        run("augment", 0, 0.85, 90), run("longer", 0, 0.90, 300), run("longer", 0, 0.90, 3, "cuda"),
    ]  # fmt: skip
    path = tmp_path / "ladder.json"
    path.write_text(json.dumps({"runs": runs}))
    return path


@pytest.mark.parametrize(
    ("target", "device", "name"),
    [(55, "cpu", "batch"), (61.5, "cpu", "muon"), (80.6, "cpu", "augment"), (90, "cpu", "longer"), (50, "cuda", "longer"),
     (55, "mps", "batch")],
)  # fmt: skip
def test_a_target_takes_the_quickest_recipe_whose_mean_reaches_it(measured, target, device, name):
    assert results.quickest("cifar10", target, device, measured) == name


def test_a_target_beyond_all_recipes_is_refused_with_the_best(measured, tmp_path):
    with pytest.raises(
        ValueError, match=r"no recipe is known to reach 95 % on cifar10: the best, longer, reaches 90.0 %"
    ):
        results.quickest("cifar10", 95, "cpu", measured)
    with pytest.raises(ValueError, match="holds no runs"):
        results.quickest("cifar10", 95, "cpu", tmp_path / "none.json")


def test_the_table_gives_means_and_their_intervals_for_each_kind_of_hardware(measured):
    lines = results.ladder_table("cifar10", {}, measured).splitlines()
    row = next(line for line in lines if line.startswith("| batch"))
    assert "| 62,006 | 10.0 M | 11 | 1,000 | – | 60 % | 1.5 GB | 2 | 61.00 ± 12.71 % | 59.00 ± 12.71 % |" in row
    assert sum(line.startswith("| longer") for line in lines) == 2
    assert [line for line in lines if "**" in line][1].startswith("| **cuda**")


def test_a_summary_is_of_one_machine_and_says_which(measured, tmp_path):
    rungs, hardware = results.rungs("cifar10", path=measured)
    assert hardware == "cpu"
    assert rungs["longer"].seconds == 300
    assert rungs["longer"].valid == (0.90, 0.0, 1)
    assert rungs["longer"].test == pytest.approx((0.30, 0.0, 1))
    assert rungs["batch"].valid.sd == pytest.approx(0.02 / 2**0.5)
    assert results.rungs("cifar10", "cuda", measured)[0]["longer"].seconds == 3
    assert results.rungs("cifar10", path=tmp_path / "none.json") == ({}, "")


@pytest.mark.parametrize("dataset", recipes.RECIPES)
def test_every_rung_was_measured_as_it_stands_from_three_seeds(dataset):
    runs = [run for run in results.ladder_runs() if run["dataset"] == dataset]
    for name, recipe in recipes.RECIPES[dataset].items():
        mine = [run for run in runs if run["recipe"] == name]
        assert len({run["seed"] for run in mine}) >= 3, name
        assert {run["settings"] for run in mine} == {str(recipe)}, name
        assert {run["source"] for run in mine} == {"full"}
    assert sum(run["recipe"].startswith("peer") for run in runs) >= 3


@pytest.mark.parametrize("dataset", recipes.RECIPES)
def test_every_rungs_rate_is_the_best_of_those_that_were_tried(dataset, rates):
    searched = {name: rates.means(dataset, recipe) for name, recipe in recipes.RECIPES[dataset].items()}
    searched = {name: found for name, found in searched.items() if found}
    assert len(searched) >= 11
    for name, found in searched.items():
        rate = recipes.find(dataset, name).lr
        assert rate == max(found, key=found.get), name
        assert min(found) < rate < max(found), f"{name}: the search ended at an end"


@pytest.mark.parametrize("dataset", recipes.RECIPES)
def test_the_readmes_table_is_made_from_the_measured_runs(dataset, root):
    changes = {name: recipe.change for name, recipe in recipes.RECIPES[dataset].items()}
    assert results.ladder_table(dataset, changes) in (root / "README.md").read_text()
