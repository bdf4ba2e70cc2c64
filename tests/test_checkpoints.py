"""A run on disk: it goes on bit for bit, on one process or several, and no other file is taken for it."""

import functools
import os
import re
import threading
import time

import numpy as np
import pytest
import torch
from torch import nn

from helpers.augment import Augment, random_shift
from helpers.train import checkpoints, parallel, recipes
from helpers.train.loop import History
from tests.small_runs import first, fit, images, network, stop_at, weights

SCRIPT = "tests/two_nodes.py"


@pytest.fixture
def path(tmp_path):
    """Of the checkpoint of a whole run."""
    path = tmp_path / "run.pt"
    fit(network(), checkpoint=path)
    return path


# ---- going on ------------------------------------------------------------------------------


def test_a_resumed_run_has_the_weights_of_an_uninterrupted_one(tmp_path):
    settings = {"epochs": 3, "augment": Augment(flip=True, shift=2)}
    whole, resumed = network(dropout=0.5), network(dropout=0.5)
    fit(whole, **settings)
    path = tmp_path / "runs" / "run.pt"
    fit(stop_at(network(dropout=0.5), 10), checkpoint=path, **settings)  # of 12: in the third epoch
    history = fit(resumed, checkpoint=path, **settings)
    assert len(history) == 3
    assert torch.equal(weights(resumed), weights(whole))
    assert [file.name for file in path.parent.iterdir()] == ["run.pt"]


def test_what_on_epoch_draws_changes_no_weight():
    settings = {"augment": Augment(flip=True)}
    one, other = network(dropout=0.5), network(dropout=0.5)
    fit(one, **settings)
    fit(other, on_epoch=lambda _: torch.randn(7), **settings)
    assert torch.equal(weights(one), weights(other))


def test_the_fastest_recipe_goes_on_bit_for_bit(tmp_path):
    """Muon, a falling rate, batch norm, a stem that is not trained, images mirrored in every other epoch."""
    recipe = recipes.find("cifar10", "gelu")
    assert recipe.whiten and recipe.augment.flip == "alternating" and recipe.optimizer == "muon"
    some, found = images(100, name="cifar10"), []
    for checkpoint, step in [(None, 0), (tmp_path / "run.pt", 3), (tmp_path / "run.pt", 0)]:
        model = stop_at(recipe.build(some), step)
        fit(model, (some, some), **recipe.settings(epochs=2, batch_size=50), checkpoint=checkpoint)
        found.append(weights(model))
    assert torch.equal(found[0], found[2])
    assert not torch.equal(found[0], found[1])


def shifted(batch, most):
    return random_shift(batch, most)


@pytest.mark.parametrize(
    "changed",
    [
        {"lr": np.logspace(-3, -1, 3)[1]},
        {"lr": torch.tensor(0.01), "weight_decay": np.float32(0.5), "label_smoothing": torch.tensor(0.5)},
        {"seed": np.int64(3), "epochs": np.int64(2), "batch_size": torch.tensor(25)},
        {"augment": functools.partial(shifted, most=2)},
        {"augment": functools.partial(random_shift, most=np.int64(2))},
        {"augment": nn.Identity()},
        {"augment": lambda batch: batch.flip(-1)},
        {"checkpoint": "as text"},
    ],
    ids=lambda changed: re.sub(" at 0x[0-9a-f]+", "", str(changed)),  # an address is another one in each worker
)
def test_numbers_of_any_type_and_augmentations_of_any_kind_are_the_same_run_next_time(changed, tmp_path, capsys):
    path = tmp_path / "run.pt"
    changed |= {"checkpoint": str(path) if "checkpoint" in changed else path}
    fit(network(), **changed)
    if isinstance(changed.get("augment"), functools.partial):  # another object with another address
        changed["augment"] = functools.partial(changed["augment"].func, **changed["augment"].keywords)
    fit(network(), **changed)
    assert f"going on from {path}, after epoch 2" in capsys.readouterr().out


# ---- another run ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "now", "says"),
    [
        ({}, {"lr": 0.01}, r"another run \(lr was 0.02, is 0.01\): give another path, or delete it"),
        ({}, {"seed": 1}, "seed was 0, is 1"),
        ({}, {"weight_decay": 0}, "weight_decay was 0.01, is 0.0"),
        ({"precision": "bf16"}, {"precision": "fp32"}, "precision was 'bf16', is 'fp32'"),
        ({"augment": Augment(shift=1)}, {"augment": Augment(shift=2)}, "augment.shift was 1, is 2"),
        ({"augment": lambda b: b}, {"augment": lambda b: b.flip(-1)}, "augment.code was '"),
        ({"augment": functools.partial(shifted, most=1)}, {"augment": functools.partial(shifted, most=2)},
         "augment.keywords.most was 1, is 2"),
        ({}, {"activation": nn.GELU}, "model.base.0.2.class was 'torch.nn.modules.activation.ReLU', is '.*GELU'"),
        ({}, {"sets": (images(100), images(49, "valid"))}, r"valid.images was 'uint8 \(50, .*', is 'uint8 \(49, "),
        ({}, {"sets": (first(images(100, "valid"), 100), images(50, "valid"))}, "train.images was"),
        ({}, {"epochs": 3, "batch_size": 50, "lr": 1, "seed": 5}, "is 1.0; and 1 more"),
    ],
)  # fmt: skip
def test_a_checkpoint_of_another_run_is_refused_in_words_that_name_what_differs(before, now, says, tmp_path):
    def run(activation=nn.ReLU, **settings):
        fit(network(activation=activation), checkpoint=tmp_path / "run.pt", **settings)

    run(**before)
    with pytest.raises(ValueError, match=says):
        run(**now)


