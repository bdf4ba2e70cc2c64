"""The ladders: for each data set, recipes from the beginner tutorial's LeNet up to the fastest that we know.

Each rung names in `change` what it does otherwise than the rung below, mostly one thing; notebooks 09 and 10 climb
them, `benchmarks/ladder.py` measures them, `python -m helpers.train --recipe NAME` runs one.
Everything was chosen on the validation split.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace

import torch
from torch import nn

from helpers import checks, models
from helpers.augment import Augment
from helpers.train.evaluation import check_image_set, normalise
from helpers.train.settings import LARGEST_SEED, Settings


@dataclass(frozen=True)
class Recipe:
    """A network and how it is trained.

    change: what differs from the rung below, in a few words, and why, where two things do.  network: one of `models`.
    options: its arguments, without channels.  whiten: set the stem by the images, see `models.whiten_stem`.
    views: of each image when it is tested, see `train.predict`.
    The rest goes to `train.fit` as it is, and is checked there.
    Raises ValueError or TypeError for fields of another kind.
    """

    change: str
    network: Callable
    options: dict = field(default_factory=dict)
    whiten: bool = False
    epochs: int = 2
    batch_size: int = 128
    lr: float = 0.01
    optimizer: str = "adamw"
    weight_decay: float = 0.0
    schedule: str = "one-cycle"
    label_smoothing: float = 0.0
    augment: Augment | None = None
    views: int = 1

    def __post_init__(self):
        if not callable(self.network):
            raise TypeError(
                f"network must be a function that makes one, as in models; got {checks.shown(self.network)}"
            )
        if not isinstance(self.options, dict):
            raise TypeError(f"options must be a dict of the network's arguments; got {checks.shown(self.options)}")
        checks.flag("whiten", self.whiten)

    def build(self, images, seed=0):
        """The network for images like these, with weights drawn by this seed; a whitened stem gets its kernels."""
        check_image_set("images", images)
        torch.manual_seed(checks.whole("seed", seed, 0, LARGEST_SEED))
        model = self.network(images.images.shape[1], **self.options)
        if self.whiten:
            some = images.images[:: max(1, len(images) // 5_000)]
            models.whiten_stem(model, normalise(some, images.mean, images.std))
        return model

    def settings(self, **changed):
        """The arguments for `train.fit`, with these changed."""
        names = [f.name for f in fields(Settings) if hasattr(self, f.name)]
        return {name: getattr(self, name) for name in names} | changed

    def __str__(self):
        """All that decides the result, on one line: what is kept beside a measured run."""
        return ", ".join(f"{name}={value}" for name, value in self._described().items())

    def differences(self, below):
        """What this recipe does otherwise than the one below: name of a setting → (its value there, here), in words.

        The learning rate is left out, since it is tuned on each rung anew; of another network, so are
        its options, which are its own.
        """
        is_same = self.network is below.network
        there, here = below._described(with_options=is_same), self._described(with_options=is_same)
        names = [name for name in dict.fromkeys([*there, *here]) if name != "lr"]
        return {name: (there.get(name), here.get(name)) for name in names if there.get(name) != here.get(name)}

    def _described(self, with_options=True):
        """Every setting, in words: what decides the result of a run."""
        options = {name: str(getattr(value, "__name__", value)) for name, value in self.options.items()}
        settings = {name: str(value) for name, value in self.settings().items()}
        return {
            "network": self.network.__name__, **(options if with_options else {}), "whiten": str(self.whiten), **settings,
            "views": str(self.views),
        }  # fmt: skip


def _ladder(first, *rungs):
    """Recipes by name, each the one before it with some fields changed.  first, rungs: (name, change, changed fields)."""
    name, change, fields = first
    ladder = {name: Recipe(change, **fields)}
    for name, change, fields in rungs:
        ladder[name] = replace(list(ladder.values())[-1], change=change, **fields)
    return ladder


TUTORIAL = {"network": models.lenet, "batch_size": 4, "lr": 0.001, "optimizer": "sgd", "schedule": "constant"}
GELU = {"activation": nn.GELU}

RECIPES = {
    "cifar10": _ladder(
        ("tutorial", "PyTorch's beginner tutorial: LeNet, 4 images a step", TUTORIAL | {"options": {"size": 32}}),
        ("batch", "128 images a step", {"batch_size": 128, "lr": 0.02}),
        ("schedule", "the rate rises, then falls", {"schedule": "one-cycle", "lr": 0.08}),
        ("adamw", "AdamW takes the steps", {"optimizer": "adamw", "lr": 0.01}),
        ("kernels", "3×3 kernels, more of them, one linear layer", {
            "network": models.small_cnn, "options": {"width": 32, "batch_norm": False}}),
        ("batch_norm", "batch norm", {"options": {"width": 32}, "lr": 0.04}),
        ("deep", "two convolutions a block", {
            "network": models.fast_cnn, "options": {"widths": (32, 64, 128)}, "lr": 0.005}),
        ("whitened", "the first layer's kernels are computed from the images", {"whiten": True, "lr": 0.01}),
        ("muon", "Muon turns the kernels; 500 images a step, since its steps cost more", {
            "optimizer": "muon", "batch_size": 500, "lr": 0.24}),
        ("falling", "the rate only falls", {"schedule": "falling"}),
        ("smoothing", "label smoothing", {"label_smoothing": 0.2}),
        ("flip", "each image is mirrored in every other epoch", {"augment": Augment(flip="alternating")}),
        ("views", "six views of each image in testing", {"views": 6}),
        ("gelu", "GELU in place of ReLU: the same with a soft bend", {"options": {"widths": (32, 64, 128)} | GELU}),
        ("longer", "five epochs", {"epochs": 5, "lr": 0.16}),
        ("shift", "each image is shifted by up to two pixels", {"augment": Augment(flip="alternating", shift=2)}),
        ("wider", "twice the maps", {"options": {"widths": (64, 128, 256)} | GELU}),
    ),
    "fashion_mnist": _ladder(
        ("tutorial", "LeNet as in PyTorch's beginner tutorial, 4 images a step", TUTORIAL),
        ("batch", "128 images a step", {"batch_size": 128, "lr": 0.04}),
        ("schedule", "the rate rises, then falls", {"schedule": "one-cycle", "lr": 0.08}),
        ("adamw", "AdamW takes the steps", {"optimizer": "adamw", "lr": 0.01}),
        ("small_cnn", "3×3 kernels, more of them, batch norm", {"network": models.small_cnn, "lr": 0.02}),
        ("deep", "two convolutions a block", {
            "network": models.fast_cnn, "options": {"widths": (32, 64, 128)}, "lr": 0.005}),
        ("whitened", "the first layer's kernels are computed from the images", {"whiten": True, "lr": 0.02}),
        ("muon", "Muon turns the kernels; 500 images a step, since its steps cost more", {
            "optimizer": "muon", "batch_size": 500, "lr": 0.12}),
        ("falling", "the rate only falls", {"schedule": "falling"}),
        ("smoothing", "label smoothing", {"label_smoothing": 0.1}),
        ("flip", "each image is mirrored in every other epoch", {"augment": Augment(flip="alternating")}),
        ("views", "six views of each image in testing", {"views": 6}),
        ("longer", "six epochs", {"epochs": 6, "lr": 0.08}),
    ),
}  # fmt: skip
DEFAULT = {"cifar10": "gelu", "fashion_mnist": "small_cnn"}  # what a run without --recipe and --target takes


def find(dataset, name):
    """The recipe of this name.  Raises ValueError, naming those that there are, for another one."""
    if not isinstance(dataset, str) or dataset not in RECIPES:
        raise ValueError(f"unknown data set {checks.shown(dataset)}: choose one of {', '.join(RECIPES)}")
    if not isinstance(name, str) or name not in RECIPES[dataset]:
        raise ValueError(
            f"unknown recipe {checks.shown(name)} for {dataset}: choose one of {', '.join(RECIPES[dataset])}"
        )
    return RECIPES[dataset][name]
