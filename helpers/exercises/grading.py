"""What an exercise is: `check`, `hint`, `solution`; and how an answer is run and compared.

An answer is graded on what it does: a function is called with many random inputs. It runs in a
thread of its own, so that one that never ends can be cut and the kernel lives on.
"""

import contextlib
import copy
import inspect
import io
from typing import NamedTuple

from helpers import data
from helpers.exercises.comparing import TOLERANCE, Wrong, described, difference, is_number, kind, short
from helpers.exercises.running import Cut, raised, run_guarded

SECONDS = 3  # that an answer may take, all inputs together
UNSOLVED = "not solved yet"


class Verdict(NamedTuple):
    """solved: True or False.  words: what the learner is told."""

    solved: bool
    words: str


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
        if is_number(answer) and is_number(right):  # not `found`: the right number would give the answer away
            raise Wrong(f"Not yet. {short(float(answer))} is not the number.")
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
