"""Training: it learns, it repeats itself, it stops without loss, and it refuses what cannot work before it begins."""

import dataclasses
import inspect
import math
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from helpers import augment, models, train
from helpers.augment import Augment
from helpers.train import evaluation, loop, machine
from tests.small_runs import first, fit, images, network, stop_at, weights


@pytest.fixture(scope="module")
def some():
    return images(600)


@pytest.fixture(scope="module")
def others():
    return images(300, "valid")


def fresh(seed=0):
    torch.manual_seed(seed)
    return models.small_cnn(width=4)


class Answers(nn.Module):
    """A network that gives the same logits (classes,) for each image, whatever it shows; they can be trained."""

    def __init__(self, logits):
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits))

    def forward(self, x):
        return self.logits.expand(len(x), -1)


# ---- learning ------------------------------------------------------------------------------


def test_fit_learns_and_history_says_how(some, others, capsys):
    model = fresh()
    before = train.evaluate(model, others)
    history = fit(model, (some, others), epochs=4, batch_size=50)
    after = train.evaluate(model, others)
    assert after.accuracy > 0.5 > 0.3 > before.accuracy
    assert len(history) == 4
    for field in dataclasses.fields(history):
        assert len(getattr(history, field.name)) == 4, field.name
    assert (history.valid_accuracy[-1], history.valid_loss[-1]) == (after.accuracy, after.loss)
    assert history.train_loss[-1] < history.train_loss[0]
    assert history.train_accuracy[-1] > history.train_accuracy[0]
    assert history.lr[-1] < max(history.lr) <= 0.02
    assert "4 epochs on fashion_mnist (sample)" in capsys.readouterr().out
    assert not model.training


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    runs = []
    for seed in (0, 0, 1):
        model = network()
        fit(model, epochs=1, seed=seed)
        runs.append(weights(model))
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


def test_each_epoch_shows_every_image_once_in_an_order_of_its_own(monkeypatch):
    seen = []
    monkeypatch.setattr(loop, "normalise", lambda x, *scale: seen.append(x) or train.normalise(x, *scale))
    fit(network())
    epochs = torch.cat(seen).flatten(1).double().sum(dim=1).view(2, 100)
    shown = images(100).images.flatten(1).double().sum(dim=1)
    assert torch.equal(epochs.sort().values, shown.sort().values.expand(2, -1))
    assert not torch.equal(epochs[0], shown)
    assert not torch.equal(epochs[0], epochs[1])


def test_augmentation_draws_other_numbers_in_each_step_and_epoch_and_the_same_in_each_run():
    def drawn(seed):
        numbers = []
        fit(network(), augment=lambda batch: numbers.append(torch.rand(()).item()) or batch, seed=seed)
        return numbers

    one, same, other = drawn(0), drawn(0), drawn(1)
    assert len(set(one)) == 8
    assert one == same
    assert not set(one) & set(other)


def test_an_alternating_flip_shows_each_image_once_as_it_is_and_once_mirrored(monkeypatch):
    some, shown = images(100), []
    flip = augment.alternating_flip
    monkeypatch.setattr(augment, "alternating_flip", lambda *batch: shown.append(flip(*batch)) or shown[-1])
    fit(network(), augment=Augment(flip="alternating"))
    first, second = (torch.cat(shown[start : start + 4]).flatten(1).tolist() for start in (0, 4))
    assert len(shown) == 8
    for number, image in enumerate(some.images):
        ways = [image.flatten().tolist(), image.flip(-1).flatten().tolist()]
        seen = [next(way for way in (0, 1) if ways[way] in epoch) for epoch in (first, second)]
        assert seen == ([1, 0] if number % 2 else [0, 1])


