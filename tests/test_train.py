"""Training: it learns, it repeats itself, it stops and goes on without loss, and it refuses what cannot work."""

import contextlib
import dataclasses
import inspect
import re
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers import data, models, train
from helpers.train import loop, machine


def first(images, count):
    return dataclasses.replace(images, images=images.images[:count], labels=images.labels[:count])


@pytest.fixture(scope="module")
def some(clothes):
    return first(clothes, 600)


@pytest.fixture(scope="module")
def others():
    return first(data.load("fashion_mnist", "valid", source="sample"), 300)


def fresh(seed=0, **more):
    torch.manual_seed(seed)
    return models.small_cnn(width=4, **more)


def fit(model, some, others, **changed):
    return train.fit(model, some, others, **{"epochs": 2, "batch_size": 50, "lr": 0.02, "device": "cpu", **changed})


def weights(model):
    return torch.cat([value.flatten().double() for value in model.state_dict().values()])


def test_fit_learns_and_history_says_how(some, others, capsys):
    model = fresh()
    before = train.evaluate(model, others)
    history = fit(model, some, others, epochs=4)
    after = train.evaluate(model, others)
    assert after.accuracy > 0.5 > 0.3 > before.accuracy
    assert len(history) == 4
    for field in dataclasses.fields(history):
        assert len(getattr(history, field.name)) == 4, field.name
    assert history.valid_accuracy[-1] == after.accuracy
    assert history.train_loss[-1] < history.train_loss[0]
    assert history.lr[-1] < max(history.lr) <= 0.02
    assert "4 epochs on fashion_mnist (sample)" in capsys.readouterr().out
    assert not model.training


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(some, others):
    runs = []
    for seed in (0, 0, 1):
        model = fresh()
        fit(model, some, others, epochs=1, seed=seed)
        runs.append(weights(model))
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


def test_fit_is_the_plain_loop(some, others, monkeypatch):
    """One epoch of fit against the loop written out, with the same order and the same schedule."""
    monkeypatch.setattr(loop, "autocast", lambda device: contextlib.nullcontext())  # bf16 rounds more coarsely
    mine, theirs = fresh().to(memory_format=torch.channels_last), fresh()
    fit(theirs, some, others, epochs=1, batch_size=100)

    optimizer = torch.optim.AdamW(mine.parameters(), lr=0.02, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.02, total_steps=6)
    x = train.normalise(some.images, some.mean, some.std)  # Adam makes steps of rounding errors: the same ones
    mine.train()
    for batch in torch.randperm(600, generator=torch.Generator().manual_seed(0)).split(100):
        loss = F.cross_entropy(mine(x[batch]), some.labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    torch.testing.assert_close(weights(mine), weights(theirs), atol=1e-6, rtol=1e-6)


def test_evaluate_counts_and_leaves_the_mode_alone(others):
    model = fresh().train()
    result = train.evaluate(model, others)
    assert model.training
    logits = train.predict(model, others)
    assert logits.shape == (300, 10)
    right = sum(int(p) == int(t) for p, t in zip(logits.argmax(dim=1), others.labels))
    assert result.accuracy == pytest.approx(right / 300)
    assert result.loss == pytest.approx(F.cross_entropy(logits, others.labels).item())
    _, _, predictions = result
    assert torch.equal(predictions, logits.argmax(dim=1))


def test_stop_keeps_model_and_history(some, others, capsys):
    calls = 0

    def stop_in_the_second_epoch(batch):
        nonlocal calls
        calls += 1
        if calls == 15:  # 12 batches an epoch
            raise KeyboardInterrupt
        return batch

    model = fresh()
    before = weights(model)
    history = fit(model, some, others, epochs=3, augment=stop_in_the_second_epoch)
    assert len(history) == 1
    assert "stopped in epoch 2" in capsys.readouterr().out
    assert not torch.equal(weights(model), before)
    train.evaluate(model, others)


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_weights(some, others):
    model = fresh()
    before = weights(model)
    with pytest.raises(FloatingPointError, match=re.escape("Try lr=1e+29")):
        fit(model, some, others, lr=1e30)
    assert torch.equal(weights(model), before)


def test_augment_is_used_and_must_keep_shape_and_dtype(some, others):
    seen = []

    def watch(batch):
        seen.append((tuple(batch.shape), batch.dtype))
        return batch.flip(3)

    flipped, plain = fresh(), fresh()
    fit(flipped, some, others, epochs=1, augment=watch)
    fit(plain, some, others, epochs=1)
    assert seen == [((50, 1, 28, 28), torch.uint8)] * 12
    assert not torch.equal(weights(flipped), weights(plain))
    with pytest.raises(ValueError, match=r"augment must return .* \(50, 1, 28, 28\) .* it returned \(50, 1, 28, 27\)"):
        fit(fresh(), some, others, augment=lambda batch: batch[..., :27])


# ---- checkpoints ---------------------------------------------------------------------------


def test_a_resumed_run_has_the_weights_of_an_uninterrupted_one(some, others, tmp_path):
    def dropping():
        model = fresh()
        model.head.insert(2, nn.Dropout(0.5))  # its random masks must go on where they stopped
        return model

    stop_at = None  # which batch of the run the learner stops at

    def watched(batch):
        nonlocal stop_at
        if stop_at is not None:
            stop_at -= 1
            if stop_at == 0:
                raise KeyboardInterrupt
        return batch

    whole = dropping()
    fit(whole, some, others, epochs=3, augment=watched)

    path = tmp_path / "runs" / "checkpoint.pt"
    stop_at = 30  # of 36: in the third epoch
    fit(dropping(), some, others, epochs=3, augment=watched, checkpoint=path)
    stop_at = None
    resumed = dropping()
    history = fit(resumed, some, others, epochs=3, augment=watched, checkpoint=path)
    assert len(history) == 3
    assert torch.equal(weights(resumed), weights(whole))
    assert [file.name for file in path.parent.iterdir()] == ["checkpoint.pt"]


def test_a_checkpoint_of_another_run_is_refused(some, others, tmp_path):
    path = tmp_path / "checkpoint.pt"
    fit(fresh(), some, others, epochs=1, checkpoint=path)
    with pytest.raises(ValueError, match=r"another run \(lr was 0.02, is 0.01\)"):
        fit(fresh(), some, others, epochs=1, lr=0.01, checkpoint=path)


def test_a_checkpoint_cut_short_is_refused(some, others, tmp_path):
    path = tmp_path / "checkpoint.pt"
    fit(fresh(), some, others, epochs=1, checkpoint=path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match="no whole checkpoint .* delete it"):
        fit(fresh(), some, others, epochs=1, checkpoint=path)


# ---- bad input, devices, models ------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"epochs": 0}, "epochs must be a whole number, 1 or more; got 0"),
        ({"batch_size": 2.5}, "batch_size must be a whole number, 1 or more; got 2.5"),
        ({"batch_size": 601}, "batch_size 601 is larger than the training set of 600"),
        ({"lr": 0}, "lr must be above 0; got 0"),
        ({"lr": float("nan")}, "lr must be above 0; got nan"),
    ],
)
def test_arguments_that_cannot_work_are_refused(changed, says, some, others):
    with pytest.raises(ValueError, match=says):
        fit(fresh(), some, others, **changed)


