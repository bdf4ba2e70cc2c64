"""Exercises and questions of notebook 13."""

import shlex

import torch

from helpers.exercises.comparing import Wrong, kind
from helpers.exercises.grading import Exercise, function
from helpers.exercises.questions import Choice, Question


def _share(batch, rank, processes):
    return batch[rank::processes]


def _batches():
    """Six numbers in place of pictures, to check by hand, then larger and uneven batches."""
    cases = [(torch.arange(6), 0, 2), (torch.arange(6), 1, 2)]
    return cases + [
        (torch.arange(100, 100 + n), rank, world) for n, rank, world in [(7, 1, 2), (12, 2, 3), (13, 3, 4), (5, 0, 1)]
    ]


share = Exercise(
    "share",
    function(
        _share,
        _batches,
        [
            (lambda b, r, n: b[::n], "Every rank gets the same pictures: begin at its own rank."),
            (lambda b, r, n: b[r : r + 1], "That is one picture only; go on in steps of `processes`."),
            (lambda b, r, n: b[r * (len(b) // n) : (r + 1) * (len(b) // n)], "You cut the batch into pieces one behind the other, and leave out what does not divide. Take every N-th."),
            (lambda b, r, n: b.chunk(n)[r] if r < len(b.chunk(n)) else b[:0], "You cut the batch into pieces one behind the other. Take every N-th picture."),
            (lambda b, r, n: b[r + 1 :: n], "You begin one picture too late: ranks count from 0."),
            (lambda b, r, n: b[r:], "You begin at the right picture, and take all that follow. Take every N-th."),
        ],
        praise="This is `parallel.share`, without its arguments.",
    ),
    [
        "A slice has three parts: `batch[start:stop:step]`; stop may be left out.",
        "Where does rank 1 of 2 begin, and how far is it to its next picture?",
    ],
    """def share(batch, rank, processes):
    return batch[rank::processes]""",
)  # fmt: skip


def _weight(share_size, batch_size, processes):
    return share_size * processes / batch_size


def _shares():
    """Three of four, for two processes (3 · 2 / 4 = 1.5), then others."""
    return [(3, 4, 2), (1, 4, 2), (2, 4, 2), (5, 16, 3), (6, 16, 3), (26, 101, 4), (7, 7, 1)]


weight = Exercise(
    "weight",
    function(
        _weight,
        _shares,
        [
            (
                lambda s, b, n: s / b,
                "You forgot that the processes take a mean, not a sum: it divides by their number.",
            ),
            (lambda s, b, n: 1 / n, "The shares differ in size; your weight must, too."),
            (lambda s, b, n: 1.0, "With weight 1 the pictures of small shares count too much."),
            (lambda s, b, n: b / (s * n), "You have it upside down: a larger share must count more."),
            (lambda s, b, n: s / n, "Measure the share against the batch, not against the processes."),
            (lambda s, b, n: s * n, "Divide by the size of the batch, too."),
        ],
        praise="For equal shares it is 1, and nothing needs to be done.",
    ),
    [
        "Undo the share's own mean first: the sum of its gradients is share_size times their mean.",
        "All sums together, divided by batch_size, are the mean of the whole batch.",
        "The processes' mean divides by `processes`, so multiply by it.",
    ],
    """def weight(share_size, batch_size, processes):
    return share_size * processes / batch_size""",
)

WANTED = {"--dataset": "cifar10", "--recipe": "muon"}


def _grade_command(command):
    if not isinstance(command, str):
        raise Wrong(f"Not yet. The line is wanted as a string; yours is {kind(command)}.")
    words = [
        part for word in shlex.split(command) for part in (word.split("=", 1) if word.startswith("--") else [word])
    ]
    if not words or words[0].rsplit("/")[-1] != "torchrun":
        raise Wrong("Not yet. What starts the processes is `torchrun`; let the line begin with it.")
    if "helpers.train" not in words:
        raise Wrong("Not yet. What is to be run? `-m helpers.train` is missing.")
    place = words.index("helpers.train")
    if words[place - 1] != "-m":
        raise Wrong("Not yet. `helpers.train` is a module, not a file: put `-m` before it.")
    before, after = (_options(part) for part in (words[1 : place - 1], words[place + 1 :]))
    if "--standalone" in before:
        raise Wrong("Not yet. `--standalone` is for one machine alone; here three must meet.")
    _wants(before, ("--nnodes",), "3", "machines (`--nnodes`)")
    _wants(before, ("--nproc-per-node", "--nproc_per_node"), "8", "processes on each machine (`--nproc-per-node`)")
    endpoint = before.get("--rdzv-endpoint", before.get("--rdzv_endpoint"))
    if endpoint is None:
        raise Wrong("Not yet. Where do the machines meet? `--rdzv-endpoint` is missing.")
    if endpoint != "node0:29500":
        raise Wrong(f"Not yet. They meet at node0:29500; yours is {endpoint}.")
    for name, value in WANTED.items():
        if name in before:
            raise Wrong(f"Not yet. `{name}` is for the training: it must stand after `-m helpers.train`.")
        if after.get(name) != value:
            raise Wrong(f"Not yet. `{name} {value}` is wanted; yours says {after.get(name, 'nothing')}.")
    if after.get("--device", "cuda") == "cpu":
        raise Wrong("Not yet. `--device cpu` leaves the GPUs idle; without it each process takes its own GPU.")
    return "The same line is typed on each of the three machines; 24 processes start."


def _options(words):
    """--name → the word that follows it."""
    return {name: value for name, value in zip(words, [*words[1:], ""]) if name.startswith("--")}


def _wants(options, names, value, what):
    got = next((options[name] for name in names if name in options), None)
    if got == "24":
        raise Wrong(f"Not yet. 24 is the number of all processes; {value} {what} are wanted.")
    if got != value:
        raise Wrong(f"Not yet. {value} {what} are wanted; yours says {got or 'nothing'}.")


command = Exercise(
    "command",
    _grade_command,
    [
        "Begin with `torchrun --nnodes … --nproc-per-node …`: machines, then processes on each of them, one a GPU.",
        "Then the meeting point, `--rdzv-backend c10d --rdzv-endpoint HOST:PORT`.",
        "Then what to run, `-m helpers.train`, and behind it what it needs: `--dataset`, `--recipe`.",
    ],
    """command = (
    "torchrun --nnodes 3 --nproc-per-node 8 --rdzv-backend c10d --rdzv-endpoint node0:29500 "
    "-m helpers.train --dataset cifar10 --recipe muon"
)""",
)

QUESTIONS = (
    Question(
        "Two processes train one network. When do their copies of it differ?",
        (
            Choice("During an epoch; at its end they are averaged.", "They would drift apart. Gradients are averaged in every step, so that no copy ever takes another step than the others."),
            Choice("Never: all take the same step from equal weights.", "They start equal, and the mean gradient is the same for all.", right=True),
            Choice("Always: each has its own half of the weights.", "That is another way, for networks too large for one GPU. Here each has all weights, and a share of the pictures."),
        ),
    ),
    Question(
        "One process on your laptop takes 60 s. What will two take on the same laptop?",
        (
            Choice("30 s: the work is halved.", "Only if half of the laptop was idle before. torch already uses all cores in one process."),
            Choice("120 s: everything is done twice.", "Each picture is still learned from once. What is done twice is little: starting, loading, cutting batches."),
            Choice("About the same: the cores were busy already.", "Two processes share the same cores, and have to talk besides.", right=True),
        ),
    ),
    Question(
        "The losses of one and of two processes differ in the fifth digit. Why?",
        (
            Choice("Sums in another order are rounded otherwise.", "Computers round each sum. Another order, other last digits; later steps carry them on.", right=True),
            Choice("The second process has seen other pictures.", "Each has seen its share of the same batch. A different batch would show in the first digits."),
            Choice("It cannot be: the formulas are the same.", "The formulas are, the roundings are not. a + (b + c) and (a + b) + c may differ in the last digit."),
        ),
    ),
)  # fmt: skip