@pytest.mark.parametrize(("name", "smoothing"), [("adamw", 0.0), ("sgd", 0.2)])
def test_fit_is_the_plain_loop(some, others, name, smoothing):
    """Two epochs of fit against the loop written out, with the same orders and schedule, and a smaller last batch."""
    mine, theirs = fresh().to(memory_format=torch.channels_last), fresh().eval()  # which fit puts into training mode
    chosen = {"batch_size": 170, "label_smoothing": smoothing, "optimizer": name, "weight_decay": 0.01}
    fit(theirs, (some, others), precision="fp32", **chosen)  # bf16 rounds more coarsely

    if name == "adamw":
        optimizer = torch.optim.AdamW(mine.parameters(), lr=0.02, weight_decay=0.01)
    else:
        optimizer = torch.optim.SGD(mine.parameters(), lr=0.02, momentum=0.9, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.02, total_steps=8, cycle_momentum=False)
    x = train.normalise(some.images, some.mean, some.std)  # Adam makes steps of rounding errors: the same ones
    mine.train()
    for epoch in range(2):
        for batch in torch.randperm(600, generator=torch.Generator().manual_seed(epoch)).split(170):
            loss = F.cross_entropy(mine(x[batch]), some.labels[batch], label_smoothing=smoothing)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    torch.testing.assert_close(weights(mine), weights(theirs), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("constant", [1, 1, 1, 1]),
        ("falling", [1, 0.75, 0.5, 0.25]),
        ("one-cycle", [0.04, 0.04 + 0.96 * (1 - math.cos(math.pi / 1.4)) / 2]),  # the highest is at 0.3 · 8 − 1 = 1.4
    ],
)
def test_a_schedule_sets_the_rate_of_each_step_and_leaves_momentum_alone(schedule, rates, monkeypatch):
    seen, step = [], torch.optim.AdamW.step

    def watched(self, closure=None):
        seen.append((self.param_groups[0]["lr"] / 0.02, self.param_groups[0]["betas"]))
        return step(self)

    monkeypatch.setattr(torch.optim.AdamW, "step", watched)
    fit(network(), schedule=schedule, epochs=1 if schedule != "one-cycle" else 2)
    assert [rate for rate, _ in seen][: len(rates)] == pytest.approx(rates)
    assert {betas for _, betas in seen} == {(0.9, 0.999)}
    if schedule == "one-cycle":
        rates = [rate for rate, _ in seen]
        assert rates.index(max(rates)) == 2
        assert rates[-1] < 0.04 / 1000


@pytest.mark.parametrize(
    "changed",
    [{"optimizer": "sgd"}, {"optimizer": "muon"}, {"weight_decay": 0.5}, {"schedule": "falling"}, {"lr": 0.01},
     {"label_smoothing": 0.1}, {"augment": Augment(flip=True)}, {"precision": "fp32"}, {"precision": "bf16"}],
    ids=str,
)  # fmt: skip
def test_every_setting_reaches_the_weights(changed):
    usual, other = network(), network()
    fit(usual, epochs=1, **({"precision": "bf16"} if changed == {"precision": "fp32"} else {"precision": "fp32"}))
    fit(other, epochs=1, **{"precision": "fp32"} | changed)
    assert not torch.equal(weights(usual), weights(other))


def test_augment_is_used_and_must_keep_shape_and_dtype():
    seen = []

    def watch(batch):
        seen.append((tuple(batch.shape), batch.dtype))
        return batch.flip(3)

    flipped, plain = network(), network()
    fit(flipped, epochs=1, augment=watch)
    fit(plain, epochs=1)
    assert seen == [((25, 1, 28, 28), torch.uint8)] * 4
    assert not torch.equal(weights(flipped), weights(plain))
    with pytest.raises(ValueError, match=r"augment must return .* \(25, 1, 28, 28\) .* it returned \(25, 1, 28, 27\)"):
        fit(network(), augment=lambda batch: batch[..., :27])
    with pytest.raises(ValueError, match="augment must return .* it returned None"):
        fit(network(), augment=lambda batch: None)


# ---- ending --------------------------------------------------------------------------------


def test_stop_keeps_model_and_history_and_says_of_which_moment_they_are(capsys):
    model = stop_at(network(), 6)
    before = weights(model)
    history = fit(model, epochs=3)
    assert [len(numbers) for numbers in vars(history).values()] == [1] * 6
    said = capsys.readouterr().out
    assert "stopped in epoch 2: the model has the weights of this moment, the history its 1 whole epochs" in said
    assert "validation accuracy" not in said  # it would be of other weights
    assert not torch.equal(weights(model), before)
    assert not model.training


@pytest.mark.parametrize("epochs", [1, 3])
@pytest.mark.parametrize("batch_size", [25, 100], ids=["in an early step", "in an epoch's only step"])
def test_a_network_that_blows_up_gets_its_last_good_weights_back(epochs, batch_size, tmp_path):
    model, path = network(), tmp_path / "run.pt"
    before = weights(model)
    with pytest.raises(FloatingPointError, match=re.escape("no longer a number in epoch 1") + ".*Try lr=1e\\+29"):
        fit(model, lr=1e30, schedule="constant", epochs=epochs, batch_size=batch_size, checkpoint=path)
    assert torch.equal(weights(model), before)
    assert not path.exists()


