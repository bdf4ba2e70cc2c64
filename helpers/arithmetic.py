"""What layers do to a picture: output sizes, convolution and pooling as loops, receptive fields, a trace of shapes.

The loops are those of the notebooks, kept: slow, readable, and equal to `torch.nn.functional`
to 1e-5 (tests/test_arithmetic.py). For speed use torch's own.
"""

import math
from typing import NamedTuple

import torch
from torch import nn


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


class ReceptiveField(NamedTuple):
    """Which input pixels a number of a feature map can depend on, along one axis.

    Number i of the map sees the `size` pixels from `start + i·jump` on. start is below 0 where
    they begin in the padding.
    """

    size: int
    jump: int
    start: int


def receptive_field(layers):
    """The `ReceptiveField` after each layer, a list as long as `layers`.

    layers: convolutions, poolings and layers that work on each number alone (ReLU, batch norm,
    dropout …), as torch modules, in the order in which the picture passes them; an nn.Sequential
    may be given whole.  Or tuples (f, stride, padding, dilation), of which f alone must be given.

    A layer with kernel size f, stride s, padding p and dilation d makes of (size, jump, start):
    size + d·(f − 1)·jump, jump·s, start − p·jump (Araujo, Norris and Sim 2019, "Computing Receptive
    Fields of Convolutional Neural Networks").  Raises ValueError for a layer that sees everything,
    such as nn.Linear, for one that is not known, and for a window that is not square.
    """
    field, fields = ReceptiveField(size=1, jump=1, start=0), []
    for layer in _flat(layers):
        f, stride, padding, dilation = _window_of(layer)
        field = ReceptiveField(
            size=field.size + dilation * (f - 1) * field.jump,
            jump=field.jump * stride,
            start=field.start - padding * field.jump,
        )
        fields.append(field)
    return fields


WINDOWED = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)
ONE_BY_ONE = (nn.ReLU, nn.LeakyReLU, nn.GELU, nn.SiLU, nn.Sigmoid, nn.Tanh, nn.BatchNorm2d, nn.Dropout, nn.Dropout2d,
              nn.Identity)  # fmt: skip


def _flat(layers):
    """The layers of nested nn.Sequentials, in a row."""
    for layer in layers:
        yield from _flat(layer) if isinstance(layer, nn.Sequential) else [layer]


def _window_of(layer):
    """(f, stride, padding, dilation) of a layer, along its one axis or its two equal ones."""
    if isinstance(layer, (int, tuple)):
        numbers = (layer,) if isinstance(layer, int) else layer
        f, stride, padding, dilation = (*numbers, *(None, 1, 0, 1)[len(numbers) :])
    elif isinstance(layer, ONE_BY_ONE):
        return 1, 1, 0, 1
    elif isinstance(layer, WINDOWED):
        down, across = _windows_of(layer)
        if down != across:
            raise ValueError(f"receptive_field knows square windows only; {layer} is another one down than across")
        f, stride, padding, dilation = down
    else:
        raise ValueError(
            f"receptive_field does not know {layer!r}: give convolutions, poolings and layers that work on each "
            "number alone; from a Flatten, a Linear or a global pooling on, everything is seen"
        )
    for what, value, least in [("f", f, 1), ("stride", stride, 1), ("padding", padding, 0), ("dilation", dilation, 1)]:
        _check_whole(what, value, least)
    return f, stride, padding, dilation


def _windows_of(layer):
    """((f, stride, padding, dilation) down, the same across) of a convolution or pooling module."""

    def both(value):
        return value if isinstance(value, tuple) else (value, value)

    sizes, dilations = both(layer.kernel_size), both(getattr(layer, "dilation", 1))
    padding = layer.padding
    if padding == "same":
        padding = tuple(same_padding(f, d) for f, d in zip(sizes, dilations))
    elif padding == "valid":
        padding = 0
    return list(zip(sizes, both(layer.stride), both(padding), dilations))


class Layer(NamedTuple):
    """A row of `trace_shapes`.

    name: the path of the module in the model, such as "base.0.1".  kind: its class.  input_shape,
    output_shape: without the batch.  parameters: numbers that training may change.
    multiply_adds: of one picture.  dropped: (rows, columns) at the bottom and the right, padding
    included, that no window reaches, because the size formula rounds down.
    """

    name: str
    kind: str
    input_shape: tuple
    output_shape: tuple
    parameters: int
    multiply_adds: int
    dropped: tuple


