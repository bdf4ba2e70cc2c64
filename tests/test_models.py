"""The networks: what they take and give, how their stems are whitened, and that no argument makes a wrong one."""

import dataclasses
import inspect
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from helpers import data, models, train

TAKING_BOTH_SETS = (models.lenet, models.small_cnn, models.plain_cnn, models.flat_cnn, models.fast_cnn)
BUILDERS = (*TAKING_BOTH_SETS, models.condensing_cnn)
USUAL_SIZE = {models.lenet: 28, models.flat_cnn: 28, models.condensing_cnn: 48}  # of those that take one size alone
PATCH = 2 * 2  # numbers of a channel under a kernel of the stem


@pytest.mark.parametrize("name", data.CLASSES)
@pytest.mark.parametrize("build", TAKING_BOTH_SETS)
def test_every_network_takes_both_sets(name, build):
    channels, size, _ = data.SHAPES[name]
    model = build(channels, size=size) if build in USUAL_SIZE else build(channels)
    images = torch.zeros(2, channels, size, size)
    assert model(images).shape == (2, 10)
    assert torch.equal(model.eval().head(model.base(images)), model(images))


def test_parameter_counts_in_the_docstrings_are_true():
    counted = [
        (models.lenet(3, 32), models.lenet),
        (models.small_cnn(), models.small_cnn),
        (models.flat_cnn(), models.flat_cnn),
    ]
    for model, build in counted:
        assert f"{models.count_parameters(model):,} weights" in build.__doc__


@pytest.mark.parametrize("size", range(4, 12))
def test_flat_cnn_takes_the_size_it_was_built_for_and_drops_before_both_linear_layers(size):
    model = models.flat_cnn(2, size, filters=3, hidden=5, dropout=0.3, classes=4)
    assert model(torch.zeros(1, 2, size, size)).shape == (1, 4)
    kinds = [type(layer) for layer in model.head]
    assert kinds == [nn.Flatten, nn.Dropout, nn.Linear, nn.ReLU, nn.Dropout, nn.Linear]
    assert [layer.p for layer in model.head if isinstance(layer, nn.Dropout)] == [0.3, 0.3]
    assert not any(isinstance(layer, nn.Dropout) for layer in models.flat_cnn().modules())


@pytest.mark.parametrize("size", range(16, 40))
def test_lenet_takes_the_size_it_was_built_for(size):
    assert models.lenet(2, size, 3)(torch.zeros(1, 2, size, size)).shape == (1, 3)


@pytest.mark.parametrize("condense", models.CONDENSERS)
def test_a_condensing_network_takes_the_size_it_was_built_for_or_refuses_it(condense):
    for size in range(1, 34):
        try:
            model = models.condensing_cnn(condense, size, width=1, classes=3)
        except ValueError as error:
            words = f"a multiple of 8.*got {size}" if size > 8 else f"a whole number, 8 or more; got {size}"
            assert re.search(words, str(error))
            assert size % 8
        else:
            assert model(torch.zeros(2, 1, size, size)).shape == (2, 3)


@pytest.mark.parametrize("batch_norm", [True, False])
def test_batch_norm_stands_where_it_is_asked_for_and_brings_the_bias(batch_norm):
    for model in (models.small_cnn(batch_norm=batch_norm), models.plain_cnn(batch_norm=batch_norm)):
        kinds = [type(layer) for layer in model.modules()]
        assert kinds.count(nn.BatchNorm2d) == (3 if batch_norm else 0)
        assert all((layer.bias is None) == batch_norm for layer in model.modules() if isinstance(layer, nn.Conv2d))


