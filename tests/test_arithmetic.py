"""The arithmetic of layers against torch: sizes, loops, receptive fields by gradients, shapes by forward passes."""

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


# ---- receptive fields ----------------------------------------------------------------------


def random_stack(seed):
    """Two to five layers of convolution and pooling with random sizes, strides, paddings and dilations."""
    draw = torch.Generator().manual_seed(seed)

    def pick(low, high):
        return int(torch.randint(low, high + 1, (1,), generator=draw))

    layers = []
    for _ in range(pick(2, 5)):
        f, stride = pick(1, 4), pick(1, 3)
        padding = pick(0, f // 2)  # torch's poolings allow no more
        kind = pick(0, 2)
        if kind == 0:
            layer = nn.Conv2d(1, 1, f, stride, padding, dilation=pick(1, 3), dtype=torch.float64)
        elif kind == 1:
            layer = nn.MaxPool2d(f, stride, padding, dilation=pick(1, 2))
        else:
            layer = nn.AvgPool2d(f, stride, padding)
        layers.append(layer)
    return layers


def seen_pixels(layers, size, place, tries=60):
    """First and last input row that the number at (place, place) depends on: where its gradient is not 0.

    A maximum depends on one pixel only; over many random inputs each of its pixels has its turn.
    """
    touched = torch.zeros(size, dtype=torch.bool)
    draw = torch.Generator().manual_seed(0)
    for _ in range(tries):
        image = torch.rand(1, 1, size, size, dtype=torch.float64, generator=draw, requires_grad=True)
        nn.Sequential(*layers)(image)[0, 0, place, place].backward()
        touched |= (image.grad[0, 0] != 0).any(dim=1)
    found = touched.nonzero().flatten()
    return int(found[0]), int(found[-1])


@pytest.mark.parametrize("seed", range(10))
def test_receptive_field_is_where_the_gradient_is_not_0(seed):
    layers = random_stack(seed)
    field = arithmetic.receptive_field(layers)[-1]
    place = max(0, -(field.start // field.jump))  # the first number whose field lies in the picture, not in padding
    first = field.start + place * field.jump
    size = first + field.size + 2 * field.jump
    assert seen_pixels(layers, size, place) == (first, first + field.size - 1)


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
        ([nn.Conv2d(1, 1, (3, 5))], "square windows only"),
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
        f"condensing {kind}": (lambda kind=kind: models.condensing_cnn(kind), (1, 44, 44)) for kind in models.CONDENSERS
    },
    "plain_cnn": (models.plain_cnn, (1, 28, 28)),
    "plain_cnn, bottleneck": (lambda: models.plain_cnn(3, 16, 5, depth=4, bottleneck=4), (3, 32, 32)),
    "plain_cnn, strided": (lambda: models.plain_cnn(3, 16, stride=2, pool=False, padding="valid"), (3, 32, 32)),
    "fast_cnn": (models.fast_cnn, (3, 32, 32)),
    "fast_cnn, residual": (lambda: models.fast_cnn(1, (8, 16), residual=True), (1, 28, 28)),
    "resnet18": (torchvision.models.resnet18, (3, 97, 64)),
}


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
    parts = {"base_and_head", "conv_block", "blur", "count_parameters", "whiten_stem"}
    own = {n for n, f in vars(models).items() if getattr(f, "__module__", "") == models.__name__ and n[0] != "_"}
    assert own - parts == {"lenet", "small_cnn", "condensing_cnn", "plain_cnn", "fast_cnn"}, "trace the new model above"


def test_trace_shapes_counts_what_the_floor_drops():
    model = nn.Sequential(
        nn.Conv2d(1, 1, 3, stride=2), nn.MaxPool2d(2), nn.MaxPool2d(2, ceil_mode=True), nn.AvgPool2d(3, 1)
    )
    trace = arithmetic.trace_shapes(model, (1, 28, 23))
    assert [row.dropped for row in trace] == [(1, 0), (1, 1), (0, 0), (0, 0)]
    changed = torch.zeros(1, 1, 28, 23)
    changed[:, :, 27:] = 9.0  # the dropped row: no window reaches it
    assert torch.equal(model[0](changed), model[0](torch.zeros(1, 1, 28, 23)))
    assert "1 row, 0 columns" in str(trace)


def test_trace_shapes_counts_a_module_that_is_used_twice_once():
    shared = nn.Conv2d(4, 4, 3, padding=1)
    trace = arithmetic.trace_shapes(nn.Sequential(shared, shared), (4, 8, 8))
    assert [row.parameters for row in trace] == [148, 0]


def test_trace_shapes_leaves_the_model_as_it_was():
    model = models.small_cnn()
    model[0][0][1].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    arithmetic.trace_shapes(model, (1, 28, 28))
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


@pytest.mark.parametrize(
    ("model", "shape", "says"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(100, 10)), (1, 8, 8),
         r"layer 1 \(Linear\) takes 100 numbers, but gets 64: write nn.Linear\(64, 10\)"),
        (nn.Sequential(nn.Conv2d(3, 8, 3)), (1, 8, 8), r"takes 3 channels, but gets 1: its input has shape \(1, 8, 8\)"),
        (nn.Sequential(nn.Conv2d(1, 8, 9)), (1, 4, 4), r"layer 0 \(Conv2d\) cannot take an input of shape \(1, 4, 4\)"),
        (nn.ReLU(), (8, 8), r"input_shape must be \(C, H, W\), without the batch; got \(8, 8\)"),
        (nn.ReLU(), (1, 8, 0), "W must be a whole number, 1 or more; got 0"),
        ("lenet", (1, 8, 8), "model must be an nn.Module; got str"),
    ],
)  # fmt: skip
def test_trace_shapes_says_what_does_not_fit(model, shape, says):
    with pytest.raises(ValueError, match=says):
        arithmetic.trace_shapes(model, shape)