def test_an_epoch_that_is_lost_is_not_trained_to_its_end():
    steps = []
    with pytest.raises(FloatingPointError):
        fit(network(), lr=1e30, schedule="constant", batch_size=2, augment=lambda batch: steps.append(1) or batch)
    assert len(steps) < 30  # of 50


@pytest.mark.parametrize("ruined", ["a weight that answers", "a weight that is not used"])
def test_a_network_that_blows_up_in_the_last_step_of_a_later_epoch_keeps_that_epochs_beginning(
    ruined, tmp_path, monkeypatch
):
    model, path, good = network(), tmp_path / "run.pt", []
    model.unused = nn.Parameter(torch.zeros(2))
    weight = model.unused if "not" in ruined else model.head[2].bias
    step, steps = torch.optim.AdamW.step, []

    def ruin(self, closure=None):
        step(self)
        steps.append(1)
        if len(steps) == 12:  # the last of the third epoch: no loss of that epoch's training shows it
            weight.data[0] = math.nan

    monkeypatch.setattr(torch.optim.AdamW, "step", ruin)
    with pytest.raises(FloatingPointError, match="no longer a number in epoch 3"):
        fit(model, epochs=4, checkpoint=path, on_epoch=lambda _: good.append(weights(model)))
    assert torch.equal(weights(model), good[-1])
    saved = torch.load(path, weights_only=True)
    assert torch.equal(torch.cat([value.flatten().double() for value in saved["model"].values()]), good[-1])
    assert len(saved["history"]["lr"]) == 2


def full(limit):
    """A forward hook: as if memory held no more than so many images at a time."""

    def check(module, inputs):
        if len(inputs[0]) > limit:
            raise RuntimeError(
                "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."
            )

    return check


def test_too_large_a_batch_for_the_memory_says_which_to_try():
    model = network()
    model.register_forward_pre_hook(full(50))
    with pytest.raises(MemoryError, match="a batch of 60 images does not fit into memory: try batch_size=30"):
        fit(model, batch_size=60)


def test_where_memory_holds_a_batch_but_not_all_validation_images_they_are_taken_in_pieces(some, others):
    roomy, narrow = network(), network()
    expected = fit(roomy, (images(100), others), precision="fp32")
    narrow.register_forward_pre_hook(full(40))
    history = fit(narrow, (images(100), others), precision="fp32")
    assert history.valid_accuracy == expected.valid_accuracy
    assert train.predict(narrow, some).shape == (600, 10)
    nothing = network()
    nothing.register_forward_pre_hook(full(0))
    with pytest.raises(MemoryError, match="not even one image at a time fits: try a smaller model"):
        train.predict(nothing, some)


# ---- measuring -----------------------------------------------------------------------------


def test_evaluate_counts(others):
    model = fresh()
    result = train.evaluate(model, others)
    logits = train.predict(model, others)
    assert logits.shape == (300, 10)
    right = sum(int(p) == int(t) for p, t in zip(logits.argmax(dim=1), others.labels))
    assert result.accuracy == pytest.approx(right / 300)
    assert result.loss == pytest.approx(F.cross_entropy(logits, others.labels).item())
    _, _, predictions = result
    assert torch.equal(predictions, logits.argmax(dim=1))


def test_more_views_take_a_weighted_mean_of_all_answers(others):
    model = fresh()

    def answer(images):
        return train.predict(model, dataclasses.replace(others, images=images), precision="fp32")

    both = (answer(others.images) + answer(others.images.flip(-1))) / 2
    torch.testing.assert_close(train.predict(model, others, views=2, precision="fp32"), both)
    assert not torch.allclose(both, answer(others.images), atol=1e-3)
    padded = F.pad(others.images.float(), [1] * 4, mode="reflect").byte()
    corners = padded[..., :-2, :-2], padded[..., 2:, 2:]
    shifted = sum(answer(corner) + answer(corner.flip(-1)) for corner in corners) / 4
    six = train.predict(model, others, views=6, precision="fp32")
    torch.testing.assert_close(six, (both + shifted) / 2)
    measured = train.evaluate(model, others, views=6, precision="fp32")
    assert measured.loss == pytest.approx(F.cross_entropy(six, others.labels).item())


