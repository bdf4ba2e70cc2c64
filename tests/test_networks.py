"""The judge of networks: one and the same network, written in many ways, is told the same."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers.exercises import networks
from helpers.exercises.comparing import Wrong
from helpers.train import History

PICTURE = (3, 32, 32)


def plain():
    return nn.Sequential(
        nn.Conv2d(3, 16, 5, stride=2, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10),
    )  # fmt: skip


def lazy():
    return nn.Sequential(
        nn.LazyConv2d(16, 5, stride=2, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.LazyConv2d(16, 3, padding=1), nn.ReLU(), nn.LazyConv2d(32, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LazyLinear(10),
    )  # fmt: skip


class OfModules(nn.Module):
    """Its layers are defined in another order than they are used."""

    def __init__(self):
        super().__init__()
        self.head, self.third = nn.Linear(32, 10), nn.Conv2d(16, 32, 3, padding=1)
        self.second, self.first = nn.Conv2d(16, 16, 3, padding=1), nn.Conv2d(3, 16, 5, stride=2, padding=2)
        self.relu = nn.ReLU()

    def forward(self, x):
        x = F.max_pool2d(torch.relu(self.first(x)), 2)
        x = self.second(x)
        x = torch.where(x > 0, x, 0)
        return self.head(self.relu(self.third(x)).mean(dim=(2, 3)))


class OfFunctions(nn.Module):
    """Its weights stand in bare parameters, one of them frozen, and in a buffer."""

    def __init__(self):
        super().__init__()
        self.first, self.first_bias = nn.Parameter(torch.randn(16, 3, 5, 5)), nn.Parameter(torch.zeros(16))
        self.second = nn.Parameter(torch.randn(16, 16, 3, 3), requires_grad=False)
        self.second_bias = nn.Parameter(torch.zeros(16))
        self.register_buffer("third", torch.randn(32, 16, 3, 3))
        self.third_bias, self.head = nn.Parameter(torch.zeros(32)), nn.Linear(32, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(F.conv2d(x, self.first, self.first_bias, stride=2, padding=2)), 2)
        x = F.relu(F.conv2d(x, self.second, self.second_bias, padding=1))
        x = F.conv2d(input=x, weight=self.third, bias=self.third_bias, padding=1).relu()
        return self.head(x.flatten(2).mean(dim=2))


@pytest.mark.parametrize("network", [plain, lazy, OfModules, OfFunctions])
def test_a_network_is_told_the_same_however_it_is_written(network):
    judged = networks.network_in(network(), *PICTURE)
    networks.check_scores(judged, *PICTURE)
    assert networks.all_parameters(judged) == 8_506
    assert networks.multiply_adds(judged, *PICTURE) == 749_888
    assert networks.convolutions(judged, *PICTURE) == 3
    assert networks.seen_field(judged, *PICTURE) == (23, 23)
    assert not networks.is_linear(judged, *PICTURE)
    assert networks.ends_in(judged, *PICTURE) is None


def test_the_learners_own_network_is_left_as_it_was():
    network = lazy().train()
    random_state = torch.get_rng_state()
    judged = networks.network_in(network, *PICTURE)
    networks.seen_field(judged, *PICTURE)
    networks.ends_in(judged, *PICTURE)
    networks.is_linear(judged, *PICTURE)
    assert nn.parameter.is_lazy(network[0].weight)
    assert all(layer.training for layer in network)
    assert torch.equal(torch.get_rng_state(), random_state)
    before = {name: weights.clone() for name, weights in judged.state_dict().items()}
    networks.seen_field(judged, *PICTURE)
    assert all(torch.equal(weights, before[name]) for name, weights in judged.state_dict().items())


@pytest.mark.parametrize(
    ("layers", "field"),
    [
        ([nn.Conv2d(3, 4, (3, 1)), nn.Conv2d(4, 4, (1, 5))], (3, 5)),
        ([nn.Conv2d(3, 4, 4, padding="same")], (4, 4)),
        ([nn.Conv2d(3, 4, 3, dilation=4), nn.MaxPool2d(3, 2), nn.Conv2d(4, 4, 3)], (15, 15)),
        ([nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3, stride=2), nn.ZeroPad2d(1), nn.PReLU(), nn.Conv2d(4, 4, 3)], (9, 9)),
        ([nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Sigmoid(), nn.Conv2d(4, 4, 3), nn.ReLU6()], (5, 5)),
        ([nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 4, 1)], (3, 3)),
        ([nn.Conv2d(3, 4, 7, padding=3), *[nn.Conv2d(4, 4, 7, padding=3) for _ in range(6)]], (32, 32)),
        ([nn.Flatten()], None),
    ],
)
def test_the_field_of_the_last_convolution_is_measured(layers, field):
    assert networks.seen_field(networks.network_in(nn.Sequential(*layers), *PICTURE), *PICTURE) == field


def test_silent_units_and_trained_means_do_not_hide_the_field():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3))
    nn.init.constant_(network[0].weight, 0)
    nn.init.constant_(network[1].running_mean, 100)
    assert networks.seen_field(networks.network_in(network, *PICTURE), *PICTURE) == (5, 5)


class RectifiesLast(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = plain()

    def forward(self, x):
        return F.relu(self.layers(x))


@pytest.mark.parametrize(
    ("last", "name"),
    [
        (nn.Softmax(1), "softmax"), (nn.LogSoftmax(1), "log_softmax"), (nn.Sigmoid(), "sigmoid"), (nn.ReLU(), "relu"),
        (nn.Dropout(), None), (nn.LeakyReLU(), None),
    ],
)  # fmt: skip
def test_the_scores_tell_what_they_have_gone_through(last, name):
    network = networks.network_in(nn.Sequential(*plain(), last), *PICTURE)
    assert networks.ends_in(network, *PICTURE) == name
    if name is None:
        networks.check_ending(network, *PICTURE)
    else:
        with pytest.raises(Wrong):
            networks.check_ending(network, *PICTURE)


def test_a_relu_by_function_and_one_before_the_mean_are_seen_too():
    means = nn.Sequential(nn.Conv2d(3, 10, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    for network in (RectifiesLast(), means):
        assert networks.ends_in(networks.network_in(network, *PICTURE), *PICTURE) == "relu"


@pytest.mark.parametrize(
    ("between", "linear"),
    [
        (nn.Identity(), True), (nn.BatchNorm2d(4), True), (nn.AvgPool2d(2), True), (nn.Dropout(), True),
        (nn.ReLU(), False), (nn.MaxPool2d(2), False), (nn.GELU(), False), (nn.LeakyReLU(), False),
    ],
)  # fmt: skip
def test_what_bends_is_told_from_what_does_not(between, linear):
    layers = [nn.Conv2d(3, 4, 3), between, nn.Conv2d(4, 10, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    assert networks.is_linear(networks.network_in(nn.Sequential(*layers), *PICTURE), *PICTURE) is linear


def test_batch_norms_statistics_are_no_weights_and_shared_weights_count_once():
    layer = nn.Conv2d(3, 3, 3, padding=1)
    network = nn.Sequential(layer, nn.BatchNorm2d(3), layer)
    assert networks.all_parameters(network) == 3 * 28 + 6


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (5, "A network is wanted, such as nn.Sequential(…); you gave 5."),
        ([nn.ReLU()], "put them into nn.Sequential"),
        (nn.ReLU, "build a network of it with brackets: ReLU()"),
        (History(), "`fit` trains in place: hand over the network itself"),
        (nn.Module(), "It fails on an image of 3×32×32"),
        (nn.Conv2d(1, 2, 3), "takes 1 channel"),
    ],
)
def test_what_is_no_network_for_the_picture_is_named(answer, words):
    with pytest.raises(Wrong) as found:
        networks.network_in(answer, *PICTURE)
    assert words in str(found.value)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([nn.AdaptiveAvgPool2d(1), nn.Linear(1, 10)], "Is nn.Flatten() missing?"),
        ([nn.Flatten(), nn.Linear(3072, 5)], "it gives a tensor of shape (2, 5); shape (2, 10) is wanted"),
        ([nn.Flatten(), nn.Linear(3072, 10), nn.Threshold(1e9, torch.nan)], "NaN"),
    ],
)
def test_what_gives_no_ten_scores_is_told(layers, words):
    network = networks.network_in(nn.Sequential(*layers), *PICTURE)
    with pytest.raises(Wrong) as found:
        networks.check_scores(network, *PICTURE)
    assert words in str(found.value)
