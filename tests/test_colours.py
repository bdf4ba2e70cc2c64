"""The colours of the pictures, told apart with any colour vision."""

import itertools
import re

import numpy as np
import pytest

from helpers import panels

LEAST = 20  # CIE 1976 distance; 2 is the least that is seen side by side, black and white are 100 apart
# What is left of linear red, green and blue without one kind of cone: Machado, Oliveira and Fernandes, "A physiologically-based
# model for simulation of color vision deficiency" (IEEE TVCG 2009), at full strength.
VISION = {
    "full": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_XYZ = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
WHITE = [0.95047, 1, 1.08883]


def seen(colour, vision):
    """A colour, red, green and blue from 0 to 255, as its place in CIE Lab, where distances are those that the eye sees."""
    share = np.array(colour) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    xyz = np.array(TO_XYZ) @ np.clip(np.array(VISION[vision]) @ linear, 0, 1) / WHITE
    x, y, z = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def palette(theme):
    names = ("orange", "blue", "mark", "paper", "ink")
    if theme == "light":
        return {name: getattr(panels, name.upper()) for name in names}
    codes = dict(re.findall(r"--cnn-(\w+):#(\w+)", panels.DARK))
    codes = {name: code if len(code) == 6 else "".join(2 * digit for digit in code) for name, code in codes.items()}
    return {name: tuple(bytes.fromhex(codes[name])) for name in names}


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_colours_of_pictures_keep_apart_with_any_colour_vision(theme, vision):
    places = {name: seen(colour, vision) for name, colour in palette(theme).items()}
    distances = {(a, b): np.linalg.norm(places[a] - places[b]) for a, b in itertools.combinations(places, 2)}
    close = [f"{a} and {b}: {distance:.0f}" for (a, b), distance in distances.items() if distance < LEAST]
    assert close == []
