"""What an exercise is: `check`, `hint`, `solution`; and how an answer is run and compared.

An answer is graded on what it does: a function is called with many random inputs. It runs in a
thread of its own, so that one that never ends can be cut and the kernel lives on.
"""

import contextlib
import copy
import ctypes
import inspect
import io
import numbers
import threading
import traceback
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from helpers import data

SECONDS = 3  # that an answer may take, all inputs together
TOLERANCE = 1e-4
UNSOLVED = "not solved yet"
HELPERS = Path(__file__).resolve().parent.parent


class Verdict(NamedTuple):
    """solved: True or False.  words: what the learner is told."""

    solved: bool
    words: str


class Wrong(Exception):
    """What is wrong with an answer, in words for the learner."""


class Cut(BaseException):
    """Thrown into an answer that takes too long.  Not an Exception, so that `except Exception` does not swallow it."""


class Exercise:
    """One task of a notebook.

    name: of the variable or function that holds the answer in `solution`, the code of a right
    answer.  hints: given one at a time.  grade: called with the answer; raises `Wrong`, whose words
    say what is wrong and where, and may return a sentence that is added to the praise.  seconds:
    how long that may take.
    """

    def __init__(self, name, grade, hints, solution, seconds=SECONDS):
        self.name, self.grade, self.hints, self.code, self.seconds = name, grade, hints, solution, seconds
        self._hints_given = 0

    def check(self, answer):
        """Print whether the answer is right, and if not, what is wrong with it."""
        print(self.verdict(answer).words)

    def hint(self):
        """Print the next hint; after the last one they begin anew."""
        number = self._hints_given % len(self.hints)
        self._hints_given += 1
        print(f"hint {number + 1} of {len(self.hints)}: {self.hints[number]}")

    def solution(self):
        """Print the code of a right answer."""
        print(self.code)

    def verdict(self, answer):
        """The `Verdict` on an answer; raises nothing, whatever the answer does."""
        if answer is None or answer is ...:
            return Verdict(False, UNSOLVED)
        outcome, printed = run_guarded(lambda: self.grade(answer), self.seconds)
        if isinstance(outcome, Wrong):
            return Verdict(False, str(outcome))
        if isinstance(outcome, Cut):
            return Verdict(
                False,
                f"Your answer did not end within {self.seconds} seconds and was cut. "
                "Look for a loop whose end never comes.",
            )
        if isinstance(outcome, BaseException):
            return Verdict(False, f"Your answer {raised(outcome)}.")
        words = "Solved." if outcome is None else f"Solved. {outcome}"
        if printed:
            words += " (What your answer printed was left out: a result is returned, not printed.)"
        return Verdict(True, words)


def sample(name, split):
    """The embedded sample, without the line that `data.load` prints: the learner would be told that the answer prints."""
    with contextlib.redirect_stdout(io.StringIO()):
        return data.load(name, split, source="sample")


def run_guarded(task, seconds):
    """Run task() in a thread, for at most so many seconds; return (its result or what it raised, what it printed)."""
    result, printed = [], io.StringIO()

    def work():
        try:
            result.append(task())
        except BaseException as error:  # also SystemExit and Cut: nothing may get out of this thread
            result.append(error)

    worker = threading.Thread(target=work, daemon=True, name="work on an answer")
    with contextlib.redirect_stdout(printed), torch.random.fork_rng(devices=[]):
        worker.start()
        worker.join(seconds)
        tries = 0
        while worker.is_alive() and tries < 20:  # again and again, for an answer that swallows even this
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(worker.ident), ctypes.py_object(Cut))
            worker.join(0.05)
            tries += 1
            result = [Cut()]
    return result[0], printed.getvalue()


def raised(error):
    """What an error says, with the line of the learner's own code: "raises ValueError in line 3 of its cell: …"."""
    own = [f.lineno for f in traceback.extract_tb(error.__traceback__) if not _is_ours_or_installed(f.filename)]
    line = f" in line {own[-1]} of its cell" if own else ""
    return f"raises {type(error).__name__}{line}: {' '.join(str(error).split()).rstrip('.') or 'without a message'}"


def _is_ours_or_installed(filename):
    return filename.startswith(str(HELPERS)) or "site-packages" in filename or "dist-packages" in filename


# ---- kinds of tasks ------------------------------------------------------------------------


