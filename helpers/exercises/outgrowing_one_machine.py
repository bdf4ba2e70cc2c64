"""Exercises and questions of notebook 13."""

import contextlib
import difflib
import functools
import io
import itertools
import re
import shlex

import torch

from helpers.exercises.comparing import Wrong, kind
from helpers.exercises.grading import Exercise, call_on_all, function
from helpers.exercises.questions import Choice, Question


def _share(batch, rank, processes):
    return batch[rank::processes]


def _batches():
    """Six numbers in place of images, to check by hand, then uneven batches; at last real images, small ones."""
    cases = [(torch.arange(10, 16), 0, 2), (torch.arange(10, 16), 1, 2)]
    sizes = [(7, 0, 2), (7, 1, 2), (12, 2, 3), (13, 0, 4), (13, 3, 4), (5, 0, 1)]
    cases += [(torch.arange(100, 100 + n), rank, processes) for n, rank, processes in sizes]
    return [*cases, (torch.arange(7 * 3 * 2 * 2, dtype=torch.uint8).view(7, 3, 2, 2), 0, 2)]


def _piece(batch, rank, processes):
    size = len(batch) // processes
    return batch[rank * size : (rank + 1) * size]


SHARE = ["batch", "rank", "processes"]  # the arguments of exercise 1
_compare_shares = function(
    _share,
    _batches,
    [
        (lambda b, r, n: b[::n], "Every rank gets the same images: begin at its own rank."),
        (lambda b, r, n: b[r : r + 1], "That is one image only; go on in steps of `processes`."),
        (lambda b, r, n: b[r], "That is one image only; go on in steps of `processes`."),
        (lambda b, r, n: b[r::n][: len(b) // n], "You leave out images where the batch does not divide evenly: none may be left out."),
        (_piece, "You cut the batch into pieces one behind the other, and leave out what does not divide. Take every N-th."),
        (lambda b, r, n: b.chunk(n)[r], "You cut the batch into pieces one behind the other. Take every N-th image."),
        (lambda b, r, n: b.tensor_split(n)[r], "You cut the batch into pieces one behind the other. Take every N-th image."),
        (lambda b, r, n: b[r * n : (r + 1) * n], "You take N images in a row; N is how many processes share the batch. Take every N-th."),
        (lambda b, r, n: b[r : r + len(b) // n], "You take images in a row, which the next ranks get, too. Take every N-th."),
        (lambda b, r, n: b[r * len(b) // n : (r + 1) * len(b) // n], "You cut the batch into pieces one behind the other. Take every N-th image."),
        (lambda b, r, n: b[r:n], "The second part of a slice is where it stops; what is wanted is a step, its third part."),
        (lambda b, r, n: b[r + 1 :: n], "You begin one image too late: ranks count from 0."),
        (lambda b, r, n: b[r:], "You begin at the right image, and take all that follow. Take every N-th."),
        (lambda b, r, n: b[r :: n + 1], "Your steps are one too long: from one image of a rank to its next are `processes` places."),
        (lambda b, r, n: torch.arange(r, len(b), n), "Those are the images' places in the batch; give the images themselves, `batch[…]`."),
    ],
)  # fmt: skip


def _grade_share(share):
    try:
        _compare_shares(share)
    except Wrong as wrong:
        if isinstance(wrong.__cause__, ValueError) and "step" in str(wrong.__cause__):
            raise Wrong("Not yet. The third part of a slice is its step, and rank 0 makes yours 0: "
                        "`processes` is the step, `rank` the start.") from None  # fmt: skip
        raise
    results, _ = call_on_all(share, _batches(), SHARE)
    for (batch, _, _), result in zip(_batches(), results):
        if not isinstance(result, torch.Tensor):
            raise Wrong(f"Not yet. The images are right, but they come as {kind(result)}; the batch is a tensor, "
                        "and its share must be one: slice it, or use `torch.stack`.")  # fmt: skip
        if result.dtype != batch.dtype:
            raise Wrong(f"Not yet. The batch was {batch.dtype}; your share is {result.dtype}.")
    return "This is `parallel.share`, without its arguments."


share = Exercise(
    "share",
    _grade_share,
    [
        "A slice has three parts: `batch[start:stop:step]`; stop may be left out.",
        "Where does rank 1 of 2 begin, and how far is it to its next image?",
    ],
    """def share(batch, rank, processes):
    return batch[rank::processes]""",
)


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
            (lambda s, b, n: s / b, "You forgot that the processes take a mean, not a sum: it divides by their number."),
            (lambda s, b, n: 1 / n, "The shares differ in size; your weight must, too."),
            (lambda s, b, n: 1, "With weight 1 the images of small shares count too much."),
            (lambda s, b, n: b / (s * n), "You have it upside down: a larger share must count more."),
            (lambda s, b, n: b / s, "You have it upside down: a larger share must count more. And the mean of all processes divides by their number."),
            (lambda s, b, n: s / n, "Measure the share against the batch, not against the processes."),
            (lambda s, b, n: s * n, "Divide by the size of the batch, too."),
            (lambda s, b, n: s / (b * n), "The mean of all processes divides by their number already: multiply by it, to undo that."),
            (lambda s, b, n: b / n, "That is the size of an equal share; how does yours compare with it?"),
            (lambda s, b, n: s * b / n, "Divide by the size of the batch, and multiply by `processes`: you do both the other way round."),
            (lambda s, b, n: s * n // b, "You drop the fraction: divide with `/`, and give the number as it comes."),
            (lambda s, b, n: round(s * n / b), "You round to a whole number: give it as it comes."),
            (lambda s, b, n: s - b / n, "That is how many images more than an equal share; divide in place of subtracting."),
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
)  # fmt: skip

MACHINES, GPUS, MEET = 3, 8, "node0:29500"  # what exercise 3 asks for
WANTED = {"dataset": "cifar10", "recipe": "muon"}
MODULE = ("helpers.train", "helpers.train.__main__")


class _Refused(Exception):
    """What argparse says in place of ending the process."""


@functools.cache  # their imports take a while
def _parsers():
    """What reads a line: torchrun's own parser, and that of the training."""
    from torch.distributed.run import get_args_parser  # here, since not every build of torch has it

    from helpers.train.__main__ import _parser

    return get_args_parser(), _parser()


def _grade_command(command):
    if not isinstance(command, str):
        raise Wrong(f"Not yet. The line is wanted as a string; yours is {kind(command)}.")
    words = _without_start(_words(command))
    place = next((place for place, word in enumerate(words) if word in MODULE), None)
    if place is None:
        near = next((word for word in words if "train" in word and not word.startswith("-")), None)
        raise Wrong("Not yet. What is to be run? " + (f"It is the module `helpers.train`, not `{near}`." if near
                    else "`-m helpers.train` is missing."))  # fmt: skip
    launcher, training = _parsers()
    _check_places(words[:place], words[place + 1 :], launcher, training)
    started = _parsed(launcher, words, "torchrun")
    if started.training_script not in MODULE:
        raise Wrong(f"Not yet. torchrun takes `{started.training_script}` for what is to be run: "
                    "before `-m helpers.train` stand its own options alone, each with its value.")  # fmt: skip
    if not started.module:
        glued = next((word for word in words if word.endswith("-m") and word != "-m"), None)
        if glued:
            raise Wrong(f"Not yet. A blank is missing before the `-m` of `{glued}`.")
        raise Wrong("Not yet. `helpers.train` is a module, not a file: put `-m` before it.")
    if started.no_python or started.run_path:
        raise Wrong("Not yet. `--no-python` and `--run-path` are for files; what is run here is a module.")
    _check_machines(started)
    _check_meeting(started, words)
    _check_training(_parsed(training, words[place + 1 :], "the training"))
    return "The same line is typed on each of the three machines; 24 processes start."


def _words(command):
    """The words of a line, as a shell splits it; a backslash at its end goes on in the next line."""
    line = command.strip().replace("\\\n", " ")
    if "\n" in line:
        raise Wrong("Not yet. A shell takes the end of a line for the end of the command: "
                    "write one line, or end each but the last with a backslash.")  # fmt: skip
    if re.search("[\u2010-\u2015]", line):
        raise Wrong("Not yet. There is a dash in your line that is no hyphen: an option begins with two hyphens, `--`.")
    try:
        return shlex.split(line)
    except ValueError:
        raise Wrong("Not yet. A quotation mark in your line is opened and not closed.") from None


def _without_start(words):
    """The words behind `torchrun` or `python -m torch.distributed.run`, which is the same; settings may stand before."""
    words = list(itertools.dropwhile(lambda word: re.match(r"\w+=", word), words))
    start = words[0].rsplit("/")[-1] if words else ""
    if start in ("torchrun", "torchrun.exe"):
        return words[1:]
    if re.fullmatch(r"python[\d.]*(\.exe)?", start):
        flags = list(itertools.takewhile(lambda word: word != "-m", words[1:]))
        module, rest = words[len(flags) + 2 : len(flags) + 3], words[len(flags) + 3 :]
        if module == ["torch.distributed.run"] and all(flag.startswith("-") for flag in flags):
            return rest
        if module == ["torch.distributed.launch"]:
            raise Wrong("Not yet. `torch.distributed.launch` is the old way; "
                        "`torch.distributed.run`, or `torchrun` for short, has replaced it.")  # fmt: skip
        raise Wrong("Not yet. `python` starts a single process. What starts one a GPU is `torchrun`: "
                    "let the line begin with it.")  # fmt: skip
    if start[:1] in ("!", "$", "%"):
        raise Wrong(f"Not yet. Leave out what stands before `torchrun` ({start!r}): the line is for a terminal.")
    raise Wrong("Not yet. What starts the processes is `torchrun`; let the line begin with it.")


def _check_places(before, after, launcher, training):
    """Raise `Wrong` where an option of torchrun stands behind the module, or one of the training before it."""
    of_launcher, of_training = _options(launcher), _options(training)
    for words, others, own, where in [
        (before, of_training, of_launcher, "is for the training: it must stand after `-m helpers.train`"),
        (after, of_launcher, of_training, "is for torchrun: it must stand before `helpers.train`"),
    ]:
        for word in words:
            name = word.split("=")[0].replace("_", "-")
            if name in others and name not in own:
                raise Wrong(f"Not yet. `{word.split('=')[0]}` {where}.")


def _options(parser):
    """The names of all options: "--nnodes", "-m"."""
    return {name.replace("_", "-") for action in parser._actions for name in action.option_strings}


def _parsed(parser, words, whose):
    """What a parser of argparse makes of the words; raises `Wrong` in place of printing and ending the process."""

    def refuse(message):
        raise _Refused(message)

    parser.error = refuse
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return parser.parse_args(words)
    except SystemExit:  # --help
        raise Wrong("Not yet. `--help` prints what there is, and starts nothing.") from None
    except _Refused as refused:
        raise Wrong(f"Not yet. {_in_words(str(refused), whose, _options(parser))}") from None


def _in_words(message, whose, options):
    """argparse's message as a sentence."""
    unknown = re.match("unrecognized arguments: (.*)", message)
    if unknown:
        word = unknown[1].split()[0]
        known = difflib.get_close_matches(word.replace("_", "-"), options, n=1, cutoff=0.8)
        return f"`{word}` is no option of {whose}." + (f" Do you mean `{known[0]}`?" if known else "")
    missing = re.match("the following arguments are required: (.*)", message)
    if missing:
        return f"`{missing[1]}` is missing: {whose} cannot do without it."
    return f"This is what {whose} would answer: {message}."


def _check_machines(started):
    if started.standalone:
        raise Wrong("Not yet. `--standalone` is for one machine alone; here three must meet.")
    nnodes, processes = started.nnodes, started.nproc_per_node
    if (nnodes, processes) == (str(GPUS), str(MACHINES)):
        raise Wrong("Not yet. You have machines (`--nnodes`) and processes on each (`--nproc-per-node`) "
                    "the other way round.")  # fmt: skip
    _wants(nnodes if nnodes not in ("3:3", "1:1") else nnodes[0], MACHINES, "machines (`--nnodes`)")
    if processes not in ("gpu", "auto"):  # torchrun then starts one for each GPU that a machine has
        _wants(processes, GPUS, "processes on each machine (`--nproc-per-node`)")


def _wants(got, wanted, what):
    if got == str(MACHINES * GPUS):
        raise Wrong(f"Not yet. 24 is the number of all processes; {wanted} {what} are wanted.")
    if ":" in got:
        raise Wrong(f"Not yet. {got} leaves the number open; {wanted} {what} are wanted.")
    if got != str(wanted):
        raise Wrong(f"Not yet. {wanted} {what} are wanted; yours makes it {got}.")


def _check_meeting(started, words):
    backend, endpoint = started.rdzv_backend, started.rdzv_endpoint
    if backend == "static":
        raise Wrong("Not yet. Without `--rdzv-backend c10d` each machine would need a line of its own, "
                    "with its number as `--node-rank`: let them agree by themselves.")  # fmt: skip
    if backend != "c10d":
        raise Wrong(f"Not yet. `--rdzv-backend {backend}` is not what torchrun has built in; take `c10d`.")
    if not endpoint:
        address = any(word.startswith("--master") for word in words)
        raise Wrong("Not yet. Where do the machines meet? " + ("`--master-addr` does not count with `c10d`: say it by "
                    "`--rdzv-endpoint HOST:PORT`." if address else "`--rdzv-endpoint` is missing."))  # fmt: skip
    if endpoint == MEET.split(":")[0]:
        raise Wrong(f"Not yet. They meet at {MEET}; yours names no port, and torchrun would take another one.")
    if endpoint != MEET:
        raise Wrong(f"Not yet. They meet at {MEET}; yours is {endpoint}.")


def _check_training(options):
    for name, wanted in WANTED.items():
        got = getattr(options, name)
        if got != wanted:
            raise Wrong(f"Not yet. `--{name} {wanted}` is wanted; yours says {got or 'nothing'}.")
    if options.device == "cpu":
        raise Wrong("Not yet. `--device cpu` leaves the GPUs idle; without it each process takes its own GPU.")
    if options.device not in (None, "cuda"):
        raise Wrong(f"Not yet. `--device {options.device}` gives all processes of a machine the same device; "
                    "without it each takes its own GPU.")  # fmt: skip


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
    seconds=20,
    prepare=_parsers,
)

QUESTIONS = (
    Question(
        "Two processes train one network. When do their copies of it differ?",
        (
            Choice("During an epoch; at its end they are averaged.", "Then they would drift apart during the epoch. Gradients are averaged in every step, so no copy ever takes another step than the others."),
            Choice("Never: all take the same step from equal parameters.", "They start equal, and the mean gradient is the same for all.", right=True),
            Choice("Always: each has its own half of the parameters.", "That is another way, for networks too large for one GPU. Here each has all parameters, and a share of the images."),
        ),
    ),
    Question(
        "One process on your laptop takes 60 s. What do you expect of two on the same laptop?",
        (
            Choice("30 s: the work is halved.", "That would need cores that were idle before. Unless you limit it, PyTorch may use all of them in one process."),
            Choice("120 s: everything is done twice.", "Each image is still learned from once an epoch. What is done twice is little: starting, loading, cutting batches."),
            Choice("More than 30 s: the cores were busy, at least in part.", "Two processes share the same cores, and have to talk besides.", right=True),
        ),
    ),
    Question(
        "The losses of one and of two processes differ a little. Why?",
        (
            Choice("Sums in another order are rounded otherwise.", "A computer rounds each sum: another order, other last digits. Every step begins where the one before ended, and where a rounding tips a ReLU or a max pooling, the difference can leap.", right=True),
            Choice("Two processes have seen other images than one.", "In every step the two together see the whole batch, the same that one process sees alone."),
            Choice("It cannot be: the formulas are the same.", "The formulas are the same, the roundings are not: in Python, (0.1 + 0.2) + 0.3 and 0.1 + (0.2 + 0.3) differ in the last digit."),
        ),
    ),
)  # fmt: skip
