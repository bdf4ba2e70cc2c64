"""Your own images: a folder with a subfolder for each class, as the three splits of a small set."""

import os
import unicodedata
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError

from helpers import checks
from helpers.data.sets import SPLITS, ImageSet, _channel_counts, _statistics

LEAST = 3  # images of a class: one each to train, to choose and to test
SHARE = 0.2  # of each class for validation, and as much for the test
SPLIT_SEED = 0
LARGEST = 1_024  # pixels of a side
NAMED = 3  # files that a line of reasons names
HIDDEN = ("__macosx", "thumbs.db", "desktop.ini", "icon\r")  # what systems leave behind, besides names with a dot
OTHER_KINDS = {
    ".heic": "HEIC, which Pillow does not read: export them as JPEG",
    ".heif": "HEIC, which Pillow does not read: export them as JPEG",
    ".svg": "drawings in SVG, which Pillow does not read: export them as PNG",
    ".mp4": "films, which Pillow does not read",
    ".mov": "films, which Pillow does not read",
}
TURNS = {  # the orientation that a camera notes (EXIF) → what sets the image upright
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
ORIENTATION = 0x0112  # its number in EXIF
WHITE = (255, 255, 255, 255)


def from_folder(path, size=32, mean=None, std=None):
    """Read a folder with a subfolder for each class; return {"train", "valid", "test"} → `ImageSet`, and say what was left out.

    path: of the folder; the subfolders' names are the classes, and folders within them belong to them.  size: each
    image is set upright, cut to the square in its middle and shrunk (or enlarged) to (3, size, size).  Of an
    animation the first frame is taken; what is transparent becomes white.
    mean, std: a number a channel, of the network that is to see the images: `models.about(name)["mean"]`.  None
    takes those of the training images.
    A fifth of each class, one image at least, is kept for validation, and as much for the test: always the same
    files.  Every file that is not taken is counted in what is printed, with the reason.
    Raises FileNotFoundError where there is no such folder, and ValueError, which says what to do, for a file,
    a folder without images or subfolders, fewer than two classes, and fewer than three images of a class.
    """
    size = checks.whole("size", size, 1, LARGEST)
    scale = _checked_scale(mean, std)
    folder = _checked_folder(path)
    found, left_out = _files(folder)
    images, noted = _read_all(found, size, left_out)
    print_left_out = _left_out_lines(left_out, noted)
    _check_classes(folder, found, images, print_left_out)
    sets = _split(folder.resolve().name or "images", images, scale)
    names = next(iter(sets.values())).classes
    counted = ", ".join(f"{name} {len(images[name])}" for name in names)
    parts = " to train, ".join(str(len(sets[split])) for split in ("train", "valid"))
    print(f"{_printable(str(path))}: {sum(map(len, images.values())):,} images of {len(names)} classes ({counted}): "
          f"{parts} to choose, {len(sets['test'])} to test (source: folder)")  # fmt: skip
    for line in print_left_out:
        print(line)
    return sets


# ---- which files ---------------------------------------------------------------------------


def _checked_scale(mean, std):
    """(mean, std) as tuples of three numbers each, or None where neither is given."""
    if mean is None and std is None:
        return None
    scale = []
    for name, values, above in (("mean", mean, None), ("std", std, 0)):
        if isinstance(values, (str, bytes, dict)) or not hasattr(values, "__len__") or len(values) != 3:
            raise ValueError(
                f"{name} must be three numbers, one a channel, as in models.about(…); got {checks.shown(values)}"
            )
        scale.append(tuple(checks.number(f"each of {name}", value, above=above) for value in values))
    return tuple(scale)


def _checked_folder(path):
    if not isinstance(path, (str, os.PathLike)) or not str(path).strip():
        raise ValueError(f"path must be that of a folder, such as 'my_images'; got {checks.shown(path)}")
    folder = Path(os.path.expanduser(path))
    if folder.is_file():
        raise ValueError(
            f"{_printable(folder)} is a file: give the folder that holds a subfolder for each class, unpacked"
        )
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {_printable(folder)}: the notebook runs in {Path.cwd()}")
    return folder


def _files(folder):
    """(name of a class → its files in order, reason → the files left out for it)."""
    left_out, found = {}, {}
    for entry in sorted(folder.iterdir()):
        if _is_hidden(entry.name):
            _leave_out(left_out, "hidden", entry)
        elif entry.is_dir():
            found.setdefault(_printable(entry.name), []).extend(_files_below(entry, left_out))
        else:
            _leave_out(left_out, "beside the subfolders, so of no class", entry)
    return {name: found[name] for name in sorted(found)}, left_out


def _files_below(folder, left_out):
    files = []
    for place, folders, names in os.walk(
        folder, onerror=lambda error: _leave_out(left_out, "a folder that may not be read", error.filename)
    ):
        for name in list(folders):
            inner = Path(place, name)
            if _is_hidden(name) or inner.is_symlink():
                folders.remove(name)
                _leave_out(left_out, "hidden" if _is_hidden(name) else "a link to a folder", inner)
        folders.sort()
        for name in sorted(names):
            if _is_hidden(name):
                _leave_out(left_out, "hidden", Path(place, name))
            else:
                files.append(Path(place, name))
    return files


def _is_hidden(name):
    return name.startswith(".") or name.casefold() in HIDDEN


def _leave_out(left_out, reason, path):
    left_out.setdefault(reason, []).append(_printable(Path(path).name))


def _printable(name):
    """A file's name in one form, whatever system wrote it: é may be one letter or two, and bytes may be no letters at all."""
    return unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", "replace"))


# ---- reading -------------------------------------------------------------------------------


def _read_all(found, size, left_out):
    """(name of a class → its images, uint8 (3, size, size), what was done to some of them, counted)."""
    images, noted, seen = {}, Counter(), {}
    for name, files in found.items():
        images[name] = []
        for file in files:
            try:
                image, remarks = read_image(file, size)
            except Unread as reason:
                _leave_out(left_out, str(reason), file)
                continue
            pixels = image.numpy().tobytes()
            if pixels in seen:
                same = "the same image again" if seen[pixels] == name else "the same image in two classes"
                _leave_out(left_out, same, file)
                continue
            seen[pixels] = name
            images[name].append(image)
            noted.update(remarks)
    return images, noted


class Unread(Exception):
    """An image file that is not taken; the message says why."""


def read_image(file, size):
    """One image file as uint8 (3, size, size), and what was done to it that one may want to know, a list of words.

    Raises Unread, which says why, for whatever is no image.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a damaged note of the camera's is no reason to leave an image out
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file) as opened:
                remarks = ["of several frames: the first of them"] if getattr(opened, "is_animated", False) else []
                return _square(opened, size), remarks
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise Unread(
            f"of more than {Image.MAX_IMAGE_PIXELS / 1e6:.0f} million pixels: make them smaller first"
        ) from None
    except UnidentifiedImageError:
        raise Unread(_why_unknown(Path(file))) from None
    except MemoryError:
        raise Unread("too large for the memory of this machine") from None
    except PermissionError:
        raise Unread("may not be read") from None
    except Unread:
        raise
    except Exception:  # of whatever kind the many readers in Pillow raise for bytes that are missing or wrong
        raise Unread("damaged or cut off") from None


def _why_unknown(file):
    if file.stat().st_size == 0:
        return "empty files"
    return OTHER_KINDS.get(file.suffix.casefold(), "no image, whatever the name says")


def _square(opened, size):
    """An opened image, upright, its middle square alone, as uint8 (3, size, size)."""
    opened.draft(
        None, (4 * size, 4 * size)
    )  # a JPEG is then read at an eighth of its size, say: quick, and little memory
    opened.load()
    turn = TURNS.get(_orientation(opened))
    image = _in_8_bits(opened)
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    box = (left, top, left + side, top + side)
    image = image.resize((size, size), Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, WHITE), image)
    image = image.convert("RGB")
    if turn is not None:
        image = image.transpose(turn)
    return torch.from_numpy(np.array(image).transpose(2, 0, 1).copy())


def _orientation(opened):
    try:
        return opened.getexif().get(ORIENTATION)
    except Exception:  # a damaged note says nothing
        return None


def _in_8_bits(image):
    """The image in one of the modes RGB, RGBA and L."""
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_scaled_to_8_bits(np.asarray(image), is_16_bits=image.mode.startswith("I;16")))
    if image.has_transparency_data:
        return image if image.mode == "RGBA" else image.convert("RGBA")
    return image if image.mode in ("RGB", "L") else image.convert("RGB")


def _scaled_to_8_bits(values, is_16_bits):
    """Grey values of 16 or 32 bits, or floats, as uint8: of 32 bits, from 0 to 1, 255 or 65,535, whichever holds them all."""
    values = values.astype(np.float64)
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > 65_535:
        raise Unread("with values outside of 0 to 65,535")
    is_share = values.max() <= 1 and (values % 1).any()
    factor = 1 / 257 if is_16_bits or values.max() > 255 else 255 if is_share else 1
    return (values * factor).round().astype(np.uint8)


# ---- what comes of them --------------------------------------------------------------------


def _left_out_lines(left_out, noted):
    """What is to be printed of the files left out, by reason, and of those that were changed: a line each at most."""
    lines = []
    if left_out:
        reasons = [f"{len(files)} {reason} ({_some(files)})" for reason, files in left_out.items()]
        lines.append(f"Left out: {'; '.join(reasons)}.")
    if noted:
        lines.append(f"Taken: {'; '.join(f'{count} {remark}' for remark, count in noted.items())}.")
    return lines


def _some(files):
    more = len(files) - NAMED
    return ", ".join(files[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _check_classes(folder, found, images, lines):
    """Raise ValueError, which says what to do, where no three sets can be made of these; drop classes without any image."""
    left = " ".join(["", *lines])
    if not found:
        beside = [entry for entry in folder.iterdir() if not _is_hidden(entry.name)]
        if beside:
            raise ValueError(
                f"{_printable(folder)} holds {len(beside)} files, but no subfolder: make one for each class, named like "
                f"it, and move the images into them, as in {_printable(folder.name)}/cat/1.jpg"
            )
        raise ValueError(f"{_printable(folder)} is empty: put a subfolder of images into it for each class")
    empty = [name for name in images if not images[name]]
    if len(empty) == len(images):
        raise ValueError(f"no image could be read in {_printable(folder)}, in the subfolders {', '.join(empty)}.{left}")
    if empty:
        raise ValueError(
            f"no image could be read in {', '.join(empty)}: put some there, or take the subfolder away.{left}"
        )
    if len(images) == 1:
        raise ValueError(
            f"{_printable(folder)} has only the one class {next(iter(images))}: there is nothing to tell it from. Add a "
            f"subfolder for each other class, if need be one named 'other'.{left}"
        )
    few = [f"{name} {len(images[name])}" for name in images if len(images[name]) < LEAST]
    if few:
        raise ValueError(
            f"each class needs {LEAST} images at least, one each to train, to choose and to test; there are too few of "
            f"{', '.join(few)}.{left}"
        )


def _split(name, images, scale):
    """Class → its images, as the three splits."""
    draw = np.random.RandomState(SPLIT_SEED)  # the legacy generator: its stream is frozen across NumPy versions
    parts = {split: ([], []) for split in SPLITS}
    for label, ones in enumerate(images.values()):
        order = draw.permutation(len(ones))
        count = max(1, round(SHARE * len(ones)))
        ends = {"test": order[:count], "valid": order[count : 2 * count], "train": order[2 * count :]}
        for split, (chosen, labels) in parts.items():
            chosen += [ones[i] for i in sorted(ends[split])]
            labels += [label] * len(ends[split])
    stacked = {split: (torch.stack(chosen), torch.tensor(labels)) for split, (chosen, labels) in parts.items()}
    mean, std = scale or _own_scale(stacked["train"][0])
    return {s: ImageSet(*stacked[s], tuple(images), name, s, "folder", mean, std) for s in SPLITS}


def _own_scale(images):
    """Mean and std of each channel; a channel that is the same everywhere is not divided by 0."""
    mean, std = _statistics(_channel_counts(images))
    return mean, tuple(value or 1.0 for value in std)