def value(right, slips=(), tolerance=TOLERANCE, praise=None):
    """A grade for a number, a shape or a grid of numbers.

    right: a number, a tuple of numbers, or a tensor.  slips: pairs (wrong answer, sentence that names the slip).
    """

    def grade(answer):
        found = difference(answer, right, tolerance)
        if found is None:
            return praise
        for slip, words in slips:
            if difference(answer, slip, tolerance) is None:
                raise Wrong(f"Not yet. {words}")
        if _is_number(answer) and _is_number(right):  # not `found`: the right number would give the answer away
            raise Wrong(f"Not yet. {_short(float(answer))} is not the number.")
        raise Wrong(f"Not yet. Your answer {found}.")

    return grade


def function(oracle, cases, slips=(), praise=None):
    """A grade for a function: it must give what `oracle` gives, for every tuple of arguments in cases().

    cases: a function that returns the argument tuples, small ones first, since the first that goes
    wrong is shown.  slips: pairs (wrong function, sentence): an answer that agrees with one of them
    on all inputs is told that sentence.
    """
    wanted = list(inspect.signature(oracle).parameters)

    def grade(answer):
        check_function(answer, wanted)
        given = cases()
        results, printed = call_on_all(answer, given, wanted)
        if all(result is None for result in results):
            raise Wrong(
                "Your function prints, but returns nothing: end it with `return` and the result."
                if printed
                else UNSOLVED
            )
        for arguments, result in zip(given, results):
            found = difference(result, oracle(*arguments))
            if found is not None:
                where = f"For {described(arguments, wanted)} your function's result {found}."
                raise Wrong(f"Not yet. {_slip(slips, given, results)}{where}")
        print(printed, end="")
        return praise

    return grade


def _slip(slips, given, results):
    for slip, words in slips:
        with contextlib.suppress(Exception):
            if all(difference(result, slip(*arguments)) is None for arguments, result in zip(given, results)):
                return words + " "
    return ""


def check_function(answer, wanted):
    """Raise `Wrong` where the answer is no function of the wanted arguments."""
    if not callable(answer):
        raise Wrong(f"A function is wanted, without brackets behind its name; you gave {kind(answer)}.")
    try:
        inspect.signature(answer).bind(*wanted)
    except TypeError:
        takes = inspect.signature(answer)
        raise Wrong(f"Your function must take ({', '.join(wanted)}); yours takes {takes}.") from None
    except ValueError:
        pass  # some built-in functions do not tell


def call_on_all(answer, given, names):
    """The results for each tuple of arguments, and what was printed; raises `Wrong` for an error or a changed input."""
    results, printed = [], io.StringIO()
    for arguments in given:
        lent = copy.deepcopy(arguments)
        try:
            with contextlib.redirect_stdout(printed):
                results.append(answer(*lent))
        except Exception as error:
            raise Wrong(f"For {described(arguments, names)} your function {raised(error)}.") from error
        for name, before, after in zip(names, arguments, lent):
            if difference(after, before) is not None:
                raise Wrong(
                    f"Your function changes its input {name!r}: whoever calls it still needs that. "
                    f"Work on a copy, such as {name}.clone()."
                )
    return results, printed.getvalue()


# ---- comparing -----------------------------------------------------------------------------


def difference(answer, right, tolerance=TOLERANCE):
    """None where the answer is right within the tolerance, else what is wrong: "has shape (2, 2); wanted is (3, 3)"."""
    if isinstance(right, torch.Tensor):
        return _grid_difference(answer, right, tolerance)
    if isinstance(right, tuple):
        return _tuple_difference(answer, right, tolerance)
    if isinstance(right, str):
        return None if answer == right else f"is {kind(answer)}; right is {right!r}"
    if not _is_number(answer):
        return f"is {kind(answer)}; wanted is a number"
    got = float(answer)
    if abs(got - right) <= tolerance * max(1, abs(right)):
        return None
    return f"is {_short(got)}; right is {_short(right)}"


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
    return f"{place}is {_short(grid[first].item())}; right is {_short(right[first].item())}"


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


def _is_number(answer):
    if isinstance(answer, (torch.Tensor, np.ndarray)):
        return answer.ndim == 0
    return isinstance(answer, (numbers.Real, np.number)) and not isinstance(answer, (bool, np.bool_))


def kind(answer):
    """What an answer is, in a few words: "the text 'abc'", "a list"."""
    if isinstance(answer, str):
        return f"the text {answer[:30]!r}"
    if isinstance(answer, (torch.Tensor, np.ndarray)):
        return f"a tensor of shape {tuple(answer.shape)}"
    if _is_number(answer) or isinstance(answer, bool):
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


def _short(n):
    return (
        f"{n:.4g}"
        if isinstance(n, float) and not n.is_integer()
        else f"{n:,.0f}"
        if n == n and abs(n) < 1e15
        else str(n)
    )
