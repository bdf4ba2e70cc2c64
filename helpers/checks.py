"""Checks of arguments that every room uses: each hands back the plain value, or raises a ValueError that names argument and value.

A number may come as Python's own, as a NumPy scalar, or as an array or tensor without axes; True and
False are no numbers here. This room imports no other.
"""

import math
import numbers
import reprlib

import numpy as np
import torch
from torch import nn

FLOATS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
NUMBERS = (*FLOATS, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
SHORT = reprlib.Repr()  # writes the beginning and the end of what is long
SHORT.maxstring = SHORT.maxother = 100
MOST_NUMBERS = 100_000_000  # in a tensor: more would fill the memory of a small machine


def whole(name, value, least=None, most=None):
    """The value as an int.  Raises ValueError where it is no whole number, below `least` or above `most`."""
    plain = _plain(value)
    is_whole = isinstance(plain, numbers.Integral) and not isinstance(plain, bool)
    if not is_whole or not _within(plain, least, most):
        raise ValueError(f"{name} must be a whole number{_range(least, most)}; got {shown(value)}")
    return int(plain)


def number(name, value, least=None, most=None, above=None, below=None):
    """The value as a float.  Raises ValueError where it is no finite real number, or not in its range.

    least, most belong to the range; above, below do not.
    """
    plain = _plain(value)
    is_real = isinstance(plain, numbers.Real) and not isinstance(plain, bool) and _is_finite(plain)
    if not is_real or not _within(plain, least, most, above, below):
        raise ValueError(f"{name} must be a finite number{_range(least, most, above, below)}; got {shown(value)}")
    return float(plain)


def flag(name, value):
    """The value as a bool.  Raises ValueError for anything but True and False."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} must be True or False; got {shown(value)}")
    return bool(value)


def one_of(name, value, choices):
    """The value, one of some words.  Raises ValueError, naming them all, for another one."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}; got {shown(value)}")
    return value


def module(name, value):
    """The value, a torch module.  Raises ValueError for anything else, a class of modules among them."""
    if not isinstance(value, nn.Module):
        what = f"the class {value.__name__}, not yet called" if isinstance(value, type) else shown(value)
        raise ValueError(f"{name} must be an nn.Module; got {what}")
    return value


def tensor(name, value, shape, dtypes=None, may_be_empty=False):
    """The value, a tensor with as many axes as `shape`, such as "(C, H, W)", names; "(…, H, W)" may have more.

    dtypes: those that it may have; None for all.  may_be_empty: its first axis may have length 0.
    Raises ValueError for another shape or dtype, for an axis of length 0, and for a tensor that is
    sparse or on the device "meta", since it does not hold its numbers one by one.
    """
    if not isinstance(value, torch.Tensor):
        raise ValueError(f"{name} must be a torch tensor of shape {shape}; got {shown(value)}")
    if value.layout is not torch.strided or value.is_meta or value.is_quantized:
        raise ValueError(f"{name} must be an ordinary tensor that holds its numbers; got {shown(value)}")
    axes = shape.count(",") + (not shape.endswith(",)"))
    right_axes = value.ndim >= axes - 1 if "…" in shape else value.ndim == axes
    if not right_axes or 0 in value.shape[1 if may_be_empty else 0 :]:
        raise ValueError(f"{name} must have shape {shape}, no axis of length 0; got {tuple(value.shape)}")
    if dtypes is not None and value.dtype not in dtypes:
        names = {FLOATS: "floats", NUMBERS: "whole numbers or floats"}
        wanted = names.get(dtypes) or " or ".join(map(str, dtypes))
        raise ValueError(f"{name} must hold {wanted}, not {value.dtype}")
    return value


def finite(name, value):
    """The tensor.  Raises ValueError, saying how many there are, where it holds NaN or infinite numbers."""
    bad = value.numel() - int(torch.isfinite(value).sum())
    if bad:
        raise ValueError(f"{name} holds {bad} values that are NaN or infinite")
    return value


def shown(value):
    """A value in a few words, however large it is: a tensor or an array by its shape, anything else cut after a line."""
    if isinstance(value, (torch.Tensor, np.ndarray)) and not (value.ndim == 0 and _plain(value) is not value):
        kind = "a tensor" if isinstance(value, torch.Tensor) else "a NumPy array"
        return f"{kind} of shape {tuple(value.shape)} and dtype {value.dtype}"
    try:
        words = " ".join(SHORT.repr(_plain(value)).split())
    except ValueError:  # Python refuses to write numbers of thousands of digits
        words = f"one of type {type(value).__name__} with thousands of digits"
    return words if len(words) <= 120 else f"{words[:60]} … {words[-50:]}"


def _plain(value):
    """A NumPy scalar, or an array or tensor without axes, as Python's own number; anything else as it is."""
    if isinstance(value, torch.Tensor) and (value.is_meta or value.layout is not torch.strided):
        return value
    if isinstance(value, (np.generic, np.ndarray, torch.Tensor)) and value.ndim == 0:
        return value.item()
    return value


def _is_finite(plain):
    try:
        return math.isfinite(plain)
    except OverflowError:  # a whole number that no float can hold
        return False


def _within(plain, least, most, above=None, below=None):
    return (
        (least is None or plain >= least)
        and (most is None or plain <= most)
        and (above is None or plain > above)
        and (below is None or plain < below)
    )


def _range(least, most, above=None, below=None):
    if least is not None and most is not None:
        return f" from {least} to {most}"
    limits = [(least, "{} or more"), (above, "above {}"), (most, "{} or less"), (below, "below {}")]
    return "".join(f", {words.format(limit)}" for limit, words in limits if limit is not None)
