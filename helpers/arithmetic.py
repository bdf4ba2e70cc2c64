"""What a layer does to a picture: output sizes, convolution and pooling written out as loops.

These are the loops of the notebooks, kept: slow, readable, and equal to `torch.nn.functional`
to 1e-5 (tests/test_arithmetic.py). For speed use torch's own.
"""

import torch


def output_size(n, f, stride=1, padding=0, dilation=1):
    """How many positions a window has along one axis: floor((n + 2·padding − dilation·(f − 1) − 1) / stride) + 1.

    n: input size in pixels.  f: kernel (or pooling window) size.  The formula is that of
    torch.nn.Conv2d's documentation.  The floor drops the last rows or columns that no whole
    window reaches.

    Raises ValueError where a number is not a whole one in its range, or the kernel is larger
    than the padded input.
    """
    for what, value, least in [("n", n, 1), ("f", f, 1), ("stride", stride, 1), ("padding", padding, 0),
                               ("dilation", dilation, 1)]:  # fmt: skip
        _check_whole(what, value, least)
    reach = dilation * (f - 1) + 1
    if reach > n + 2 * padding:
        raise ValueError(
            f"the kernel reaches over {reach} pixels (f={f}, dilation={dilation}), more than the padded input's "
            f"{n + 2 * padding} (n={n}, padding={padding}): use a smaller kernel or more padding"
        )
    return (n + 2 * padding - reach) // stride + 1


def same_padding(f, dilation=1):
    """The padding that keeps the size at stride 1: dilation·(f − 1) / 2.

    Raises ValueError where that is not a whole number: an even kernel would need one pixel more
    on one side than on the other.
    """
    _check_whole("f", f, 1)
    _check_whole("dilation", dilation, 1)
    total = dilation * (f - 1)
    if total % 2:
        raise ValueError(
            f"no padding that is equal on both sides keeps the size for f={f}, dilation={dilation}: "
            f"{total} extra pixels do not halve; use an odd kernel size"
        )
    return total // 2


def conv2d(image, kernel, bias=None, stride=1, padding=0):
    """Slide each kernel over the image; at each stop multiply, add up, add the bias.

    image: float (C, H, W).  kernel: float (O, C, f, f), one kernel of depth C per output channel.
    bias: float (O,) or None.  padding: rows and columns of zeros on each side.
    Returns (O, H', W') with H' = output_size(H, f, stride, padding).

    This is what deep learning calls convolution; mathematics calls it cross-correlation, since
    the kernel is not flipped.  Raises ValueError for a wrong shape or dtype, for numbers that are
    not finite, and for a kernel larger than the padded image.
    """
    _check_array("image", image, "(C, H, W)")
    _check_array("kernel", kernel, "(O, C, f, f)")
    out_channels, depth, f, width = kernel.shape
    if f != width:
        raise ValueError(f"kernel must be square, (O, C, f, f); got {tuple(kernel.shape)}")
    if depth != image.shape[0]:
        raise ValueError(
            f"a kernel has the depth of its input: image has {image.shape[0]} channels (shape {tuple(image.shape)}), "
            f"kernel has depth {depth} (shape {tuple(kernel.shape)})"
        )
    if bias is None:
        bias = torch.zeros(out_channels, dtype=image.dtype)
    _check_array("bias", bias, "(O,)")
    if len(bias) != out_channels:
        raise ValueError(f"bias must be (O,) = ({out_channels},), one number per kernel; got {tuple(bias.shape)}")

    height = output_size(image.shape[1], f, stride, padding)
    width = output_size(image.shape[2], f, stride, padding)
    padded = _pad_with_zeros(image, padding)
    result = torch.empty(out_channels, height, width, dtype=image.dtype)
    for row in range(height):
        for column in range(width):
            window = _window(padded, row * stride, column * stride, f)
            result[:, row, column] = (kernel * window).sum(dim=(1, 2, 3)) + bias
    return result


def pool2d(image, size, stride=None, kind="max"):
    """Slide a size × size window over each channel and keep its largest value or its mean.

    image: float (C, H, W).  stride: None means `size`, so that windows neither overlap nor leave
    gaps.  kind: "max" or "average".  Returns (C, H', W') with H' = output_size(H, size, stride).
    Pooling has no weights and keeps the depth.  Raises ValueError as `conv2d` does, and for
    another kind.
    """
    _check_array("image", image, "(C, H, W)")
    if kind not in ("max", "average"):
        raise ValueError(f"kind must be 'max' or 'average'; got {kind!r}")
    stride = size if stride is None else stride
    height, width = (output_size(n, size, stride) for n in image.shape[1:])
    result = torch.empty(image.shape[0], height, width, dtype=image.dtype)
    for row in range(height):
        for column in range(width):
            window = _window(image, row * stride, column * stride, size)
            result[:, row, column] = window.amax(dim=(1, 2)) if kind == "max" else window.mean(dim=(1, 2))
    return result


def _window(image, top, left, size):
    return image[:, top : top + size, left : left + size]


def _pad_with_zeros(image, padding):
    channels, height, width = image.shape
    padded = torch.zeros(channels, height + 2 * padding, width + 2 * padding, dtype=image.dtype)
    padded[:, padding : padding + height, padding : padding + width] = image
    return padded


def _check_whole(what, value, least):
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{what} must be a whole number, {least} or more; got {value!r}")


def _check_array(what, array, shape):
    """Refuse whatever is not a finite float tensor with as many axes as `shape`, such as "(C, H, W)", names."""
    if not isinstance(array, torch.Tensor):
        raise ValueError(f"{what} must be a torch tensor of shape {shape}; got {type(array).__name__}")
    axes = shape.count(",") + (not shape.endswith(",)"))
    if array.ndim != axes or 0 in array.shape:
        raise ValueError(f"{what} must have shape {shape}; got {tuple(array.shape)}")
    if not array.is_floating_point():
        raise ValueError(f"{what} must hold floats, not {array.dtype}: use {what}.float()")
    if not torch.isfinite(array).all():
        raise ValueError(f"{what} holds {(~torch.isfinite(array)).sum()} values that are NaN or infinite")
