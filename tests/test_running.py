"""Answers that misbehave: each is told in a sentence, and the kernel goes on as if nothing had run.

Each test runs in both ways that an answer may run in; what only a process of its own can do asks for `child`.
"""

import faulthandler
import functools
import io
import logging
import multiprocessing
import os
import random
import signal
import sys
import threading
import time
import warnings
from pathlib import Path

import jupyter_client
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import tqdm

from helpers.exercises import running
from helpers.exercises.grading import UNSOLVED, Exercise, function


def pytest_generate_tests(metafunc):
    ways = ["child"] if "child" in metafunc.fixturenames else ["child", "thread"]
    metafunc.parametrize("way", ways, indirect=True)


@pytest.fixture(autouse=True)
def way(request, monkeypatch):
    """How the answers of this test run."""
    if request.param == "child" and sys.platform != "linux":
        pytest.skip("answers run in a child process on Linux alone")
    monkeypatch.setattr(running, "can_fork", lambda: request.param == "child")
    return request.param


@pytest.fixture
def child():
    """Asked for by tests whose answers only a process of its own bears."""


@pytest.fixture
def pid_file(tmp_path):
    return tmp_path / "pid"


@pytest.fixture(autouse=True)
def nothing_left():
    """No test leaves a thread or a child behind."""
    before = running_threads()
    yield
    assert until(lambda: running_threads() <= before)
    assert multiprocessing.active_children() == []


def running_threads():
    """Those that have not ended; Python 3.10 may still list one that a Cut has ended."""
    return {thread for thread in threading.enumerate() if thread.is_alive()}


def until(condition):
    """Whether it comes true within some seconds."""
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def workers():
    return [thread for thread in running_threads() if thread.name == "work on an answer"]


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def answer_in(body, **names):
    """The function `double(values)` with that body, as a learner's cell would make it: the body begins in its line 2."""
    scope = {"__name__": "__main__", "torch": torch, "np": np, "os": os, "sys": sys, "time": time, **names}
    code = "def double(values):\n    " + body.replace("\n", "\n    ")
    exec(compile(code, "<the learner's cell>", "exec"), scope)
    return scope["double"]


def _double(values):
    return 2 * values


def _cases():
    draw = torch.Generator().manual_seed(0)
    return [(torch.tensor([1.0, -2.0]),), *((torch.randn(n, n, generator=draw),) for n in range(1, 6))]


def exercise(seconds=20):
    slips = [(lambda values: values**2, "You square.")]
    return Exercise("double", function(_double, _cases, slips), ["a", "b"], "", seconds=seconds)


def said_of(answer, seconds=20):
    verdict = exercise(seconds).verdict(answer_in(answer) if isinstance(answer, str) else answer)
    assert not verdict.solved
    return verdict.words


# ---- what is told --------------------------------------------------------------------------


def test_what_is_no_function_is_told():
    assert said_of(3).startswith("A function is wanted, without brackets behind its name; you gave ")
    assert "tensor of shape (2,)" in said_of(torch.ones(2))


def test_a_function_of_other_arguments_is_told():
    assert said_of(lambda: 2) == "Your function must take (values); yours takes ()."


def test_a_function_that_still_returns_nothing_is_not_solved_yet():
    assert said_of("return None  # change me") == UNSOLVED


def test_a_slip_on_all_inputs_is_named_and_placed():
    assert said_of("return values**2").startswith("Not yet. You square. For values = [1.0, -2.0]")


def test_a_changed_input_is_told():
    assert said_of("values *= 2\nreturn values").startswith("Your function changes its input 'values'")


def test_an_error_is_told_with_its_input_and_line():
    wanted = "For values = [1.0, -2.0] your function raises ZeroDivisionError in line 3 of its cell: "
    assert said_of("x = 0\nreturn 1 / x").startswith(wanted)


@pytest.mark.parametrize(
    "body",
    [
        "import json\nreturn json.loads('x')",
        "a = np.zeros((2, 2))\nreturn np.linalg.inv(a)",
        "network = torch.nn.Linear(3, 1)\nreturn network(torch.ones(2))",
        "smaller = values[:0]\nreturn sorted([1, 2], key=lambda n: n / 0)",
        "make = exec\nreturn make('1 / 0')",
    ],
    ids=["json", "numpy", "torch", "sorted", "exec"],
)
def test_the_line_is_the_learners_own_also_where_a_library_raises(body):
    assert " in line 3 of its cell: " in said_of(body)


