"""How an answer is compared with what is right, and how both are put into words.

What an answer means decides, not how it is written: a number may come as int, float, NumPy scalar,
tensor or array of one element; several numbers as list, tuple, array or tensor, of any dtype and on
any device. Two rules hold all through the course:

- Whole numbers (right is an int) must be equal: 12,833 is not 12,832.
- A fraction may be off by the tolerance, relative to its size, or be rounded to `DIGITS` digits or more.
"""

import inspect
import math
import numbers
import re

import numpy as np
import torch
from torch import nn

from helpers.train import History

TOLERANCE = 1e-4
DIGITS = 3  # that a rounded fraction must have at least: 14.8 for 14.823, but not 15
ROUNDING = 8  # units in the last place of an answer's own float type: what should be 57 may come as 56.999996
DEEPEST = 16  # axes of a grid that is given as lists in lists
MOST = (
    10_000_000  # numbers in one row of it: a sparse tensor that is filled with its zeros may be larger than the memory
)


class Wrong(Exception):
    """What is wrong with an answer, in words for the learner."""


# ---- comparing -----------------------------------------------------------------------------


def difference(answer, right, tolerance=TOLERANCE):
    """None where the answer is right within the tolerance, else what is wrong: "is 3; right is 4".

    right: a number, a text, True or False, a tensor, or a tuple or list of these.  tolerance: 0 asks for
    the very same numbers.  Raises nothing, whatever the answer is.
    """
    found = _difference(answer, right, tolerance)
    if found is None:
        return None
    words, correct = found
    return f"{words}; right is {correct}" if correct else words


def refusal(answer, right, tolerance=TOLERANCE):
    """None where the answer is right, else a sentence that does not give the right one away: "5 is not the number."."""
    found = _difference(answer, right, tolerance)
    if found is None:
        return None
    words, correct = found
    if correct and is_number(answer):
        return f"{short(_number(answer))} is not the number."
    return f"Your answer {words}{', which is not right' if correct else ''}."


def _difference(answer, right, tolerance):
    """None, or (what is wrong, the right one in words or "" where that would not help)."""
    if isinstance(right, torch.Tensor) and right.ndim == 0:
        right = right.item()
    if isinstance(right, torch.Tensor):
        return _grid_difference(answer, right.detach().cpu(), tolerance)
    if isinstance(right, (tuple, list)):
        return _tuple_difference(answer, right, tolerance)
    if isinstance(right, str):
        return None if isinstance(answer, str) and answer == right else (f"is {kind(answer)}", repr(right))
    if isinstance(right, bool):
        return None if _is_bool(answer) and bool(answer) is right else (f"is {kind(answer)}", str(right))
    if not isinstance(right, numbers.Real):
        raise TypeError(f"right must be a number, a text, a tensor, or a tuple of these; got {kind(right)}")
    if not is_number(answer):
        return f"is {kind(answer)}; a single number is wanted{_how_to_write(answer)}", ""
    return _number_difference(_number(answer), _unit(answer), right, tolerance)


def _number_difference(got, unit, right, tolerance):
    """unit: the relative distance of neighbours in the answer's float type; 0 for ints."""
    if isinstance(right, numbers.Integral):
        right = int(right)
        if _near(got, right, unit, tolerance):
            return None
        if isinstance(got, float) and math.isfinite(got) and not _near(got, round(got), unit, tolerance):
            return f"is {short(got)}, which is not a whole number", ""
    else:
        got, right = _as_float(got), float(right)
        if got == right or (math.isnan(got) and math.isnan(right)):
            return None
        both_whole = got.is_integer() and right.is_integer()
        if both_whole or not tolerance:
            if _near(got, right, unit, tolerance):
                return None
        elif math.isclose(got, right, rel_tol=max(tolerance, unit), abs_tol=tolerance / 10):
            return None
        digits = _digits_kept(got, right, unit)
        if digits >= DIGITS and tolerance:
            return None
        if digits and not got.is_integer():
            return f"is {short(got)}, which is rounded too far: give {DIGITS} digits or more", ""
    got, right = _apart(got, right)
    return f"is {got}", right


def _near(got, right, unit, tolerance):
    """Whether two numbers are the same, but for the last digits of the float type in which one was computed."""
    return got == right or bool(tolerance and abs(got - right) <= min(ROUNDING * unit * abs(right), 0.01))


