"""Maps laid side by side: the same convolution, with the same gradients, on any machine."""

import pytest
import torch
from torch import nn

from helpers.train import convolution
from helpers.train.convolution import MapsSideBySide, side_by_side


@pytest.fixture
def laid(monkeypatch):
    """What is laid side by side while the test lasts, as on a processor that gains by it."""
    seen = []
    monkeypatch.setattr(convolution.machine, "has_amx", lambda: True)
    monkeypatch.setattr(convolution, "side_by_side", lambda maps: seen.append(maps.shape) or side_by_side(maps))
    return seen


def in_bf16(layer, x):
    with torch.autocast("cpu", torch.bfloat16), MapsSideBySide():
        return layer(x)


def gradients(y, x, layer):
    torch.manual_seed(1)
    return torch.autograd.grad(y, [x, layer.weight], torch.randn(y.shape).to(y.dtype))


@pytest.mark.parametrize(
    ("batch", "channels", "maps", "height", "width"),
    [(32, 16, 8, 7, 7), (48, 4, 8, 3, 3), (7, 5, 9, 3, 3), (13, 3, 6, 8, 5), (2, 4, 4, 1, 1), (1, 2, 3, 2, 8)],
)
def test_a_convolution_of_small_maps_has_the_output_and_gradients_of_torch(laid, batch, channels, maps, height, width):
    torch.manual_seed(0)
    layer = nn.Conv2d(channels, maps, kernel_size=3, padding=1, bias=False)
    x = torch.randn(batch, channels, height, width).bfloat16().float().requires_grad_()
    with torch.no_grad():
        layer.weight.copy_(layer.weight.bfloat16())  # both round on their own from here on
    mine, theirs = in_bf16(layer, x), layer(x)
    torch.testing.assert_close(mine.float(), theirs, atol=0.02, rtol=0.01)
    for one, other in zip(gradients(mine, x, layer), gradients(theirs, x, layer)):
        assert (one - other).norm() < 0.01 * other.norm()
    assert laid == [mine.shape, x.shape]


@pytest.mark.parametrize(
    ("layer", "side"),
    [
        (nn.Conv2d(4, 4, 3, padding=1, bias=False), 9),
        (nn.Conv2d(4, 4, 3, padding=1), 7),
        (nn.Conv2d(4, 4, 3, bias=False), 7),
        (nn.Conv2d(4, 4, 3, padding=1, stride=2, bias=False), 7),
        (nn.Conv2d(4, 4, 3, padding=1, dilation=2, bias=False), 7),
        (nn.Conv2d(4, 4, 3, padding=1, groups=2, bias=False), 7),
        (nn.Conv2d(4, 4, 3, padding="same", bias=False), 7),
        (nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect", bias=False), 7),
        (nn.Conv2d(4, 4, 5, padding=1, bias=False), 7),
        (nn.Conv2d(4, 4, 3, padding=1, bias=False).requires_grad_(False), 7),
        (nn.Conv2d(4, 4, 3, padding=1, bias=False).double(), 7),
    ],
    ids=str,
)
def test_any_other_layer_is_left_to_torch(laid, layer, side):
    x = torch.randn(2, 4, side, side, dtype=layer.weight.dtype, requires_grad=True)
    in_bf16(layer, x).sum().backward()
    assert laid == []


def test_in_fp32_and_without_amx_all_is_left_to_torch(laid, monkeypatch):
    layer, x = nn.Conv2d(4, 4, 3, padding=1, bias=False), torch.randn(2, 4, 7, 7)
    with MapsSideBySide():
        layer(x).sum().backward()
    monkeypatch.setattr(convolution.machine, "has_amx", lambda: False)
    in_bf16(layer, x).sum().backward()
    assert laid == []


def test_maps_that_need_no_gradient_get_none(laid):
    layer, x = nn.Conv2d(4, 4, 3, padding=1, bias=False), torch.randn(2, 4, 7, 7)
    in_bf16(layer, x).sum().backward()
    assert len(laid) == 2
    assert layer.weight.grad.dtype == torch.float32
    assert x.grad is None


def test_maps_stand_in_rows_with_a_column_of_zeros_after_each():
    maps = torch.arange(1.0, 1 + 12 * 2 * 3 * 7).view(12, 2, 3, 7)
    rows = side_by_side(maps)
    assert rows.shape == (2, 2, 3, 6 * 8)  # 8 maps would fit, but 12 maps make no whole rows of 8
    assert rows.is_contiguous(memory_format=torch.channels_last)
    for number in range(12):
        row, column = divmod(number, 6)
        assert torch.equal(rows[row, :, :, 8 * column : 8 * column + 7], maps[number])
    assert (rows[:, :, :, 7::8] == 0).all()
