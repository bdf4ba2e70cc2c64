"""The three ways to take a step: what each does to weights, and that rate, decay and momentum are what was asked for."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from helpers import models, train
from helpers.train import optimizers


def stepped(name, gradients, **more):
    """A weight (2,) and a kernel (1, 1, 1, 2), ones, after a step for each gradient; both get the same one."""
    model = nn.ParameterDict({"weight": torch.ones(2), "kernel": torch.ones(1, 1, 1, 2)})
    optimizer = optimizers.make(name, model, **more)
    for gradient in gradients:
        for parameter in model.values():
            parameter.grad = torch.tensor(gradient).view_as(parameter)
        optimizer.step()
    return model["weight"].tolist(), model["kernel"].flatten().tolist()


def test_sgd_has_momentum_and_decay():
    weight, kernel = stepped("sgd", [[1.0, -2.0]] * 2, lr=0.1, weight_decay=0.5)
    first = 1 - 0.1 * (1.0 + 0.5), 1 - 0.1 * (-2.0 + 0.5)
    momentum = [g + 0.5 for g in (1.0, -2.0)]
    second = [w - 0.1 * (0.9 * m + g + 0.5 * w) for w, m, g in zip(first, momentum, (1.0, -2.0))]
    assert weight == pytest.approx(second)
    assert kernel == weight


def test_adamw_steps_by_the_rate_whatever_the_gradients_length_and_decays():
    weight, kernel = stepped("adamw", [[1e-3, -1e3]], lr=0.1, weight_decay=0.5)
    assert weight == pytest.approx([(1 - 0.05) - 0.1, (1 - 0.05) + 0.1], abs=1e-4)
    assert kernel == weight


def test_muon_gives_what_is_no_kernel_a_twelfth_of_the_rate_by_adamw():
    more = {"lr": 0.1, "weight_decay": 0.5}
    gradients = [[0.3, -0.2], [0.1, 0.4], [-0.5, 0.2]]
    assert stepped("muon", gradients, lr=1.2, weight_decay=0.5)[0] == pytest.approx(
        stepped("adamw", gradients, **more)[0]
    )


def test_muon_looks_ahead_along_its_mean_and_keeps_a_kernels_length():
    torch.manual_seed(0)
    model = nn.Conv2d(3, 4, 2, bias=False)
    optimizer = optimizers.make("muon", model, lr=0.1)
    kernels, mean = model.weight.detach().clone(), torch.zeros(4, 12)
    for _ in range(3):
        gradient = torch.randn(4, 3, 2, 2)
        model.weight.grad = gradient
        optimizer.step()
        mean = 0.6 * mean + gradient.flatten(1)
        turn = optimizers.orthogonalise(gradient.flatten(1) + 0.6 * mean).view(4, 3, 2, 2)  # Nesterov
        kernels = kernels * 2 / kernels.norm() - 0.1 * turn
        torch.testing.assert_close(model.weight.detach(), kernels)


def test_frozen_weights_stay():
    model = models.small_cnn(width=2)
    model.base.requires_grad_(False)
    given_over = [p for group in optimizers.make("muon", model, 0.1).param_groups for p in group["params"]]
    assert {id(p) for p in given_over} == {id(p) for p in model.head.parameters()}


@pytest.mark.parametrize("shape", [(8, 40), (40, 8)])
def test_orthogonalise_brings_singular_values_together_and_keeps_directions(shape):
    torch.manual_seed(0)
    matrix = torch.randn(shape)
    matrix[0] *= 10
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    result = optimizers.orthogonalise(matrix)
    kept = left.T @ result @ right.T  # diagonal where the directions are the same
    assert (kept - torch.diag(kept.diag())).abs().max() < 1e-4
    assert kept.diag().max() / kept.diag().min() < 2 < values.max() / values.min()
    torch.testing.assert_close(optimizers.orthogonalise(matrix.T.contiguous().T), result)  # in another layout


def test_bf16_turns_kernels_as_fp32_does():
    torch.manual_seed(0)
    matrix = torch.randn(64, 576)
    exact, rounded = optimizers.orthogonalise(matrix), optimizers.orthogonalise(matrix, dtype=torch.bfloat16)
    assert rounded.dtype == torch.float32
    assert not torch.equal(exact, rounded)
    assert (exact - rounded).norm() < 0.02 * exact.norm()


def test_muon_keeps_the_length_of_a_layer_and_learns_faster_than_adamw(clothes):
    images = train.normalise(clothes.images[:200], clothes.mean, clothes.std)
    losses = {}
    for name, lr in [("adamw", 0.01), ("muon", 0.1)]:
        torch.manual_seed(0)
        model = models.fast_cnn(1, (8, 16))
        optimizer = optimizers.make(name, model, lr)
        for _ in range(15):
            loss = F.cross_entropy(model(images), clothes.labels[:200])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        losses[name] = loss.item()
    kernels = model.base[2][0].weight
    assert losses["muon"] < losses["adamw"]
    assert kernels.norm().item() == pytest.approx(len(kernels) ** 0.5, rel=0.3)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("adam", models.small_cnn(), 0.1), "optimizer must be one of sgd, adamw, muon; got 'adam'"),
        (("sgd", models.small_cnn(), -0.1), "lr must be a finite number, above 0; got -0.1"),
        (("sgd", models.small_cnn(), 0.1, np.nan), "weight_decay must be a finite number, 0 or more; got nan"),
        (("muon", nn.Flatten(), 0.1), "model must have parameters that training may change; all are frozen, or there"),
        (("muon", models.small_cnn, 0.1), "model must be an nn.Module; got "),
    ],
)
def test_what_cannot_be_an_optimizer_is_refused(arguments, says):
    with pytest.raises(ValueError, match=says):
        optimizers.make(*arguments)


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.one_of(
        st.none(), st.floats(), st.text(max_size=3), st.lists(st.floats(), max_size=2),
        st.lists(st.integers(0, 3), max_size=4).map(lambda shape: torch.ones(shape)),
        st.sampled_from([torch.eye(2).int(), torch.eye(2).bool(), torch.eye(2).to_sparse(), np.eye(2), torch.ones(2, 2, device="meta")]),
    )
)  # fmt: skip
def test_orthogonalise_takes_matrices_of_floats_alone(matrix):
    plain = isinstance(matrix, torch.Tensor) and matrix.layout is torch.strided and not matrix.is_meta
    if plain and matrix.ndim == 2 and matrix.is_floating_point() and matrix.numel():
        assert optimizers.orthogonalise(matrix).shape == matrix.shape
        return
    with pytest.raises(ValueError, match="matrix must"):
        optimizers.orthogonalise(matrix)
