"""The arithmetic of layers against torch: sizes, loops, receptive fields by gradients, shapes by forward passes."""

import contextlib
import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from helpers import arithmetic, models

sizes = st.integers(1, 12)
strides = st.integers(1, 4)
paddings = st.integers(0, 4)


def random(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@given(n=sizes, f=st.integers(1, 7), stride=strides, padding=paddings, dilation=st.integers(1, 3))
@settings(deadline=None)
def test_output_size_is_that_of_torch(n, f, stride, padding, dilation):
    if dilation * (f - 1) + 1 > n + 2 * padding:
        with pytest.raises(ValueError, match=f"f={f}"):
            arithmetic.output_size(n, f, stride, padding, dilation)
    else:
        theirs = F.conv1d(torch.zeros(1, 1, n), torch.zeros(1, 1, f), None, stride, padding, dilation)
        assert arithmetic.output_size(n, f, stride, padding, dilation) == theirs.shape[2]


@given(n=sizes, f=st.integers(1, 9), dilation=st.integers(1, 3))
@settings(deadline=None)
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
        (lambda: arithmetic.conv2d(IMAGE.numpy(), KERNEL), r"image must be a torch tensor of shape \(C, H, W\); got a NumPy array of shape \(2, 5, 5\)"),
        (lambda: arithmetic.conv2d(IMAGE[0], KERNEL), r"image must have shape \(C, H, W\), no axis of length 0; got \(5, 5\)"),
        (lambda: arithmetic.conv2d(IMAGE.byte(), KERNEL), "image must hold floats, not torch.uint8: use image.float"),
        (lambda: arithmetic.conv2d(IMAGE, KERNEL[0]), r"kernel must have shape \(O, C, f, f\), .*; got \(2, 3, 3\)"),
        (lambda: arithmetic.conv2d(IMAGE, KERNEL[:, :, :2]), r"kernel must be square.*got \(3, 2, 2, 3\)"),
        (lambda: arithmetic.conv2d(IMAGE, KERNEL[:, :1]), r"image has 2 channels .* kernel has depth 1"),
        (lambda: arithmetic.conv2d(IMAGE, KERNEL, torch.zeros(2)), r"bias must be \(O,\) = \(3,\).*got \(2,\)"),
        (lambda: arithmetic.conv2d(IMAGE, KERNEL, torch.zeros(3, 1)), r"bias must have shape \(O,\), .*; got \(3, 1\)"),
        (lambda: arithmetic.conv2d(IMAGE, KERNEL, stride=0), "stride must be .* got 0"),
        (lambda: arithmetic.conv2d(IMAGE / 0, KERNEL), "image holds 50 values that are NaN or infinite"),
        (lambda: arithmetic.conv2d(IMAGE[:, :0], KERNEL), r"image must have shape \(C, H, W\), no axis of length 0; got \(2, 0, 5\)"),
        (lambda: arithmetic.pool2d(IMAGE, 6), "reaches over 6 pixels"),
        (lambda: arithmetic.pool2d(IMAGE, 2, kind="median"), "kind must be one of max, average; got 'median'"),
        (lambda: arithmetic.pool2d(IMAGE, 2, stride=0), "stride must be .* got 0"),
        (lambda: arithmetic.pool2d(IMAGE, 2.0), "size must be a whole number, 1 or more; got 2.0"),
        (lambda: arithmetic.conv2d(IMAGE, KERNEL.double()), r"kernel and image must have one dtype and device; got torch.float64 on cpu and torch.float32"),
        (lambda: arithmetic.conv2d(IMAGE, KERNEL, torch.zeros(3).half()), "bias and image must have one dtype"),
        (lambda: arithmetic.conv2d(IMAGE.to("meta"), KERNEL), "image must be an ordinary tensor"),
        (lambda: arithmetic.conv2d(IMAGE, KERNEL, padding=10**6), r"would stop 4,000,012,000,009 times .* padding 1000000.*: use|small images"),
        (lambda: arithmetic.pool2d(torch.zeros(1, 1, 1).expand(1, 2000, 2000), 1), "would stop 4,000,000 times"),
        (lambda: arithmetic.receptive_field([3], axis=2), "axis must be a whole number from 0 to 1; got 2"),
        (lambda: arithmetic.pool2d(IMAGE[0], 2), r"image must have shape \(C, H, W\), no axis of length 0; got \(5, 5\)"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_its_numbers(call, says):
    with pytest.raises(ValueError, match=says):
        call()


NUMBERS = [np.int64(2), np.array(2), torch.tensor(2)]


@pytest.mark.parametrize("two", NUMBERS, ids=lambda two: type(two).__name__)
def test_whole_numbers_of_every_type_are_taken(two):
    assert arithmetic.output_size(8 + two, two, two, two, two) == arithmetic.output_size(10, 2, 2, 2, 2)
    assert type(arithmetic.output_size(8 + two, two)) is int
    assert arithmetic.same_padding(3, two) == 2
    assert torch.equal(
        arithmetic.conv2d(IMAGE + 1, KERNEL + 1, None, two, two), arithmetic.conv2d(IMAGE + 1, KERNEL + 1, None, 2, 2)
    )
    assert torch.equal(arithmetic.pool2d(IMAGE, two, two), arithmetic.pool2d(IMAGE, 2, 2))
    assert arithmetic.receptive_field([two, (3, two, two, two)]) == arithmetic.receptive_field([2, (3, 2, 2, 2)])
    assert arithmetic.trace_shapes(nn.ReLU(), (two, two, two))[0].output_shape == (2, 2, 2)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
def test_the_loops_keep_the_dtype_and_take_any_layout_and_let_gradients_through(dtype):
    image = random(0, 5, 6, 2).to(dtype).permute(2, 0, 1).requires_grad_()  # not contiguous
    kernel, bias = random(1, 3, 2, 2, 2).to(dtype), random(2, 3).to(dtype)
    close = {"atol": 0.1, "rtol": 0.02} if dtype.itemsize == 2 else {"atol": 1e-5, "rtol": 1e-5}
    previous = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        mine = arithmetic.conv2d(image, kernel, bias)
        pooled = arithmetic.pool2d(image, 2, kind="average")
    finally:
        torch.set_default_dtype(previous)
    torch.testing.assert_close(mine, F.conv2d(image[None], kernel, bias)[0], **close)
    torch.testing.assert_close(pooled, F.avg_pool2d(image, 2), **close)
    if dtype.itemsize > 2:
        (theirs,) = torch.autograd.grad(F.conv2d(image[None], kernel, bias).sum(), image)
        torch.testing.assert_close(torch.autograd.grad(mine.sum(), image)[0], theirs, **close)


# ---- receptive fields ----------------------------------------------------------------------


def vgg11():
    """Without its linear layers, whose 120 million weights take a while to be drawn."""
    return torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["A"], batch_norm=True)


class Branches(nn.Sequential):
    """Not a chain: the sum of its layers, side by side."""

    def forward(self, x):
        return sum(layer(x) for layer in self)


class Padded(nn.Conv2d):
    """A convolution that does more than its settings say."""

    def forward(self, x):
        return super().forward(F.pad(x, [2, 2, 2, 2]))


def random_layer(pick):
    """A convolution, padding or pooling with random windows, square or not; pick: draws a whole number from low to high."""
    f, stride, dilation = ([pick(1, most), pick(1, most)] for most in (4, 3, 3))  # lists, as one may write them
    padding = [pick(0, size // 2) for size in f]  # torch's poolings allow no more
    kind = pick(0, 5)
    if kind == 0:
        return nn.Conv2d(1, 1, f, stride, tuple(padding), dilation, dtype=torch.float64)
    if kind == 1:
        return nn.Conv2d(1, 1, tuple(f), padding="same", dilation=dilation[0], dtype=torch.float64)
    if kind == 2:
        return nn.MaxPool2d(f, stride, padding, dilation)
    if kind == 3:
        return nn.AvgPool2d(f, stride, padding)
    if kind == 4:
        return nn.Sequential(nn.ZeroPad2d((pick(0, 2), pick(0, 2), pick(0, 2), pick(0, 2))), nn.ELU())
    return nn.MaxPool2d(f[0], None, f[0] // 2)


def random_stack(seed):
    draw = torch.Generator().manual_seed(seed)

    def pick(low, high):
        return int(torch.randint(low, high + 1, (1,), generator=draw))

    return [random_layer(pick) for _ in range(pick(2, 5))]


def seen_pixels(layers, size, place, tries=60):
    """(first, last) input row, and column, that the number at `place` (row, column) depends on: where its gradient is not 0.

    A maximum depends on one pixel only; over many random inputs each of its pixels has its turn.
    """
    draw = torch.Generator().manual_seed(0)
    images = torch.rand(tries, 1, *size, dtype=torch.float64, generator=draw, requires_grad=True)
    nn.Sequential(*layers)(images)[:, 0, place[0], place[1]].sum().backward()
    touched = (images.grad != 0).any(dim=0)[0]
    lines = [touched.any(dim=1).nonzero().flatten(), touched.any(dim=0).nonzero().flatten()]
    return [(int(line[0]), int(line[-1])) for line in lines]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("seed", range(40))
def test_receptive_field_is_where_the_gradient_is_not_0(seed):
    layers = random_stack(seed)
    wanted, size, places = [], [], []
    for axis in (0, 1):
        field = arithmetic.receptive_field(layers, axis)[-1]
        place = max(0, -(field.start // field.jump))  # the first number whose field lies in the image, not in padding
        first = field.start + place * field.jump
        places.append(place)
        size.append(first + field.size + 6 * field.jump)
        wanted.append((first, first + field.size - 1))
    assert seen_pixels(layers, size, places) == wanted


def test_receptive_field_is_given_for_one_axis_where_the_two_differ():
    layers = [nn.Conv2d(1, 1, (3, 1)), nn.Conv2d(1, 1, (1, 3), padding=(0, 1))]
    assert [tuple(field) for field in arithmetic.receptive_field(layers, axis=0)] == [(3, 1, 0), (3, 1, 0)]
    assert [tuple(field) for field in arithmetic.receptive_field(layers, axis=1)] == [(1, 1, 0), (3, 1, -1)]


LOCAL = [nn.ELU(), nn.PReLU(), nn.Hardswish(), nn.Softplus(), nn.Mish(), nn.ReLU6(), nn.Softmax2d(), nn.Dropout2d(),
         nn.BatchNorm2d(4), nn.Identity(), nn.LeakyReLU(), nn.Tanhshrink(), nn.CELU(), nn.LocalResponseNorm(3)]  # fmt: skip


@pytest.mark.parametrize("layer", LOCAL, ids=lambda layer: type(layer).__name__)
def test_a_layer_that_looks_at_each_place_alone_leaves_the_field_as_it_is(layer):
    assert arithmetic.receptive_field([5, layer]) == [(5, 1, 0), (5, 1, 0)]
    x = torch.randn(1, 4, 5, 5, generator=torch.Generator().manual_seed(0), requires_grad=True)
    layer.eval()(x)[0, :, 2, 2].square().sum().backward()
    assert (x.grad[0] != 0).any(dim=0).nonzero().tolist() == [[2, 2]]


def test_receptive_field_takes_what_torchvision_builds_and_one_layer_alone():
    chain = vgg11()
    assert arithmetic.receptive_field(chain)[-1] == (150, 32, -59)
    assert arithmetic.receptive_field(torchvision.ops.Conv2dNormActivation(3, 8, 3))[-1] == (3, 1, -1)
    assert arithmetic.receptive_field(nn.Conv2d(1, 1, 3, padding="same", dilation=2)) == [(5, 1, -2)]
    assert arithmetic.receptive_field([]) == []


def test_receptive_field_of_each_layer_of_a_network():
    fields = arithmetic.receptive_field(models.lenet().base)
    assert [tuple(field) for field in fields] == [(5, 1, 0), (5, 1, 0), (6, 2, 0), (14, 2, 0), (14, 2, 0), (16, 4, 0)]
    assert arithmetic.receptive_field([5, (1,), (2, 2), 5, 1, (2, 2, 0, 1)]) == fields
    same = arithmetic.receptive_field(
        [nn.Conv2d(1, 1, 3, padding="same", dilation=2), nn.Conv2d(1, 1, 3, padding="valid")]
    )
    assert [tuple(field) for field in same] == [(5, 1, -2), (7, 1, -2)]


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        ([nn.Linear(3, 3)], r"does not know Linear\(.*everything is seen"),
        (
            [nn.Conv2d(1, 1, (3, 5))],
            r"size=3, .* down and .*size=5, .* across: name one axis, axis=0 \(down\) or axis=1",
        ),
        ([3, (3, 1, 1, 1, 1)], r"does not know \(3, 1, 1, 1, 1\)"),
        ([()], r"does not know \(\)"),
        ([nn.GroupNorm(1, 4)], "does not know GroupNorm.*write 1 in place"),
        ([nn.AdaptiveAvgPool2d(1)], "does not know AdaptiveAvgPool2d"),
        ([3, Branches()], "Branches is an nn.Sequential with a forward of its own"),
        ([nn.Sequential(Branches())], "Branches is an nn.Sequential with a forward of its own"),
        ([Padded(1, 1, 3)], "does not know Padded"),
        (5, "layers must be a list of layers or an nn.Sequential; got 5"),
        ([(True,)], "f must be a whole number, 1 or more; got True"),
        ([(3, 0)], "stride must be a whole number, 1 or more; got 0"),
        (["conv"], "does not know 'conv'"),
    ],
)
def test_receptive_field_refuses_what_it_does_not_know(layers, says):
    with pytest.raises(ValueError, match=says):
        arithmetic.receptive_field(layers)


# ---- shapes --------------------------------------------------------------------------------


def real_shapes(model, input_shape):
    """The output shape of every leaf module, in the order in which they ran."""
    seen, hooks = [], []
    for module in model.modules():
        if not list(module.children()):
            hooks.append(
                module.register_forward_hook(lambda m, i, out: seen.append((type(m).__name__, tuple(out.shape[1:]))))
            )
    with torch.no_grad():
        model.eval()(torch.randn(1, *input_shape))
    for hook in hooks:
        hook.remove()
    return seen


TRACED = {
    "lenet": (lambda: models.lenet(3, 32), (3, 32, 32)),
    "small_cnn": (lambda: models.small_cnn(3, 8), (3, 37, 41)),
    **{
        f"condensing {kind}": (lambda kind=kind: models.condensing_cnn(kind), (1, 48, 48)) for kind in models.CONDENSERS
    },
    "plain_cnn": (models.plain_cnn, (1, 28, 28)),
    "flat_cnn": (lambda: models.flat_cnn(3, 32, filters=4, hidden=8, dropout=0.5), (3, 32, 32)),
    "plain_cnn, bottleneck": (lambda: models.plain_cnn(3, 16, 5, depth=4, bottleneck=4), (3, 32, 32)),
    "plain_cnn, strided": (lambda: models.plain_cnn(3, 16, stride=2, pool=False, padding="valid"), (3, 32, 32)),
    "fast_cnn": (models.fast_cnn, (3, 32, 32)),
    "fast_cnn, narrow": (lambda: models.fast_cnn(1, (8, 16)), (1, 28, 28)),
    "resnet18": (torchvision.models.resnet18, (3, 97, 64)),
    "densenet121": (torchvision.models.densenet121, (3, 33, 33)),
    "mobilenet_v3_small": (torchvision.models.mobilenet_v3_small, (3, 65, 64)),
    "vgg11": (vgg11, (3, 32, 37)),
    "convolutions along one axis and three": (
        lambda: nn.Sequential(
            nn.Flatten(2), nn.Conv1d(4, 6, 5, 3, groups=2), nn.Unflatten(2, (2, 5, 2)), nn.Conv3d(6, 3, 2, bias=False)
        ),
        (4, 8, 8),
    ),
    "transposed convolutions": (
        lambda: nn.Sequential(
            nn.ConvTranspose2d(4, 6, 3, 2, output_padding=1, groups=2), nn.Flatten(2), nn.ConvTranspose1d(6, 2, 3)
        ),
        (4, 5, 4),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TRACED)
def test_trace_shapes_is_what_a_forward_pass_gives(name):
    build, input_shape = TRACED[name]
    model = build()
    trace = arithmetic.trace_shapes(model, input_shape)
    assert [(row.kind, row.output_shape) for row in trace] == real_shapes(model, input_shape)
    assert sum(row.parameters for row in trace) == models.count_parameters(model)
    assert trace[0].input_shape == input_shape
    with FlopCounterMode(display=False) as counter, torch.no_grad():  # torch counts two for a multiply-add
        model.eval()(torch.randn(1, *input_shape))
    assert 2 * sum(row.multiply_adds for row in trace) == counter.get_total_flops()


def test_no_model_is_left_out():
    parts = {"base_and_head", "conv_block", "blur", "count_parameters", "whiten_stem", "trained", "about"}
    own = {n for n, f in vars(models).items() if getattr(f, "__module__", "") == models.__name__ and n[0] != "_"}
    assert own - parts == {"lenet", "small_cnn", "condensing_cnn", "plain_cnn", "flat_cnn", "fast_cnn"}, (
        "trace the new model above"
    )


def test_no_multiply_add_of_a_transposed_convolution_is_lost():
    trace = arithmetic.trace_shapes(nn.ConvTranspose2d(3, 1, 2, 2), (3, 2, 2))
    assert trace[0].multiply_adds == 3 * 2 * 2 * 2 * 2 == trace.multiply_adds


class Scaled(nn.Module):
    """A Parameter beside submodules."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1024))
        self.layer = nn.Conv2d(1, 16, 3, padding=1)
        self.last = nn.Sequential(nn.Flatten(), nn.Linear(1, 4))

    def forward(self, x):
        return self.layer(x) * self.scale.view(16, 8, 8)


class ByFunction(nn.Module):
    """Uses the weights of a layer that is never called."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(1, 4, 3)
        self.weights = nn.ParameterList([nn.Parameter(torch.zeros(5, 4, 1, 1))])
        self.after = nn.Conv2d(5, 2, 1)

    def forward(self, x):
        return self.after(F.conv2d(F.conv2d(x, self.layer.weight), self.weights[0]))


class Tied(nn.Module):
    """Two layers that share their weights."""

    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Linear(8, 8), nn.Linear(8, 8)
        self.other.weight = self.one.weight

    def forward(self, x):
        return self.other(self.one(x))


class Attends(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        return self.attention(x[:, 0], key=x[:, 0], value=x[:, 0])[0]


def on_meta(build):
    with torch.device("meta"):
        return build()


WEIGHTS = {  # model, image, parameters, whether all multiply-adds are known
    "a Parameter beside layers": (Scaled, (1, 8, 8), 1024 + 160 + 8, False),
    "weights used by function": (ByFunction, (1, 8, 8), 40 + 20 + 12, False),
    "tied weights": (Tied, (1, 8, 8), 64 + 8 + 8, True),
    "attention": (Attends, (1, 8, 8), 4 * 8 * 8 + 4 * 8, False),
    "weight norm": (lambda: nn.utils.parametrizations.weight_norm(nn.Conv2d(2, 4, 3)), (2, 8, 8), 4 * 18 + 4 + 4, True),
    "frozen weights": (lambda: nn.Sequential(models.blur(2), nn.Conv2d(2, 1, 3)), (2, 8, 8), 19, True),
    "norms": (lambda: nn.Sequential(nn.GroupNorm(1, 2), nn.LayerNorm(8), nn.PReLU(2)), (2, 8, 8), 4 + 16 + 2, True),
    "LSTM": (lambda: nn.Sequential(nn.Flatten(1, 2), nn.LSTM(8, 3)), (1, 8, 8), 4 * 3 * (8 + 3 + 2), False),
    "vit_b_16": (lambda: on_meta(torchvision.models.vit_b_16), (3, 224, 224), 86_567_656, False),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_the_totals_are_those_of_the_model_wherever_its_weights_stand(name):
    build, shape, parameters, is_counted = WEIGHTS[name]
    model = build()
    trace = arithmetic.trace_shapes(model, shape)
    assert trace.parameters == sum(row.parameters for row in trace) == models.count_parameters(model) == parameters
    assert trace.is_counted == is_counted
    last = str(trace).splitlines()[-1].split()
    assert last[:2] == ["together", f"{parameters:,}"]
    assert last[2:] == [f"{trace.multiply_adds:,}"] if is_counted else last[2:4] == ["at", "least"]


def test_weights_stand_in_the_row_of_the_module_that_uses_them():
    rows = [
        (row.name, row.kind, row.parameters, row.multiply_adds) for row in arithmetic.trace_shapes(Scaled(), (1, 8, 8))
    ]
    assert rows == [("layer", "Conv2d", 160, 9216), ("", "Scaled", 1032, None)]
    table = str(arithmetic.trace_shapes(ByFunction(), (1, 8, 8)))
    assert table.splitlines()[2].split() == ["(model)", "ByFunction", "2×6×6", "60", "?"]


# ---- what the floor drops ------------------------------------------------------------------


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("kind", [nn.MaxPool2d, nn.AvgPool2d])
def test_dropped_is_what_no_window_of_a_pooling_reaches(kind, ceil_mode):
    """All windows, strides and paddings on 1 to 9 pixels: the last rows in which a change changes nothing are dropped."""
    cases = 0
    for f, stride in itertools.product(range(1, 5), range(1, 5)):
        for padding, n in itertools.product(range(f // 2 + 1), range(1, 10)):
            if f > n + 2 * padding:
                continue
            layer = kind(f, stride, padding, ceil_mode=ceil_mode)
            image = torch.eye(n)[:, None, :, None] * 100  # image i is bright in row i alone
            reached = layer(image.expand(n, 1, n, n)).flatten(1).any(dim=1).nonzero().flatten()
            (row,) = arithmetic.trace_shapes(layer, (1, n, n))
            untouched = n - 1 - int(reached[-1])  # below the last row that a window sees: more may lie between windows
            end = padding + n + padding - row.dropped[0]  # of the last window, counted from the top of the padding
            assert row.dropped[0] == row.dropped[1] >= 0
            assert max(0, padding + n - end) == untouched, (layer, n)
            cases += 1
    assert cases == 260


def test_dropped_counts_the_padding_below_too():
    """Without ceil_mode the size formula says it: what is left over after the last whole stride."""
    for n, f, stride, padding, dilation in itertools.product(range(3, 9), (1, 2, 3), (1, 2, 3), (0, 1), (1, 2)):
        if dilation * (f - 1) < n + 2 * padding:
            (row,) = arithmetic.trace_shapes(nn.Conv2d(1, 1, f, stride, padding, dilation), (1, n, 2 * n))
            left_over = [(side + 2 * padding - dilation * (f - 1) - 1) % stride for side in (n, 2 * n)]
            assert row.dropped == tuple(left_over)


DROPPED = [
    (nn.MaxPool2d(1, 2, ceil_mode=True), (6, 7), (1, 0)),
    (nn.Conv2d(1, 1, 2, padding="same"), (8, 8), (0, 0)),
    (nn.Conv2d(1, 1, (4, 3), padding="same", dilation=3), (8, 9), (0, 0)),
    (nn.Conv2d(1, 1, 3, 2, padding="valid"), (8, 9), (1, 0)),
    (nn.MaxPool2d([3, 3], [2, 2]), (8, 9), (1, 0)),
    (nn.MaxPool2d([2], stride=[3]), (6, 8), (1, 0)),
    (nn.AvgPool2d((2, 3), stride=None), (5, 8), (1, 2)),
    (nn.LPPool2d(2, 3), (8, 9), (2, 0)),
    (nn.Conv2d(1, 1, 3, (1, 2), (0, 1), (1, 2)), (8, 8), (0, 1)),
    (nn.Conv2d(1, 1, 3, 2, 1, padding_mode="reflect"), (8, 9), (1, 0)),
    (Padded(1, 1, 3), (8, 8), (0, 0)),  # what a forward of one's own does with the image is not known
    (nn.AdaptiveMaxPool2d(3), (8, 8), (0, 0)),
    (nn.Sequential(nn.Flatten(2), nn.MaxPool1d(5)), (8, 8), (4,)),
]


@pytest.mark.parametrize(("layer", "size", "dropped"), DROPPED, ids=lambda value: str(value)[:50])
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
def test_rows_and_columns_dropped(layer, size, dropped):
    trace = arithmetic.trace_shapes(layer, (1, *size))
    assert trace[-1].dropped == dropped
    assert arithmetic.dropped_words(trace[-1].dropped) in (
        str(trace) if any(dropped) else arithmetic.dropped_words(dropped)
    )


def test_dropped_is_written_in_words():
    assert arithmetic.dropped_words((1, 2)) == "1 row, 2 columns"
    assert arithmetic.dropped_words((4,)) == "4 columns"
    assert arithmetic.dropped_words((1, 0, 1)) == "1 slice, 0 rows, 1 column"


# ---- a trace works where the model works ---------------------------------------------------


class ByName(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(1, 2, 3)

    def forward(self, x):
        return {"maps": [self.layer(input=x)], "of": "a dict"}


class Unpools(nn.Module):
    def __init__(self):
        super().__init__()
        self.pool, self.unpool = nn.MaxPool2d(2, return_indices=True), nn.MaxUnpool2d(2)

    def forward(self, x):
        values, places = self.pool(x)
        return self.unpool(values, indices=places), None


class Catches(nn.Module):
    """Tries a layer that fails, then another one."""

    def __init__(self):
        super().__init__()
        self.wrong, self.right = nn.Linear(3, 3), nn.Conv2d(1, 2, 3)

    def forward(self, x):
        try:
            return self.wrong(x)
        except RuntimeError:
            return self.right(x)


class GivesNothing(nn.Module):
    def forward(self, x):
        return None


ODD = {  # model → the rows' (kind, output shape)
    "named arguments, a dict out": (ByName, [("Conv2d", (2, 6, 6))]),
    "indices beside the maximum": (Unpools, [("MaxPool2d", (1, 4, 4)), ("MaxUnpool2d", (1, 8, 8))]),
    "a failure that the model catches": (Catches, [("Conv2d", (2, 6, 6)), ("Catches", (2, 6, 6))]),
    "no tensor out": (GivesNothing, [("GivesNothing", ())]),
    "bf16": (lambda: nn.Conv2d(1, 2, 3).bfloat16(), [("Conv2d", (2, 6, 6))]),
    "float64": (lambda: nn.Sequential(nn.Conv2d(1, 2, 3).double(), nn.ReLU()), [("Conv2d", (2, 6, 6)), ("ReLU", (2, 6, 6))]),
    "lazy layers": (lambda: nn.Sequential(nn.LazyConv2d(2, 3), nn.Flatten(), nn.LazyLinear(5)),
                    [("Conv2d", (2, 6, 6)), ("Flatten", (72,)), ("Linear", (5,))]),
    "an even kernel, same": (lambda: nn.Conv2d(1, 1, 2, padding="same"), [("Conv2d", (1, 8, 8))]),
    "on the device meta": (lambda: on_meta(lambda: nn.Conv2d(1, 2, 3)), [("Conv2d", (2, 6, 6))]),
    "no layer at all": (nn.Sequential, [("Sequential", (1, 8, 8))]),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel", "ignore:Lazy modules are a new feature")
@pytest.mark.parametrize("default", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", ODD)
def test_a_trace_works_where_the_model_works(name, default):
    build, rows = ODD[name]
    torch.set_default_dtype(default)
    try:
        trace = arithmetic.trace_shapes(build(), (1, 8, 8))
    finally:
        torch.set_default_dtype(torch.float32)
    assert [(row.kind, row.output_shape) for row in trace] == rows
    assert "together" in str(trace)


def test_trace_shapes_counts_a_module_that_is_used_twice_once():
    shared = nn.Conv2d(4, 4, 3, padding=1)
    trace = arithmetic.trace_shapes(nn.Sequential(shared, shared), (4, 8, 8))
    assert [row.parameters for row in trace] == [148, 0]


class Counts(nn.Module):
    """Changes itself when it is called, in eval mode, too; draws random numbers; keeps its buffer or makes a new one."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))
        self.register_buffer("sum", torch.zeros(2))

    def forward(self, x):
        self.calls = self.calls + 1
        self.sum += 1
        return x + torch.rand_like(x)


@pytest.mark.parametrize("shape", [(1, 28, 28), (2, 28, 28)], ids=["that fits", "that does not"])
def test_trace_shapes_leaves_the_model_as_it_was(shape):
    model = nn.Sequential(models.small_cnn().base, Counts(), nn.BatchNorm2d(128))
    model[0][0][1].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    buffers, modes = list(model.buffers()), [module.training for module in model.modules()]
    random_state = torch.get_rng_state()
    with contextlib.suppress(ValueError):
        arithmetic.trace_shapes(model, shape)
    assert torch.equal(torch.get_rng_state(), random_state)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(now is then for now, then in zip(model.buffers(), buffers))
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert torch.is_grad_enabled()


@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature")
def test_a_lazy_model_stays_lazy():
    model = nn.Sequential(nn.LazyConv2d(2, 3), nn.LazyBatchNorm2d())
    trace = arithmetic.trace_shapes(model, (3, 8, 8))
    assert [row.parameters for row in trace] == [2 * 27 + 2, 4]
    assert model[0].has_uninitialized_params()
    assert model[1].has_uninitialized_params()
    model(torch.zeros(2, 5, 8, 8))  # other images than those of the trace


class Unlike(nn.Module):
    """Its layers run, and then it fails itself."""

    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 5)

    def forward(self, x):
        return self.one(x) + self.other(x)


class NeedsTwo(nn.Module):
    def forward(self, x, y):
        return x + y


@pytest.mark.parametrize(
    ("model", "shape", "says"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(100, 10)), (1, 8, 8),
         r"layer 1 \(Linear\) takes 100 numbers, but gets 64: write nn.Linear\(64, 10\)"),
        (nn.Sequential(nn.Conv2d(1, 4, 3), nn.Linear(100, 10)), (1, 8, 8),
         r"layer 1 \(Linear\) takes 100 numbers, but gets maps of shape \(4, 6, 6\): put nn.Flatten\(\) before it, "
         r"and write nn.Linear\(144, 10\)"),
        (nn.Sequential(nn.Conv2d(1, 4, 3), nn.Linear(144, 10)), (1, 8, 8), r"put nn.Flatten\(\) before it$"),
        (nn.Linear(5, 2), (1, 8, 8), r"^the layer \(Linear\) takes 5 numbers"),
        (Unlike(), (1, 8, 8), r"the model \(Unlike\) cannot take an input of shape \(1, 8, 8\): .*size of tensor"),
        (NeedsTwo(), (1, 8, 8), r"\(NeedsTwo\) cannot take .*TypeError: .*missing 1 required positional argument: 'y'"),
        (nn.Embedding(3, 2), (1, 8, 8), r"the layer \(Embedding\) cannot take an input of shape \(1, 8, 8\)"),
        (nn.ReLU, (1, 8, 8), "model must be an nn.Module; got the class ReLU, not yet called"),
        (nn.ReLU(), (1, 10**5, 10**5), r"input_shape \(1, 100000, 100000\) is too large"),
        (nn.ReLU(), (1, 8, torch.tensor(2.5)), "W must be a whole number, 1 or more; got 2.5"),
        (nn.ReLU(), "128", r"input_shape must be \(C, H, W\), without the batch; got '128'"),
        (nn.Sequential(nn.Conv2d(3, 8, 3)), (1, 8, 8), r"takes 3 channels, but gets 1: its input has shape \(1, 8, 8\)"),
        (nn.Sequential(nn.Conv2d(1, 8, 9)), (1, 4, 4), r"layer 0 \(Conv2d\) cannot take an input of shape \(1, 4, 4\)"),
        (nn.ReLU(), (8, 8), r"input_shape must be \(C, H, W\), without the batch; got \(8, 8\)"),
        (nn.ReLU(), (1, 8, 0), "W must be a whole number, 1 or more; got 0"),
        ("lenet", (1, 8, 8), "model must be an nn.Module; got 'lenet'"),
    ],
)  # fmt: skip
def test_trace_shapes_says_what_does_not_fit(model, shape, says):
    with pytest.raises(ValueError, match=says):
        arithmetic.trace_shapes(model, shape)


# ---- anything else -------------------------------------------------------------------------

ANY_NUMBER = st.integers(-2, 6) | st.sampled_from(
    [10**6, 10**30, -(10**30), 2.0, float("nan"), True, None, "3", "same", (2,), [2, 2], np.int64(2), torch.tensor(2),
     torch.tensor([2]), torch.ones(2, 2), np.zeros(0), nn.ReLU()]
)  # fmt: skip
ANY_SHAPE = st.lists(st.integers(0, 6), max_size=5)
ANY_ARRAY = st.builds(
    lambda shape, dtype, value: torch.full(shape, value).to(dtype),
    ANY_SHAPE | st.sampled_from([(2, 5, 5), (3, 2, 3, 3)]),
    st.sampled_from([torch.float32] * 3 + [torch.float64, torch.float16, torch.uint8, torch.bool, torch.complex64]),
    st.sampled_from([0.0, 1.5, float("nan"), float("inf")]),
) | st.sampled_from([None, 3, "image", [[1.0]], np.ones((2, 5, 5)), torch.ones(2, 5, 5).to("meta")])  # fmt: skip
ANY_LAYER = ANY_NUMBER | st.sampled_from(
    [nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, (1, 2), padding="same"), nn.MaxPool2d([3], 1), nn.ZeroPad2d(1), nn.Flatten(),
     nn.Sequential(nn.AvgPool2d(2), nn.ELU()), Branches(nn.Identity()), nn.ConvTranspose2d(1, 1, 3), nn.Conv1d(1, 1, 3),
     nn.Upsample(scale_factor=2), nn.ReLU, (3, 2, 1), (3, -1), (3, 1, 1, 1, 1), ()]
)  # fmt: skip


def named(error, *names):
    return any(name in str(error) for name in names) and len(str(error)) < 700


@given(n=ANY_NUMBER, f=ANY_NUMBER, stride=ANY_NUMBER, padding=ANY_NUMBER, dilation=ANY_NUMBER)
@settings(deadline=None, max_examples=200)
def test_any_numbers_give_a_size_or_a_value_error(n, f, stride, padding, dilation):
    for call, least in [
        (lambda: arithmetic.output_size(n, f, stride, padding, dilation), 1),
        (lambda: arithmetic.same_padding(f, dilation), 0),
    ]:
        try:
            result = call()
        except ValueError as error:
            assert named(error, "n must", "f must", "stride must", "padding must", "dilation must", "f=")
        else:
            assert type(result) is int
            assert result >= least


@given(
    image=ANY_ARRAY, kernel=ANY_ARRAY, bias=ANY_ARRAY, stride=ANY_NUMBER, padding=ANY_NUMBER,
    kind=st.sampled_from(["max", "average", "min", 3, None]),
)  # fmt: skip
@settings(deadline=None, max_examples=300)
def test_any_arrays_give_maps_of_their_dtype_or_a_value_error(image, kernel, bias, stride, padding, kind):
    for call in (
        lambda: arithmetic.conv2d(image, kernel, bias, stride, padding),
        lambda: arithmetic.conv2d(image, kernel),
        lambda: arithmetic.pool2d(image, padding, stride, kind),
    ):
        try:
            maps = call()
        except ValueError as error:
            assert named(error, "image", "kernel", "bias", "stride", "padding", "size", "kind")
        else:
            assert maps.dtype == image.dtype
            assert torch.isfinite(maps).all()


@given(layers=st.lists(ANY_LAYER, max_size=4) | ANY_LAYER, axis=st.sampled_from([None, 0, 1, 2, "down", True]))
@settings(deadline=None, max_examples=300)
def test_any_layers_give_fields_or_a_value_error(layers, axis):
    try:
        fields = arithmetic.receptive_field(layers, axis)
    except ValueError as error:
        assert named(
            error, "axis", "does not know", "layers must", "f must", "stride must", "padding must", "forward of its own"
        )
    else:
        assert all(field.size >= 1 and field.jump >= 1 for field in fields)


@given(
    model=st.lists(st.sampled_from(
        [nn.Conv2d(1, 2, 3), nn.Conv2d(2, 1, 2, 2), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3), nn.BatchNorm2d(2),
         nn.Dropout(), nn.AdaptiveAvgPool2d(1), nn.Softmax(7), nn.Unflatten(1, (2, 2))]
    ), max_size=5),
    shape=st.just((1, 8, 8)) | st.lists(ANY_NUMBER, max_size=4) | ANY_NUMBER,
)  # fmt: skip
@settings(deadline=None, max_examples=300)
def test_any_model_and_image_give_rows_or_a_value_error(model, shape):
    model = nn.Sequential(*model)
    try:
        trace = arithmetic.trace_shapes(model, shape)
    except ValueError as error:
        assert named(error, "input_shape", "C must", "H must", "W must", "layer", "(Sequential)")
    else:
        assert trace[-1].output_shape == model.eval()(torch.zeros(1, *map(int, shape))).shape[1:]
        assert trace.parameters == models.count_parameters(model)