def _digits_kept(got, right, unit):
    """To how many significant digits `got` is `right` rounded, 0 where it is not; both are fractions."""
    if right.is_integer() or not (math.isfinite(got) and math.isfinite(right)):
        return 0
    first = math.floor(math.log10(abs(right)))  # the power of ten of the first digit
    for decimals in range(16, -1, -1):
        if decimals + first >= 0 and math.isclose(got, round(right, decimals), rel_tol=unit):
            return decimals + first + 1
    return 0


def _grid_difference(answer, right, tolerance):
    try:
        grid, unit = _grid(answer, right.shape)
    except Wrong as found:
        return str(found), ""
    if (grid.dtype == torch.bool) != (right.dtype == torch.bool):
        names = {True: "True and False", False: "numbers"}
        return f"holds {names[grid.dtype == torch.bool]}; {names[right.dtype == torch.bool]} are wanted", ""
    if right.dtype == torch.bool:
        off = grid != right
    elif not tolerance:
        off = (grid != right) & ~(grid.isnan() & right.isnan())
    elif right.is_floating_point():
        loose = max(tolerance, unit)
        off = ~torch.isclose(grid, right.double(), rtol=loose, atol=loose, equal_nan=True)
    else:
        off = (grid - right).abs() > (ROUNDING * unit * right.abs()).clamp(max=0.01)
        off |= grid.isnan()
    if not off.any():
        return None
    first = tuple(off.nonzero()[0].tolist())
    got, wanted = _apart(grid[first].item(), right[first].item())
    return f"at index {list(first)} is {got}", wanted


def _tuple_difference(answer, right, tolerance):
    what = "number" if all(isinstance(n, numbers.Real) for n in right) else "thing"
    wanted = f"{count(len(right), what)} {'is' if len(right) == 1 else 'are'} wanted"
    example = f", such as {(1,) * len(right)}" if what == "number" and len(right) > 1 else ""
    if _is_array(answer):
        in_a_row = _holds_numbers(answer) and answer.ndim > 0
    else:
        in_a_row = isinstance(answer, (tuple, list)) and not _is_values_and_indices(answer)
    if not in_a_row:
        return f"is {kind(answer)}; {wanted}{example}", ""
    if len(answer) != len(right):
        return f"has {count(len(answer), what)}; {wanted}", ""
    for place, (a, b) in enumerate(zip(_dense(answer) if _is_array(answer) else answer, right)):
        found = _difference(a, b, tolerance)
        if found is not None:
            return f"at index {place} {found[0]}", found[1]
    return None


# ---- what an answer holds ------------------------------------------------------------------


def is_number(answer):
    """Whether an answer is one real number, in whatever form; True and False are none."""
    if _is_array(answer):
        return _holds_numbers(answer) and math.prod(answer.shape) == 1 and answer.dtype not in (torch.bool, np.bool_)
    return isinstance(answer, numbers.Real) and not isinstance(answer, (bool, np.bool_, np.timedelta64))


def _is_array(answer):
    return isinstance(answer, (torch.Tensor, np.ndarray))


def _holds_numbers(array):
    """Whether a tensor or array holds real numbers, or True and False, that can be read."""
    if isinstance(array, torch.Tensor):
        return not (array.is_complex() or array.is_meta or array.is_nested or array.is_quantized)
    return array.dtype.kind in "biuf"


def _dense(array):
    """A tensor or array that holds numbers, as a plain tensor or array on the CPU, apart from its gradients."""
    return array.detach().cpu().to_dense() if isinstance(array, torch.Tensor) else array


def _number(answer):
    """The int or float that an answer is."""
    if _is_array(answer):
        answer = _dense(answer).reshape(-1)[0]
        answer = answer.item() if isinstance(answer, torch.Tensor) else answer
    return int(answer) if isinstance(answer, numbers.Integral) else _as_float(answer)


def _as_float(number):
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _unit(answer):
    """The relative distance between neighbouring numbers of an answer's float type; 0 for whole numbers."""
    if isinstance(answer, torch.Tensor):
        return torch.finfo(answer.dtype).eps if answer.is_floating_point() else 0
    if isinstance(answer, (np.ndarray, np.generic)):
        return float(np.finfo(answer.dtype).eps) if answer.dtype.kind == "f" else 0
    return 0 if isinstance(answer, numbers.Integral) else float(np.finfo(float).eps)


def _is_bool(answer):
    if _is_array(answer):
        return answer.dtype in (torch.bool, np.bool_) and _holds_numbers(answer) and math.prod(answer.shape) == 1
    return isinstance(answer, (bool, np.bool_))


def _is_values_and_indices(answer):
    """Whether it is what torch.max, sort, topk … give along an axis: a tuple, but not one of the learner's making."""
    return type(answer).__module__ == "torch.return_types"