# ---- damaged files -------------------------------------------------------------------------


def test_any_flipped_byte_is_refused(path):
    whole = path.read_bytes()
    run = torch.load(path, weights_only=True)["run"]
    for place in range(0, len(whole), len(whole) // 150):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="(a damaged|no whole) checkpoint.*: give another path"):
            checkpoints.read(path, run)
    path.write_bytes(whole)
    assert len(checkpoints.read(path, run)["history"]["lr"]) == 2


def save_something(path):
    torch.save({"model": torch.zeros(3)}, path)


def seal_something(path):
    checkpoints.write(path, {}, History(), {"model": nn.ReLU()})


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:1000]), "no whole checkpoint .* delete it to start anew"),
        (lambda path: path.write_text("notes of mine\n" * 20), "run.pt is no whole checkpoint of this course: give another"),
        (lambda path: path.write_text(""), "no whole checkpoint of this course: give another path"),
        (save_something, "no whole checkpoint of this course: give another path"),
        (seal_something, "no checkpoint of this version of the course: give another path$"),
        (lambda path: (path.unlink(), path.mkdir()), "run.pt cannot be written .it is a folder.: give another path"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_whole_checkpoint_is_refused_before_anything_is_changed(damage, says, path):
    damage(path)
    model = network()
    before, random = weights(model), torch.get_rng_state()
    with pytest.raises(ValueError, match=says):
        fit(model, checkpoint=path)
    assert torch.equal(weights(model), before)
    assert torch.equal(torch.get_rng_state(), random)


# ---- writing -------------------------------------------------------------------------------


def test_a_path_that_cannot_be_written_is_found_before_the_first_epoch(tmp_path):
    (tmp_path / "file").touch()
    path, steps = tmp_path / "file" / "run.pt", []
    with pytest.raises(ValueError, match=f"checkpoint {path} cannot be written \\(.*\\): give another path"):
        fit(network(), checkpoint=path, augment=lambda batch: steps.append(1) or batch)
    assert not steps


def test_a_file_is_on_the_disk_before_it_takes_the_old_ones_place(path, monkeypatch):
    done = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, name=name, real=real: done.append(name) or real(*a))
    checkpoints.write(path, {}, History(), {})
    assert done[:2] == ["fsync", "replace"]
    assert done[2:] == (["fsync"] if os.name == "posix" else [])  # of the folder


def test_a_full_disk_leaves_the_old_file_whole_and_no_other(path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    before = path.read_bytes()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoints.write(path, {}, History(), {})
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_two_runs_that_write_one_file_at_once_do_not_mix(path):
    parts, found = dict.fromkeys(("model", "optimizer", "schedule"), nn.Linear(100, 100)), []

    def write(number):
        for _ in range(20):
            checkpoints.write(path, {"writer": number}, History(), parts)
            found.append(checkpoints._content(path)["run"]["writer"])

    writers = [threading.Thread(target=write, args=[number]) for number in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(found) == 40
    assert list(path.parent.iterdir()) == [path]


def test_what_a_killed_run_left_is_cleared_away_once_no_run_can_be_writing_it(path):
    old, young, other = (path.with_name(name) for name in ("run.pt.0a.part", "run.pt.1b.part", "else.pt.2c.part"))
    for file in (old, young, other):
        file.touch()
    for file in (old, other):
        os.utime(file, (time.time() - 2 * checkpoints.DAY,) * 2)
    fit(network(), checkpoint=path)
    assert sorted(path.parent.iterdir()) == sorted([path, young, other])


# ---- several processes ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    """What each of two processes saw that work in folders of their own, as on two machines: see tests/two_nodes.py."""
    folder = tmp_path_factory.mktemp("nodes")
    parallel.launch([SCRIPT, str(folder)], processes=2)
    return [torch.load(folder / f"node{rank}.pt", weights_only=False) for rank in range(2)]


def test_nodes_of_which_the_first_alone_has_the_file_go_on_as_if_never_stopped(nodes):
    for node in nodes:
        assert node["epochs when stopped"] == 1
        assert node["resumed"] == node["whole"]
        assert len(node["whole"]) == 3
        assert torch.equal(node["resumed weights"], nodes[0]["whole weights"])
    assert nodes[0]["files"] == ["run.pt"]
    assert nodes[1]["files"] == []


def test_a_file_that_only_another_process_has_is_not_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr(parallel, "gathered", lambda has: [has, True])
    with pytest.raises(ValueError, match=r"process 1 has a checkpoint .*copy it to the machine of process 0"):
        checkpoints.read(tmp_path / "run.pt", {})
    monkeypatch.setattr(parallel, "gathered", lambda has: [has, False])
    assert checkpoints.read(tmp_path / "run.pt", {}) is None


@pytest.mark.parametrize(
    ("what", "says"),
    [
        (
            "other images",
            r"processes of this run differ \(train.images is 'uint8 \(100, .* on process 0, 'uint8 \(101, ",
        ),
        ("other rate", r"differ \(lr is 0.02 on process 0, 0.01 on process 1\): start all with the same line"),
        ("bad rate on one", "lr must be a finite number, above 0; got -1"),
        ("damaged file", "no whole checkpoint of this course"),
    ],
)
def test_every_node_refuses_what_one_of_them_has_otherwise(nodes, what, says):
    with pytest.raises(ValueError, match=says):
        raise ValueError(nodes[0][what])
    assert nodes[1][what] == nodes[0][what]


def test_the_first_node_chooses_the_precision_of_all(nodes):
    assert [node["precisions"] for node in nodes] == [{"bf16"}, {"bf16"}]
