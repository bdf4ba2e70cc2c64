"""A lab on what a network goes by: the thing in the middle, or what surrounds it."""

import torch

from helpers import checks, data, pixels
from helpers.widgets.lab import Lab, check_images, chooser, slider

MOST_SHOWN = 6  # classes beside the image, the likeliest first


def paste(middles, frames, side):
    """The images frames (N, C, H, W), the square of `side` pixels in the middle of each taken from middles, of the same shape."""
    checks.tensor("middles", middles, "(N, C, H, W)")
    checks.tensor("frames", frames, "(N, C, H, W)")
    if middles.shape != frames.shape:
        raise ValueError(
            f"middles and frames must have the same shape; got {tuple(middles.shape)} and {tuple(frames.shape)}"
        )
    height, width = frames.shape[2:]
    side = checks.whole("side", side, 0, min(height, width))
    top, left = (height - side) // 2, (width - side) // 2
    pasted = frames.clone()
    inside = (..., slice(top, top + side), slice(left, left + side))
    pasted[inside] = middles[inside]
    return pasted


def paste_lab(middles, frames, answer, zoom=6):
    """Paste the middle of one image into another, and see which of the two the network names.

    middles, frames: `ImageSet`s of equally many square images of one size, a pair each.  answer: a function from
    uint8 images (1, C, H, W) to probabilities (1, K), one for each of the K classes.
    Raises ValueError for other sets, and for an answer of another shape.
    """
    for name, images in (("middles", middles), ("frames", frames)):
        if not isinstance(images, data.ImageSet):
            raise ValueError(f"{name} must be an ImageSet, such as data.load returns; got {checks.shown(images)}")
        check_images(images.images)
    paste(middles.images, frames.images, 0)
    if not callable(answer):
        raise ValueError(f"answer must be a function from images to probabilities; got {checks.shown(answer)}")
    classes, size = frames.classes, min(frames.images.shape[2:])
    sides = list(range(0, size + 1, 2))

    def draw(pair, side):
        image = paste(middles.images[pair : pair + 1], frames.images[pair : pair + 1], side)
        shares = answer(image)
        if not isinstance(shares, torch.Tensor) or shares.shape != (1, len(classes)):
            raise ValueError(
                f"answer must give probabilities (1, {len(classes)}) for one image; it gave {checks.shown(shares)}"
            )
        likeliest = shares[0].topk(min(MOST_SHOWN, len(classes))).indices.tolist()
        best, inner = classes[likeliest[0]], classes[middles.labels[pair]]
        panels = [
            pixels.picture(image[0], zoom),
            pixels.bars([shares[0, i].item() for i in likeliest], [classes[i] for i in likeliest]),
        ]
        words = (
            f"{side}×{side} pixels of the {inner} in the image of the {classes[frames.labels[pair]]}: "
            f"the network says {best}, {100 * shares.max().item():.0f} %"
        )
        return pixels.row(panels, ["the image", "the network's answer"]), words

    controls = {"pair": slider("pair", 0, len(frames) - 1, 0), "side": chooser("side", sides, sides[len(sides) // 2])}
    twin = [{"pair": 0, "side": side} for side in (0, sides[len(sides) // 2], sides[3 * len(sides) // 4], sides[-1])]
    return Lab(draw, controls, twin)
