"""Answers that must do a piece of work themselves, and not hand it to the function of torch that does it."""

import functools

from torch.overrides import TorchFunctionMode

from helpers.exercises.comparing import Wrong


class _Named(TorchFunctionMode):
    """While it is entered, notes which of some functions of torch are called, as functions, methods or by modules."""

    def __init__(self, names):
        super().__init__()
        self.names, self.used = names, set()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.used |= {func.__name__} & set(self.names)
        return func(*args, **(kwargs or {}))


def without(names, grade):
    """A grade that is `grade`, and refuses a function that leaves its work to torch's functions of these names."""

    def grade_without(answer):
        if not callable(answer):
            return grade(answer)
        noted = _Named(names)

        @functools.wraps(answer)
        def watched(*arguments):
            with noted:
                return answer(*arguments)

        praise = grade(watched)
        if noted.used:
            raise Wrong(
                f"Not yet. The numbers are right, but your function leaves the work to `{min(noted.used)}`: "
                "that is what you are to write yourself."
            )
        return praise

    return grade_without
