"""What an exercise is: `check`, `hint`, `solution`; and the grades of common kinds of tasks.

An answer is graded on what it does: a function is called with many random inputs.  All of a grade
runs apart from the kernel (see `running`): only its words come back.
"""

import contextlib
import copy
import inspect
import io
from typing import NamedTuple

from helpers import data
from helpers.exercises.comparing import TOLERANCE, Wrong, described, difference, kind, refusal
from helpers.exercises.running import Ended, raised, run_apart

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
    how long that may take.  prepare: called in the kernel before each grade, for what the grade needs
    and a cache may keep: what a grade itself imports or computes is gone with it.
    """

    def __init__(self, name, grade, hints, solution, seconds=SECONDS, prepare=None):
        self.name, self.grade, self.hints, self.code, self.seconds = name, grade, hints, solution, seconds
        self.prepare = prepare
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
        """The `Verdict` on an answer.  Raises nothing, whatever the answer does; but KeyboardInterrupt where Stop is pressed."""
        if answer is None or answer is ...:
            return Verdict(False, UNSOLVED)
        if self.prepare is not None:
            with contextlib.suppress(Exception):  # the grade will meet it, too, and tell it
                self.prepare()
        try:
            (solved, words), printed = run_apart(lambda: self._graded(answer), self.seconds)
        except Ended as ended:
            return Verdict(False, f"Your answer {ended}")
        except KeyboardInterrupt:
            raise KeyboardInterrupt("Stopped: the answer was ended, too.") from None
        if solved and printed:
            words += " (What your answer printed was left out: a result is returned, not printed.)"
        return Verdict(solved, words)

    def _graded(self, answer):
        """(whether it is solved, words)."""
        try:
            praise = self.grade(answer)
        except Wrong as wrong:
            return False, str(wrong)
        except BaseException as error:  # also SystemExit and whatever else an answer may raise
            return False, f"Your answer {raised(error)}."
        return True, f"Solved. {praise or ''}".rstrip()


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
        found = refusal(answer, right, tolerance)  # does not give the right number away
        if found is None:
            return praise
        for slip, words in slips:
            if difference(answer, slip, tolerance) is None:
                raise Wrong(f"Not yet. {words}")
        raise Wrong(f"Not yet. {found}")

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
        check_returned(results, printed)
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


def check_returned(results, printed):
    """Raise `Wrong` where a function gave nothing for any input: what `call_on_all` gives."""
    if all(result is None for result in results):
        prints = "Your function prints, but returns nothing: end it with `return` and the result."
        raise Wrong(prints if printed else UNSOLVED)


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
            if difference(after, before, 0) is not None:
                raise Wrong(
                    f"Your function changes its input {name!r}: whoever calls it still needs that. "
                    f"Work on a copy, such as {name}.clone()."
                )
    return results, printed.getvalue()
