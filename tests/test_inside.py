"""Looking into a network: feature maps, fields, heat maps; against captum, against arithmetic, and against cases by hand."""

import re

import captum.attr
import numpy as np
import pytest
import scipy.stats
import torch
import torch.nn.functional as F
from torch import nn

from helpers import arithmetic, inside, models, pixels, widgets
from tests.test_pictures import contains, picture_of, shown


@pytest.fixture
def network():
    torch.manual_seed(0)
    return models.fast_cnn(3, widths=(6, 10), activation=nn.GELU).eval()


@pytest.fixture
def small():
    """A small_cnn whose batch norms have seen images, in training mode, as a learner may hand it over."""
    torch.manual_seed(1)
    model = models.small_cnn(3, width=4)
    model(torch.randn(32, 3, 16, 16))
    return model


def images(count, size=32, channels=3, seed=0):
    return torch.randn(count, channels, size, size, generator=torch.Generator().manual_seed(seed))


def hooks_of(model):
    return [hook for module in model.modules() for hook in module._forward_hooks]


def left_alone(model):
    """What must be the same after a model was looked into."""
    modes = [module.training for module in model.modules()]
    return modes, [p.grad for p in model.parameters()], [t.clone() for t in model.state_dict().values()]


def assert_same(before, after):
    assert before[:2] == after[:2]
    assert all(torch.equal(a, b) for a, b in zip(before[2], after[2]))


# every function that takes (model, images, layer) or leaves the layer out
ASKED = {
    "feature_maps": lambda model, x, layer: inside.feature_maps(model, x, layer),
    "peaks": lambda model, x, layer: inside.peaks(model, x, [layer]),
    "gradient": lambda model, x, layer: inside.gradient(model, x[0] if x.ndim == 4 else x, layer, 0, 0, 0),
    "grad_cam": lambda model, x, layer: inside.grad_cam(model, x, layer),
}
LAYERLESS = {
    "saliency": lambda model, x: inside.saliency(model, x),
    "occlusion": lambda model, x: inside.occlusion(model, x[0] if x.ndim == 4 else x),
    "drop_at": lambda model, x: inside.drop_at(model, x, None, torch.ones(len(x)).long(), torch.ones(len(x)).long()),
}


# ---- feature maps --------------------------------------------------------------------------


def test_feature_maps_are_what_the_layers_make(network):
    x = images(3)
    for layer, length in [("base.0", 1), ("base.2", 3), ("base.3", 4)]:
        assert torch.allclose(inside.feature_maps(network, x, layer), network.base[:length](x), atol=1e-6)
    assert inside.feature_maps(network, x[0], "base.3").shape == (1, 10, 7, 7)


def test_more_images_than_are_asked_at_once(network, monkeypatch):
    x = images(5)
    whole = [
        inside.feature_maps(network, x, "base.3"),
        inside.grad_cam(network, x, "base.2"),
        inside.saliency(network, x),
    ]
    peaks = inside.peaks(network, x, ["base.2"])["base.2"]
    monkeypatch.setattr(inside, "AT_A_TIME", 2)
    parts = [
        inside.feature_maps(network, x, "base.3"),
        inside.grad_cam(network, x, "base.2"),
        inside.saliency(network, x),
    ]
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(whole, parts))
    assert all(
        torch.allclose(a.float(), b.float(), atol=1e-5)
        for a, b in zip(peaks, inside.peaks(network, x, ["base.2"])["base.2"])
    )


def test_peaks_are_the_largest_numbers_and_their_places(network):
    x = images(4)
    found = inside.peaks(network, x, ["base.2", "base.3"])
    assert list(found) == ["base.2", "base.3"]
    for layer, peaks in found.items():
        maps = inside.feature_maps(network, x, layer)
        assert torch.equal(peaks.values, maps.amax(dim=(2, 3)))
        for image in range(4):
            for number in range(maps.shape[1]):
                row, column = peaks.rows[image, number], peaks.columns[image, number]
                assert maps[image, number, row, column] == peaks.values[image, number]


