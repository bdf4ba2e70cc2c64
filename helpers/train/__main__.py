"""The command line of training: `python -m helpers.train`, also under torchrun."""

import argparse
import contextlib
import io
import json
import sys

from helpers import data, models, results, train
from helpers.train import machine, parallel, recipes

DESCRIPTION = """\
Train a CNN of the course by one of its recipes, and test it once at the end.

  python -m helpers.train --dataset cifar10                        a recipe of about a minute on two cores
  python -m helpers.train --dataset cifar10 --target 80            the quickest recipe known to reach 80 % here
  python -m helpers.train --dataset cifar10 --recipe muon --seed 1 --checkpoint run.pt

Stopped by Ctrl-C, a full disk or a power cut, the same line with the same --checkpoint goes on
after the last whole epoch.  Several processes, on one machine or many, each with a GPU of its own where there are any:

  torchrun --nproc-per-node 2 -m helpers.train --dataset cifar10 --recipe muon

The data sets lie in the folder that CNN_DATA_DIR names (`python -m helpers.data download cifar10`
fetches one); without them the course's embedded sample is used, and every line says so.
"""


def main(arguments=None):
    """Run the command line; ends the process with 0, 1 (stopped, or target missed) or 2 (cannot work)."""
    options = _parser().parse_args(arguments)
    try:
        with parallel.joined(options.device) as device:
            quiet = io.StringIO() if parallel.rank() else sys.stdout  # of several processes one alone prints
            with contextlib.redirect_stdout(quiet):
                code = _run(options, device)
    except (ValueError, FileNotFoundError) as error:
        _fail(error, 2)
    except (FloatingPointError, MemoryError, RuntimeError) as error:
        _fail(error, 1)
    sys.exit(code)


def _run(options, device):
    recipe_name = options.recipe or _choose(options, device)
    recipe = recipes.find(options.dataset, recipe_name)
    say, hush = (_say_nothing, sys.stderr) if options.json else (print, sys.stdout)
    out = sys.stdout
    with contextlib.redirect_stdout(hush):  # with --json nothing but JSON may reach stdout
        sets = [data.load(options.dataset, split, options.source) for split in data.SPLITS]
        if recipe.with_valid:
            print("the validation pictures are learned, too: their accuracy says nothing of new ones")
            sets[0] = data.joined(sets[0], sets[1])
        model = recipe.build(sets[0], options.seed)
        changed = {"epochs": options.epochs} if options.epochs is not None else {}
        history = train.fit(
            model, *sets[:2], **recipe.settings(**changed), seed=options.seed, device=device,
            checkpoint=options.checkpoint, on_epoch=lambda h: options.json and _print_epoch(h, out),
        )  # fmt: skip
    if not len(history):
        return 1
    accuracy = train.evaluate(model, sets[2], recipe.flip_test).accuracy
    seconds = sum(history.seconds)
    last = {
        "test_accuracy": round(accuracy, 4),
        "valid_accuracy": None if recipe.with_valid else round(history.valid_accuracy[-1], 4),
        "seconds": round(seconds, 2),
        "images_per_second": round(len(history) * len(sets[0]) / seconds),
        "parameters": models.count_parameters(model),
        "source": sets[0].source,
        "recipe": recipe_name,
        "device": str(next(model.parameters()).device),
        "dataset": options.dataset,
        "epochs": len(history),
        "seed": options.seed,
        "processes": parallel.processes(),
    }
    if options.json:
        print(json.dumps(last), file=out, flush=True)
    say(f"test accuracy {100 * accuracy:.2f} % ({options.dataset}, {last['source']}) after {seconds:.1f} s of training, "
        f"{last['images_per_second']:,} images/s, on {last['device']}: recipe {recipe_name}, "
        f"{last['parameters']:,} parameters, seed {options.seed}")  # fmt: skip
    if options.target is not None and 100 * accuracy < options.target:
        print(f"the target of {options.target:g} % was not reached: try more --epochs, or a higher rung of "
              f"{', '.join(recipes.RECIPES[options.dataset])}", file=sys.stderr)  # fmt: skip
        return 1
    return 0


def _choose(options, device):
    if options.target is None:
        return recipes.DEFAULT[options.dataset]
    return results.quickest(options.dataset, options.target, machine.choose_device(device).type)


def _print_epoch(history, out):
    last = {name: numbers[-1] for name, numbers in vars(history).items()}
    print(json.dumps({"epoch": len(history), **last}), file=out, flush=True)


def _say_nothing(_):
    """With --json the last line says it all."""


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
        "--epochs", type=int, metavar="N", help="passes over the training pictures (default: the recipe's)"
    )
    parser.add_argument("--target", type=float, metavar="ACC", help="test accuracy to reach, in %%, such as 90; without "
                        "--recipe the quickest one is taken that was measured to reach it on such a device")  # fmt: skip
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of weights, order and augmentation (default: 0)"
    )
    parser.add_argument(
        "--source", choices=data.SOURCES, help="the full set or the embedded sample (default: full if there)"
    )
    parser.add_argument("--device", help="cpu, cuda or mps (default: a GPU where there is one)")
    parser.add_argument("--checkpoint", metavar="PATH", help="save the run here after each epoch, and go on from it")
    parser.add_argument(
        "--json", action="store_true", help="print one JSON line an epoch and a last one with the result"
    )
    return parser


if __name__ == "__main__":
    main()