def test_an_image_of_one_pixel_cannot_be_shifted(others):
    dot = dataclasses.replace(others, images=others.images[..., :1, :1])
    with pytest.raises(ValueError, match=r"views=6 shifts images of 2×2 pixels or larger; got \(1, 1\)"):
        train.predict(nn.Flatten(), dot, views=6)


def test_predict_leaves_the_mode_of_every_part_as_it_was(others):
    model = fresh().train()
    model.base.eval()  # frozen, as in transfer learning
    modes = [module.training for module in model.modules()]
    train.predict(model, others)
    assert [module.training for module in model.modules()] == modes
    with pytest.raises(ValueError, match=r"the model does not take images of shape \(3, 32, 32\): "):
        train.predict(model, images(10, name="cifar10"))
    assert [module.training for module in model.modules()] == modes


def test_predict_gives_ordinary_tensors_and_evaluates(others):
    model = network(dropout=0.5).train()
    logits = train.predict(model, others)
    assert torch.equal(logits, train.predict(model, others))
    assert not logits.requires_grad
    weight = torch.ones(10, requires_grad=True)
    (logits * weight).sum().backward()  # inference tensors would refuse
    assert weight.grad is not None


def test_a_model_without_weights_is_evaluated(others):
    class Ink(nn.Module):
        def forward(self, x):
            return F.one_hot(x.flatten(1).mean(dim=1).gt(0).long(), 10).float()

    assert train.evaluate(Ink(), others).predictions.unique().tolist() == [0, 1]


def test_normalise_gives_mean_0_and_deviation_1(clothes):
    x = train.normalise(clothes.images, clothes.mean, clothes.std)
    assert x.dtype == torch.float32
    assert x.mean().item() == pytest.approx(0, abs=1e-4)
    assert x.std().item() == pytest.approx(1, abs=1e-4)
    assert train.normalise(clothes.images[:0], clothes.mean, clothes.std).shape == (0, 1, 28, 28)


def test_normalise_makes_its_two_numbers_once(clothes):
    with torch.inference_mode():
        train.normalise(clothes.images[:1], clothes.mean, clothes.std)
    before = evaluation._scale_and_offset.cache_info()
    for mean in (
        clothes.mean,
        list(clothes.mean),
        torch.tensor(clothes.mean, dtype=torch.float64),
        np.array(clothes.mean),
    ):
        train.normalise(clothes.images[:1], mean, clothes.std)
    after = evaluation._scale_and_offset.cache_info()
    assert (after.misses, after.hits) == (before.misses, before.hits + 4)
    assert not evaluation._scale_and_offset(clothes.mean, clothes.std, clothes.images.device)[0].is_inference()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_a_session_in_64_bits_trains_networks_of_both_kinds(dtype):
    torch.set_default_dtype(torch.float64)
    try:
        model = network().to(dtype)
        history = fit(model, epochs=4)
        logits = train.predict(model, images(50, "valid"))
        x = train.normalise(images(5).images, images(5).mean, images(5).std)
    finally:
        torch.set_default_dtype(torch.float32)
    assert {parameter.dtype for parameter in model.parameters()} == {dtype}
    assert logits.dtype == x.dtype == torch.float32
    assert history.train_loss[-1] < history.train_loss[0]


# ---- what cannot work ----------------------------------------------------------------------


def labelled(images, label):
    return dataclasses.replace(images, labels=images.labels.index_fill(0, torch.tensor([3]), label))


def normed_at_the_end():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.BatchNorm1d(10))


