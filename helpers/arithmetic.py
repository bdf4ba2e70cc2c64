"""What layers do to an image: output sizes, convolution and pooling as loops, receptive fields, a trace of shapes.

The loops are those of the notebooks, kept: slow, readable, and equal to `torch.nn.functional`
to 1e-5 (tests/test_arithmetic.py). For speed use torch's own.
"""

import copy
import math
from typing import NamedTuple

import torch
from torch import nn

from helpers import checks

MOST_STOPS = 1_000_000  # of a window that a loop here makes: some ten seconds


def output_size(n, f, stride=1, padding=0, dilation=1):
    """How many positions a window has along one axis: floor((n + 2·padding − dilation·(f − 1) − 1) / stride) + 1.

    n: input size in pixels.  f: kernel (or pooling window) size.  The formula is that of
    torch.nn.Conv2d's documentation.  The floor drops the last rows or columns that no whole
    window reaches.

    Raises ValueError where a number is not a whole one in its range, or the kernel is larger
    than the padded input.
    """
    n, f, stride = checks.whole("n", n, 1), checks.whole("f", f, 1), checks.whole("stride", stride, 1)
    padding, dilation = checks.whole("padding", padding, 0), checks.whole("dilation", dilation, 1)
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
    f, dilation = checks.whole("f", f, 1), checks.whole("dilation", dilation, 1)
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
    the kernel is not flipped.  Raises ValueError for a wrong shape, for numbers that are not
    finite, for two kinds of float (dtypes) or two devices, for a kernel larger than the padded
    image, and where the window would stop more than a million times.
    """
    _check_floats("image", image, "(C, H, W)")
    _check_floats("kernel", kernel, "(O, C, f, f)", like=image)
    out_channels, depth, f, width = kernel.shape
    if f != width:
        raise ValueError(f"kernel must be square, (O, C, f, f); got {tuple(kernel.shape)}")
    if depth != image.shape[0]:
        raise ValueError(
            f"a kernel has the depth of its input: image has {image.shape[0]} channels (shape {tuple(image.shape)}), "
            f"kernel has depth {depth} (shape {tuple(kernel.shape)})"
        )
    if bias is None:
        bias = image.new_zeros(out_channels)
    _check_floats("bias", bias, "(O,)", like=image)
    if len(bias) != out_channels:
        raise ValueError(f"bias must be (O,) = ({out_channels},), one number per kernel; got {tuple(bias.shape)}")

    stride, padding = checks.whole("stride", stride, 1), checks.whole("padding", padding, 0)
    height, width = _stops(image, f, stride, padding)
    padded = _pad_with_zeros(image, padding)
    result = image.new_empty(out_channels, height, width)
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
    _check_floats("image", image, "(C, H, W)")
    checks.one_of("kind", kind, ("max", "average"))
    size = checks.whole("size", size, 1)
    stride = size if stride is None else checks.whole("stride", stride, 1)
    height, width = _stops(image, size, stride)
    result = image.new_empty(image.shape[0], height, width)
    for row in range(height):
        for column in range(width):
            window = _window(image, row * stride, column * stride, size)
            result[:, row, column] = window.amax(dim=(1, 2)) if kind == "max" else window.mean(dim=(1, 2))
    return result


def _window(image, top, left, size):
    return image[:, top : top + size, left : left + size]


def _stops(image, size, stride, padding=0):
    """At how many rows and columns a window stops.  Raises ValueError where that is too much for a loop."""
    height, width = (output_size(n, size, stride, padding) for n in image.shape[1:])
    padded = math.prod(n + 2 * padding for n in image.shape[1:]) * len(image)
    if height * width > MOST_STOPS or padded > checks.MOST_NUMBERS:
        raise ValueError(
            f"the window would stop {height * width:,} times on a padded image of {padded:,} numbers (shape "
            f"{tuple(image.shape)}, padding {padding}, stride {stride}): this loop is made for small images; use "
            "torch.nn.functional"
        )
    return height, width


def _pad_with_zeros(image, padding):
    channels, height, width = image.shape
    padded = image.new_zeros(channels, height + 2 * padding, width + 2 * padding)
    padded[:, padding : padding + height, padding : padding + width] = image
    return padded


def _check_floats(name, values, shape, like=None):
    """Refuse whatever is not a tensor of finite floats of this shape, and of another dtype or device than `like`."""
    checks.tensor(name, values, shape)
    if values.dtype not in checks.FLOATS:
        raise ValueError(f"{name} must hold floats, not {values.dtype}: use {name}.float()")
    if like is not None and (values.dtype, values.device) != (like.dtype, like.device):
        raise ValueError(
            f"{name} and image must have one dtype and device; got {values.dtype} on {values.device} and "
            f"{like.dtype} on {like.device}: use {name}.to(image)"
        )
    checks.finite(name, values)


# ---- receptive fields ----------------------------------------------------------------------


class ReceptiveField(NamedTuple):
    """Which input pixels a number of a feature map can depend on, along one axis.

    Number i of the map sees the `size` pixels from `start + i·jump` on. start is below 0 where
    they begin in the padding.
    """

    size: int
    jump: int
    start: int


def receptive_field(layers, axis=None):
    """The `ReceptiveField` after each layer, a list as long as `layers`.

    layers: convolutions, poolings, paddings and layers that work on each number alone (ReLU, batch
    norm, dropout …), as torch modules, in the order in which the image passes them; an
    nn.Sequential may be given whole.  Or tuples (f, stride, padding, dilation), of which f alone must
    be given; 1 stands for any layer that works on each number alone.  axis: 0 for down, 1 for across;
    None where the two are alike.

    A layer with kernel size f, stride s, padding p and dilation d makes of (size, jump, start):
    size + d·(f − 1)·jump, jump·s, start − p·jump (Araujo, Norris and Sim 2019, "Computing Receptive
    Fields of Convolutional Neural Networks").  Raises ValueError for a layer that sees everything,
    such as nn.Linear, for one that is not known, for an nn.Sequential with a forward of its own,
    and where no axis is named though the two differ.
    """
    if axis is not None:
        axis = checks.whole("axis", axis, 0, 1)
    layers = list(_flat(layers))
    windows = [_windows_of(layer) for layer in layers]
    down, across = (_fields(along) for along in (zip(*windows) if windows else ((), ())))
    for layer, one, other in zip(layers, down, across):
        if axis is None and one != other:
            raise ValueError(
                f"after {checks.shown(layer)} the receptive field is {one} down and {other} across: name one axis, "
                "axis=0 (down) or axis=1 (across)"
            )
    return across if axis == 1 else down


class _Window(NamedTuple):
    """How a layer looks at its input along one axis; before, after: the padding on the two sides."""

    f: int
    stride: int = 1
    before: int = 0
    after: int = 0
    dilation: int = 1

    @property
    def reach(self):
        return self.dilation * (self.f - 1) + 1


def _fields(windows):
    field, fields = ReceptiveField(size=1, jump=1, start=0), []
    for window in windows:
        field = ReceptiveField(
            size=field.size + (window.reach - 1) * field.jump,
            jump=field.jump * window.stride,
            start=field.start - window.before * field.jump,
        )
        fields.append(field)
    return fields


WINDOWED = {  # the number of axes along which they slide → kinds
    1: (nn.Conv1d, nn.MaxPool1d, nn.AvgPool1d, nn.LPPool1d),
    2: (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d, nn.LPPool2d),
    3: (nn.Conv3d, nn.MaxPool3d, nn.AvgPool3d),
}
PADDINGS = (nn.ZeroPad2d, nn.ConstantPad2d, nn.ReflectionPad2d, nn.ReplicationPad2d, nn.CircularPad2d)
ONE_BY_ONE = (  # each place alone: softmax over the channels of a place, and batch norm when it is tested, too
    nn.Identity, nn.BatchNorm2d, nn.SyncBatchNorm, nn.Dropout, nn.Dropout2d, nn.AlphaDropout, nn.FeatureAlphaDropout,
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.RReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish,
    nn.Hardswish, nn.Hardsigmoid, nn.Hardtanh, nn.Hardshrink, nn.Softshrink, nn.Softplus, nn.Softsign, nn.Softmax2d,
    nn.Sigmoid, nn.LogSigmoid, nn.Tanh, nn.Tanhshrink, nn.Threshold, nn.LocalResponseNorm, nn.ChannelShuffle,
)  # fmt: skip


def _is(layer, kinds):
    """Whether the layer is of these kinds and works as torch wrote it: a subclass with a forward of its own may do anything."""
    forward = getattr(layer.forward, "__func__", None) if isinstance(layer, kinds) else None
    return forward is not None and forward.__module__.startswith("torch.nn.")


def _flat(layers):
    """The layers of nested nn.Sequentials, in a row."""
    if isinstance(layers, nn.Module) and not isinstance(layers, (nn.Sequential, nn.ModuleList)):
        layers = [layers]
    if isinstance(layers, nn.Sequential) and not _is(layers, nn.Sequential):
        raise ValueError(
            f"{type(layers).__name__} is an nn.Sequential with a forward of its own, so its layers may not follow one "
            "another: give the layers of one way through it, as a list"
        )
    try:
        iterator = iter(layers)
    except TypeError:
        raise ValueError(f"layers must be a list of layers or an nn.Sequential; got {checks.shown(layers)}") from None
    for layer in iterator:
        yield from _flat(layer) if isinstance(layer, nn.Sequential) else [layer]


def _windows_of(layer):
    """The `_Window`s (down, across) of a layer, or of the numbers that stand for one."""
    if not isinstance(layer, nn.Module):
        return (_window_of_numbers(layer),) * 2
    if _is(layer, ONE_BY_ONE):
        return (_Window(1),) * 2
    if _is(layer, PADDINGS):
        left, right, top, bottom = layer.padding
        return _Window(1, before=top, after=bottom), _Window(1, before=left, after=right)
    if _is(layer, WINDOWED[2]):
        return _windows_of_sliding(layer, 2)
    raise ValueError(_unknown(layer))


def _unknown(layer):
    return (
        f"receptive_field does not know {checks.shown(layer)}: give convolutions, poolings and layers that work on each "
        "number alone, or write 1 in place of one that does; from a Flatten, a Linear or a global pooling on, "
        "everything is seen"
    )


def _window_of_numbers(layer):
    numbers = tuple(layer) if isinstance(layer, (tuple, list)) else (layer,)
    if not 1 <= len(numbers) <= 4 or isinstance(layer, str):
        raise ValueError(_unknown(layer))
    f, stride, padding, dilation = (*numbers, *(None, 1, 0, 1)[len(numbers) :])
    padding = checks.whole("padding", padding, 0)
    return _Window(
        checks.whole("f", f, 1), checks.whole("stride", stride, 1), padding, padding,
        checks.whole("dilation", dilation, 1),
    )  # fmt: skip


def _windows_of_sliding(layer, axes):
    """The `_Window` of a convolution or pooling module along each of its axes."""

    def along(value):
        values = tuple(value) if isinstance(value, (tuple, list)) else (value,)
        return values * axes if len(values) == 1 else values

    sizes, dilations = along(layer.kernel_size), along(getattr(layer, "dilation", 1))
    strides = sizes if layer.stride is None else along(layer.stride)
    padding = getattr(layer, "padding", 0)
    if padding == "same":  # torch puts what does not halve at the bottom and on the right
        totals = [d * (f - 1) for f, d in zip(sizes, dilations)]
        befores, afters = [total // 2 for total in totals], [total - total // 2 for total in totals]
    else:
        befores = afters = along(0 if padding == "valid" else padding)
    return tuple(_Window(*numbers) for numbers in zip(sizes, strides, befores, afters, dilations))


# ---- shapes --------------------------------------------------------------------------------


class Layer(NamedTuple):
    """A row of `trace_shapes`.

    name: the path of the module in the model, such as "base.0.1"; "" for the model itself.  kind: its
    class.  input_shape, output_shape: without the batch; of several tensors, the first one's.
    parameters: numbers that training may change.  multiply_adds: of one image; None where the layer
    has weights and it is not known how it uses them.  dropped: (rows, columns) at the bottom and the
    right, padding included, that no window reaches, because the size formula rounds down.
    """

    name: str
    kind: str
    input_shape: tuple
    output_shape: tuple
    parameters: int
    multiply_adds: int | None
    dropped: tuple


class Trace(list):
    """The rows of `trace_shapes`; `print` shows them as a table, with the totals below."""

    @property
    def parameters(self):
        """Of all rows: those of the whole model."""
        return sum(row.parameters for row in self)

    @property
    def multiply_adds(self):
        """Of all rows where they are known; `is_counted` says whether that is all of them."""
        return sum(row.multiply_adds or 0 for row in self)

    @property
    def is_counted(self):
        """Whether the multiply-adds of every row are known."""
        return all(row.multiply_adds is not None for row in self)

    def __str__(self):
        heads = ("layer", "kind", "output shape", "parameters", "multiply-adds", "dropped")
        lines = [heads]
        for row in self:
            dropped = dropped_words(row.dropped) if any(row.dropped) else ""
            shape = "×".join(map(str, row.output_shape))
            products = "?" if row.multiply_adds is None else f"{row.multiply_adds:,}"
            lines.append((row.name or "(model)", row.kind, shape, f"{row.parameters:,}", products, dropped))
        products = f"{self.multiply_adds:,}" if self.is_counted else f"at least {self.multiply_adds:,}"
        lines.append(("together", "", "", f"{self.parameters:,}", products, ""))
        widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
        to_right = (False, False, True, True, True, False)
        return "\n".join(
            "  ".join(
                word.rjust(w) if right else word.ljust(w) for word, w, right in zip(line, widths, to_right)
            ).rstrip()
            for line in lines
        )


def trace_shapes(model, input_shape):
    """Send one empty image through the model and note what each layer makes of its shape: a `Trace` of `Layer` rows.

    model: any nn.Module.  A row stands for each use of a layer, and for each module that has weights
    of its own beside its layers, after those.  Weights are counted once, in the first row that has
    them; those of modules that are never called (their weights may be used by function) in the row of
    what they are a part of.  So all rows together have the parameters of the model.
    What a model does outside of modules (adding two maps, say) has no row.
    input_shape: (C, H, W), without the batch.

    Multiply-adds are counted where weights meet numbers: convolutions and linear layers, without
    the biases.  They are None for other layers with weights, apart from norms, PReLU and embeddings,
    which count 0 as layers without weights do.  The model is left as it was, with its modes, buffers and torch's
    random state; of a lazy model, a copy is traced.  Raises ValueError for an input_shape that is not
    three whole numbers, and where a layer cannot take what it gets, naming the layer and the shapes.
    """
    checks.module("model", model)
    shape = tuple(input_shape) if isinstance(input_shape, (tuple, list)) else ()
    if len(shape) != 3:
        raise ValueError(f"input_shape must be (C, H, W), without the batch; got {checks.shown(input_shape)}")
    shape = tuple(checks.whole(what, value, 1) for what, value in zip("CHW", shape))
    if math.prod(shape) > checks.MOST_NUMBERS:
        raise ValueError(f"input_shape {shape} is too large: an image may have {checks.MOST_NUMBERS:,} numbers")

    model = getattr(model, "_orig_mod", model)  # of a compiled model: what was compiled
    if any(nn.parameter.is_lazy(weights) for weights in (*model.parameters(), *model.buffers())):
        model = _lazy_copy(model)  # its first image would settle its sizes for good
    calls = _calls(model, shape)
    weights = _weights_by_call(model, calls)
    rows, seen = Trace(), set()
    for name, module, got, gave in calls:
        if name not in weights and not _is_layer(module):
            continue
        new = {id(w): w.numel() for w in weights.get(name, ()) if w.requires_grad and id(w) not in seen}
        seen |= new.keys()
        products = _multiply_adds(module, got, gave, has_weights=name in weights)
        dropped = _dropped(module, got, gave)
        rows.append(Layer(name, type(module).__name__, _shape(got), _shape(gave), sum(new.values()), products, dropped))
    return rows


def _lazy_copy(model):
    """A copy of a model with lazy layers; torch copies their parameters, but not their buffers."""
    buffers = {id(b): type(b)(device=b.device, dtype=b.dtype) for b in model.buffers() if nn.parameter.is_lazy(b)}
    return copy.deepcopy(model, buffers)


def dropped_words(dropped):
    """(rows, columns) in words: "1 row, 2 columns"."""
    names = ("slice", "row", "column")[-len(dropped) :]
    return ", ".join(f"{count} {what}{'' if count == 1 else 's'}" for count, what in zip(dropped, names))


class _Call(NamedTuple):
    """What a module got and gave when it was called: the first tensor of each, or None."""

    name: str
    module: nn.Module
    got: torch.Tensor | None
    gave: torch.Tensor | None


def _calls(model, shape):
    """A `_Call` for each module that one empty image passes, in the order in which they finish."""
    calls, running = [], []

    def before(name, module, inputs, named_inputs):
        running.append(_Call(name, module, _first_tensor((inputs, named_inputs)), None))

    def after(module, output):
        while (call := running.pop()).module is not module:  # a module that failed, and whose failure the model caught
            pass
        calls.append(call._replace(gave=_first_tensor(output)))

    hooks = []
    for name, module in model.named_modules():
        if "parametrizations" in name.split("."):
            continue  # what computes a layer's weights is a part of that layer
        hooks.append(
            module.register_forward_pre_hook(lambda m, i, named, name=name: before(name, m, i, named), with_kwargs=True)
        )
        hooks.append(module.register_forward_hook(lambda m, i, output: after(m, output)))
    a_weight = next((w for w in (*model.parameters(), *model.buffers()) if w.is_floating_point()), torch.zeros(()))
    gpus = [a_weight.device] if a_weight.is_cuda else []
    modes, buffers = [(module, module.training) for module in model.modules()], _copies_of_buffers(model)
    try:
        model.eval()  # a single image has no statistics for batch norm, and must not change those it has
        with torch.no_grad(), torch.random.fork_rng(devices=gpus):
            model(torch.zeros(1, *shape, dtype=a_weight.dtype, device=a_weight.device))
    except Exception as error:  # whatever a model does that it should not
        raise ValueError(_mismatch(running[-1], shape, error) if running else str(error)) from error
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in modes:
            module.training = mode
        _restore(buffers)
    return calls


def _copies_of_buffers(model):
    return [
        (module, name, buffer, buffer.clone())
        for module in model.modules()
        for name, buffer in module._buffers.items()
        if buffer is not None and not nn.parameter.is_lazy(buffer) and not buffer.is_meta
    ]


def _restore(buffers):
    for module, name, buffer, before in buffers:
        module._buffers[name] = buffer
        if not torch.equal(buffer, before):
            with torch.no_grad():
                buffer.copy_(before)


def _first_tensor(values):
    """The first tensor in nested tuples, lists and dicts; None where there is none."""
    if isinstance(values, torch.Tensor):
        return values
    if isinstance(values, dict):
        values = values.values()
    elif not isinstance(values, (tuple, list)):
        return None
    return next((found for value in values if (found := _first_tensor(value)) is not None), None)


def _shape(tensor):
    return () if tensor is None else tuple(tensor.shape[1:])


def _weights_by_call(model, calls):
    """name of a called module → its own parameters, and those of modules in it that are not called."""
    called, weights = {call.name for call in calls}, {}
    for name, module in model.named_modules():
        while name not in called:
            name = name.rpartition(".")[0]
        own = list(module.parameters(recurse=False))
        if own:
            weights.setdefault(name, []).extend(own)
    return weights


CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
WEIGHTS_WITHOUT_SUMS = (  # they scale or look up numbers, and add up none
    nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, nn.PReLU, nn.Embedding,
)  # fmt: skip


def _is_layer(module):
    return not any(module.children()) or isinstance(module, (*CONVOLUTIONS, *TRANSPOSED, nn.Linear))


def _multiply_adds(module, got, gave, has_weights):
    """One product for each weight that a number of the output needs; of a transposed convolution, a number of the input."""
    if _is(module, (*CONVOLUTIONS, nn.Linear)):
        return gave.numel() * module.weight.shape[1:].numel()
    if _is(module, TRANSPOSED):
        return got.numel() * module.weight.shape[1:].numel()
    return None if has_weights and not _is(module, WEIGHTS_WITHOUT_SUMS) else 0


def _dropped(module, got, gave):
    axes = next((axes for axes, kinds in WINDOWED.items() if _is(module, kinds)), None)
    if axes is None:
        return (0, 0)
    return tuple(
        max(0, n + window.before + window.after - (size - 1) * window.stride - window.reach)
        for n, size, window in zip(got.shape[-axes:], gave.shape[-axes:], _windows_of_sliding(module, axes))
    )


def _mismatch(call, input_shape, error):
    """What a learner needs to know of a layer that refused its input."""
    module, got = call.module, _shape(call.got)
    said = " ".join(str(error).split())[:300]
    if not isinstance(error, RuntimeError):
        said = f"{type(error).__name__}: {said}"
    if not call.name and not _is_layer(module):
        return f"the model ({type(module).__name__}) cannot take an input of shape {input_shape}: {said}"
    where = f"layer {call.name} ({type(module).__name__})" if call.name else f"the layer ({type(module).__name__})"
    if _is(module, nn.Linear) and len(got) == 3:
        numbers = math.prod(got)
        also = "" if numbers == module.in_features else f", and write nn.Linear({numbers}, {module.out_features})"
        return f"{where} takes {module.in_features} numbers, but gets maps of shape {got}: put nn.Flatten() before it{also}"
    if _is(module, nn.Linear) and got and got[-1] != module.in_features:
        return (
            f"{where} takes {module.in_features} numbers, but gets {got[-1]}: "
            f"write nn.Linear({got[-1]}, {module.out_features})"
        )
    if _is(module, CONVOLUTIONS) and got and got[0] != module.in_channels:
        return f"{where} takes {module.in_channels} channel{'s' * (module.in_channels != 1)}, but gets {got[0]}: its input has shape {got}"
    return f"{where} cannot take an input of shape {got}: {said}"
