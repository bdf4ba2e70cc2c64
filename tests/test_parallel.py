"""Several processes: the same result as one, no image twice, one voice, and an end when one of them dies."""

import contextlib
import functools
import io
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys

import pytest
import torch
from torch.distributed import run as torchrun

from helpers.train import __main__ as command
from helpers.train import parallel
from helpers.widgets import processes

TWO = [sys.executable, *parallel.ON_ONE_MACHINE, "--nproc-per-node", "2"]
TASK = ["-m", "helpers.train", "--dataset", "fashion_mnist", "--source", "sample", "--recipe", "batch"]
NAMELESS = [
    "unshare",
    "--user",
    "--map-root-user",
    "--uts",
    "sh",
    "-c",
    'hostname nosuchname.invalid && exec "$@"',
    "sh",
]
LOOK_UP = "import socket; socket.getaddrinfo(socket.gethostname(), None)"
TOLD = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}


def run(command, root, **environment):
    return subprocess.run(
        command, cwd=root, capture_output=True, text=True, timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
    )  # fmt: skip


def free_port():
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return free.getsockname()[1]


@functools.cache
def can_forget_its_name():
    """Whether a program can be run here as on a machine whose own name nobody knows."""
    if not shutil.which("unshare"):
        return False
    renamed = subprocess.run([*NAMELESS, "true"], capture_output=True, check=False).returncode == 0
    asked = subprocess.run([*NAMELESS, sys.executable, "-c", LOOK_UP], capture_output=True, text=True, check=False)
    return renamed and "gaierror" in asked.stderr


@pytest.fixture(scope="module")
def twenty_steps(root, tmp_path_factory):
    """What one process saw, and what each of two saw: where that can be had, on a machine without a name."""
    path = tmp_path_factory.mktemp("parallel")
    two = [*NAMELESS, *TWO] if can_forget_its_name() else TWO
    for start, name in [([sys.executable], "one"), (two, "two")]:
        done = run([*start, "tests/twenty_steps.py", str(path / name)], root)
        assert done.returncode == 0, done.stderr
        assert "Warning" not in done.stderr
    return [torch.load(path / name) for name in ("one.0", "two.0", "two.1")]


# ---- as one --------------------------------------------------------------------------------


def test_two_processes_give_the_losses_and_weights_of_one(twenty_steps):
    one, first, second = twenty_steps
    assert len(one["losses"]) == 7
    assert one["losses"][-1] < one["losses"][0]
    assert first["losses"] == second["losses"] == pytest.approx(one["losses"], rel=1e-6)
    for name, value in first["weights"].items():
        assert torch.equal(value, second["weights"][name]), name
        assert torch.allclose(value, one["weights"][name], rtol=1e-9, atol=1e-9), name


def test_the_shares_of_a_batch_do_not_overlap_and_leave_nothing_out(twenty_steps):
    one, first, second = (saw["shares"] for saw in twenty_steps)
    assert [len(share) for share in first[:3]] == [25, 25, 1]
    assert [len(share) for share in second[:3]] == [25, 25, 0]
    for whole, even, odd in zip(one, first, second):
        assert torch.equal(whole.sort().values, torch.cat([even, odd]).sort().values)


@pytest.mark.parametrize(
    "norm", ["1d", "1d of lines", "2d", "3d", "no weights", "mean of all batches", "nothing kept"]
)  # fmt: skip
def test_batch_norm_takes_in_the_whole_batch(twenty_steps, norm):
    one, first, second = (saw["norms"][norm] for saw in twenty_steps)
    for whole, even, odd in zip(one["answers"], first["answers"], second["answers"]):
        assert torch.allclose(whole[0::2], even, rtol=1e-9, atol=1e-9)
        assert torch.allclose(whole[1::2], odd, rtol=1e-9, atol=1e-9)
    for what in ("gradients", "kept"):
        assert len(first[what]) == len(one[what])
        for whole, even in zip(one[what], first[what]):
            assert torch.allclose(whole, even, rtol=1e-9, atol=1e-9), what


def test_batch_norm_refuses_what_it_cannot_do_and_leaves_the_model_as_it_was(twenty_steps):
    for saw in twenty_steps[1:]:
        assert saw["kinds stay"]
        assert saw["one number a channel"].startswith("batch norm needs more than one number a channel to train; got (")
        assert saw["another batch norm"].startswith("Centred computes batch norm in its own way")


def test_the_first_process_hands_over_and_all_are_gathered(twenty_steps):
    assert [saw["from_first"] for saw in twenty_steps] == [("thing of", 0)] * 3
    assert [saw["gathered"] for saw in twenty_steps] == [[0], [0, 1], [0, 1]]


# ---- starting ------------------------------------------------------------------------------