FEW = images(100), images(50, "valid")
CANNOT = [
    ({"epochs": 0}, "epochs must be a whole number, 1 or more; got 0"),
    ({"epochs": True}, "epochs must be a whole number, 1 or more; got True"),
    ({"batch_size": 2.5}, "batch_size must be a whole number, 1 or more; got 2.5"),
    ({"batch_size": 101}, "batch_size 101 is larger than the training set of 100 images"),
    ({"lr": 0}, "lr must be a finite number, above 0; got 0"),
    ({"lr": float("nan")}, "lr must be .* got nan"),
    ({"lr": float("inf")}, "lr must be .* got inf"),
    ({"lr": True}, "lr must be .* got True"),
    ({"lr": 1j}, "lr must be .* got 1j"),
    ({"lr": "0.1"}, "lr must be .* got '0.1'"),
    ({"lr": [0.1]}, r"lr must be .* got \[0.1\]"),
    ({"weight_decay": -1}, "weight_decay must be a finite number, 0 or more; got -1"),
    ({"weight_decay": float("nan")}, "weight_decay must be .* got nan"),
    ({"label_smoothing": 1}, "label_smoothing must be a finite number, 0 or more, below 1; got 1"),
    ({"seed": 0.5}, "seed must be a whole number from 0 to 4294967295; got 0.5"),
    ({"seed": -1}, "seed must be a whole number from 0 to 4294967295; got -1"),
    ({"optimizer": "adam"}, "optimizer must be one of sgd, adamw, muon; got 'adam'"),
    ({"schedule": "cosine"}, "schedule must be one of one-cycle, falling, constant; got 'cosine'"),
    ({"precision": "fp16"}, "precision must be one of bf16, fp32; got 'fp16'"),
    ({"device": "tpu"}, "this machine has no 'tpu'"),
    ({"device": "cpu:1"}, "this machine has no 'cpu:1'"),
    ({"epochs": 1, "batch_size": 100}, "schedule 'one-cycle' needs two steps or more"),
    ({"model": None}, "model must be an nn.Module; got None"),
    ({"model": models.small_cnn}, "model must be an nn.Module; got "),
    ({"model": nn.Flatten()}, "model must have parameters that training may change"),
    ({"model": network().requires_grad_(False)}, "model must have parameters that training may change"),
    ({"model": nn.Sequential(nn.Flatten(), nn.LazyLinear(10))}, "the model has weights without values"),
    ({"model": models.lenet(3, 32)}, r"the model does not take images of shape \(1, 28, 28\): "),
    ({"model": nn.Conv2d(1, 10, 3)}, r"the model must give logits \(N, classes\); it gave a tensor of shape \(1, 10, 26, 26\)"),
    ({"model": normed_at_the_end(), "batch_size": 33}, "batch_size 33 leaves one of the 100 images alone in the last"),
    ({"sets": (FEW[0].images, FEW[1])}, "train must be an ImageSet.*got Tensor"),
    ({"sets": (FEW[0], None)}, "valid must be an ImageSet.*got NoneType"),
    ({"sets": (FEW[0], images(10, "valid", "cifar10"))}, r"the model does not take images of shape \(3, 32, 32\): "),
    ({"sets": (FEW[0], first(FEW[1], 0))}, r"valid.images must have shape \(N, C, H, W\), no axis of length 0; got \(0,"),
    ({"sets": (FEW[0], dataclasses.replace(FEW[1], labels=FEW[1].labels[1:]))}, "valid must have a label for each of 50"),
    ({"sets": (FEW[0], labelled(FEW[1], 10))}, "valid has label 10: the model tells 10 classes apart"),
    ({"sets": (labelled(FEW[0], -100), FEW[1])}, "train has label -100: the model tells 10 classes apart"),
    ({"sets": (FEW[0], dataclasses.replace(FEW[1], std=(0,)))}, "std must be a finite number, above 0; got 0"),
    ({"sets": (FEW[0], dataclasses.replace(FEW[1], images=FEW[1].images.float()))}, "must hold torch.uint8, not torch.float32"),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "says"), CANNOT, ids=[says[:50] for _, says in CANNOT])