@pytest.mark.parametrize("name", ["SystemExit", "KeyboardInterrupt", "GeneratorExit", "RecursionError"])
def test_whatever_is_raised_is_told(name):
    assert f"raises {name} in line 2 of its cell: " in said_of(f"raise {name}('enough')")


def test_a_recursion_without_end_is_told():
    assert "raises RecursionError in line 2 of its cell" in said_of("return double(values)")


def test_an_error_without_words_and_one_with_too_many_are_told():
    broken = "class Broken(Exception):\n    def __str__(self): return 1 / 0\nraise Broken"
    assert said_of(broken).endswith("raises Broken in line 4 of its cell: without a message.")
    assert len(said_of("raise ValueError('x' * 10**6)")) < 600


def test_an_answer_that_asks_for_input_is_told():
    assert "an answer that is checked cannot ask for input" in said_of("return input('how many? ')")


def test_printing_instead_of_returning_is_told(capsys):
    assert "prints, but returns nothing" in said_of("print(2 * values)")
    verdict = exercise().verdict(answer_in("print('here')\nreturn 2 * values"))
    assert verdict.solved
    assert verdict.words == "Solved. (What your answer printed was left out: a result is returned, not printed.)"
    assert capsys.readouterr() == ("", "")


# ---- what does not end ---------------------------------------------------------------------

CATCHES_ALL = "while True:\n    try:\n        while True: pass\n    except BaseException: pass"


@pytest.mark.parametrize("body", ["while True: pass", CATCHES_ALL], ids=["a loop", "a loop that catches everything"])
def test_a_loop_without_end_is_cut_and_gone(body, capsys):
    words = said_of(body, seconds=0.2)
    assert words.startswith("Your answer did not end within 0.2 seconds and was cut.")
    assert until(lambda: not workers())
    exercise().check(_double)
    assert capsys.readouterr().out == "Solved.\n"


def test_an_answer_that_wakes_after_it_was_cut_changes_nothing(way, capsys):
    wake = threading.Event()
    body = "import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()):\n    wake.wait()\ntorch.rand(1)"
    assert "was cut" in said_of(answer_in(body, wake=wake), seconds=0.2)
    before, out = torch.get_rng_state(), sys.stdout
    assert len(workers()) == (way == "thread")
    wake.set()
    assert until(lambda: not workers())
    exercise().check(_double)
    assert capsys.readouterr().out == "Solved.\n"
    assert sys.stdout is out
    assert torch.equal(torch.get_rng_state(), before)


def test_what_an_answer_holds_is_let_go_when_it_is_cut():
    lock = tqdm.tqdm.get_lock()
    assert "was cut" in said_of(answer_in("with lock:\n    while True: pass", lock=lock), seconds=0.2)
    for part in lock.locks:  # of which the first is shared with child processes
        assert part.acquire(timeout=5)
        part.release()


def test_stop_ends_the_answer(way, pid_file):
    body = f"open({str(pid_file)!r}, 'w').write(str(os.getpid()))\nwhile True: pass"
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may start us deaf to it
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        with pytest.raises(KeyboardInterrupt, match="Stopped: the answer was ended, too."):
            said_of(body)
    finally:
        signal.signal(signal.SIGINT, usual)
    if way == "child":
        assert not is_running(pid_file.read_text())
    assert until(lambda: not workers())


def test_one_long_call_into_c_is_cut(child):
    assert "was cut" in said_of("return sum(range(10**11))", seconds=0.2)


def test_what_an_answer_has_started_ends_with_it(child, pid_file):
    body = f"""import subprocess
sleeper = subprocess.Popen(["sleep", "60"])
open({str(pid_file)!r}, "w").write(str(sleeper.pid))
return 2 * values"""
    assert exercise().verdict(answer_in(body)).solved
    assert until(lambda: not is_running(pid_file.read_text()))


def test_an_answer_ends_also_where_its_kernel_is_killed(child, pid_file):
    answer = answer_in(f"open({str(pid_file)!r}, 'w').write(str(os.getpid()))\nwhile True: pass")
    kernel = multiprocessing.get_context("fork").Process(target=exercise(1).verdict, args=(answer,))
    kernel.start()
    assert until(lambda: pid_file.exists() and pid_file.read_text())
    kernel.kill()
    kernel.join()
    assert until(lambda: not is_running(pid_file.read_text()))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("os._exit(3)", "Your answer ended Python itself, with exit code 3."),
        ("import ctypes\nctypes.string_at(0)", "Your answer crashed Python itself (Segmentation fault), "),
        ("os.abort()", "Your answer crashed Python itself (Aborted), "),
        ("os.kill(os.getpid(), 9)", "Your answer was ended by the system, most likely because it used up the memory."),
    ],
    ids=["exit", "segfault", "abort", "out of memory"],
)
def test_a_crash_is_told(child, body, words, capfd, tmp_path):
    with open(tmp_path / "dump", "w") as dump:
        faulthandler.enable(dump)  # as a kernel has it, which writes to its terminal
        try:
            assert said_of(body).startswith(words)
        finally:
            faulthandler.enable(sys.__stderr__)
    assert (tmp_path / "dump").read_text() == ""
    assert capfd.readouterr() == ("", "")