def grid(answer, shape, what="Your answer"):
    """An answer as a float tensor of that shape; raises `Wrong` where it is none, or where a number is NaN or infinite."""
    try:
        numbers_in_rows, _ = _grid(answer, shape)
    except Wrong as found:
        raise Wrong(f"Not yet. {what} {found}.") from found
    if numbers_in_rows.dtype == torch.bool:
        raise Wrong(f"Not yet. {what} holds True and False; numbers are wanted.")
    strange = ~numbers_in_rows.float().isfinite()
    if strange.any():
        place = strange.nonzero()[0].tolist()
        raise Wrong(
            f"Not yet. {what} at index {place} is {short(numbers_in_rows[tuple(place)].item())}, which is not a finite number."
        )
    return numbers_in_rows.float()


def _grid(answer, shape):
    """(an answer as a tensor of bool or double, its `_unit`); raises `Wrong` where it is none of that shape."""
    shape = tuple(shape)
    if isinstance(answer, np.ndarray) and answer.dtype == object and answer.ndim:
        answer = answer.tolist()
    if isinstance(answer, (list, tuple)) and not _is_values_and_indices(answer):
        grid, unit = _stacked(answer, [])
        if tuple(grid.shape) != shape:
            raise Wrong(f"has shape {tuple(grid.shape)}; shape {shape} is wanted")
        return grid, unit
    if is_number(answer) and not getattr(answer, "shape", ()):
        raise Wrong(f"is {kind(answer)}, a single number; a tensor of shape {shape} is wanted")
    if not _is_array(answer):
        raise Wrong(f"is {kind(answer)}; a tensor of shape {shape} is wanted")
    if not _holds_numbers(answer):
        raise Wrong(f"is {kind(answer)}; real numbers are wanted")
    if tuple(answer.shape) != shape:  # before a sparse one is filled with all its zeros
        raise Wrong(f"has shape {tuple(answer.shape)}; shape {shape} is wanted")
    return _as_tensor(answer), _unit(answer)


def _as_tensor(array):
    """A tensor or array that holds numbers, as a tensor of bool or double."""
    dense = _dense(array)
    if isinstance(dense, np.ndarray):
        return torch.from_numpy(np.array(dense, dtype=bool if dense.dtype == bool else float))
    return dense if dense.dtype == torch.bool else dense.double()


def _stacked(rows, place):
    """(a list of numbers, or of lists, arrays, tensors … of one shape, as a tensor of bool or double, its `_unit`)."""
    if len(place) > DEEPEST:
        raise Wrong(f"is a list with more than {DEEPEST} lists in each other")
    parts, units = [], [0]
    for index, row in enumerate(rows):
        if isinstance(row, (list, tuple)) and not _is_values_and_indices(row):
            part, unit = _stacked(row, [*place, index])
        elif is_number(row) and not _is_array(row):
            part, unit = torch.tensor(_as_float(row), dtype=torch.double), _unit(row)
        elif _is_bool(row) and not _is_array(row):
            part, unit = torch.tensor(bool(row)), 0
        elif _is_array(row) and _holds_numbers(row) and math.prod(row.shape) <= MOST:
            part, unit = _as_tensor(row), _unit(row)
        else:
            raise Wrong(f"at index {[*place, index]} is {kind(row)}; a number is wanted")
        parts.append(part)
        units.append(unit)
        _check_even(parts, index)
    return torch.stack(parts) if parts else torch.zeros(0, dtype=torch.double), max(units)


def _check_even(parts, index):
    """Raise `Wrong` where the newest row is of another length, or kind, than the first."""
    first, newest = parts[0], parts[-1]
    if first.ndim == newest.ndim == 1 and len(first) != len(newest):
        raise Wrong(
            f"has rows of unequal length: row {index} has {count(len(newest), 'number')}, row 0 has {len(first)}"
        )
    if first.shape != newest.shape:
        raise Wrong(
            f"has unequal parts: at index 0 is {_of_shape(first.shape)}, at index {index} {_of_shape(newest.shape)}"
        )
    if first.dtype != newest.dtype:
        raise Wrong("mixes numbers with True and False; numbers are wanted")


def _of_shape(shape):
    return f"a part of shape {tuple(shape)}" if shape else "a number"


# ---- words ---------------------------------------------------------------------------------


