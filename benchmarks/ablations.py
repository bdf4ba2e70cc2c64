"""What augmentation, hyperparameters and dropout do: matched runs that differ in one thing, for notebooks 06 to 08.

python benchmarks/ablations.py                               # all three studies on the full sets: hours
python benchmarks/ablations.py augmentation --threads 1      # one of them; another one may run beside it
python benchmarks/ablations.py dropout --only cifar10 --cases "head 0.5" --results /tmp/again.json

Every run on a data set sees as many pictures as two epochs of the full set hold, with the same
settings, whatever the size of its training set: two epochs of it, or twenty of a tenth. Its seed
decides weights and which tenth. Each is written as soon as it is there; started again, the script
goes on. Nothing was chosen on the test set.
"""

import argparse
import json
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from helpers import arithmetic, data, models, results, train  # noqa: E402
from helpers.augment import Augment  # noqa: E402
from helpers.train import machine  # noqa: E402

EPOCHS = 2  # of the full set
RECIPE = {"batch_size": 128, "lr": 0.01, "optimizer": "adamw", "schedule": "one-cycle", "epochs": EPOCHS}
SHARES = {"fashion_mnist": (0.01, 1.0), "cifar10": (0.01, 0.1, 1.0)}  # of the training set
SLOW = [  # over a minute a run on one core: three seeds
    ("fashion_mnist", "128 filters"), ("cifar10", "128 filters"), ("fashion_mnist", "kernel 1×1, equal parameters"),
]  # fmt: skip
FLIP_AND_SHIFT = Augment(flip=True, shift=2)


def augmentation():
    """Kinds of augmentation, at two or three sizes of the training set; two of them four times as long, too."""
    kinds = {
        "off": None, "flip": Augment(flip=True), "shift": Augment(shift=2), "flip and shift": FLIP_AND_SHIFT,
        "cutout": Augment(cutout=8), "colour": Augment(colour=0.4), "turn": Augment(turn=True),
        "large cutout": Augment(cutout=32),
    }  # fmt: skip
    for dataset in data.CLASSES:
        for share in SHARES[dataset]:
            for kind, augment in kinds.items():
                yield {"dataset": dataset, "case": kind, "share": share}, {}, augment
    for kind in ("off", "flip and shift"):
        yield {"dataset": "cifar10", "case": kind, "share": 1.0, "longer": 4}, {}, kinds[kind]


def hyperparameters():
    """Networks of one changed hyperparameter each; "equal parameters" has as many weights as the 3×3 network."""
    cases = {"base": {}}
    for size, equal in [(1, 95), (5, 19), (7, 14)]:  # tests/test_results.py: within 10 % of the base's parameters
        cases[f"kernel {size}×{size}"] = {"kernel_size": size}
        cases[f"kernel {size}×{size}, equal parameters"] = {"kernel_size": size, "filters": equal}
    cases |= {f"{filters} filters": {"filters": filters} for filters in (8, 16, 64, 128)}
    cases |= {f"depth {depth}": {"depth": depth} for depth in (1, 2, 4, 5)}
    cases |= {
        "stride 2, no pooling": {"stride": 2, "pool": False},
        "valid": {"padding": "valid"},
        "64 filters, bottleneck 16": {"filters": 64, "bottleneck": 16},
    }
    for dataset in data.CLASSES:
        for case, options in cases.items():
            yield {"dataset": dataset, "case": case, "share": 1.0}, options, None


def dropout():
    """Chances and places of dropout at two sizes of the training set, with and without batch norm and augmentation."""
    for share in (0.01, 1.0):
        for p in (0.0, 0.5):
            yield dropout_cell("fashion_mnist", share, "head", p)
            yield dropout_cell("cifar10", share, "head", p, augment=FLIP_AND_SHIFT)
        for batch_norm, chances in [(True, (0.0, 0.2, 0.5, 0.8)), (False, (0.0, 0.2, 0.5))]:
            for p in chances:
                yield dropout_cell("cifar10", share, "head", p, batch_norm)
                if p:  # without any, both places are the same run
                    yield dropout_cell("cifar10", share, "maps", p, batch_norm)