def test_plain_cnn_is_what_its_arguments_say():
    images = torch.zeros(2, 1, 28, 28)
    for kernel_size in (1, 3, 5, 7):
        assert models.plain_cnn(kernel_size=kernel_size, pool=False).base(images).shape == (2, 32, 28, 28)
    assert models.plain_cnn(kernel_size=4, pool=False, padding="valid").base(images).shape == (2, 32, 19, 19)
    assert models.plain_cnn(stride=2, pool=False, depth=5, filters=6).base(images).shape == (2, 6, 4, 4)
    assert models.plain_cnn(depth=5).base(images).shape == (2, 32, 3, 3)  # only the first three are pooled
    dropping = models.plain_cnn(dropout=0.3, map_dropout=0.2)
    assert [layer.p for layer in dropping.head.modules() if isinstance(layer, nn.Dropout)] == [0.3]
    assert [layer.p for layer in dropping.base.modules() if isinstance(layer, nn.Dropout2d)] == [0.2] * 3
    assert not {"Dropout", "Dropout2d"} & {type(layer).__name__ for layer in models.plain_cnn().modules()}
    narrow = [layer for layer in models.plain_cnn(bottleneck=4, depth=3).base if isinstance(layer, nn.Conv2d)]
    assert [(layer.in_channels, layer.out_channels) for layer in narrow] == [
        (1, 32),
        (32, 4),
        (4, 32),
        (32, 4),
        (4, 32),
    ]


def test_the_first_kernels_of_a_fast_block_hand_on_a_channel_each():
    model = models.fast_cnn(1, (5, 7))  # the stem has 8 maps
    for block in model.base[2:]:
        for layer in (block[0], block[4][0]):
            image = torch.randn(1, layer.in_channels, 6, 6)
            handed_on = min(layer.in_channels, layer.out_channels)
            assert torch.equal(layer(image)[:, :handed_on], image[:, :handed_on])


def test_the_batch_norms_of_a_fast_block_follow_their_batches_fast_and_have_no_scale_to_learn():
    norms = [layer for layer in models.fast_cnn(1, (4, 5)).modules() if isinstance(layer, nn.BatchNorm2d)]
    assert len(norms) == 4
    for norm in norms:
        maps = 3 + torch.randn(9, norm.num_features, 4, 4)
        norm(maps)
        torch.testing.assert_close(norm.running_mean, 0.6 * maps.mean((0, 2, 3)))
        assert not norm.weight.requires_grad
        assert norm.bias.requires_grad


# ---- the stem ------------------------------------------------------------------------------


def test_the_stem_learns_until_it_is_whitened():
    model = models.fast_cnn(2, (4,))
    assert model.base[0].weight.requires_grad
    models.whiten_stem(model, torch.randn(20, 2, 9, 9))
    assert not any(p.requires_grad for p in model.base[0].parameters())
    assert (model.base[0].bias == 0).all()


def test_whitening_touches_nothing_but_the_stem():
    model = models.fast_cnn(1, (4,))
    before = {name: weights.clone() for name, weights in model.state_dict().items()}
    models.whiten_stem(model, torch.randn(20, 1, 9, 9))
    changed = [name for name, weights in model.state_dict().items() if not torch.equal(weights, before[name])]
    assert changed == ["base.0.weight", "base.0.bias"]


def whitened_maps(model, images):
    return F.conv2d(images.to(model.base[0].weight.dtype), model.base[0].weight).transpose(0, 1).flatten(1)


def test_a_whitened_stem_gives_uncorrelated_maps_of_variance_1(photos):
    model, images = models.fast_cnn(), train.normalise(photos.images[:1500], photos.mean, photos.std)
    models.whiten_stem(model, images)
    maps = whitened_maps(model, images)
    half = 3 * PATCH
    assert torch.allclose(maps[:half], -maps[half:], atol=1e-3)  # each kernel, and its negative
    strong = maps[:half] @ maps[:half].T / maps.shape[1]
    assert (strong - torch.diag(strong.diag())).abs().max() < 0.01
    assert strong.diag().max() < 1.01
    assert (strong.diag() > 0.9).sum() >= 9  # the rest has next to no variance to blow up


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_a_stem_is_whitened_by_images_of_another_dtype_and_layout(dtype):
    model = models.fast_cnn(2, (4,)).to(torch.float64)
    images = torch.randn(9, 9, 60, 2, dtype=dtype, generator=torch.Generator().manual_seed(0)).permute(2, 3, 0, 1)
    models.whiten_stem(model, images)
    maps = whitened_maps(model, images)[: 2 * PATCH]
    assert torch.allclose(maps @ maps.T / maps.shape[1], torch.eye(8, dtype=torch.float64), atol=0.01)