def test_sets_of_the_wrong_kind_are_refused(some, others):
    with pytest.raises(ValueError, match="train must be an ImageSet.*got Tensor"):
        fit(fresh(), some.images, others)
    with pytest.raises(ValueError, match=r"images must hold uint8 images \(N, C, H, W\).*got torch.float32"):
        train.evaluate(fresh(), dataclasses.replace(others, images=others.images.float()))


def test_normalise_and_plot_say_what_they_want(clothes):
    with pytest.raises(ValueError, match=r"uint8 \(N, C, H, W\) with C = 1.*got torch.uint8 \(1, 28, 28\)"):
        train.normalise(clothes.images[0], clothes.mean, clothes.std)
    with pytest.raises(ValueError, match="no whole epoch yet"):
        train.History().plot()


@pytest.mark.parametrize(
    ("has_bf16", "seconds_in_bf16", "used"), [(True, 0.5, True), (True, 1.5, False), (False, 0.5, False)]
)
def test_bf16_is_used_where_the_cpu_has_it_and_is_quicker_with_it(has_bf16, seconds_in_bf16, used, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": has_bf16}, raising=False)
    monkeypatch.setattr(machine, "_convolution_seconds", {torch.bfloat16: seconds_in_bf16, torch.float32: 1.0}.get)
    machine._cpu_gains_from_bf16.cache_clear()
    with machine.autocast(torch.device("cpu")):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    machine._cpu_gains_from_bf16.cache_clear()
    assert product.dtype == (torch.bfloat16 if used else torch.float32)


def test_a_device_that_is_not_there_is_refused():
    assert machine.choose_device("cpu").type == "cpu"
    if torch.cuda.is_available():
        assert machine.choose_device().type == "cuda"
    else:
        with pytest.raises(ValueError, match="no 'cuda' that torch .* can use; it has: .*cpu"):
            machine.choose_device("cuda")


@pytest.mark.parametrize("name", data.CLASSES)
@pytest.mark.parametrize("build", [models.lenet, models.small_cnn, models.plain_cnn])
def test_every_model_takes_both_sets(name, build):
    channels, size, _ = data.SHAPES[name]
    model = build(channels, size=size) if build is models.lenet else build(channels)
    assert model(torch.zeros(2, channels, size, size)).shape == (2, 10)
    assert model.head(model.base(torch.zeros(2, channels, size, size))).shape == (2, 10)


def test_parameter_counts_in_the_docstrings_are_true():
    for model, build in [(models.lenet(3, 32), models.lenet), (models.small_cnn(), models.small_cnn)]:
        assert f"{models.count_parameters(model):,} weights" in build.__doc__


def test_plain_cnn_puts_dropout_where_it_is_asked_for_and_refuses_what_is_no_chance():
    kinds = [type(layer).__name__ for layer in models.plain_cnn(dropout=0.3, map_dropout=0.2).modules()]
    assert (kinds.count("Dropout"), kinds.count("Dropout2d")) == (1, 3)
    assert not {"Dropout", "Dropout2d"} & {type(layer).__name__ for layer in models.plain_cnn().modules()}
    with pytest.raises(ValueError, match="dropout is a chance, from 0 up to, not including, 1; got 1.2"):
        models.plain_cnn(dropout=1.2)
    with pytest.raises(ValueError, match='padding must be "same" or "valid"; got 1'):
        models.plain_cnn(padding=1)


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


def test_fit_tells_its_arguments_and_trains_where_there_is_no_glibc(some, others, monkeypatch):
    assert "batch_size" in inspect.signature(train.fit).parameters
    monkeypatch.setattr(machine, "_glibc", lambda: None)
    assert len(fit(fresh(), some, others, epochs=1, batch_size=100)) == 1