def dropout_cell(dataset, share, place, p, batch_norm=True, augment=None):
    options = {"dropout" if place == "head" else "map_dropout": p, "batch_norm": batch_norm}
    named = {"case": f"{place} {p}", "batch_norm": batch_norm, "augmented": augment is not None}
    return {"dataset": dataset, "share": share, **named}, options, augment


STUDIES = {study.__name__: study for study in (augmentation, hyperparameters, dropout)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("studies", nargs="*", metavar="study", help=f"{', '.join(STUDIES)} (default: all)")
    parser.add_argument("--seeds", type=int, default=5)
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
    for seed in range(options.seeds):
        for cell, network, augment in STUDIES[study]():
            wanted = options.only in (None, cell["dataset"]) and (not options.cases or cell["case"] in options.cases)
            wanted &= seed < 3 or (cell["dataset"], cell["case"]) not in SLOW
            if wanted and (cell, seed) not in done:
                runs.append(one_run(cell, network, augment, seed, options.source))
                save(study, runs, options, path)
    print_table(study, runs)


BESIDE_THE_CELL = (
    "options", "seed", "parameters", "multiply_adds", "seconds", "train_accuracy", "valid_accuracy", "test_accuracy",
)  # fmt: skip


def cell_of(run):
    """What makes runs comparable: all fields but the network's options, the seed and what was measured."""
    return {field: value for field, value in run.items() if field not in BESIDE_THE_CELL}


def one_run(cell, network, augment, seed, source):
    sets = {split: quietly_loaded(cell["dataset"], split, source) for split in data.SPLITS}
    few = part_of(sets["train"], cell["share"], seed)
    torch.manual_seed(seed)
    model = models.plain_cnn(few.images.shape[1], **network)
    epochs = max(1, round(EPOCHS * cell.get("longer", 1) / cell["share"]))
    glance = replace(sets["valid"], images=sets["valid"].images[:100], labels=sets["valid"].labels[:100])
    settings = {name: RECIPE[name] for name in ("lr", "optimizer", "schedule")}
    settings["batch_size"] = min(RECIPE["batch_size"], len(few))
    # validating on more after every epoch would take longer than the epochs of a small set
    history = train.fit(model, few, glance, **settings, epochs=epochs, augment=augment, seed=seed)
    seen = replace(few, images=few.images[:5_000], labels=few.labels[:5_000])
    accuracy = {
        f"{name}_accuracy": train.evaluate(model, images).accuracy
        for name, images in [("train", seen), ("valid", sets["valid"]), ("test", sets["test"])]
    }
    trace = arithmetic.trace_shapes(model, tuple(few.images.shape[1:]))
    print(*cell.values(), f"seed {seed}:", *(f"{name} {100 * a:.1f}" for name, a in accuracy.items()), flush=True)
    return cell | {
        "options": network, "seed": seed, "parameters": models.count_parameters(model),
        "multiply_adds": sum(layer.multiply_adds for layer in trace), "seconds": round(sum(history.seconds), 2),
        **{name: round(a, 4) for name, a in accuracy.items()},
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
    """Write all runs, one a line, so that a change of the file can be read."""
    head = {
        "command": f"python benchmarks/ablations.py {study} --seeds {options.seeds} --threads {options.threads}",
        "date": date.today().isoformat(), "source": options.source, "hardware": machine.hardware(),
        "torch": torch.__version__, "recipe": RECIPE, "seeds": sorted({run["seed"] for run in runs}),
    }  # fmt: skip
    lines = ",\n".join(f"  {json.dumps(run)}" for run in runs)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(json.dumps(head, indent=1)[:-2] + ',\n "runs": [\n' + lines + "\n ]\n}\n", encoding="utf-8")
    temporary.replace(path)


def print_table(study, runs):
    print(f"\n{study}: test accuracy, mean ± standard deviation over the seeds")
    cells = {json.dumps(cell_of(run)): cell_of(run) for run in runs}
    for cell in cells.values():
        found = results.summary([run for run in runs if cell_of(run) == cell])
        print(*cell.values(), f"{100 * found.mean:.2f} ± {100 * found.sd:.2f} % ({found.seeds} seeds)")


if __name__ == "__main__":
    main()
