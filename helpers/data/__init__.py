"""Fashion-MNIST and CIFAR-10 as uint8 tensors: the full set where it is on disk, else the embedded sample.

    from helpers import data
    train = data.load("fashion_mnist", "train")      # an ImageSet
    own = data.from_folder("my_images")              # your own: {"train", "valid", "test"} → an ImageSet

    python -m helpers.data download cifar10          # fetch a full set, once
    python -m helpers.data status                    # what is there, and what is wrong with it

Nothing here waits for a network but `download`.  The rooms behind this face: `sets` (load, splits,
statistics), `files` (where the full sets lie, and whether they are whole), `fetching` (download), `folders` (your own images).
"""

from helpers.data.fetching import download
from helpers.data.files import CLASSES, FOLDERS, SHAPES, data_dir, full_is_whole, status
from helpers.data.folders import from_folder
from helpers.data.sets import SAMPLES, SOURCES, SPLITS, ImageSet, balanced_indices, cut_sheet, load, of_classes

__all__ = [
    "CLASSES", "FOLDERS", "SAMPLES", "SHAPES", "SOURCES", "SPLITS", "ImageSet", "balanced_indices", "cut_sheet",
    "data_dir", "download", "from_folder", "full_is_whole", "load", "of_classes", "status",
]  # fmt: skip
