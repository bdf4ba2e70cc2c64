"""What augmentation, hyperparameters and dropout do: matched runs that differ in one thing, for notebooks 06 to 08.

python benchmarks/ablations.py                               # all three studies on the full sets: hours
python benchmarks/ablations.py augmentation --threads 1      # one of them; another one may run beside it
python benchmarks/ablations.py dropout --only cifar10 --cases "p = 0.5" --results /tmp/again.json

Runs that are compared see equally many images, with the same settings. A run's seed decides its weights,
and which part of the set it learns from. Each is written as soon as it is there; started again, the script
goes on. Nothing was chosen on the test set.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from helpers import arithmetic, data, models, results, train  # noqa: E402
from helpers.augment import Augment  # noqa: E402
from helpers.train import machine  # noqa: E402

RECIPE = {"batch_size": 128, "optimizer": "adamw", "schedule": "one-cycle"}
SHARES = {"fashion_mnist": (0.01, 1.0), "cifar10": (0.01, 0.1, 1.0)}  # of the training set
EPOCHS = {0.01: 200, 0.1: 20, 1.0: 2}  # of so large a share: as many images as two epochs of the full set hold
FLIP_AND_SHIFT = Augment(flip=True, shift=2)


@dataclass(frozen=True)
class Kind:
    """Runs that differ in their seed alone.

    dataset, share: of which training set, and how much of it.  network: its name in the study.  case: what is
    tried.  build: a function of `models`, called with the images' channels and `options`.
    lr: chosen on validation.  seeds: how many runs; fewer where one takes long.
    """

    dataset: str
    share: float
    network: str
    case: str
    epochs: int
    build: Callable = models.plain_cnn
    options: dict = field(default_factory=dict)
    lr: float = 0.01
    augment: Augment | None = None
    seeds: int = 5

    def cell(self):
        """What tells these runs from others, as it is kept with each."""
        return {name: getattr(self, name) for name in CELL}


CELL = ("dataset", "share", "network", "case", "epochs", "lr")


def augmentation():
    """Kinds of augmentation for a small network, at two or three sizes of the training set; and where they begin to pay.

    Both networks learn 4,500 training images by heart, once they are trained long enough: the large one sooner.
    """
    kinds = {
        "off": None, "flip": Augment(flip=True), "shift": Augment(shift=2), "flip and shift": FLIP_AND_SHIFT,
        "cutout": Augment(cutout=8), "colour": Augment(colour=0.4), "turn": Augment(turn=True),
        "large cutout": Augment(cutout=32),
    }  # fmt: skip
    for dataset in data.CLASSES:
        for share in SHARES[dataset]:
            for case, augment in kinds.items():
                yield Kind(dataset, share, "small", case, EPOCHS[share], augment=augment)
    for case in ("off", "flip and shift"):
        yield Kind("cifar10", 1.0, "small", case, 4 * EPOCHS[1.0], augment=kinds[case])
        for epochs in (5, 20, 80):
            where = {"dataset": "cifar10", "share": 0.1, "case": case, "epochs": epochs, "augment": kinds[case]}
            if epochs != EPOCHS[0.1]:
                yield Kind(**where, network="small", seeds=3)
            yield Kind(**where, network="large", **flat("cifar10"), seeds=3)


def flat(dataset, **options):
    """The fields of a `Kind` whose network has a large linear layer; of 0.001, 0.003 and 0.01 the rate is the best
    on validation, with dropout and without.
    """
    size = data.SHAPES[dataset][1]
    return {"build": models.flat_cnn, "options": {"size": size, **options}, "lr": 0.003}


def plain_networks():
    """Networks of one changed hyperparameter each: name of the case → arguments of `models.plain_cnn`.

    "equal parameters" has as many as the 3×3 network, within 10 %: tests/test_results.py.
    """
    cases = {"base": {}}
    for size, equal in [(1, 95), (5, 19), (7, 14)]:
        cases[f"kernel {size}×{size}"] = {"kernel_size": size}
        cases[f"kernel {size}×{size}, equal parameters"] = {"kernel_size": size, "filters": equal}
    cases |= {f"{filters} filters": {"filters": filters} for filters in (8, 16, 64, 128)}
    cases |= {f"depth {depth}": {"depth": depth} for depth in (1, 2, 4, 5)}
    return cases | {
        "stride 2, no pooling": {"stride": 2, "pool": False},
        "valid": {"padding": "valid"},
        "64 filters, bottleneck 16": {"filters": 64, "bottleneck": 16},
    }


def learning_rates():
    """Rates for each network of `hyperparameters`, to choose from on validation; one seed each.

    From 0.01 it went up and down by factors of two, until the best rate had a worse one on either side.
    """
    for dataset, tried in TRIED.items():
        for case, options in plain_networks().items():
            lr, highest = tried[case]
            while lr <= highest:
                yield Kind(dataset, 1.0, "plain", case, EPOCHS[1.0], options=options, lr=lr, seeds=1)
                lr *= 2


TRIED = {  # data set → case → the lowest and the highest rate
    "cifar10": {
        "base": (0.005, 0.08),
        "kernel 1×1": (0.005, 0.16),
        "kernel 1×1, equal parameters": (0.005, 0.08),
        "kernel 5×5": (0.005, 0.04),
        "kernel 5×5, equal parameters": (0.005, 0.02),
        "kernel 7×7": (0.01, 0.04),
        "kernel 7×7, equal parameters": (0.01, 0.08),
        "8 filters": (0.01, 0.08),
        "16 filters": (0.01, 0.04),
        "64 filters": (0.01, 0.08),
        "128 filters": (0.01, 0.04),
        "depth 1": (0.01, 0.08),
        "depth 2": (0.01, 0.32),
        "depth 4": (0.005, 0.02),
        "depth 5": (0.01, 0.04),
        "stride 2, no pooling": (0.005, 0.02),
        "valid": (0.01, 0.08),
        "64 filters, bottleneck 16": (0.01, 0.04),
    },
    "fashion_mnist": {
        "base": (0.01, 0.08),
        "kernel 1×1": (0.01, 0.08),
        "kernel 1×1, equal parameters": (0.01, 0.16),
        "kernel 5×5": (0.0025, 0.02),
        "kernel 5×5, equal parameters": (0.01, 0.04),
        "kernel 7×7": (0.005, 0.02),
        "kernel 7×7, equal parameters": (0.005, 0.02),
        "8 filters": (0.01, 0.08),
        "16 filters": (0.005, 0.02),
        "64 filters": (0.01, 0.08),
        "128 filters": (0.01, 0.04),
        "depth 1": (0.01, 0.32),
        "depth 2": (0.01, 0.08),
        "depth 4": (0.01, 0.16),
        "depth 5": (0.005, 0.02),
        "stride 2, no pooling": (0.01, 0.08),
        "valid": (0.01, 0.04),
        "64 filters, bottleneck 16": (0.01, 0.04),
    },
}


def hyperparameters():
    """The networks of `plain_networks`, each at the rate that did best in `learning_rates`."""
    slow = [("fashion_mnist", "kernel 1×1, equal parameters"), *((d, "128 filters") for d in data.CLASSES)]
    for dataset in data.CLASSES:
        for case, options in plain_networks().items():
            seeds = 3 if (dataset, case) in slow else 5
            where = {"dataset": dataset, "share": 1.0, "network": "plain", "case": case, "epochs": EPOCHS[1.0]}
            yield Kind(**where, options=options, lr=best_rate(dataset, case), seeds=seeds)


def best_rate(dataset, case):
    """The rate with the highest accuracy on validation."""
    runs = results.select(results.load("learning_rates")["runs"], dataset=dataset, case=case)
    return max(runs, key=lambda run: run["valid_accuracy"])["lr"]


def dropout():
    """Chances of dropout with little to learn from and with much, before two kinds of head, and on whole maps.

    "flatten": most weights are in a large linear layer, which dropout was made for.  "average": a global
    average leaves 32 features and 320 weights.  "maps": the same, with whole maps dropped after each ReLU.
    """
    epochs, seeds = {0.01: 60, 0.1: 20, 1.0: 2}, {0.01: 15, 0.1: 3, 1.0: 3}
    for dataset, share in [("fashion_mnist", 0.01), *(("cifar10", share) for share in SHARES["cifar10"])]:
        for p in (0.0, 0.2, 0.5, 0.8):
            where = {"dataset": dataset, "share": share, "case": f"p = {p}", "epochs": epochs[share]}
            yield Kind(**where, **flat(dataset, dropout=p), network="flatten", seeds=seeds[share])
            few = 5 if dataset == "fashion_mnist" else seeds[share]
            yield Kind(**where, network="average", options={"dropout": p}, seeds=few)
            if (dataset, share) == ("cifar10", 0.01):
                plain = {"dropout": p, "batch_norm": False}
                yield Kind(**where, network="average, no batch norm", options=plain)
                yield Kind(**where, network="maps", options={"map_dropout": p})


STUDIES = {study.__name__: study for study in (augmentation, learning_rates, hyperparameters, dropout)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("studies", nargs="*", metavar="study", help=f"{', '.join(STUDIES)} (default: all)")
    parser.add_argument("--seeds", type=int, default=100, help="at most; each kind has its own number")
    parser.add_argument("--only", choices=data.CLASSES, help="one data set")
    parser.add_argument("--cases", nargs="+", help="only these cases")
    parser.add_argument("--source", choices=data.SOURCES, default="full")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of PyTorch (default: its choice)")
    parser.add_argument("--results", type=Path, help="another file than notebooks/results/STUDY.json, for one study")
    options = parser.parse_args()
    unknown = set(options.studies) - set(STUDIES)
    if unknown or (options.results and len(options.studies) != 1):
        parser.error(f"name studies of {', '.join(STUDIES)}, and just one with --results; got {options.studies}")
    torch.set_num_threads(options.threads)
    for study in options.studies or STUDIES:
        measure(study, options)


def measure(study, options):
    path = options.results or results.RESULTS / f"{study}.json"
    runs = runs_before(path, options.source)
    done = [(cell_of(run), run["seed"]) for run in runs]
    kinds = list(STUDIES[study]())
    for seed in range(min(options.seeds, max(kind.seeds for kind in kinds))):
        for kind in kinds:
            wanted = options.only in (None, kind.dataset) and (not options.cases or kind.case in options.cases)
            if wanted and seed < kind.seeds and (kind.cell(), seed) not in done:
                runs.append(one_run(kind, seed, options.source))
                save(study, runs, options, path)
    print_table(study, runs)


def cell_of(run):
    """What makes runs comparable: all but the seed and what was measured."""
    return {name: run[name] for name in CELL}


def one_run(kind, seed, source):
    sets = {split: quietly_loaded(kind.dataset, split, source) for split in data.SPLITS}
    few = part_of(sets["train"], kind.share, seed)
    torch.manual_seed(seed)
    model = kind.build(few.images.shape[1], **kind.options)
    glance = replace(sets["valid"], images=sets["valid"].images[:100], labels=sets["valid"].labels[:100])
    settings = RECIPE | {"batch_size": min(RECIPE["batch_size"], len(few)), "lr": kind.lr, "epochs": kind.epochs}
    # validating on more after every epoch would take longer than the epochs of a small set
    history = train.fit(model, few, glance, **settings, augment=kind.augment, seed=seed)
    seen = replace(few, images=few.images[:5_000], labels=few.labels[:5_000])
    accuracy = {
        f"{name}_accuracy": train.evaluate(model, images).accuracy
        for name, images in [("train", seen), ("valid", sets["valid"]), ("test", sets["test"])]
    }
    trace = arithmetic.trace_shapes(model, tuple(few.images.shape[1:]))
    print(
        *kind.cell().values(), f"seed {seed}:", *(f"{name} {100 * a:.1f}" for name, a in accuracy.items()), flush=True
    )
    return kind.cell() | {
        "options": kind.options, "seed": seed, "parameters": models.count_parameters(model),
        "multiply_adds": sum(layer.multiply_adds for layer in trace), "seconds": round(sum(history.seconds), 2),
        **{name: round(a, 4) for name, a in accuracy.items()}, "hardware": machine.hardware(), "torch": torch.__version__,
    }  # fmt: skip


LOADED = {}


def quietly_loaded(*which):
    if which not in LOADED:
        LOADED[which] = data.load(*which)
    return LOADED[which]


def part_of(images, share, seed):
    """This share of every class, drawn by the seed, in a mixed order."""
    if share == 1:
        return images
    draw = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(images), generator=draw)
    chosen = [order[images.labels[order] == c][: round(share * (images.labels == c).sum().item())] for c in range(10)]
    chosen = torch.cat(chosen)
    chosen = chosen[torch.randperm(len(chosen), generator=draw)]
    return replace(images, images=images.images[chosen], labels=images.labels[chosen])


def runs_before(path, source):
    """The runs of an earlier start, where they are of the same recipe on the same data."""
    if not path.exists():
        return []
    before = json.loads(path.read_text(encoding="utf-8"))
    if before["recipe"] != RECIPE or before["source"] != source:
        raise SystemExit(f"{path} holds another recipe or source: delete it, or name another file by --results")
    return before["runs"]


def save(study, runs, options, path):
    head = {
        "command": f"python benchmarks/ablations.py {study}", "date": date.today().isoformat(),
        "source": options.source, "hardware": several(runs, "hardware"),
        "torch": several(runs, "torch"), "recipe": RECIPE, "seeds": sorted({run["seed"] for run in runs}),
    }  # fmt: skip
    results.save(path, head, runs=runs)


def several(runs, key):
    """What the runs say under `key`, in words: they may have been measured on more than one machine."""
    return " · ".join(sorted({run[key] for run in runs}))


def print_table(study, runs):
    print(f"\n{study}: test accuracy, mean ± standard deviation over the seeds")
    cells = {json.dumps(cell_of(run)): cell_of(run) for run in runs}
    for cell in cells.values():
        found = results.summary([run for run in runs if cell_of(run) == cell])
        print(*cell.values(), f"{100 * found.mean:.2f} ± {100 * found.sd:.2f} % ({found.seeds} seeds)")


if __name__ == "__main__":
    main()