def test_what_cannot_work_is_refused_before_anything_is_changed(changed, says):
    model = network()
    changed = {"model": model} | changed
    before, random, modes = weights(model), torch.get_rng_state(), [module.training for module in model.modules()]
    with pytest.raises(ValueError, match=says):
        fit(**changed)
    assert torch.equal(weights(model), before)
    assert torch.equal(torch.get_rng_state(), random)
    assert [module.training for module in model.modules()] == modes
    assert not model.base[1][0].weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"augment": 3}, "augment must be a function or None; got 3"),
        ({"augment": Augment}, "augment must be a function or None; got "),
        ({"on_epoch": "print"}, "on_epoch must be a function or None; got 'print'"),
        ({"checkpoint": 3}, "checkpoint must be a path or None; got 3"),
    ],
)
def test_what_is_of_another_kind_is_refused_too(changed, says):
    with pytest.raises(TypeError, match=says):
        fit(network(), **changed)


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.complex_numbers(), st.text(max_size=5), st.binary(max_size=3),
    st.lists(st.floats(), max_size=3), st.sampled_from([np.float64("nan"), np.zeros(2), torch.zeros(2, 0), torch.eye(2), object()]),
)  # fmt: skip
NAMES = (
    "lr",
    "epochs",
    "batch_size",
    "seed",
    "weight_decay",
    "label_smoothing",
    "optimizer",
    "schedule",
    "precision",
    "augment",
)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(name=st.sampled_from(NAMES), value=ANYTHING)
def test_settings_are_taken_or_refused_by_name(name, value):
    usual = {"epochs": 1, "batch_size": 1, "lr": 1.0, "optimizer": "sgd", "weight_decay": 0, "schedule": "falling",
             "label_smoothing": 0, "augment": None, "seed": 0, "precision": None}  # fmt: skip
    try:
        taken = train.settings.Settings(**usual | {name: value})
        machine.choose_precision(torch.device("cpu"), taken.precision)
    except (ValueError, TypeError) as error:
        assert name in str(error)
        return
    assert getattr(taken, name) == value


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(what=st.sampled_from(["model", "images", "views", "mean", "std", "pixels", "precision"]), value=ANYTHING)
def test_measuring_refuses_anything_that_is_no_model_or_image(what, value):
    some = images(2)
    calls = {
        "model": lambda: train.predict(value, some),
        "images": lambda: train.evaluate(network(), value),
        "views": lambda: train.predict(network(), some, views=value),
        "precision": lambda: train.predict(network(), some, precision=value),
        "mean": lambda: train.normalise(some.images, value, some.std),
        "std": lambda: train.normalise(some.images, some.mean, value),
        "pixels": lambda: train.normalise(value, some.mean, some.std),
    }
    try:
        calls[what]()
    except ValueError as error:
        assert {"pixels": "images"}.get(what, what) in str(error)
        return
    fine = {"flip": (True, False), "precision": (None,)}.get(what)
    assert value in fine if fine else len(value) == 1 and what in ("mean", "std")


def test_evaluate_refuses_labels_that_the_model_does_not_know(others):
    with pytest.raises(
        ValueError, match="images has label 3: the model tells 3 classes apart, so that labels are 0 to 2"
    ):
        train.evaluate(Answers([0.0, 1.0, 2.0]), dataclasses.replace(first(others, 5), labels=torch.arange(5)))
    with pytest.raises(ValueError, match=r"row for each of 5 images; it gave a tensor of shape \(1, 3\)"):
        train.predict(nn.Sequential(Answers([0.0, 1.0, 2.0]), FirstRow()), first(others, 5))


class FirstRow(nn.Module):
    def forward(self, x):
        return x[:1]


def test_a_history_without_an_epoch_has_nothing_to_draw():
    with pytest.raises(ValueError, match="no whole epoch yet"):
        train.History().plot()


# ---- machines ------------------------------------------------------------------------------


def test_a_device_that_is_not_there_is_refused():
    assert machine.choose_device("cpu").type == "cpu"
    if torch.cuda.is_available():
        assert machine.choose_device().type == "cuda"
        with pytest.raises(ValueError, match="no 'cuda:99' that torch .* can use; it has: cuda.*cpu"):
            machine.choose_device("cuda:99")
    else:
        with pytest.raises(ValueError, match="no 'cuda' that torch .* can use; it has: .*cpu"):
            machine.choose_device("cuda")


@pytest.mark.skipif(
    machine._glibc() is None or sys.platform != "linux", reason="only glibc on Linux is told to keep memory"
)
def test_freed_memory_is_kept_for_the_next_step_and_given_back_at_the_end():
    def resident():
        return 4096 * int(Path("/proc/self/statm").read_text().split()[1])

    before = resident()
    with machine.freed_kept():
        torch.ones(50_000_000)  # 200 MB, freed at once
        kept = resident() - before
    assert kept > 150e6 > resident() - before


def test_fit_tells_its_arguments_and_trains_where_there_is_no_glibc(monkeypatch):
    assert "batch_size" in inspect.signature(train.fit).parameters
    monkeypatch.setattr(machine, "_glibc", lambda: None)
    assert len(fit(network(), epochs=1)) == 1
