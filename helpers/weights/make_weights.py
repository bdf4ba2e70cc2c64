"""Train the networks that the course carries, on the full sets, which must be under CNN_DATA_DIR (see helpers/data/).

    python helpers/weights/make_weights.py [NAME ...]       # cifar10, fashion_mnist, seven_classes; default: all

For each it writes `NAME.safetensors`, the weights in 16 bits, and `NAME.json`: what `models.trained` builds
them into, and how they came about. Widths, rates and epochs were chosen on the validation split. The test
images are asked once, at the end, with the very weights that were written.
"""

import hashlib
import json
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import torch
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))

from helpers import data, models, train  # noqa: E402  (after the path that makes it importable)
from helpers.train import machine, recipes  # noqa: E402

SEED = 0
HELD_OUT = ("frog", "horse", "ship")  # never seen by the network that notebook 14 teaches these classes
LARGER = {"options": recipes.find("cifar10", "wider").options | {"widths": (64, 256, 256)}, "epochs": 20, "lr": 0.12}
RECIPES = {
    "cifar10": replace(recipes.find("cifar10", "wider"), **LARGER),
    "fashion_mnist": replace(recipes.find("fashion_mnist", "small_cnn"), epochs=10),
    "seven_classes": recipes.find("cifar10", "wider"),
}


def make(name):
    recipe, sets = RECIPES[name], sets_for(name)
    classes = sets["train"].classes
    recipe = replace(recipe, options=recipe.options | {"classes": len(classes)})
    model = recipe.build(sets["train"], SEED)
    history = train.fit(model, sets["train"], sets["valid"], **recipe.settings(), seed=SEED)
    path = HERE / f"{name}.safetensors"
    save_file({key: in_16_bits(value) for key, value in model.state_dict().items()}, path)
    model.load_state_dict({key: in_16_bits(value).to(value.dtype) for key, value in model.state_dict().items()})
    about = {
        "command": f"python helpers/weights/make_weights.py {name}", "date": date.today().isoformat(),
        "network": recipe.network.__name__, "whiten": recipe.whiten, "classes": classes,
        "options": {key: getattr(value, "__name__", value) for key, value in recipe.options.items() if key != "classes"}
        | {"channels": sets["train"].images.shape[1]}, "recipe": str(recipe), "seed": SEED, "epochs": recipe.epochs,
        "train_images": len(sets["train"]), "test_images": len(sets["test"]), "parameters": models.count_parameters(model),
        "train_accuracy": round(history.train_accuracy[-1], 4),
        "valid_accuracy": round(train.evaluate(model, sets["valid"]).accuracy, 4),
        "test_accuracy": round(train.evaluate(model, sets["test"]).accuracy, 4),
        "test_accuracy_six_views": round(train.evaluate(model, sets["test"], views=6).accuracy, 4),
        "mean": sets["train"].mean, "std": sets["train"].std,
        "hardware": machine.hardware(), "torch": torch.__version__,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }  # fmt: skip
    (HERE / f"{name}.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, {about}")


def sets_for(name):
    if name != "seven_classes":
        return {split: data.load(name, split, source="full") for split in data.SPLITS}
    kept = [c for c in data.CLASSES["cifar10"] if c not in HELD_OUT]
    return {split: data.of_classes(data.load("cifar10", split, source="full"), kept) for split in data.SPLITS}


def in_16_bits(value):
    """Half precision for what has a fraction; counts stay as they are."""
    return value.half().contiguous() if value.is_floating_point() else value


if __name__ == "__main__":
    for name in sys.argv[1:] or RECIPES:
        make(name)
