"""The command line of training: `python -m helpers.train`."""

import json
import os
import subprocess
import sys

import pytest
import torch

from helpers import models, train
from helpers.train import __main__ as command

RUN = [sys.executable, "-m", "helpers.train", "--dataset", "fashion_mnist", "--source", "sample"]


def run(*more):
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run([*RUN, *more], capture_output=True, text=True, env=environment, timeout=300)


def test_json_gives_a_line_an_epoch_and_the_result():
    done = run("--recipe", "batch", "--epochs", "2", "--seed", "3", "--json")
    assert done.returncode == 0, done.stderr
    first, second, last = (json.loads(line) for line in done.stdout.splitlines())
    assert (first["epoch"], second["epoch"]) == (1, 2)
    assert second["valid_accuracy"] > 0.5
    wanted = {
        "test_accuracy",
        "valid_accuracy",
        "seconds",
        "images_per_second",
        "parameters",
        "source",
        "recipe",
        "device",
    }
    assert wanted <= set(last)
    assert (last["source"], last["recipe"], last["device"], last["seed"]) == ("sample", "batch", "cpu", 3)
    assert last["test_accuracy"] > 0.5
    assert last["parameters"] == models.count_parameters(models.lenet())


def test_a_missed_target_is_said_and_ends_with_1(capsys):
    with pytest.raises(SystemExit) as ended:
        command.main([*RUN[3:], "--recipe", "batch", "--epochs", "1", "--target", "99.9"])
    assert ended.value.code == 1
    told = capsys.readouterr()
    assert "test accuracy" in told.out
    assert "the target of 99.9 % was not reached: try more --epochs" in told.err


def stop_after_an_epoch(monkeypatch):
    """Let Ctrl-C come once the first epoch is over."""

    def stop(history):
        raise KeyboardInterrupt

    fit = train.fit
    monkeypatch.setattr(train, "fit", lambda *images, **settings: fit(*images, **settings | {"on_epoch": stop}))


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_stopped_run_ends_with_1_and_tests_nothing(more, monkeypatch, capsys, tmp_path):
    stop_after_an_epoch(monkeypatch)
    path = str(tmp_path / "run.pt")
    with pytest.raises(SystemExit) as ended:
        command.main([*RUN[3:], "--recipe", "batch", "--epochs", "3", "--checkpoint", path, *more])
    assert ended.value.code == 1
    told = capsys.readouterr()
    assert "test accuracy" not in told.out
    assert told.err.endswith("1 of 3 epochs were done, and nothing was tested; the same line goes on from there\n")
    assert not (more and told.out)


def test_a_stop_outside_of_training_ends_with_1_in_one_line(monkeypatch, capsys):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "evaluate", stop)
    with pytest.raises(SystemExit) as ended:
        command.main([*RUN[3:], "--recipe", "batch", "--epochs", "1"])
    assert ended.value.code == 1
    assert capsys.readouterr().err.splitlines()[-1] == "stopped before the test: there is no accuracy to report"


def test_a_target_on_a_device_that_was_never_timed_says_whose_seconds_decide(monkeypatch, capsys):
    monkeypatch.setattr(command.machine, "choose_device", lambda _: torch.device("mps"))
    options = command._parser().parse_args([*RUN[3:], "--target", "85"])
    name = command._choose(options, None)
    said = capsys.readouterr().out
    assert said.startswith(f"no recipe was timed on mps: {name} is the quickest to reach 85 % on ")
    assert "core" in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--recipe", "nope"], "error: unknown recipe 'nope' for fashion_mnist: choose one of tutorial, batch"),
        (["--target", "100"], "error: no recipe is known to reach 100 % on fashion_mnist"),
        (["--recipe", "batch", "--device", "tpu"], "error: this machine has no 'tpu'"),
    ],
)
def test_a_command_that_cannot_work_says_why_in_one_line(arguments, says, capsys):
    with pytest.raises(SystemExit) as ended:
        command.main(["--dataset", "fashion_mnist", "--source", "sample", *arguments])
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(says)


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--epochs", "0", "epochs must be a whole number, 1 or more; got 0"),
        ("--epochs", "1.5", "epochs must be a whole number, 1 or more; got '1.5'"),
        ("--seed", "-1", "seed must be a whole number from 0 to 4294967295; got -1"),
        ("--seed", "one", "seed must be a whole number from 0 to 4294967295; got 'one'"),
        ("--target", "0", "target must be a finite number, above 0, 100 or less; got 0.0"),
        ("--target", "101", "target must be a finite number, above 0, 100 or less; got 101.0"),
        ("--target", "nan", "target must be a finite number, above 0, 100 or less; got nan"),
        ("--target", "80%", "target must be a finite number, above 0, 100 or less; got '80%'"),
        ("--seed", None, "expected one argument"),
    ],
)
def test_a_number_that_an_option_cannot_mean_is_refused(option, value, says, capsys):
    with pytest.raises(SystemExit) as ended:
        command.main([*RUN[3:], option, *([] if value is None else [value])])
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith(f"error: argument {option}: {says}")


def test_help_shows_how_to_begin(capsys):
    with pytest.raises(SystemExit):
        command.main(["--help"])
    text = capsys.readouterr().out
    for words in ("--target 80", "torchrun --standalone", "CNN_DATA_DIR", "--checkpoint run.pt", "augment"):
        assert words in text
