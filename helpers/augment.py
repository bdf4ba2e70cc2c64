"""Whole batches moved about: what training sees beside the pictures themselves."""

import torch


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


def random_shift(images, most):
    """Move each picture of a batch (B, C, H, W) by a random whole number of pixels, −most … most on each axis.

    The gap is filled with 0, and what leaves a picture is lost.  Uses torch's global random state.
    """
    count, _, height, width = images.shape
    padded = torch.nn.functional.pad(images, [most] * 4)
    top, left = torch.randint(0, 2 * most + 1, (2, count, 1), device=images.device)
    rows = (top + torch.arange(height, device=images.device))[:, :, None]  # (B, H, 1): which rows each picture takes
    columns = (left + torch.arange(width, device=images.device))[:, None, :]  # (B, 1, W)
    each = torch.arange(count, device=images.device)[:, None, None]
    return padded[each, :, rows, columns].permute(0, 3, 1, 2)
