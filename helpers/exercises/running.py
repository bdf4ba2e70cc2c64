"""How an answer is run: so that it can be ended, and nothing that it does reaches the kernel.

On Linux an answer runs in a *child process*, a copy of the kernel made by fork.  Whatever the answer
does, it does to the copy: the random state, the working folder, the number of threads, open figures,
even a crash.  The child sends its report and is killed, and so it is when its time is up or Stop is pressed.

A child cannot use a GPU that the kernel has used, the libraries of macOS do not bear a fork, and
Windows has none.  There an answer runs in a *thread*: what `_kept` lists is put back after it, and
any loop is cut.  But a crash takes the kernel along, and one long call into C is waited for.
"""

import builtins
import contextlib
import ctypes
import faulthandler
import functools
import gc
import io
import json
import logging
import multiprocessing
import os
import random
import signal
import sys
import threading
import time
import traceback
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from tqdm.std import TqdmDefaultWriteLock

from helpers.exercises.comparing import translated

GRACE = 0.5  # seconds in which an answer that is cut may still clean up


class Ended(Exception):
    """A task was ended before it was done; says why, in words that go after "Your answer"."""


def run_apart(task, seconds):
    """Run task() apart from the kernel, for at most so many seconds: (what it returned, whether it printed).

    task must return what JSON can hold, and let no exception out but Cut.  Raises `Ended`.
    """
    if can_fork():
        with contextlib.suppress(OSError):  # the system has no room for a second process
            return _run_in_child(task, seconds)
    return _run_in_thread(task, seconds)


def can_fork():
    """Whether a copy of this process can do all that an answer may do."""
    return sys.platform == "linux" and not (torch.cuda.is_available() or torch.xpu.is_available())


def _too_slow(seconds):
    return f"did not end within {seconds} seconds and was cut. Look for a loop whose end never comes."


# ---- in a child process --------------------------------------------------------------------


def _run_in_child(task, seconds):
    receiver, sender = multiprocessing.Pipe(duplex=False)
    work = (task, seconds, random.getstate(), sender)
    child = multiprocessing.get_context("fork").Process(target=_be_the_child, args=work)
    report = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that the kernel has threads: the child uses none
            child.start()
        sender.close()  # the child has the only other end: where it dies, the wait is over
        in_time = receiver.poll(seconds)
        if in_time:
            with contextlib.suppress(EOFError, OSError):  # it died before it had sent all
                report = receiver.recv_bytes()
    finally:  # also where Stop is pressed
        _kill(child)
        receiver.close()
    if report is not None:
        return json.loads(report)
    if not in_time or child.exitcode == -signal.SIGALRM:  # its own alarm clock, before a busy kernel saw the time
        raise Ended(_too_slow(seconds))
    raise Ended(_death(child.exitcode))


def _kill(child):
    if child.pid is None:  # it was never started
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)  # with all that the answer has started
    child.kill()
    child.join()


def _death(code):
    if code == -signal.SIGKILL:
        return "was ended by the system, most likely because it used up the memory. Make what it builds smaller."
    if code < 0:
        return f"crashed Python itself ({signal.strsignal(-code)}), in a call into C or a recursion without end."
    return f"ended Python itself, with exit code {code}. Return a result instead."


