"""How an answer is run: so that it can be cut, and nothing that it does reaches the kernel."""

import contextlib
import ctypes
import io
import threading
import traceback
from pathlib import Path

import torch

HELPERS = Path(__file__).resolve().parent.parent


class Cut(BaseException):
    """Thrown into an answer that takes too long.  Not an Exception, so that `except Exception` does not swallow it."""


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