def kind(answer):
    """What an answer is, in a few words: "the text 'abc'", "a list of 3 numbers", "a tensor of shape (2,)"."""
    if answer is None or isinstance(answer, (bool, np.bool_)):
        return str(answer)
    if isinstance(answer, str):
        return f"the text {answer[:30]!r}"
    if is_number(answer):
        return short(_number(answer))
    if isinstance(answer, torch.Tensor):
        return _kind_of_tensor(answer)
    if isinstance(answer, np.ndarray):
        holds = {"b": " of True and False", "c": " of complex numbers", "O": " of objects", "U": " of texts"}
        return f"an array{holds.get(answer.dtype.kind, '')} of shape {answer.shape}"
    if isinstance(answer, (complex, np.complexfloating)):
        return f"the complex number {complex(answer)}"
    if _is_values_and_indices(answer):
        fields = ", ".join(type(answer).__match_args__)
        return f"what torch.{type(answer).__name__} gives along an axis, a tuple ({fields})"
    if isinstance(answer, (list, tuple, set, frozenset, range)):
        what = "number" if all(map(is_number, answer)) else "thing"
        return (
            f"a {type(answer).__name__} of {count(len(answer), what)}"
            if answer
            else f"an empty {type(answer).__name__}"
        )
    if isinstance(answer, dict):
        return f"a dict of {count(len(answer), 'entry', 'entries')}" if answer else "an empty dict"
    if isinstance(answer, nn.Module):
        return f"a network ({type(answer).__name__})"
    if isinstance(answer, History):
        return "a History, which is what `train.fit` returns"
    if isinstance(answer, type):
        return f"the class {answer.__name__}, without brackets behind its name"
    if inspect.isroutine(answer):
        return "a function"
    name = type(answer).__name__
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"


def _kind_of_tensor(tensor):
    if tensor.is_nested:
        return "a nested tensor"
    what = "a sparse tensor" if tensor.layout != torch.strided else "a tensor"
    if tensor.is_complex():
        what += " of complex numbers"
    if tensor.dtype == torch.bool:
        what += " of True and False"
    what = f"{what} of shape {tuple(tensor.shape)}" if tensor.ndim else f"{what} without axes"
    return f"{what} on the meta device, which holds no numbers" if tensor.is_meta else what


def _how_to_write(answer):
    """Advice on an answer that is no number but nearly one, or ""."""
    if isinstance(answer, str) and re.fullmatch(r"\s*[-+]?[\d_,.]+\s*", answer):
        return ": leave out the quotes"
    if isinstance(answer, (tuple, list)) and len(answer) == 1 and is_number(answer[0]):
        return ": leave out the brackets, and any comma behind the number"
    if isinstance(answer, tuple) and _are_groups_of_digits(answer):
        groups = [str(answer[0]), *(f"{n:03}" for n in answer[1:])]
        return f". Python reads {','.join(groups)} as {len(groups)} numbers: type {''.join(groups)}"
    return ""


def _are_groups_of_digits(answer):
    """Whether a tuple may be one number, typed as it is printed: 12,832."""
    whole = len(answer) > 1 and all(type(n) is int for n in answer)
    return whole and 0 < abs(answer[0]) < 1000 and all(n == 0 or 100 <= n < 1000 for n in answer[1:])


def described(arguments, names):
    """The arguments of a call: "n = 7, f = 3"; a large tensor by its shape alone."""
    return ", ".join(f"{name} = {_argument(argument)}" for name, argument in zip(names, arguments))


FEW = 16  # numbers that are written out


def _argument(argument):
    if _is_array(argument) and _holds_numbers(argument) and math.prod(argument.shape) <= FEW:
        return str(_rounded(_dense(argument).tolist()))
    if isinstance(argument, (list, tuple)) and len(argument) <= FEW and all(map(is_number, argument)):
        few = [_rounded(_number(n)) for n in argument]
        return str(tuple(few) if isinstance(argument, tuple) else few)
    if is_number(argument):
        return str(_rounded(_number(argument)))
    return repr(argument[:30]) if isinstance(argument, str) else kind(argument)


def _rounded(n):
    """A number, or lists of them, with six digits at most."""
    if isinstance(n, list):
        return [_rounded(part) for part in n]
    small_whole = isinstance(n, int) and abs(n) < 1e15
    return n if small_whole or isinstance(n, complex) else float(f"{_as_float(n):.6g}")


def count(n, noun, plural=None):
    """How many of what: "1 channel", "12,832 numbers"."""
    return f"{short(n)} {noun if n == 1 else plural or noun + 's'}"


def percent(share):
    """A share of 1 in per cent: "0.2 %", "13 %", "130 %"."""
    return f"{short(float(f'{100 * share:.2g}'))} %"


