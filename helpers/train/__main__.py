"""The command line of training: `python -m helpers.train`, also under torchrun."""

import argparse
import contextlib
import functools
import io
import json
import sys

from helpers import checks, data, models, results, train
from helpers.train import machine, parallel, recipes

DESCRIPTION = """\
Train a CNN of the course by one of its recipes, and test it once at the end.

  python -m helpers.train --dataset cifar10                        a recipe of half a minute on two cores
  python -m helpers.train --dataset cifar10 --target 80            the quickest recipe known to reach 80 % here
  python -m helpers.train --dataset cifar10 --recipe muon --seed 1 --checkpoint run.pt

Stopped by Ctrl-C, a full disk or a power cut, the same line with the same --checkpoint goes on
after the last whole epoch.  Several processes, each with a GPU of its own where there are any, on one machine:

  torchrun --standalone --local-addr localhost --nproc-per-node 2 -m helpers.train --dataset cifar10

On several machines, the same line on each; HOST is the one where they meet:

  torchrun --nnodes 2 --nproc-per-node 8 --rdzv-backend c10d --rdzv-endpoint HOST:29500 -m helpers.train --dataset cifar10

Where machines do not know one another by name, count them from 0 and give the address of number 0 to all:

  torchrun --nnodes 2 --nproc-per-node 8 --node-rank NUMBER --master-addr ADDRESS -m helpers.train --dataset cifar10

The data sets lie in the folder that CNN_DATA_DIR names (`python -m helpers.data download cifar10`
fetches one); without them the course's embedded sample is used, and every line says so.
"""


def main(arguments=None):
    """Run the command line; ends the process with 0, 1 (stopped, or target missed) or 2 (cannot work)."""
    options = _parser().parse_args(arguments)
    try:
        with parallel.joined(options.device) as device:
            code = _run(options, device)
    except (ValueError, FileNotFoundError, PermissionError) as error:
        _fail(error, 2)
    except (FloatingPointError, MemoryError, RuntimeError, OSError) as error:
        _fail(error, 1)
    except KeyboardInterrupt:  # while one process still waited for the others, or no longer
        code = 1
    sys.exit(code)


def _run(options, device):
    out = sys.stdout if parallel.rank() == 0 else io.StringIO()  # of several processes one alone prints
    try:
        with contextlib.redirect_stdout(sys.stderr if options.json and out is sys.stdout else out):
            model, recipe, sets, history, epochs = _train(options, device, out)
        if len(history) < epochs:  # Ctrl-C; the weights are of the middle of an epoch
            then = "the same line goes on from there" if options.checkpoint else "without --checkpoint they are lost"
            _tell(f"{len(history)} of {epochs} epochs were done, and nothing was tested; {then}")
            return 1
        valid, test = (train.evaluate(model, s, recipe.views, options.precision).accuracy for s in sets[1:])
    except KeyboardInterrupt:
        _tell("stopped before the test: there is no accuracy to report")
        return 1
    last = _result(options, model, sets, history, valid, test)
    if options.json:
        print(json.dumps(last), file=out, flush=True)
    else:
        print(f"test accuracy {100 * test:.2f} % ({options.dataset}, {last['source']}) after {last['seconds']:.1f} s "
              f"of training, {last['images_per_second']:,} images/s, on {last['device']}: recipe {last['recipe']}, "
              f"{last['parameters']:,} parameters, seed {options.seed}", file=out)  # fmt: skip
    if options.target is not None and 100 * test < options.target:
        _tell(f"the target of {options.target:g} % was not reached: try more --epochs, or a higher rung of "
              f"{', '.join(recipes.RECIPES[options.dataset])}")  # fmt: skip
        return 1
    return 0


