"""Whole batches moved about: what training sees beside the pictures themselves."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F


def shift(images, right, down=0):
    """Move pictures (…, H, W) by whole pixels to the right and down (negative: left, up); the gap is filled with 0.

    What leaves the picture is lost.  Raises ValueError for a shift that is not a whole number or
    moves everything out of the picture.
    """
    height, width = images.shape[-2:]
    for what, by, size in [("right", right, width), ("down", down, height)]:
        if not isinstance(by, int) or isinstance(by, bool) or abs(by) >= size:
            raise ValueError(f"{what} must be a whole number between {1 - size} and {size - 1}; got {by!r}")
    moved = torch.zeros_like(images)
    moved[..., max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)] = images[
        ..., max(-down, 0) : height - max(down, 0), max(-right, 0) : width - max(right, 0)
    ]
    return moved


def random_shift(images, most, fill="zero"):
    """Move each picture of a batch (B, C, H, W) by a random whole number of pixels, −most … most on each axis.

    The gap is filled with 0 (fill="zero") or with the picture mirrored at its border (fill="reflect");
    what leaves a picture is lost.  Uses torch's global random state.
    """
    count, _, height, width = images.shape
    padded = F.pad(images, [most] * 4, mode={"zero": "constant", "reflect": "reflect"}[fill])
    every = padded.unfold(2, height, 1).unfold(3, width, 1)  # (B, C, 2·most + 1, 2·most + 1, H, W), nothing copied yet
    top, left = torch.randint(0, 2 * most + 1, (2, count), device=images.device)
    return every[torch.arange(count, device=images.device), :, top, left]


def random_flip(images):
    """Mirror each picture of a batch (B, C, H, W), left to right, with a chance of one half."""
    chosen = torch.rand(len(images), device=images.device) < 0.5
    return torch.where(chosen[:, None, None, None], images.flip(-1), images)


def cutout(images, size):
    """Blacken a square of size×size at a random place of each picture (B, C, H, W); it may reach over the border.

    DeVries & Taylor 2017, "Improved Regularization of Convolutional Neural Networks with Cutout".
    """
    count, _, height, width = images.shape
    inside = []
    for length in (height, width):
        start = torch.randint(0, length, (count, 1), device=images.device) - size // 2
        place = torch.arange(length, device=images.device)
        inside.append((place >= start) & (place < start + size))  # (B, length)
    square = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    return images.masked_fill(square, 0)


@dataclass(frozen=True)
class Augment:
    """What a recipe does to each training batch (B, C, H, W): flip, then shift by up to `shift` pixels, then cutout.

    A function with a name that can be compared: two runs with equal `Augment`s are the same run.
    Raises ValueError for a negative size.
    """

    flip: bool = False
    shift: int = 0
    cutout: int = 0

    def __post_init__(self):
        if self.shift < 0 or self.cutout < 0:
            raise ValueError(f"shift and cutout are sizes in pixels, 0 or more; got {self.shift}, {self.cutout}")

    def __call__(self, images):
        if self.flip:
            images = random_flip(images)
        if self.shift:
            images = random_shift(images, self.shift, fill="reflect")
        if self.cutout:
            images = cutout(images, self.cutout)
        return images
