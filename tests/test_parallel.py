"""Several processes: the same result as one, no picture twice, one voice, and an end when one of them dies."""

import json
import os
import subprocess
import sys

import pytest
import torch

STEPS = "tests/twenty_steps.py"
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
SMALL = [
    "-m",
    "helpers.train",
    "--dataset",
    "fashion_mnist",
    "--source",
    "sample",
    "--recipe",
    "batch",
    "--epochs",
    "1",
]


def run(command, root, **environment):
    return subprocess.run(
        command, cwd=root, capture_output=True, text=True, timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
    )  # fmt: skip


@pytest.fixture(scope="module")
def twenty_steps(root, tmp_path_factory):
    """What one process saw, and what each of two saw."""
    path = tmp_path_factory.mktemp("parallel")
    for command, name in [([sys.executable], "one"), (TORCHRUN, "two")]:
        done = run([*command, STEPS, str(path / name)], root)
        assert done.returncode == 0, done.stderr
    return [torch.load(path / name) for name in ("one.0", "two.0", "two.1")]


def test_two_processes_give_the_losses_of_one(twenty_steps):
    one, first, second = (torch.tensor(saw["losses"]) for saw in twenty_steps)
    assert len(one) == 20
    assert one[-1] < 0.8 * one[0]
    assert (one - first).abs().max() < 1e-4
    assert torch.equal(first, second)


def test_two_processes_end_with_equal_weights_and_running_means(twenty_steps):
    one, first, second = (saw["weights"] for saw in twenty_steps)
    for name, value in first.items():
        assert torch.equal(value, second[name]), name
        assert torch.allclose(value.double(), one[name].double(), atol=1e-3), name


def test_the_shares_of_a_batch_do_not_overlap_and_leave_nothing_out(twenty_steps):
    one, first, second = (saw["first_share"] for saw in twenty_steps)
    assert len(first) == 51
    assert len(second) == 50
    assert torch.equal(one.sort().values, torch.cat([first, second]).sort().values)


def test_one_process_alone_prints_and_writes(root, tmp_path):
    done = run([*TORCHRUN, *SMALL, "--json", "--checkpoint", str(tmp_path / "run.pt")], root)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line.get("epoch") for line in lines] == [1, None]
    assert lines[-1]["processes"] == 2
    assert lines[-1]["test_accuracy"] > 0.5
    assert [file.name for file in tmp_path.iterdir()] == ["run.pt"]


def test_a_process_that_dies_ends_the_run_with_an_error(root, tmp_path):
    script = tmp_path / "dies.py"
    script.write_text(
        "import os, sys; sys.path.insert(0, os.getcwd())\n"
        "from helpers import augment\nfrom helpers.train import __main__ as command, parallel\n"
        "flip, calls = augment.random_flip, []\n"
        "def dying(images):\n"
        "    calls.append(1)\n"
        "    if parallel.rank() == 1 and len(calls) == 5: os._exit(9)\n"
        "    return flip(images)\n"
        "augment.random_flip = dying\n"
        "command.main('--dataset fashion_mnist --source sample --recipe augment --epochs 1'.split())\n"
    )
    done = run([*TORCHRUN, str(script)], root)
    assert done.returncode != 0
    assert "test accuracy" not in done.stdout
    assert "exitcode  : 9" in done.stderr