@pytest.mark.parametrize(
    ("model", "images", "says"),
    [
        (models.lenet(), torch.zeros(2, 1, 9, 9), r"model must be a fast_cnn, whose first layer .*; got Conv2d\(1, 6"),
        (nn.ReLU(), torch.zeros(2, 1, 9, 9), r"model must be a fast_cnn.*; got ReLU\(\)"),
        ("fast", torch.zeros(2, 1, 9, 9), "model must be an nn.Module; got 'fast'"),
        (models.fast_cnn(1), torch.zeros(2, 3, 9, 9), r"images must be \(N, 1, H, W\).*got \(2, 3, 9, 9\)"),
        (models.fast_cnn(1), torch.zeros(2, 1, 1, 9), r"2×2 or larger.*got \(2, 1, 1, 9\)"),
        (models.fast_cnn(1), torch.zeros(2, 1, 9, 9, dtype=torch.uint8), "images must hold torch.float32 .* not torch.uint8"),
        (models.fast_cnn(1), torch.zeros(1, 9, 9), r"images must have shape \(N, C, H, W\)"),
        (models.fast_cnn(1), torch.zeros(0, 1, 9, 9), r"no axis of length 0; got \(0, 1, 9, 9\)"),
        (models.fast_cnn(1), torch.zeros(2, 1, 9, 9) / 0, "images holds 162 values that are NaN"),
    ],
)  # fmt: skip
def test_what_cannot_be_whitened_is_refused(model, images, says):
    with pytest.raises(ValueError, match=says):
        models.whiten_stem(model, images)


# ---- parts ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", models.CONDENSERS)
def test_the_networks_of_the_shift_curve_differ_only_in_how_they_condense(kind):
    model = models.condensing_cnn(kind)
    x = torch.randn(2, 1, 48, 48)
    assert model.base(x).shape == (2, 32, 6, 6)
    assert model(x).shape == (2, 10)
    assert models.count_parameters(model.base) == 8 * 9 + 16 * 8 * 9 + 32 * 16 * 9 + 2 * (8 + 16 + 32)


@pytest.mark.parametrize("kind", models.CONDENSERS)
def test_on_a_ring_a_shift_by_all_strides_together_moves_the_last_maps_by_one_and_changes_nothing(kind):
    model = models.condensing_cnn(kind).eval()
    x = torch.randn(2, 1, 48, 48)
    maps = model.base(x)
    assert torch.allclose(model.base(x.roll(8, dims=3)), maps.roll(1, dims=3), atol=1e-5)
    assert not torch.allclose(model.base(x.roll(1, dims=3)).mean((2, 3)), maps.mean((2, 3)), atol=1e-5)


def test_max_and_average_condense_by_what_they_are_named_after():
    for kind, pooling in [("max", nn.MaxPool2d), ("average", nn.AvgPool2d)]:
        assert [type(block[-1]) for block in models.condensing_cnn(kind).base] == [pooling] * 3


def test_blur_is_a_weighted_mean_that_training_leaves_alone():
    layer = models.blur(3)
    assert models.count_parameters(layer) == 0
    x = torch.full((1, 3, 8, 8), 5.0)
    assert torch.allclose(layer(x), torch.full((1, 3, 4, 4), 5.0))  # also at the border
    dot = torch.zeros(1, 3, 9, 9)
    dot[0, 1, 4, 4] = 16.0
    assert layer(dot)[0, 1].max() == 4.0
    assert layer(dot)[0, 0].abs().sum() == 0  # each map alone


def test_only_what_training_may_change_is_counted():
    model = models.base_and_head(models.blur(2), nn.Linear(3, 4))
    assert models.count_parameters(model) == 16
    assert models.count_parameters(nn.ModuleList([model.head, model.head])) == 16
    with pytest.raises(ValueError, match="model has lazy layers.*send one through it"):
        models.count_parameters(nn.LazyLinear(3))