@pytest.mark.parametrize("function", ASKED)
def test_the_model_is_left_as_it_was(function, small):
    before = left_alone(small)
    ASKED[function](small, images(2, 16), "base.1.3")
    assert_same(before, left_alone(small))
    assert hooks_of(small) == []


@pytest.mark.parametrize("function", LAYERLESS)
def test_the_model_is_left_as_it_was_without_a_layer(function, small):
    before = left_alone(small)
    LAYERLESS[function](small, images(2, 16))
    assert_same(before, left_alone(small))


class Fails(nn.Module):
    def forward(self, x):
        raise KeyError("no such thing")


@pytest.mark.parametrize("function", ASKED)
@pytest.mark.parametrize("fault", [Fails(), nn.Conv2d(7, 3, 3), nn.Linear(2, 2)])
def test_hooks_are_removed_also_when_the_model_fails(function, fault):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), fault, nn.AdaptiveAvgPool2d(1), nn.Flatten()).train()
    before = left_alone(model)
    with pytest.raises((ValueError, KeyError)):
        ASKED[function](model, images(2), "0")
    assert hooks_of(model) == []
    assert_same(before, left_alone(model))


@pytest.mark.parametrize("function", ASKED)
def test_hooks_of_others_stay(function, network):
    seen = []
    network.base[2].register_forward_hook(lambda module, inputs, output: seen.append(1))
    ASKED[function](network, images(1), "base.2")
    assert seen and len(hooks_of(network)) == 1


@pytest.mark.parametrize("function", ASKED)
def test_under_no_grad_and_with_frozen_weights_all_is_the_same(function, network):
    x = images(2)
    wanted = ASKED[function](network, x, "base.2")
    network.requires_grad_(False)
    with torch.no_grad():
        found = ASKED[function](network, x, "base.2")
    if function == "peaks":
        wanted, found = wanted["base.2"].values, found["base.2"].values
    assert torch.allclose(wanted, found, atol=1e-6)
    assert not found.requires_grad
    with torch.inference_mode():
        ASKED[function](network, images(2), "base.2")  # inputs made in inference mode, too
    assert not any(p.requires_grad for p in network.parameters())


def test_a_layer_that_works_in_place_does_not_change_what_is_kept():
    torch.manual_seed(0)
    plain, hasty = (
        nn.Sequential(
            nn.Conv2d(3, 5, 3), nn.ReLU(inplace=inplace), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 4)
        )
        for inplace in (False, True)
    )
    hasty.load_state_dict(plain.state_dict())
    x = images(2, 8)
    assert inside.feature_maps(hasty, x, "0").min() < 0
    assert torch.equal(inside.feature_maps(hasty, x, "0"), inside.feature_maps(plain, x, "0"))
    assert torch.allclose(inside.grad_cam(hasty, x, "0"), inside.grad_cam(plain, x, "0"))


def test_double_precision_and_another_size_are_taken(network):
    assert inside.grad_cam(network, images(1, 40), "base.2").shape == (1, 19, 19)
    assert inside.feature_maps(network.double(), images(1), "base.2").dtype == torch.float32


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_model_on_a_gpu_is_asked_there_and_answers_come_back(network):
    x = images(3)
    here = [
        inside.feature_maps(network, x, "base.2"),
        inside.grad_cam(network, x, "base.2"),
        inside.occlusion(network, x[0]),
    ]
    network.cuda()
    there = [
        inside.feature_maps(network, x, "base.2"),
        inside.grad_cam(network, x, "base.2"),
        inside.occlusion(network, x[0]),
    ]
    assert all(found.device.type == "cpu" and torch.allclose(a, found, atol=1e-2) for a, found in zip(here, there))
    assert next(network.parameters()).is_cuda


# ---- bad input -----------------------------------------------------------------------------


@pytest.mark.parametrize("function", ASKED)
@pytest.mark.parametrize("layer", ["base.9", "", "block 1", None, 3])
def test_a_layer_that_is_not_there_is_refused_with_those_that_are(function, layer, network):
    with pytest.raises(ValueError, match=r"layer must be one of base, base\.0, .*base\.3\.4\.2, head, head\.0.*; got"):
        ASKED[function](network, images(1), layer)