def test_processes_meet_where_the_machine_does_not_know_its_own_name(twenty_steps):
    if not can_forget_its_name():
        pytest.skip("this system gives no program another host name (unshare), or looks up any name")
    assert [saw["name is known"] for saw in twenty_steps[1:]] == [False, False]


def lines_that_start_processes(root):
    """Every line of the course that starts torchrun, as the course shows it."""
    with contextlib.redirect_stdout(io.StringIO()) as shown, contextlib.suppress(SystemExit):
        command.main(["--help"])
    notebook = json.loads((root / "notebooks/13_outgrowing_one_machine.ipynb").read_text())
    cells = ["".join(cell["source"]) for cell in notebook["cells"]]
    texts = [shown.getvalue(), (root / "README.md").read_text(), parallel.__doc__, *cells]
    texts += [processes.line_that_starts(machines, 2) for machines in (1, 2)]
    return [line for text in texts for line in re.findall(r"torchrun [^`#]*?-m helpers.train", text)]


def test_every_line_shown_for_one_machine_looks_up_no_name(root):
    lines = lines_that_start_processes(root)
    assert len(lines) >= 8
    places = {"M": "2", "N": "2", "NUMBER": "0"}
    for line in lines:
        words = [places.get(word, word) for word in shlex.split(line.replace("\\\n", " "))[1:]]
        options = torchrun.parse_args(words)
        if options.nnodes == "1:1":
            assert options.standalone and options.local_addr == "localhost", line
        elif not options.master_addr:
            assert (options.rdzv_backend, options.rdzv_endpoint) == ("c10d", "HOST:29500"), line


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    """What a run of three epochs on two processes prints, and the files that it writes."""
    folder = tmp_path_factory.mktemp("whole")
    lines = parallel.launch([*TASK, "--epochs", "3", "--json", "--checkpoint", str(folder / "run.pt")], processes=2)
    return [json.loads(line) for line in lines], [file.name for file in folder.iterdir()]


def test_one_process_alone_prints_and_writes(whole_run):
    told, files = whole_run
    assert [line.get("epoch") for line in told] == [1, 2, 3, None]
    assert told[-1]["processes"] == 2
    assert told[-1]["test_accuracy"] > 0.5
    assert files == ["run.pt"]


def test_two_clones_killed_and_started_again_end_as_a_run_that_was_never_stopped(whole_run, root, tmp_path):
    for number in (0, 1):
        clone = tmp_path / str(number)
        shutil.copytree(root / "helpers", clone / "helpers", ignore=shutil.ignore_patterns("samples", "__pycache__"))
        (clone / "helpers/samples").symlink_to(root / "helpers/samples")

    killed = start_nodes(tmp_path)
    first = json.loads(killed[0].stdout.readline())  # an epoch is over and saved
    for node in killed:
        for process in [*children(node.pid), node.pid]:  # torchrun's own end does not kill what it started
            os.kill(process, signal.SIGKILL)
        node.communicate()
    assert [(tmp_path / str(number) / "run.pt").exists() for number in (0, 1)] == [True, False]

    again = start_nodes(tmp_path)
    lines = [node.communicate(timeout=300)[0].splitlines() for node in again]
    assert [node.returncode for node in again] == [0, 0]
    assert lines[1] == []
    rest = [json.loads(line) for line in lines[0]]
    assert 2 <= len(rest) <= 3  # it did not begin anew, and had more to do
    whole = whole_run[0]
    for one, other in zip([whole[0], *whole[-len(rest) :]], [first, *rest]):
        seconds = {"seconds", "images_per_second"}
        assert {k: v for k, v in one.items() if k not in seconds} == {
            k: v for k, v in other.items() if k not in seconds
        }


