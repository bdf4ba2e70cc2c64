"""bf16 or fp32: chosen by the hardware alone, said by the caller if need be, and equal to rounding on all that we train."""

import time

import pytest
import torch
from torch import nn

from helpers import train
from helpers.train import machine, recipes
from helpers.train.convolution import MapsSideBySide
from tests.small_runs import fit, images, network, weights

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("flags", "vendor", "precision"),
    [
        ("avx2 avx512f avx512_bf16 amx_bf16 amx_tile", "GenuineIntel", "bf16"),
        ("avx2 avx512f avx512_bf16", "GenuineIntel", "fp32"),  # 323 GFLOP/s in fp32, 177 in bf16
        ("avx2 avx512f avx512_bf16", "AuthenticAMD", "bf16"),  # Zen 4 and 5
        ("avx2", "AuthenticAMD", "fp32"),  # Zen 3
        (None, None, "fp32"),  # no Linux
    ],
)
def test_the_processor_decides(flags, vendor, precision, monkeypatch):
    description = {"flags": flags, "vendor_id": vendor} if flags else {}
    monkeypatch.setattr(machine, "_cpu_description", lambda: description)
    assert machine.choose_precision(CPU) == precision
    with machine.autocast(CPU):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == {"bf16": torch.bfloat16, "fp32": torch.float32}[precision]


def test_a_busy_machine_decides_as_an_idle_one(monkeypatch):
    idle = machine.choose_precision(CPU)
    for clock in ("perf_counter", "monotonic", "time", "process_time"):
        monkeypatch.setattr(time, clock, lambda: pytest.fail("the precision is measured"))
    machine._cpu_description.cache_clear()
    assert machine.choose_precision(CPU) == idle


def test_the_caller_decides_for_training_and_for_measuring():
    runs = {}
    for precision in machine.PRECISIONS:
        model = network()
        history = fit(model, precision=precision)
        same = train.evaluate(model, images(50, "valid"), precision=precision)
        assert history.valid_loss[-1] == same.loss
        runs[precision] = weights(model)
        bf16, fp32 = (train.predict(model, images(50, "valid"), precision=p) for p in machine.PRECISIONS)
        assert not torch.equal(bf16, fp32)
        torch.testing.assert_close(bf16, fp32, atol=0.05, rtol=0.05)
    assert not torch.equal(runs["bf16"], runs["fp32"])


def test_fp32_is_fp32_inside_another_autocast_too():
    outside = train.predict(network(), images(20), precision="fp32")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(train.predict(network(), images(20), precision="fp32"), outside)


# ---- every layer that we train -------------------------------------------------------------

BATCHES = 32, 7  # images: the second, odd one as the last batch of an epoch may be
CLOSE = 0.02  # of a channel's length; bf16 rounds each number by up to 0.004 of it, which came to 0.007 at most


def layers(dataset):
    """Every layer that a recipe trains, once for each shape that it gets: (layer, what it got (32, …))."""
    some, found = images(BATCHES[0], name=dataset), {}
    for recipe in recipes.RECIPES[dataset].values():
        model = recipe.build(some).to(memory_format=torch.channels_last)

        def note(layer, inputs, _):
            found.setdefault((str(layer), inputs[0].shape[1:]), (layer, inputs[0].detach()))

        for layer in model.modules():
            if not list(layer.children()) and not isinstance(layer, nn.Flatten):
                layer.register_forward_hook(note)
        model(train.normalise(some.images, some.mean, some.std))
    return found.values()


def answers(layer, x, precision):
    """Output of a layer, gradient of its input, gradient of its weights."""
    x = x.clone().requires_grad_()
    layer.zero_grad()
    with machine.autocast(CPU, precision), MapsSideBySide():
        y = layer(x)
    torch.manual_seed(0)
    y.backward(torch.randn(y.shape).bfloat16().to(y.dtype))
    return [y.detach(), x.grad, *(p.grad.clone() for p in layer.parameters() if p.grad is not None)]


def distance(one, other):
    """The largest distance between rows (or channels), as a share of the other's mean length of a row."""
    one, other = (numbers.float().flatten(1) if numbers.ndim > 1 else numbers.float()[None] for numbers in (one, other))
    return ((one - other).norm(dim=1).max() / other.norm(dim=1).mean()).item()


@pytest.mark.parametrize("dataset", recipes.RECIPES)
def test_bf16_gives_every_layer_that_we_train_the_numbers_of_fp32(dataset):
    checked = list(layers(dataset))
    kinds = {type(layer) for layer, _ in checked}
    soft = {nn.GELU} if dataset == "cifar10" else set()
    assert {nn.Conv2d, nn.Linear, nn.MaxPool2d, nn.BatchNorm2d, nn.ReLU} | soft <= kinds
    for layer, x in checked:
        layer.requires_grad_()
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter.copy_(parameter.bfloat16())  # both get the same numbers, and round on their own from there
        for size in BATCHES:
            batch = x[:size].bfloat16()
            bf16, fp32 = answers(layer, batch, "bf16"), answers(layer, batch.float(), "fp32")
            for what, one, other in zip(("output", "gradient of its input", *["gradient of a weight"] * 2), bf16, fp32):
                away = distance(one, other)
                assert away < CLOSE, f"{what} of {layer} for {tuple(batch.shape)} is {away:.4f} away from fp32"


@pytest.mark.parametrize("channels", [1, 3])
def test_the_stem_of_2_by_2_kernels_is_among_them(channels):
    dataset = {1: "fashion_mnist", 3: "cifar10"}[channels]
    stems = [layer for layer, _ in layers(dataset) if isinstance(layer, nn.Conv2d) and layer.kernel_size == (2, 2)]
    assert [stem.in_channels for stem in stems] == [channels]