@pytest.mark.parametrize("function", ASKED)
def test_a_layer_without_maps_is_refused(function, network):
    with pytest.raises(ValueError, match=r"makes maps \(N, K, H, W\); 'head.2' gives a tensor of shape \(1, 10\)"):
        ASKED[function](network, images(1), "head.2")


BAD_IMAGES = [
    (torch.zeros(2, 3, 32, 32, dtype=torch.uint8), r"normalised floats.*train\.normalise.*got a tensor of shape"),
    (torch.zeros(32, 32), r"images must have shape \(N, C, H, W\)"),
    (torch.full((2, 3, 32, 32), torch.nan), "images holds 6144 values that are NaN|images holds 3072"),
    (images(2, channels=1), "the model does not take images of shape"),
    (images(2, size=1), "the model does not take images of shape"),
]


@pytest.mark.parametrize(("x", "says"), BAD_IMAGES, ids=range(len(BAD_IMAGES)))
def test_images_that_do_not_fit_are_refused(x, says, network):
    for ask in ASKED.values():
        if x.ndim == 2:
            continue
        with pytest.raises(ValueError, match=says):
            ask(network, x, "base.2")
    with pytest.raises(ValueError, match=says):
        inside.saliency(network, x)
    assert hooks_of(network) == []


def test_a_batch_where_one_image_is_wanted_is_named(network):
    for ask in (
        lambda: inside.gradient(network, images(4), "base.2", 0, 0, 0),
        lambda: inside.occlusion(network, images(4)),
    ):
        with pytest.raises(ValueError, match=r"image must be one, \(C, H, W\); got 4 of them.*give images\[0\]"):
            ask()
    one = images(1)
    assert torch.equal(inside.occlusion(network, one), inside.occlusion(network, one[0]))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda n: inside.grad_cam(n, images(2), "base.2", [1]), "labels must be one an image: 2 images, 1 labels"),
        (lambda n: inside.grad_cam(n, images(1), "base.2", 10), "each label must be a whole number from 0 to 9; got 10"),
        (lambda n: inside.saliency(n, images(1), "dog"), "each label must be a whole number"),
        (lambda n: inside.gradient(n, images(1), "base.2", 6, 0, 0), "number must be a whole number from 0 to 5; got 6"),
        (lambda n: inside.gradient(n, images(1), "base.2", 0, 0, 15), "column must be a whole number from 0 to 14; got 15"),
        (lambda n: inside.occlusion(n, images(1), size=40), "kernel reaches over 40 pixels"),
        (lambda n: inside.occlusion(n, images(1), fill=torch.nan), "fill must be a finite number"),
        (lambda n: inside.peaks(n, images(1), "base.2"), "layers must be a list of names of layers"),
        (lambda n: inside.randomised(n, []), "layers must be a list of names of layers, one at least"),
        (lambda n: inside.randomised(n, ["tail"]), "layer must be one of base, .*; got 'tail'"),
        (lambda n: inside.feature_maps("model", images(1), "base"), "model must be an nn.Module; got 'model'"),
        (lambda n: inside.crop(torch.zeros(4, 4), (0, 0, 2, 2)), r"image must have shape \(C, H, W\)"),
        (lambda n: inside.rank_correlation(torch.zeros(2, 3, 3), torch.zeros(2, 4, 4)), "must have one shape"),
        (lambda n: inside.drop_at(n, images(2), None, torch.zeros(1).long(), torch.zeros(2).long()), "rows must be one an"),
    ],
)  # fmt: skip
def test_other_bad_input_is_refused(call, says, network):
    with pytest.raises(ValueError, match=says):
        call(network)


def test_a_layer_that_the_answer_does_not_hang_on_is_named():
    class Sidelong(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.aside = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3)

        def forward(self, x):
            self.aside(x)
            return self.used(x).mean(dim=(2, 3))

    with pytest.raises(ValueError, match="layer must be one that the logits depend on; 'aside' is not"):
        inside.grad_cam(Sidelong(), images(1), "aside")
    with pytest.raises(ValueError, match="model must be made of nn.Sequentials down to 'used'.*got Sidelong"):
        inside.field(Sidelong(), "used", 0, 0)