def children(parent):
    """The process numbers of what a process has started."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    return [int(own) for own, other in map(str.split, listed.splitlines()) if int(other) == parent]


def start_nodes(folder):
    """Start the same run from two clones, as two machines do that do not know one another by name, nor themselves."""
    port = free_port()
    nodes = []
    for number in (0, 1):
        line = (
            f"--nnodes 2 --nproc-per-node 1 --node-rank {number} --master-addr localhost --master-port {port}".split()
        )
        prefix = NAMELESS if can_forget_its_name() else []
        nodes.append(subprocess.Popen(
            [*prefix, sys.executable, "-m", "torch.distributed.run", *line, *TASK, "--epochs", "3", "--json",
             "--checkpoint", "run.pt"],
            cwd=folder / str(number), env=os.environ | {"OMP_NUM_THREADS": "1"}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        ))  # fmt: skip
    return nodes


def test_a_launch_that_takes_too_long_ends_with_what_was_written():
    program = "import sys, time; print('so far', file=sys.stderr, flush=True); time.sleep(100)"
    with pytest.raises(TimeoutError, match="did not end within 2 s; its last lines:\nso far"):
        parallel.launch(["-c", program], timeout=2)


@pytest.mark.parametrize(
    ("arguments", "settings", "error", "says"),
    [
        ("-m helpers.train", {}, TypeError, "arguments must be a list of strings, one a word; got '-m helpers.train'"),
        (["-c", 1], {}, TypeError, "arguments must be a list of strings"),
        (["-c", ""], {"processes": 0}, ValueError, "processes must be a whole number, 1 or more; got 0"),
        (["-c", ""], {"timeout": float("nan")}, ValueError, "timeout must be a finite number, above 0; got nan"),
    ],
)
def test_a_launch_of_what_is_no_line_is_refused(arguments, settings, error, says):
    with pytest.raises(error, match=re.escape(says)):
        parallel.launch(arguments, **settings)


def test_a_process_that_dies_ends_the_others_and_its_last_words_are_told(tmp_path):
    script = tmp_path / "dies.py"
    script.write_text(
        "import os, sys; sys.path.insert(0, os.getcwd())\n"
        "from helpers import augment\nfrom helpers.train import __main__ as command, parallel\n"
        "flip, calls = augment.alternating_flip, []\n"
        "def dying(*batch):\n"
        "    calls.append(1)\n"
        "    if parallel.rank() == 1 and len(calls) == 5:\n"
        "        print('no more of this', file=sys.stderr, flush=True)\n"
        "        os._exit(9)\n"
        "    return flip(*batch)\n"
        "augment.alternating_flip = dying\n"
        "command.main('--dataset fashion_mnist --source sample --recipe flip --epochs 1'.split())\n"
    )
    with pytest.raises(RuntimeError, match="the program ended with code 1; its last lines:\n") as error:
        parallel.launch([str(script)], processes=2)
    assert "no more of this" in str(error.value)
    assert "ChildFailedError" not in str(error.value)


# ---- joining -------------------------------------------------------------------------------


@pytest.fixture
def told(monkeypatch):
    """Sets what torchrun would tell a process, and nothing else of it."""

    def tell(**environment):
        for name in TOLD:
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)

    return tell


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"RANK": "0"}, "the environment has RANK, but not WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT; torchrun sets "
         "all of them. For a run on one process remove what is left over: unset RANK"),
        ({"RANK": "1", "WORLD_SIZE": "2"}, "has RANK and WORLD_SIZE, but not LOCAL_RANK, MASTER_ADDR, MASTER_PORT"),
        (TOLD | {"RANK": "first"}, "are 'first', '1' and '0'; wanted are whole numbers, RANK below WORLD_SIZE"),
        (TOLD | {"RANK": "2", "WORLD_SIZE": "2"}, "are '2', '2' and '0'; wanted are whole numbers"),
    ],
)  # fmt: skip
def test_a_part_of_what_torchrun_tells_is_refused_in_one_line(told, environment, says, capsys):
    told(**environment)
    with pytest.raises(SystemExit) as ended:
        command.main(TASK[2:])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and says in line


def test_processes_that_cannot_meet_say_why(told, capsys):
    told(**TOLD | {"MASTER_PORT": str(free_port()), "GLOO_SOCKET_IFNAME": "nosuch0"})
    with pytest.raises(SystemExit) as ended:
        command.main(TASK[2:])
    assert ended.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith("error: the processes of this run did not find one another: ")
    assert "nosuch0" in error


def test_leftovers_that_nobody_reads_change_nothing(told):
    told(LOCAL_RANK="0", MASTER_ADDR="localhost", MASTER_PORT="29500")
    with parallel.joined("cpu") as device:
        assert (device, parallel.processes()) == ("cpu", 1)


@pytest.mark.parametrize(
    ("device", "local", "says"),
    [
        ("cuda:0", "0", "device 'cuda:0' would put all processes of a machine on one GPU: give --device cuda"),
        ("cuda", "2", "this machine has 2 GPUs, and more processes were started: give torchrun --nproc-per-node 2"),
        (None, "3", "this machine has 2 GPUs, and more processes were started"),
        ("mps", "0", "several processes can work on cpu or cuda, not on 'mps': give --device cpu"),
        ("tpu", "0", "this machine has no 'tpu'"),
    ],
)
def test_a_device_that_several_processes_cannot_use_is_refused(told, monkeypatch, device, local, says):
    told(**TOLD | {"RANK": local, "LOCAL_RANK": local, "WORLD_SIZE": "4"})
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    with pytest.raises(ValueError, match=re.escape(says)), parallel.joined(device):
        pass


def test_processes_on_other_kinds_of_device_are_told_so_before_they_wait_for_each_other():
    store = torch.distributed.HashStore()
    store.set("device of 1", "cuda")
    with pytest.raises(ValueError, match="the process of rank 1 would work on a GPU, that of rank 0 on the CPU"):
        parallel._refuse_mixed_devices(store, 0, 2, "cpu")