def _be_the_child(task, seconds, chance, sender):
    """Run task() and send (its result, whether it printed).  Nothing that is the kernel's, too, may be touched."""
    import resource  # not on Windows

    os.setsid()  # a group of its own: it can be killed with all that it starts, and Stop's signal goes past it
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds + 2)  # it ends even where the kernel was killed and cannot end it
    signal.set_wakeup_fd(-1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")  # where memory runs out, the child goes, not the kernel
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    sys.stdout, sys.stderr, builtins.input = io.StringIO(), io.StringIO(), _no_input
    logging.disable()
    faulthandler.disable()
    gc.freeze()  # what the kernel has thrown away is the kernel's to close
    random.setstate(chance)  # a fork seeds it anew
    # Killed while it holds the lock of the progress bars, which all processes share, it would stop the kernel's.
    TqdmDefaultWriteLock.acquire = lambda *_, **__: True
    TqdmDefaultWriteLock.release = lambda _: None

    def work(printed=sys.stdout):
        torch.set_num_threads(1)
        report = task(), bool(printed.getvalue())
        sender.send_bytes(json.dumps(report).encode())

    try:
        # The threads of OpenMP are not copied, yet the thread that has used them waits for them: use a new one.
        worker = threading.Thread(target=work)
        worker.start()
        worker.join()
    finally:
        os._exit(0)  # nothing that the kernel does at its exit is done here


def _no_input(*_):
    raise EOFError("an answer that is checked cannot ask for input")


# ---- in a thread ---------------------------------------------------------------------------

_throw = ctypes.PYFUNCTYPE(None, ctypes.c_ulong, ctypes.py_object)(("PyThreadState_SetAsyncExc", ctypes.pythonapi))


class Cut(SystemExit):
    """Thrown into a thread, to end it.  A SystemExit, since those end a thread without a word."""


def _cut_without_end(thread):
    """A Cut that throws itself again as soon as it is caught: whatever Python code comes next, it ends there.

    So a loop that catches everything ends, too; but so does what should be closed or let go in a `finally`.
    """

    class CutAgain(Cut):
        pass

    CutAgain.__init__ = staticmethod(functools.partial(_throw, thread.ident, CutAgain))
    return CutAgain


def _run_in_thread(task, seconds):
    results, over = [], threading.Event()

    def work():
        peace = functools.partial(_throw, threading.get_ident(), ctypes.py_object())
        try:
            results.append(task())
        except Cut:
            peace()  # no Python code, so that no further Cut can come between
        over.set()

    worker = threading.Thread(target=work, daemon=True, name="work on an answer")
    with _kept() as printed:
        worker.start()
        try:
            in_time = _comes(over, seconds)
        finally:  # also where Stop is pressed
            if not over.is_set():
                _throw(worker.ident, Cut)
            if not _comes(over, GRACE):
                _throw(worker.ident, _cut_without_end(worker))
                _comes(over, GRACE)  # if not, it is within a call into C, and the Cut meets it on its return
    if in_time:
        return results[0], bool(printed.getvalue())
    raise Ended(_too_slow(seconds))


def _comes(event, seconds):
    """Whether an event comes within so many seconds.  Waits in small pieces: on Windows, Stop is heard between them only."""
    end = time.monotonic() + seconds
    while not event.wait(0.05) and time.monotonic() < end:
        pass
    return event.is_set()


@contextlib.contextmanager
def _kept():
    """Put back what an answer in this process may change for all; gives the StringIO that takes what it prints."""
    states = [(put, get()) for get, put in _states()]
    figures = plt.get_fignums()
    names = sys.stdin, sys.stdout, sys.stderr, builtins.input
    sys.stdout, sys.stderr, builtins.input = printed, _, _ = io.StringIO(), io.StringIO(), _no_input
    try:
        with warnings.catch_warnings(), plt.rc_context():
            yield printed
    finally:
        sys.stdin, sys.stdout, sys.stderr, builtins.input = names
        for number in set(plt.get_fignums()) - set(figures):
            plt.close(number)
        for put, state in states:
            put(state)


def _states():
    """Pairs (get, put) of what belongs to the whole process and that an answer may well change."""
    cudnn = torch.backends.cudnn
    pairs = [
        (random.getstate, random.setstate),
        (np.random.get_state, np.random.set_state),
        (torch.get_rng_state, torch.set_rng_state),
        (torch.get_default_dtype, torch.set_default_dtype),
        (torch.get_num_threads, torch.set_num_threads),
        (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
        (torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode),
        (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
        (lambda: cudnn.benchmark, functools.partial(setattr, cudnn, "benchmark")),
        (lambda: cudnn.deterministic, functools.partial(setattr, cudnn, "deterministic")),
        (np.get_printoptions, lambda found: np.set_printoptions(**found)),  # a thread's own in the newest NumPy
        (os.getcwd, os.chdir),
        (lambda: dict(os.environ), _put_environment),
        (lambda: list(sys.path), functools.partial(setattr, sys, "path")),
        (sys.getrecursionlimit, sys.setrecursionlimit),
    ]
    if torch.cuda.is_initialized():
        pairs.append((torch.cuda.get_rng_state_all, torch.cuda.set_rng_state_all))
    if torch.backends.mps.is_available():
        pairs.append((torch.mps.get_rng_state, torch.mps.set_rng_state))
    return pairs


def _put_environment(variables):
    os.environ.clear()
    os.environ.update(variables)


# ---- what an error says --------------------------------------------------------------------


def raised(error):
    """What an error says, with the line of the learner's own code: "raises ValueError in line 3 of its cell: …"."""
    own = [line for frame, line in traceback.walk_tb(error.__traceback__) if _is_of_a_cell(frame)]
    place = f" in line {own[-1]} of its cell" if own else ""
    try:
        words = translated(error)
    except Exception:  # the learner's own class may be what is wrong
        words = ""
    return f"raises {type(error).__name__}{place}: {words or 'without a message'}"


def _is_of_a_cell(frame):
    """Whether it is the learner's: all cells of a notebook are one module, __main__, whatever their files are called."""
    return frame.f_globals.get("__name__") == "__main__" and frame.f_code.co_filename != "<string>"
