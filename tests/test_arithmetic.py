"""The arithmetic of layers against torch.nn.functional, over drawn sizes, strides and paddings."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import arithmetic

sizes = st.integers(1, 12)
strides = st.integers(1, 4)
paddings = st.integers(0, 4)


def random(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@given(n=sizes, f=st.integers(1, 7), stride=strides, padding=paddings, dilation=st.integers(1, 3))
def test_output_size_is_that_of_torch(n, f, stride, padding, dilation):
    if dilation * (f - 1) + 1 > n + 2 * padding:
        with pytest.raises(ValueError, match=f"f={f}"):
            arithmetic.output_size(n, f, stride, padding, dilation)
    else:
        theirs = F.conv1d(torch.zeros(1, 1, n), torch.zeros(1, 1, f), None, stride, padding, dilation)
        assert arithmetic.output_size(n, f, stride, padding, dilation) == theirs.shape[2]


@given(n=sizes, f=st.integers(1, 9), dilation=st.integers(1, 3))
def test_same_padding_keeps_the_size_or_says_why_not(n, f, dilation):
    if dilation * (f - 1) % 2:
        with pytest.raises(ValueError, match="odd"):
            arithmetic.same_padding(f, dilation)
    else:
        padding = arithmetic.same_padding(f, dilation)
        assert arithmetic.output_size(n, f, 1, padding, dilation) == n


@given(
    channels=st.integers(1, 3), kernels=st.integers(1, 3), height=sizes, width=sizes, f=st.integers(1, 5),
    stride=strides, padding=paddings, has_bias=st.booleans(), seed=st.integers(0, 10_000),
)  # fmt: skip
@settings(deadline=None)
def test_conv2d_is_that_of_torch(channels, kernels, height, width, f, stride, padding, has_bias, seed):
    image, kernel = random(seed, channels, height, width), random(seed + 1, kernels, channels, f, f)
    bias = random(seed + 2, kernels) if has_bias else None
    if f > min(height, width) + 2 * padding:
        with pytest.raises(ValueError, match="kernel reaches over"):
            arithmetic.conv2d(image, kernel, bias, stride, padding)
    else:
        theirs = F.conv2d(image[None], kernel, bias, stride, padding)[0]
        torch.testing.assert_close(
            arithmetic.conv2d(image, kernel, bias, stride, padding), theirs, atol=1e-5, rtol=1e-5
        )


@given(
    channels=st.integers(1, 3), height=sizes, width=sizes, size=st.integers(1, 5), stride=st.none() | strides,
    kind=st.sampled_from(["max", "average"]), seed=st.integers(0, 10_000),
)  # fmt: skip
@settings(deadline=None)
def test_pool2d_is_that_of_torch(channels, height, width, size, stride, kind, seed):
    image = random(seed, channels, height, width)
    if size > min(height, width):
        with pytest.raises(ValueError, match="kernel reaches over"):
            arithmetic.pool2d(image, size, stride, kind)
    else:
        pool = F.max_pool2d if kind == "max" else F.avg_pool2d
        theirs = pool(image[None], size, stride)[0]
        torch.testing.assert_close(arithmetic.pool2d(image, size, stride, kind), theirs, atol=1e-5, rtol=1e-5)


IMAGE, KERNEL = torch.zeros(2, 5, 5), torch.zeros(3, 2, 3, 3)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: arithmetic.output_size(5, 3, stride=0), "stride must be a whole number, 1 or more; got 0"),
        (lambda: arithmetic.output_size(5, 3, padding=-1), "padding must be a whole number, 0 or more; got -1"),
        (lambda: arithmetic.output_size(5.0, 3), "n must be a whole number, 1 or more; got 5.0"),
        (lambda: arithmetic.output_size(5, 0), "f must be a whole number, 1 or more; got 0"),
        (lambda: arithmetic.output_size(5, 3, dilation=True), "dilation must be a whole number"),
        (lambda: arithmetic.output_size(3, 5), "reaches over 5 pixels .* more than the padded input's 3"),
        (lambda: arithmetic.same_padding(4), "f=4"),
        (lambda: arithmetic.conv2d(IMAGE.numpy(), KERNEL), r"image must be a torch tensor of shape \(C, H, W\); got ndarray"),
        (lambda: arithmetic.conv2d(IMAGE[0], KERNEL), r"image must have shape \(C, H, W\); got \(5, 5\)"),
        (lambda: arithmetic.conv2d(IMAGE.byte(), KERNEL), "image must hold floats, not torch.uint8: use image.float"),
        (lambda: arithmetic.conv2d(IMAGE, KERNEL[0]), r"kernel must have shape \(O, C, f, f\); got \(2, 3, 3\)"),
        (lambda: arithmetic.conv2d(IMAGE, KERNEL[:, :, :2]), r"kernel must be square.*got \(3, 2, 2, 3\)"),
        (lambda: arithmetic.conv2d(IMAGE, KERNEL[:, :1]), r"image has 2 channels .* kernel has depth 1"),
        (lambda: arithmetic.conv2d(IMAGE, KERNEL, torch.zeros(2)), r"bias must be \(O,\) = \(3,\).*got \(2,\)"),
        (lambda: arithmetic.conv2d(IMAGE, KERNEL, torch.zeros(3, 1)), r"bias must have shape \(O,\); got \(3, 1\)"),
        (lambda: arithmetic.conv2d(IMAGE, KERNEL, stride=0), "stride must be .* got 0"),
        (lambda: arithmetic.conv2d(IMAGE / 0, KERNEL), "image holds 50 values that are NaN or infinite"),
        (lambda: arithmetic.conv2d(IMAGE[:, :0], KERNEL), r"image must have shape \(C, H, W\); got \(2, 0, 5\)"),
        (lambda: arithmetic.pool2d(IMAGE, 6), "reaches over 6 pixels"),
        (lambda: arithmetic.pool2d(IMAGE, 2, kind="median"), "kind must be 'max' or 'average'; got 'median'"),
        (lambda: arithmetic.pool2d(IMAGE, 2, stride=0), "stride must be .* got 0"),
        (lambda: arithmetic.pool2d(IMAGE[0], 2), r"image must have shape \(C, H, W\); got \(5, 5\)"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_its_numbers(call, says):
    with pytest.raises(ValueError, match=says):
        call()