class Trace(list):
    """The rows of `trace_shapes`; `print` shows them as a table."""

    def __str__(self):
        heads = ("layer", "kind", "output shape", "parameters", "multiply-adds", "dropped")
        lines = [heads]
        for row in self:
            dropped = dropped_words(row.dropped) if any(row.dropped) else ""
            shape = "×".join(map(str, row.output_shape))
            lines.append((row.name, row.kind, shape, f"{row.parameters:,}", f"{row.multiply_adds:,}", dropped))
        parameters, products = sum(row.parameters for row in self), sum(row.multiply_adds for row in self)
        lines.append(("together", "", "", f"{parameters:,}", f"{products:,}", ""))
        widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
        to_right = (False, False, True, True, True, False)
        return "\n".join(
            "  ".join(
                word.rjust(w) if right else word.ljust(w) for word, w, right in zip(line, widths, to_right)
            ).rstrip()
            for line in lines
        )


def trace_shapes(model, input_shape):
    """Send one empty picture through the model and note what each layer makes of its shape: a `Trace` of `Layer` rows.

    model: any nn.Module whose layers are modules; a module that is used twice gets a row each time,
    and its parameters are counted once.  What a model does outside of modules (adding two maps, say)
    has no row.  input_shape: (C, H, W), without the batch.

    Multiply-adds are counted where weights meet numbers: convolutions and linear layers, without
    the biases; everything else counts 0.  The model is left as it was.  Raises ValueError for an
    input_shape that is not three whole numbers, and where a layer cannot take what it gets, naming
    the layer and the shapes.
    """
    if not isinstance(model, nn.Module):
        raise ValueError(f"model must be an nn.Module; got {type(model).__name__}")
    shape = tuple(input_shape) if isinstance(input_shape, (tuple, list, torch.Size)) else ()
    if len(shape) != 3:
        raise ValueError(f"input_shape must be (C, H, W), without the batch; got {input_shape!r}")
    for what, value in zip(("C", "H", "W"), shape):
        _check_whole(what, value, 1)

    rows, seen, entered = Trace(), set(), []

    def before(name, module, inputs):
        entered.append((name, module, tuple(inputs[0].shape)))

    def after(name, module, inputs, output):
        own = [p for p in module.parameters() if p.requires_grad and id(p) not in seen]
        seen.update(map(id, own))
        into, out = tuple(inputs[0].shape[1:]), tuple(output.shape[1:])
        parameters = sum(p.numel() for p in own)
        rows.append(
            Layer(
                name, type(module).__name__, into, out, parameters, _multiply_adds(module, out), _dropped(module, into)
            )
        )

    leaves = [(name, module) for name, module in model.named_modules() if not list(module.children())]
    hooks = [m.register_forward_pre_hook(lambda m, i, name=name: before(name, m, i)) for name, m in leaves]
    hooks += [m.register_forward_hook(lambda m, i, o, name=name: after(name, m, i, o)) for name, m in leaves]
    was_training = [(module, module.training) for module in model.modules()]
    a_weight = next(model.parameters(), torch.zeros(1))
    try:
        model.eval()  # a single picture has no statistics for batch norm, and must not change those it has
        with torch.no_grad():
            model(torch.zeros(1, *shape, dtype=a_weight.dtype, device=a_weight.device))
    except RuntimeError as error:
        if not entered:
            raise ValueError(f"the model cannot take an input of {shape}: {error}") from error
        name, module, got = entered[-1]
        raise ValueError(_mismatch(name, module, got[1:], error)) from error
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in was_training:
            module.training = mode
    return rows


def dropped_words(dropped):
    """(rows, columns) in words: "1 row, 2 columns"."""
    return ", ".join(f"{count} {what}{'' if count == 1 else 's'}" for count, what in zip(dropped, ("row", "column")))


def _multiply_adds(module, out):
    """One product for each weight that a number of the output needs."""
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        return math.prod(out) * module.weight[0].numel()
    return 0


def _dropped(module, into):
    if not isinstance(module, WINDOWED) or getattr(module, "ceil_mode", False):
        return (0, 0)
    return tuple(
        (n + 2 * padding - dilation * (f - 1) - 1) % stride
        for n, (f, stride, padding, dilation) in zip(into[1:], _windows_of(module))
    )


def _mismatch(name, module, got, error):
    """What a learner needs to know of a layer that refused its input."""
    where = f"layer {name} ({type(module).__name__})"
    if isinstance(module, nn.Linear):
        return (
            f"{where} takes {module.in_features} numbers, but gets {got[-1]}: "
            f"write nn.Linear({got[-1]}, {module.out_features})"
        )
    if isinstance(module, nn.Conv2d) and got[0] != module.in_channels:
        return f"{where} takes {module.in_channels} channels, but gets {got[0]}: its input has shape {got}"
    return f"{where} cannot take an input of shape {got}: {error}"


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
