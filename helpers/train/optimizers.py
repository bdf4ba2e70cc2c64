"""The three ways to take a step that the recipes use: SGD, AdamW, and Muon for the kernels of convolutions."""

import torch

from helpers import checks

OPTIMIZERS = ("sgd", "adamw", "muon")


def make(name, model, lr, weight_decay=0.01, dtype=torch.float32):
    """The optimizer `name` for all parameters of the model that training may change.

    "sgd": with momentum 0.9, as PyTorch's tutorials have it.  "adamw": with PyTorch's defaults.
    "muon": `Muon`, at rate lr for the kernels of convolutions and lr/12 for all the rest; dtype is that of its
    products of matrices.
    Raises ValueError for another name, a rate that is not above 0, a negative weight decay, and a
    model that training cannot change.
    """
    checks.one_of("optimizer", name, OPTIMIZERS)
    lr, weight_decay = checks.number("lr", lr, above=0), checks.number("weight_decay", weight_decay, least=0)
    parameters = trainable(model)
    if name == "sgd":
        return torch.optim.SGD(parameters, lr=lr, momentum=0.9, weight_decay=weight_decay)
    if name == "adamw":
        return torch.optim.AdamW(parameters, lr=lr, weight_decay=weight_decay)
    kernels = [p for p in parameters if p.ndim == 4]
    rest = [p for p in parameters if p.ndim != 4]
    return Muon(kernels, rest, lr=lr, rest_lr=lr / 12, weight_decay=weight_decay, dtype=dtype)


def trainable(model):
    """The parameters that training may change.  Raises ValueError where there are none."""
    parameters = [p for p in checks.module("model", model).parameters() if p.requires_grad]
    if not parameters:
        raise ValueError("model must have parameters that training may change; all are frozen, or there are none")
    return parameters


class Muon(torch.optim.Optimizer):
    """Turns every kernel of a layer by as much as every other: far fewer steps than AdamW for the same accuracy.

    A layer's gradient, seen as a matrix with a row for each kernel, is mostly a few strong
    directions.  Muon makes all its directions equally strong before it takes the step.  What is no
    kernel (biases, the linear head) gets a step of AdamW.  After Jordan and others 2024, "Muon: An
    optimizer for hidden layers in neural networks", with each layer's length kept as in cifar10-airbench.

    kernels, rest: lists of parameters, (out, in, f, f) and of any shape.  lr: how far a step turns the
    kernels.  rest_lr, weight_decay: of the rest.  dtype: of the products of matrices; see `orthogonalise`.
    """

    def __init__(self, kernels, rest, lr, rest_lr, momentum=0.6, weight_decay=0.01, dtype=torch.float32):
        groups = [{"params": kernels, "lr": lr, "turn": True}, {"params": rest, "lr": rest_lr, "turn": False}]
        super().__init__(groups, {"momentum": momentum, "weight_decay": weight_decay})
        self.dtype = dtype

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            take_step = self._turn if group["turn"] else self._adamw
            for parameter in group["params"]:
                if parameter.grad is not None:
                    take_step(parameter, self.state[parameter], group)

    def _turn(self, kernels, state, group):
        if not state:
            state["mean"] = torch.zeros_like(kernels)
        state["mean"].mul_(group["momentum"]).add_(kernels.grad)
        ahead = kernels.grad + group["momentum"] * state["mean"]  # Nesterov: where the mean is going
        kernels.mul_(len(kernels) ** 0.5 / kernels.norm())
        rows = ahead.permute(0, 2, 3, 1)  # as they lie in memory: the order of the columns makes no difference
        turn = orthogonalise(rows.flatten(1), dtype=self.dtype).view(rows.shape).permute(0, 3, 1, 2)
        kernels.sub_(group["lr"] * turn)

    def _adamw(self, parameter, state, group, beta1=0.9, beta2=0.999):
        if not state:
            state.update(steps=0, mean=torch.zeros_like(parameter), square=torch.zeros_like(parameter))
        state["steps"] += 1
        state["mean"].lerp_(parameter.grad, 1 - beta1)
        state["square"].lerp_(parameter.grad.square(), 1 - beta2)
        mean = state["mean"] / (1 - beta1 ** state["steps"])
        square = state["square"] / (1 - beta2 ** state["steps"])
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.sub_(group["lr"] * mean / (square.sqrt() + 1e-8))


def orthogonalise(matrix, steps=3, dtype=None):
    """The matrix (rows, columns), float, with all its singular values brought near 1 and its directions kept.

    Newton–Schulz steps: only products of matrices, which every processor is fast at.  The three
    numbers, Jordan's, trade exactness (the values end up between about 0.7 and 1.2) for few steps.
    dtype: in which they are computed, such as bfloat16, whose rounding is far below that; None for the matrix's own.
    Raises ValueError for what is no such matrix.
    """
    checks.tensor("matrix", matrix, "(rows, columns)", checks.FLOATS)
    steps = checks.whole("steps", steps, 0)
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = (x / (x.norm() + 1e-7)).to(dtype or matrix.dtype)
    for _ in range(steps):  # x becomes 3.4445 x − 4.7750 x·xᵀ·x + 2.0315 x·xᵀ·x·xᵀ·x
        square = x @ x.T
        both = torch.addmm(square, square, square, beta=-4.7750, alpha=2.0315)
        x = torch.addmm(x, both, x, beta=3.4445)
    return (x.T if tall else x).to(matrix.dtype)