# ---- bad input -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: models.lenet(size=15), "size must be a whole number, 16 or more; got 15"),
        (lambda: models.lenet(size=10_000), "size=10000 would make a network of more than 100,000,000 weights"),
        (lambda: models.lenet(0), "channels must be a whole number from 1 to 1000; got 0"),
        (lambda: models.lenet(classes=2.5), "classes must be a whole number from 1 to 1000; got 2.5"),
        (lambda: models.small_cnn(0), "^channels must be .*; got 0"),
        (lambda: models.small_cnn(width=True), "width must be .*; got True"),
        (lambda: models.small_cnn(batch_norm="no"), "batch_norm must be True or False; got 'no'"),
        (lambda: models.condensing_cnn("min"), "condense must be one of max, average, blur, stride, global; got 'min'"),
        (lambda: models.plain_cnn(kernel_size=4), 'padding="same" needs an odd kernel_size.*; got 4'),
        (lambda: models.plain_cnn(depth=0), "depth must be .*; got 0"),
        (lambda: models.plain_cnn(bottleneck=-1), "bottleneck must be a whole number from 0 to 1000; got -1"),
        (lambda: models.plain_cnn(dropout=1.2), "dropout must be a finite number, 0 or more, below 1; got 1.2"),
        (lambda: models.plain_cnn(map_dropout=float("nan")), "map_dropout must be a finite number.*; got nan"),
        (lambda: models.plain_cnn(padding=1), "padding must be one of same, valid; got 1"),
        (lambda: models.plain_cnn(pool=None), "pool must be True or False; got None"),
        (lambda: models.plain_cnn(filters=1000, depth=1000), "filters=1000, kernel_size=3, depth=1000 would make"),
        (lambda: models.flat_cnn(size=3), "size must be a whole number, 4 or more; got 3"),
        (lambda: models.flat_cnn(hidden=0), "hidden must be a whole number from 1 to 1000; got 0"),
        (lambda: models.flat_cnn(dropout=1), "dropout must be a finite number, 0 or more, below 1; got 1"),
        (lambda: models.flat_cnn(size=2000), "size=2000, filters=16, hidden=256 would make"),
        (lambda: models.fast_cnn(widths=8), "widths must be a tuple of one to five whole numbers.*; got 8"),
        (lambda: models.fast_cnn(widths=()), r"widths must be .*; got \(\)"),
        (lambda: models.fast_cnn(widths=(8, 0)), "each of widths must be .*; got 0"),
        (lambda: models.fast_cnn(activation=nn.ReLU()), r"activation must be a class of layers .*; got ReLU\(\)"),
        (lambda: models.fast_cnn(activation=nn.Linear), "activation must be a class of layers without sizes"),
        (lambda: models.fast_cnn(activation=torch.relu), "activation must be a class of layers"),
        (lambda: models.blur(3, 0), "stride must be .*; got 0"),
        (lambda: models.conv_block(1, "8"), "out_channels must be .*; got '8'"),
        (lambda: models.base_and_head(nn.ReLU(), "head"), "head must be an nn.Module; got 'head'"),
        (lambda: models.base_and_head(nn.ReLU, nn.ReLU()), "base must be an nn.Module; got the class ReLU, not yet called"),
        (lambda: models.count_parameters([nn.ReLU()]), r"model must be an nn.Module; got \[ReLU\(\)\]"),
    ],
)  # fmt: skip
def test_what_makes_no_network_is_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()


SMALL = st.integers(1, 3) | st.sampled_from([np.int64(2), torch.tensor(3), np.array(1)])
ODD = st.sampled_from(
    [0, -1, 10**12, True, 2.0, float("nan"), None, "3", (1,), [], nn.ReLU, np.zeros(2), torch.zeros(2)]
)
WORDS = st.sampled_from(["same", "valid", "max", "stride", "blur"])