def test_where_no_process_can_be_made_the_answer_runs_all_the_same(child, monkeypatch):
    def fail(*_):
        raise BlockingIOError("Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", fail)
    assert exercise().verdict(_double) == (True, "Solved.")


# ---- what stays as it was ------------------------------------------------------------------

EFFECTS = {  # what an answer may do, and where that would be seen
    "Python's chance": (lambda: random.seed(5), random.getstate),
    "NumPy's chance": (lambda: np.random.seed(5), lambda: str(np.random.get_state())),
    "PyTorch's chance": (lambda: torch.manual_seed(5), lambda: torch.get_rng_state().tolist()),
    "default dtype": (lambda: torch.set_default_dtype(torch.float64), torch.get_default_dtype),
    "default device": (lambda: torch.set_default_device("meta"), lambda: torch.empty(1).device),
    "gradients": (lambda: torch.set_grad_enabled(False), torch.is_grad_enabled),
    "threads": (lambda: torch.set_num_threads(7), torch.get_num_threads),
    "deterministic": (lambda: torch.use_deterministic_algorithms(True), torch.are_deterministic_algorithms_enabled),
    "precision": (lambda: torch.set_float32_matmul_precision("medium"), torch.get_float32_matmul_precision),
    "cuDNN's trials": (lambda: setattr(torch.backends.cudnn, "benchmark", True), lambda: torch.backends.cudnn.benchmark),
    "cuDNN's ways": (lambda: setattr(torch.backends.cudnn, "deterministic", True),
                     lambda: torch.backends.cudnn.deterministic),
    "anomalies": (lambda: torch.autograd.set_detect_anomaly(True), torch.is_anomaly_enabled),
    "working folder": (lambda: os.chdir("/"), os.getcwd),
    "environment": (lambda: os.environ.update(CNN_DATA_DIR="elsewhere", NEW="1"), lambda: dict(os.environ)),
    "search path": (lambda: sys.path.insert(0, "elsewhere"), lambda: list(sys.path)),
    "recursion limit": (lambda: sys.setrecursionlimit(5000), sys.getrecursionlimit),
    "warnings": (lambda: warnings.simplefilter("error"), lambda: list(warnings.filters)),
    "NumPy's errors": (lambda: np.seterr(all="raise"), np.geterr),
    "NumPy's printing": (lambda: np.set_printoptions(precision=1), np.get_printoptions),
    "stdout": (lambda: setattr(sys, "stdout", io.StringIO()), lambda: id(sys.stdout)),
    "stderr": (lambda: setattr(sys, "stderr", io.StringIO()), lambda: id(sys.stderr)),
    "stdin": (lambda: setattr(sys, "stdin", io.StringIO()), lambda: id(sys.stdin)),
    "open figures": (lambda: plt.figure(), plt.get_fignums),
    "figures' settings": (lambda: plt.rcParams.update({"figure.dpi": 7}), lambda: plt.rcParams["figure.dpi"]),
}  # fmt: skip
ONLY_IN_A_CHILD = {
    "a library": (lambda: setattr(torch, "a_mark", 1), lambda: hasattr(torch, "a_mark")),
    "logging": (lambda: logging.getLogger().setLevel(7), lambda: logging.getLogger().level),
    "the notebook's variables": (lambda: NOTED.append(1), lambda: list(NOTED)),
}
NOTED = []


def _answer_that_does(effects):
    """A right answer that has these effects, once, and makes sure that it has them."""
    left = list(effects)

    def double(values):
        while left:
            change, get = left.pop()
            before = get()
            change()
            assert get() != before
        return torch.tensor((2 * values.numpy()).tolist(), device="cpu")

    return double


def _assert_kept(effects, end=lambda: None):
    before = [get() for _, get in effects]
    act = _answer_that_does(effects)
    verdict = exercise().verdict(lambda values: (act(values), end())[0])
    assert [get() for _, get in effects] == before
    return verdict