def _train(options, device, out):
    """Everything up to the test; what it prints is no result."""
    options.recipe = parallel.from_first(options.recipe or _choose(options, device))
    recipe = recipes.find(options.dataset, options.recipe)
    sets = [data.load(options.dataset, split, options.source) for split in data.SPLITS]
    model = recipe.build(sets[0], options.seed)
    settings = recipe.settings(**({"epochs": options.epochs} if options.epochs is not None else {}))
    history = train.fit(
        model, *sets[:2], **settings, seed=options.seed, device=device, precision=options.precision,
        checkpoint=options.checkpoint, on_epoch=functools.partial(_print_epoch, out) if options.json else None,
    )  # fmt: skip
    return model, recipe, sets, history, settings["epochs"]


def _result(options, model, sets, history, valid, test):
    """What the last line says, in plain values."""
    seconds = sum(history.seconds)
    return {
        "test_accuracy": round(test, 4),
        "valid_accuracy": round(valid, 4),
        "seconds": round(seconds, 2),
        "images_per_second": round(len(history) * len(sets[0]) / seconds),
        "parameters": models.count_parameters(model),
        "source": sets[0].source,
        "recipe": options.recipe,
        "device": str(next(model.parameters()).device),
        "dataset": options.dataset,
        "epochs": len(history),
        "seed": options.seed,
        "processes": parallel.processes(),
    }


def _tell(words):
    """Say what is no result; of several processes one alone does."""
    if parallel.rank() == 0:
        print(words, file=sys.stderr)


def _choose(options, device):
    if options.target is None:
        return recipes.DEFAULT[options.dataset]
    kind = machine.choose_device(device).type
    name = results.quickest(options.dataset, options.target, kind)
    timed = {run["device"] for run in results.ladder_runs() if run["dataset"] == options.dataset}
    if kind not in timed:
        print(f"no recipe was timed on {kind}: {name} is the quickest to reach {options.target:g} % on "
              f"{results.rungs(options.dataset, kind)[1]}")  # fmt: skip
    return name


def _print_epoch(out, history):
    last = {name: numbers[-1] for name, numbers in vars(history).items()}
    print(json.dumps({"epoch": len(history), **last}), file=out, flush=True)


def _fail(error, code):
    print(f"error: {error}", file=sys.stderr)
    sys.exit(code)


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m helpers.train", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", required=True, choices=recipes.RECIPES)
    parser.add_argument("--recipe", metavar="NAME", help="a rung of the ladder: "
                        + "; ".join(f"{d}: {', '.join(r)}" for d, r in recipes.RECIPES.items()))  # fmt: skip
    parser.add_argument(
        "--epochs", type=_checked(int, checks.whole, "epochs", least=1), metavar="N",
        help="passes over the training images (default: the recipe's)",
    )  # fmt: skip
    parser.add_argument(
        "--target", type=_checked(float, checks.number, "target", above=0, most=100), metavar="ACC",
        help="test accuracy to reach, in %%, such as 90; without --recipe the quickest one is taken that was measured "
        "to reach it on such a device, on the validation images",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=_checked(int, checks.whole, "seed", least=0, most=2**32 - 1), default=0, metavar="N",
        help="of weights, order and augmentation (default: 0)",
    )  # fmt: skip
    parser.add_argument(
        "--source", choices=data.SOURCES, help="the full set or the embedded sample (default: full if there)"
    )
    parser.add_argument("--device", help="cpu, cuda or mps (default: a GPU where there is one)")
    parser.add_argument(
        "--precision", choices=machine.PRECISIONS, help="of what is computed (default: bf16 where that is quicker)"
    )
    parser.add_argument("--checkpoint", metavar="PATH", help="save the run here after each epoch, and go on from it")
    parser.add_argument(
        "--json", action="store_true", help="print one JSON line an epoch and a last one with the result"
    )
    return parser


def _checked(read, check, name, **limits):
    """What argparse calls with an option's text: the number that it means, or an error that says what is wanted."""

    def parse(text):
        try:
            value = read(text)
        except ValueError:
            value = text
        try:
            return check(name, value, **limits)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return parse


if __name__ == "__main__":
    main()