def short(n, digits=4):
    """A number for reading: "12,832", "14.82"; with more digits where a fraction would look like a whole number."""
    if isinstance(n, numbers.Integral) or (math.isfinite(n) and float(n).is_integer()):
        return f"{n + 0:,.0f}" if abs(n) < 1e15 else f"{_as_float(n):.{digits}g}"
    if not math.isfinite(n):
        return "NaN" if math.isnan(n) else "infinity" if n > 0 else "minus infinity"
    if abs(n) < 1e-6:
        return f"{n:.{digits}g}"
    if math.isclose(n, round(n), rel_tol=ROUNDING * float(np.finfo(float).eps)):
        return short(round(n), digits)  # 49.99999999999999 is what arithmetic makes of 50
    decimals = max(1, digits - 1 - math.floor(math.log10(abs(n))))
    while True:
        text = f"{n:,.{decimals}f}".rstrip("0")
        if not text.endswith("."):
            return text
        decimals += 1


def _apart(got, right):
    """Two numbers as `short` gives them, with as many digits as it takes to tell them apart."""
    for digits in range(4, 17):
        pair = short(got, digits), short(right, digits)
        if pair[0] != pair[1]:
            break
    return pair


# ---- errors --------------------------------------------------------------------------------

PLAIN = [  # (what an error says, in PyTorch's or NumPy's words; the same for a learner)
    (
        r"could not infer output dtype.*Got: Bool",
        "the mean of True and False is not defined for a tensor: write .float().mean(), or .sum() / len(…)",
    ),
    (
        r"could not infer output dtype",
        "the mean of whole numbers is not defined for a tensor: write .float().mean()",
    ),
    (
        r"unexpected keyword argument 'axis'|axis=NoneType|'dim' must be int, not NoneType",
        "a NumPy function cannot work on a tensor here: use the tensor's own method, such as values.max(), values.sum() "
        "or values.float().mean()",
    ),
    (
        r"Boolean value of Tensor with more than one value is ambiguous",
        "Python's if, and, or, max and min ask for one True or False, and a tensor holds many numbers: use torch.where, "
        "values.max(), or .any() and .all(), or take one number at a time",
    ),
    (
        r"(maximum|minimum|max|min)\(\).*(must be Tensor, not (int|float)|got \((int|float), Tensor\))",
        "torch's max and min compare two tensors, not a number with a tensor: use values.clamp(min=…) or torch.where",
    ),
    (
        r"must match the (existing size|size of tensor b) \(0\)",
        "you copy a part that is empty: a slice [:-0] holds nothing, since −0 is 0; give its end as width − by",
    ),
    (
        r"The (expanded size of the tensor|size of tensor a) \(\d+\) must match the (existing size|size of tensor b) \(\d+\)",
        "two tensors of different sizes meet: print the .shape of both",
    ),
    (
        r"Target \d+ is out of bounds",
        "a label is larger than the network's last class: it must end in one output for each class, 10 here",
    ),
    (r"got builtin_function_or_method", "a function stands in the brackets: call it, such as values.argmax()"),
    (r"tensors used as indices must be long", "a place must be a whole number: .argmax() gives one"),
    (r"argument 'size'.*must be tuple of ints, not int", "a shape is wanted, in brackets: (n,)"),
    (
        r"argument '\w+' \(position 1\) must be Tensor, not int",
        "a tensor is wanted here: put torch.tensor(…) around the number",
    ),
    (
        r"number of sizes provided \(0\)",
        "a whole tensor is put where one number belongs: make one number of it first, such as by .sum()",
    ),
    (r"Dimension out of range", "the tensor has fewer axes than `dim` asks for: print its .shape"),
    (
        r"only one element tensors can be converted|only length-1 arrays can be converted",
        "Python's math takes one number: use torch.sqrt and the like for a tensor",
    ),
    (r"index \d+ is out of bounds", "the index lies behind the last row or column: the first one has the number 0"),
    (
        r"'float' object cannot be interpreted as an integer|only integers, slices .* are valid indices",
        "a whole number is needed here, and / always gives a float: divide with //",
    ),
]
LONGEST = 300  # characters of an error's own message


def translated(error):
    """What an error says, in one line without a full stop: in plain words where it is one that learners often meet."""
    says = " ".join(str(error).split()).rstrip(".")
    for pattern, plain in PLAIN:
        if re.search(pattern, says):
            return plain
    return says if len(says) <= LONGEST else f"{says[:LONGEST]} …"