@pytest.mark.parametrize("name", EFFECTS)
def test_what_an_answer_changes_stays_as_it_was(name):
    assert _assert_kept([EFFECTS[name]]).solved


@pytest.mark.parametrize("name", ONLY_IN_A_CHILD)
def test_what_an_answer_changes_anywhere_stays_as_it_was(child, name):
    assert _assert_kept([ONLY_IN_A_CHILD[name]]).solved


def test_all_stays_as_it_was_also_where_the_answer_fails():
    def fail():
        raise ValueError("after all that")

    assert "after all that" in _assert_kept(list(EFFECTS.values()), fail).words


def test_an_answer_draws_the_numbers_that_its_cell_would_draw():
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    wanted = [random.random(), np.random.rand(), torch.rand(1).item()]
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    body = "import random\nraise ValueError([random.random(), np.random.rand(), torch.rand(1).item()])"
    assert str(wanted) in said_of(body)


def test_what_is_written_past_python_does_not_reach_the_notebook(child, capfd):
    assert exercise().verdict(answer_in("os.system('echo here; echo there >&2')\nreturn 2 * values")).solved
    assert capfd.readouterr() == ("", "")


def test_an_answer_may_use_all_that_the_kernel_has_used(way):
    """OpenMP's threads do not survive a fork: what uses them would wait for ever."""
    body = """network = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.nn.Flatten())
network(torch.rand(16, 3, 64, 64)).sum().backward()
torch.rand(500, 500) @ torch.rand(500, 500) + torch.from_numpy(np.random.rand(500, 500) @ np.random.rand(500, 500))
return 2 * values"""
    answer, threads = answer_in(body), torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        answer(torch.ones(1))
        assert exercise().verdict(answer).solved
        assert exercise().verdict(answer_in("torch.set_num_threads(2)\n" + body)).solved
    finally:
        torch.set_num_threads(threads)


def test_what_grades_need_is_prepared_once(way):
    judge = functools.lru_cache(lambda: os.getpid())
    graded = Exercise("n", lambda answer: str(judge()), ["a", "b"], "", prepare=judge)
    for _ in range(2):
        assert graded.verdict(8) == (True, f"Solved. {os.getpid()}")
    assert judge.cache_info().misses == 1


# ---- in a real kernel ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def run_cell(root):
    """Runs a cell in a kernel and gives what it printed, or the name and words of its error; stop: seconds until Stop."""
    manager = jupyter_client.KernelManager()
    manager.start_kernel(cwd=str(root), env={**os.environ, "OMP_NUM_THREADS": "2"})
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)

    def run(code, stop=None):
        shown = []

        def keep(message):
            content = message["content"]
            if message["msg_type"] == "stream":
                shown.append(content["text"])
            if message["msg_type"] == "error":
                shown.append(f"{content['ename']}: {content['evalue']}")
            if content.get("execution_state") == "busy" and stop is not None:
                threading.Timer(stop, manager.interrupt_kernel).start()

        client.execute_interactive(code, output_hook=keep, timeout=60)
        return "".join(shown)

    yield run
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_in_a_kernel_answers_are_cut_stopped_and_told_with_their_line(run_cell, way):
    run_cell(
        "import json, time, torch\nfrom helpers.exercises import running\n"
        "from helpers.exercises.grading import Exercise, value, function\n"
        f"running.can_fork = lambda: {way == 'child'}\n"
        "exercise = Exercise('answer', function(lambda n: n, lambda: [(1,), (2,)]), ['a', 'b'], '', seconds=60)\n"
        "torch.rand(1000, 1000) @ torch.rand(1000, 1000)"
    )
    right = "exercise.check(lambda n: int((torch.ones(n, 500) @ torch.ones(500, 500)).sum() / 250_000))"
    assert run_cell(right) == "Solved.\n"
    assert "raises JSONDecodeError in line 3 of its cell: " in run_cell(
        "def answer(n):\n    words = 'x'\n    return json.loads(words)\nexercise.check(answer)"
    )
    assert run_cell("def answer(n):\n    while True: pass\nexercise.check(answer)", stop=0.5) == (
        "KeyboardInterrupt: Stopped: the answer was ended, too."
    )
    cut = run_cell("exercise.seconds = 0.2\nexercise.check(lambda n: time.sleep(1.5))\nexercise.seconds = 60")
    assert cut.startswith("Your answer did not end within 0.2 seconds")
    assert run_cell("time.sleep(0.8)\nprint('alive')\n" + right) == "alive\nSolved.\n"
