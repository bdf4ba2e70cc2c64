"""How an answer is compared with what is right, and how both are put into words."""

import numbers

import numpy as np
import torch

TOLERANCE = 1e-4


class Wrong(Exception):
    """What is wrong with an answer, in words for the learner."""


def difference(answer, right, tolerance=TOLERANCE):
    """None where the answer is right within the tolerance, else what is wrong: "has shape (2, 2); wanted is (3, 3)"."""
    if isinstance(right, torch.Tensor):
        return _grid_difference(answer, right, tolerance)
    if isinstance(right, tuple):
        return _tuple_difference(answer, right, tolerance)
    if isinstance(right, str):
        return None if answer == right else f"is {kind(answer)}; right is {right!r}"
    if not is_number(answer):
        return f"is {kind(answer)}; wanted is a number"
    got = float(answer)
    if abs(got - right) <= tolerance * max(1, abs(right)):
        return None
    return f"is {short(got)}; right is {short(right)}"


def _grid_difference(answer, right, tolerance):
    try:
        grid = torch.as_tensor(answer).detach().cpu().double()
    except (TypeError, ValueError, RuntimeError):
        return f"is {kind(answer)}; wanted is a tensor of shape {tuple(right.shape)}"
    if grid.shape != right.shape:
        return f"has shape {tuple(grid.shape)}; wanted is {tuple(right.shape)}"
    off = ~torch.isclose(grid, right.double(), rtol=tolerance, atol=tolerance)
    if not off.any():
        return None
    first = tuple(off.nonzero()[0].tolist())
    place = f"at index {list(first)} " if first else ""
    return f"{place}is {short(grid[first].item())}; right is {short(right[first].item())}"


def _tuple_difference(answer, right, tolerance):
    if not isinstance(answer, (tuple, list)):
        return f"is {kind(answer)}; wanted are {len(right)} numbers, such as {(1,) * len(right)}"
    if len(answer) != len(right):
        return f"has {len(answer)} numbers; wanted are {len(right)}"
    for place, (a, b) in enumerate(zip(answer, right)):
        found = difference(a, b, tolerance)
        if found is not None:
            return f"at index {place} {found}"
    return None


def is_number(answer):
    if isinstance(answer, (torch.Tensor, np.ndarray)):
        return answer.ndim == 0
    return isinstance(answer, (numbers.Real, np.number)) and not isinstance(answer, (bool, np.bool_))


def kind(answer):
    """What an answer is, in a few words: "the text 'abc'", "a list"."""
    if isinstance(answer, str):
        return f"the text {answer[:30]!r}"
    if isinstance(answer, (torch.Tensor, np.ndarray)):
        return f"a tensor of shape {tuple(answer.shape)}"
    if is_number(answer) or isinstance(answer, bool):
        return f"{answer}"
    return "None" if answer is None else f"a {type(answer).__name__}"


def described(arguments, names):
    """The arguments of a call: "n = 7, f = 3"; a large tensor by its shape alone."""
    return ", ".join(f"{name} = {_argument(argument)}" for name, argument in zip(names, arguments))


def _argument(argument):
    if isinstance(argument, torch.Tensor):
        if argument.numel() <= 16:
            return str(
                [[_rounded(n) for n in row] for row in argument.tolist()] if argument.ndim == 2 else argument.tolist()
            )
        return f"a tensor {tuple(argument.shape)}"
    return repr(argument)


def _rounded(n):
    return round(n, 2) if isinstance(n, float) else n


def short(n):
    return (
        f"{n:.4g}"
        if isinstance(n, float) and not n.is_integer()
        else f"{n:,.0f}"
        if n == n and abs(n) < 1e15
        else str(n)
    )