@given(choice=st.data())
@settings(deadline=None, max_examples=150)
def test_any_arguments_make_a_network_or_a_value_error_that_names_one_of_them(choice):
    build = choice.draw(st.sampled_from(BUILDERS))
    names = list(inspect.signature(build).parameters)
    some = choice.draw(st.lists(st.sampled_from(names), unique=True))
    arguments = {name: choice.draw(SMALL | WORDS | ODD | st.integers(8, 40)) for name in some}
    try:
        model = build(**arguments)
    except ValueError as error:
        assert any(name in str(error) for name in names)
        assert len(str(error)) < 300
    else:
        classes = int(arguments.get("classes", 10))
        channels = (
            1 if build is models.condensing_cnn else model.base.get_submodule(first_convolution(model)).in_channels
        )
        if build in USUAL_SIZE:
            size = int(arguments.get("size", USUAL_SIZE[build]))
            assert model.eval()(torch.zeros(1, channels, size, size)).shape == (1, classes)


def first_convolution(model):
    return next(name for name, layer in model.base.named_modules() if isinstance(layer, nn.Conv2d))


def test_networks_are_built_under_another_default_dtype():
    torch.set_default_dtype(torch.float64)
    try:
        for build in BUILDERS:
            model = build()
            channels = model.base.get_submodule(first_convolution(model)).in_channels
            size = USUAL_SIZE.get(build, 44)
            assert model(torch.zeros(2, channels, size, size)).dtype == torch.float64
        stem = models.fast_cnn(1, (4,))
        models.whiten_stem(stem, torch.randn(9, 1, 5, 5))
    finally:
        torch.set_default_dtype(torch.float32)


# ---- trained networks ----------------------------------------------------------------------


def images_for(name, split, source):
    """Images that this trained network was made for."""
    images = data.load("cifar10" if name == "seven_classes" else name, split, source=source)
    return data.of_classes(images, models.about(name)["classes"])


@pytest.mark.parametrize("name", models.TRAINED)
def test_a_trained_network_is_as_right_as_it_says_on_the_embedded_test_images(name, capsys):
    facts, model = models.about(name), models.trained(name)
    images = images_for(name, "test", "sample")
    found = train.evaluate(model, images).accuracy
    spread = (facts["test_accuracy"] * (1 - facts["test_accuracy"]) / len(images)) ** 0.5
    assert abs(found - facts["test_accuracy"]) < 4 * spread
    assert f"right for {100 * facts['test_accuracy']:.1f} % of" in capsys.readouterr().out
    assert not model.training
    assert models.count_parameters(model) == facts["parameters"]


@pytest.mark.parametrize("name", models.TRAINED)
def test_a_trained_network_is_as_right_as_it_says_on_the_full_test_set(name, full_sets):
    images = images_for(name, "test", "full")
    assert len(images) == models.about(name)["test_images"]
    found = train.evaluate(models.trained(name), images).accuracy
    assert found == pytest.approx(
        models.about(name)["test_accuracy"], abs=0.002
    )  # bf16 and fp32 differ by a few images


def test_trained_networks_are_small_and_one_that_is_damaged_is_refused(tmp_path, monkeypatch):
    assert sum(path.stat().st_size for path in models.WEIGHTS.glob("*.safetensors")) < 10_000_000
    for path in models.WEIGHTS.glob("fashion_mnist.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes()[:-1] + b"\n")
    monkeypatch.setattr(models, "WEIGHTS", tmp_path)
    with pytest.raises(ValueError, match="fashion_mnist.safetensors is not the file that was made for the course"):
        models.trained("fashion_mnist")


def test_an_unknown_trained_network_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match="name must be one of .*cifar10.*seven_classes.*; got 'imagenet'"):
        models.trained("imagenet")


def test_a_trained_network_may_be_trained_on(photos):
    model = models.trained("cifar10")
    before = [p.clone() for p in model.parameters() if p.requires_grad]
    few = dataclasses.replace(photos, images=photos.images[:32], labels=photos.labels[:32])
    train.fit(model, few, few, epochs=1, batch_size=16, lr=0.001, device="cpu")
    assert all(not torch.equal(a, b) for a, b in zip(before, (p for p in model.parameters() if p.requires_grad)))