# ---- receptive fields ----------------------------------------------------------------------

STRIDED = nn.Sequential(
    nn.Conv2d(3, 6, 5, stride=2, padding=2), nn.ReLU(), nn.Sequential(nn.Conv2d(6, 4, 3, dilation=2))
)


def test_a_field_is_what_arithmetic_says(network):
    for layer, length in [("base.0", 1), ("base.2", 3), ("base.3", 4)]:
        wanted = arithmetic.receptive_field(network.base[:length])[-1]
        for row, column in [(0, 0), (2, 5)]:
            top, left = wanted.start + row * wanted.jump, wanted.start + column * wanted.jump
            assert inside.field(network, layer, row, column) == (top, left, wanted.size, wanted.size)
    inner = arithmetic.receptive_field([*network.base[:2], network.base[2][:2]])[-1]  # ends within a block
    assert inside.field(network, "base.2.1", 0, 0) == (inner.start, inner.start, inner.size, inner.size)


@pytest.mark.parametrize("model", ["network", "strided"])
def test_the_gradient_is_0_outside_the_field_and_reaches_all_of_it(model, network):
    random = inside.randomised(network, ["base"])  # since new kernels of these blocks see one pixel alone
    model, layers = (random, ["base.0", "base.2", "base.3"]) if model == "network" else (STRIDED, ["0", "2", "2.0"])
    for layer in layers:
        side = inside.feature_maps(model, images(1), layer).shape[-1]
        for row, column in [(0, 0), (side // 2, side // 2), (side - 1, 1)]:
            top, left, height, width = inside.field(model, layer, row, column)
            inner = torch.zeros(32, 32, dtype=torch.bool)
            inner[max(0, top) : max(0, top + height), max(0, left) : max(0, left + width)] = True
            reached = torch.zeros(32, 32, dtype=torch.bool)
            for seed in range(6):  # pooling hands on the largest alone, another one in another image
                for number in range(3):
                    found = inside.gradient(model, images(1, seed=seed)[0], layer, number, row, column)
                    assert not found[:, ~inner].any()
                    reached |= (found != 0).any(dim=0)
            if layer != "base.3":  # of whose 400 pixels a few images do not reach each
                assert torch.equal(reached, inner)


def test_a_gradient_is_what_a_small_change_brings(network):
    network.double()
    x = images(1)[0].double()
    found = inside.gradient(network, x, "base.2", 2, 7, 7).double()
    place = found.abs().flatten().argmax().item()
    step = torch.zeros_like(x).flatten()
    step[place] = 1e-5
    step = step.reshape(x.shape)
    with torch.no_grad():
        change = (network.base[:3]((x + step)[None]) - network.base[:3]((x - step)[None]))[0, 2, 7, 7].item() / 2e-5
    assert found.flatten()[place].item() == pytest.approx(change, rel=1e-3)


def test_a_crop_is_grey_outside_the_image():
    image = torch.arange(18, dtype=torch.uint8).reshape(2, 3, 3)
    assert torch.equal(inside.crop(image, (1, 0, 2, 2)), image[:, 1:3, 0:2])
    cut = inside.crop(image, (-1, 2, 3, 3), outside=99)
    assert cut[0].tolist() == [[99, 99, 99], [2, 99, 99], [5, 99, 99]]
    assert (inside.crop(image, (5, 5, 2, 2)) == 127).all()


def test_numbers_are_drawn_in_the_middle_of_their_fields(network):
    for layer in ("base.2", "base.3"):
        first, jump = inside.middles(network, layer)
        for place in range(3):
            top, _, height, _ = inside.field(network, layer, place, place)
            assert abs((first + place * jump + (jump - 1) / 2) - (top + (height - 1) / 2)) <= 0.5
    heat = torch.zeros(2, 7, 7)
    heat[0, 3, 5] = heat[1, 0, 6] = 1
    rows, columns = inside.hottest(network, "base.3", heat)
    first, jump = inside.middles(network, "base.3")
    assert rows.tolist() == [first + 3 * jump + 2, first + 2] and columns.tolist() == [
        first + 5 * jump + 2,
        first + 6 * jump + 2,
    ]


# ---- what an answer hangs on ---------------------------------------------------------------


def test_grad_cam_of_a_case_computed_by_hand():
    # one channel, 2×2; two maps, the image times 1 and times −2 plus 3; the logits: from the maps' means
    base = nn.Conv2d(1, 2, 1)
    linear = nn.Linear(2, 2)
    with torch.no_grad():
        base.weight.copy_(torch.tensor([1.0, -2]).reshape(2, 1, 1, 1))
        base.bias.copy_(torch.tensor([0.0, 3]))
        linear.weight.copy_(torch.tensor([[4.0, -4], [-1, 8]]))
    model = models.base_and_head(nn.Sequential(base), nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear))
    image = torch.tensor([[[1.0, 0], [2, 4]]])
    # maps: A = [[1, 0], [2, 4]], B = [[1, 3], [−1, −5]].  A mean of four has the gradient 1/4 at each, so the
    # weights are 4/4 and −4/4 for class 0, −1/4 and 8/4 for class 1.
    # class 0: A − B = [[0, −3], [3, 9]], cut off at 0; class 1: −A/4 + 2B = [[1.75, 6], [−2.5, −11]]
    assert inside.grad_cam(model, image, "base", 0).tolist() == [[0, 0], [3, 9]]
    assert inside.grad_cam(model, image, "base", 1).tolist() == [[1.75, 6], [0, 0]]
    # logits: 4·1.75 − 4·(−0.5) = 9 and −1.75 − 4 = −5.75 (but for the biases): the answer is class 0
    assert torch.equal(inside.grad_cam(model, image, "base"), inside.grad_cam(model, image, "base", 0))


def test_grad_cam_with_a_global_average_is_the_class_activation_map(small):
    x = images(3, 16)
    small.eval()
    maps = small.base(x)
    answers = small(x).argmax(dim=1)
    weights = small.head[-1].weight[answers] / maps[0, 0].numel()
    wanted = F.relu((weights[:, :, None, None] * maps).sum(dim=1)).detach()
    assert torch.allclose(inside.grad_cam(small, x, "base"), wanted, atol=1e-6)


@pytest.mark.parametrize(("model", "layer"), [("network", "base.2"), ("network", "base.3"), ("network", "base.3.0"),
                                              ("small", "base.0"), ("small", "base.2.0")])  # fmt: skip
def test_grad_cam_is_that_of_captum(model, layer, network, small):
    model, x = (network, images(4)) if model == "network" else (small.eval(), images(4, 16))
    labels = torch.tensor([0, 3, 9, 9])
    oracle = captum.attr.LayerGradCam(model, model.get_submodule(layer))
    wanted = oracle.attribute(x.clone().requires_grad_(), target=labels, relu_attributions=True)[:, 0].detach()
    found = inside.grad_cam(model, x, layer, labels)
    assert wanted.max() > 0
    assert torch.allclose(found, wanted, rtol=1e-4, atol=1e-6 * wanted.max().item() + 1e-9)
    assert torch.allclose(inside.grad_cam(model, x[1], layer, 3), wanted[1], rtol=1e-4, atol=1e-6)


def test_labels_may_come_in_any_form_and_are_the_answers_by_default(network):
    x = images(3)
    answers = network(x).argmax(dim=1)
    wanted = inside.grad_cam(network, x, "base.2")
    for labels in (answers, answers.tolist(), tuple(answers.tolist()), answers.int(), answers.numpy().tolist()):
        assert torch.allclose(inside.grad_cam(network, x, "base.2", labels), wanted, atol=1e-7)
    for label in (answers[0], answers[:1], int(answers[0]), np.int64(answers[0])):
        assert torch.allclose(inside.grad_cam(network, x[0], "base.2", label), wanted[0], atol=1e-6)


def test_saliency_is_that_of_captum(network):
    x, labels = images(3), torch.tensor([1, 5, 0])
    wanted = captum.attr.Saliency(network).attribute(x.clone().requires_grad_(), target=labels, abs=True).amax(dim=1)
    assert torch.allclose(inside.saliency(network, x, labels), wanted, rtol=1e-4, atol=1e-7)
    assert inside.saliency(network, x[0], 1).shape == (32, 32)


def test_occlusion_is_what_asking_again_and_again_gives(network):
    x = images(1, 20)[0]
    with torch.no_grad():
        whole = network(x[None]).softmax(1)[0]
        wanted = torch.zeros(4, 4)
        for row in range(4):
            for column in range(4):
                covered = x.clone()
                covered[:, 5 * row : 5 * row + 5, 5 * column : 5 * column + 5] = 0.5
                wanted[row, column] = whole[3] - network(covered[None]).softmax(1)[0, 3]
    found = inside.occlusion(network, x, 3, size=5, stride=5, fill=0.5)
    assert torch.allclose(found, wanted, atol=1e-6)
    assert wanted.abs().max() > 1e-5
    assert inside.occlusion(network, images(1)[0]).shape == (7, 7)


def test_a_drop_at_a_place_is_that_of_the_occlusion_map(network):
    x = images(3)
    labels = [2, 2, 7]
    rows, columns = torch.tensor([4, 20, 0]), torch.tensor([8, 28, 12])  # the last square is moved in
    found = inside.drop_at(network, x, labels, rows, columns)
    assert found.abs().min() > 1e-5
    for i, (row, column) in enumerate([(0, 1), (4, 6), (0, 2)]):
        assert found[i].item() == pytest.approx(
            inside.occlusion(network, x[i], labels[i])[row, column].item(), abs=1e-6
        )


# ---- sanity checks -------------------------------------------------------------------------


def test_only_the_named_layers_get_random_weights(small):
    before, state = torch.get_rng_state(), {k: v.clone() for k, v in small.state_dict().items()}
    changed = inside.randomised(small, ["head", "base.1"], seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(small.state_dict()[name], value) for name, value in state.items())
    for name, value in changed.state_dict().items():
        same = torch.equal(value, state[name])
        named = name.startswith(("head", "base.1"))
        assert same != named or name.endswith("1.weight") or name.endswith("1.bias"), name  # batch norm's were 1 and 0
    again, other = inside.randomised(small, ["head"], seed=3), inside.randomised(small, ["head"], seed=4)
    assert torch.equal(inside.randomised(small, ["head"], seed=3).head[2].weight, again.head[2].weight)
    assert not torch.equal(other.head[2].weight, again.head[2].weight)


def test_rank_correlation_is_spearmans():
    draw = torch.Generator().manual_seed(0)
    these, those = torch.randn(5, 4, 6, generator=draw), torch.randn(5, 4, 6, generator=draw).relu()  # with ties
    found = inside.rank_correlation(these, those)
    wanted = [scipy.stats.spearmanr(a.flatten(), b.flatten()).statistic for a, b in zip(these, those)]
    assert found.tolist() == pytest.approx(wanted)
    assert inside.rank_correlation(these, these.exp()).tolist() == pytest.approx([1] * 5)
    assert inside.rank_correlation(these, -these).tolist() == pytest.approx([-1] * 5)
    assert inside.rank_correlation(these, torch.zeros_like(these)).isnan().all()


# ---- what is painted -----------------------------------------------------------------------


def test_heat_lies_on_a_grey_image_orange_above_0_blue_below():
    image = torch.zeros(3, 8, 8, dtype=torch.uint8)
    image[0] = 255
    painted = np.asarray(pixels.heat(image, torch.tensor([[1.0, 0], [0, -1]]), zoom=4)).astype(int)
    corner = [painted[y, x] for y, x in [(8, 8), (8, 56), (56, 8), (56, 56)]]
    assert corner[0][0] > corner[0][2] + 60 and corner[3][2] > corner[3][0] + 60
    for plain in (corner[1], corner[2]):
        assert plain[0] == plain[1] == plain[2]
    small = np.asarray(pixels.heat(image, torch.ones(2, 2), zoom=4, side=2, first=1)).astype(int)
    coloured = small[..., 0] != small[..., 2]
    side = 4 * pixels.DENSITY
    assert coloured[side : 5 * side, side : 5 * side].all() and coloured.sum() == (4 * side) ** 2
    with pytest.raises(ValueError, match="values must be finite"):
        pixels.heat(image, torch.full((2, 2), torch.nan))


LAYERS = {"stem": "base.1", "block 1": "base.2", "block 2": "base.3"}
STATISTICS = ((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


def test_maps_lab_shows_the_chosen_map_among_all_of_its_layer(network, photos):
    lab = widgets.maps_lab(network, photos.images[:3], *STATISTICS, LAYERS)
    x = (photos.images[:3].float() / 255 - 0.5) / 0.25
    lab.set(image=2, layer="block 2", map=7)
    maps = network.base(x)[2].detach()
    alt, array = picture_of(lab)
    assert alt.startswith("block 2, map 7 of 0 to 9: 7×7 numbers from ")
    painted = np.asarray(pixels.feature_map(maps[7], 160 // 7, maps.abs().max().item())).astype(int)
    height = array.shape[0]
    assert any(
        np.abs(array[top : top + len(painted), left : left + painted.shape[1]].astype(int) - painted).max() <= 2
        for top in range(height // 2 - len(painted) // 2, height // 2 + len(painted) // 2)
        for left in range(300, 600)
        if array[top : top + len(painted), left : left + painted.shape[1]].shape == painted.shape
        and np.abs(array[top, left].astype(int) - painted[0, 0]).max() <= 2
    )
    lab.set(map=99)
    assert lab.state["map"] == 9
    lab.set(layer="block 1")
    assert lab.controls["map"].max == 5 and lab.state["map"] == 5
    assert (picture_of(lab)[1] == pixels.MARK).all(axis=-1).any()


def test_field_lab_frames_the_field_and_finds_no_gradient_outside(network, photos):
    lab = widgets.field_lab(network, photos.images[0], *STATISTICS, LAYERS)
    lab.set(layer="block 1", row=0, column=6)
    alt, array = picture_of(lab)
    assert alt.startswith("block 1, row 0, column 6: the field is 9×9 pixels, 6×9 of them in the image; the gradient")
    assert re.search(r"at \d+ of these 54 pixels, and at 0 of the 970 outside", alt)
    assert (array == pixels.MARK).all(axis=-1).any()
    lab.set(layer="block 2")
    assert lab.controls["row"].max == lab.controls["column"].max == 6
    assert "the field is 23×23 pixels" in picture_of(lab)[0]


def test_the_labs_are_refused_what_they_cannot_show(network, photos, small):
    with pytest.raises(ValueError, match=r"layer must be one of base, .*; got 'base.9'"):
        widgets.maps_lab(network, photos.images[:2], *STATISTICS, {"x": "base.9"})
    with pytest.raises(ValueError, match="layers must be a dict from names"):
        widgets.field_lab(network, photos.images[0], *STATISTICS, {})
    with pytest.raises(ValueError, match="images must"):
        widgets.maps_lab(network, photos.images[0], *STATISTICS, LAYERS)
    with pytest.raises(ValueError, match="images must"):
        widgets.field_lab(network, photos.images[:2].float(), *STATISTICS, LAYERS)
    with pytest.raises(ValueError, match="receptive_field does not know"):
        widgets.field_lab(small, photos.images[0], *STATISTICS, {"head": "head.0"})
    assert hooks_of(network) == hooks_of(small) == []


def test_the_labs_have_twins(network, photos):
    for lab in (
        widgets.maps_lab(network, photos.images[:2], *STATISTICS, {"one": "base.2"}),
        widgets.field_lab(network, photos.images[0], *STATISTICS, LAYERS),
    ):
        ((alt, array),) = shown(lab.still()["text/html"])
        assert alt.startswith("3 states of the sliders: ")
        assert array.shape[1] <= 1900
        assert contains(
            array, np.asarray(pixels.text(alt.removeprefix("3 states of the sliders: ").split(" · ")[0]))[:4]
        )
