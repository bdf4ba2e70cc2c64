"""Make the embedded samples from the full sets, which must be under CNN_DATA_DIR (see helpers/data/).

    python helpers/samples/make_samples.py [DEST]       # default: this folder

For each set and part it writes a sheet of images (`cifar10_train.png`, losslessly packed, a
image beside the next, row by row) and `cifar10_train.json` with the image's labels and their
indices in the official file. The same full sets give the same bytes; another version of Pillow may
pack the same pixels into other bytes, so the version that packed them is in the json.
"""

import json
import sys
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))

from helpers import data  # noqa: E402  (after the path that makes it importable)
from helpers.data import files  # noqa: E402

SEED = 101
SIZES = {"fashion_mnist": {"train": 10_000, "test": 2_000}, "cifar10": {"train": 5_000, "test": 1_000}}
COLUMNS = 50


def write_sample(name, part, dest):
    images, labels = files.read_full(name, part)
    indices = data.balanced_indices(labels.numpy(), SIZES[name][part], SEED)
    sheet = join_sheet(images[indices].numpy())
    Image.fromarray(sheet).save(dest / f"{name}_{part}.png", optimize=True)
    about = {
        "set": name,
        "part": part,
        "seed": SEED,
        "pillow": PIL.__version__,
        "labels": labels[indices].tolist(),
        "indices": indices.tolist(),
    }
    (dest / f"{name}_{part}.json").write_text(json.dumps(about) + "\n", encoding="utf-8")


def join_sheet(images):
    """Lay images (N, C, H, W) on one sheet (rows·H, columns·W[, C]): the inverse of `data.cut_sheet`."""
    count, channels, height, width = images.shape
    rows = count // COLUMNS
    tiles = images.reshape(rows, COLUMNS, channels, height, width).transpose(0, 3, 1, 4, 2)
    sheet = tiles.reshape(rows * height, COLUMNS * width, channels)
    return np.ascontiguousarray(sheet[..., 0] if channels == 1 else sheet)


def main():
    dest = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    dest.mkdir(parents=True, exist_ok=True)
    for name, parts in SIZES.items():
        data.load(name, "test", source="full")  # stops here, with what to do, where the full set is not whole
        for part in parts:
            write_sample(name, part, dest)
            print(f"{dest / name}_{part}.png: {(dest / f'{name}_{part}.png').stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
