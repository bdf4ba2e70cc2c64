"""Whole batches changed at random: each image in its own way, within its range, and the shape and dtype kept."""

from dataclasses import fields

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import augment
from helpers.augment import Augment

NUMBERS = torch.arange(200)
IMAGE = torch.arange(1, 13, dtype=torch.uint8).view(1, 3, 4)


def batch(count=200, channels=2, height=5, width=5, seed=0):
    """Random images without a 0, so that what is filled can be told from what was there."""
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(1, 256, (count, channels, height, width), generator=draw, dtype=torch.uint8)


# ---- shifts --------------------------------------------------------------------------------


def test_shift_moves_fills_with_0_and_loses_what_leaves():
    assert augment.shift(IMAGE, 1).tolist() == [[[0, 1, 2, 3], [0, 5, 6, 7], [0, 9, 10, 11]]]
    assert augment.shift(IMAGE, -2).tolist() == [[[3, 4, 0, 0], [7, 8, 0, 0], [11, 12, 0, 0]]]
    assert augment.shift(IMAGE, 0, down=2).tolist() == [[[0, 0, 0, 0], [0, 0, 0, 0], [1, 2, 3, 4]]]
    assert augment.shift(IMAGE, -1, down=-1).tolist() == [[[6, 7, 8, 0], [10, 11, 12, 0], [0, 0, 0, 0]]]
    assert torch.equal(augment.shift(IMAGE, 0), IMAGE)
    assert torch.equal(augment.shift(IMAGE[0], 1), augment.shift(IMAGE, 1)[0])


def brute_shift(images, right, down, reflect):
    """One pixel after the other: what comes from outside is 0, or mirrored at the border without the border itself."""
    height, width = images.shape[-2:]
    moved = torch.zeros_like(images)
    for row in range(height):
        for column in range(width):
            y, x = row - down, column - right
            if reflect:
                y, x = (side - 1 - abs(side - 1 - abs(place)) for place, side in ((y, height), (x, width)))
            if 0 <= y < height and 0 <= x < width:
                moved[..., row, column] = images[..., y, x]
    return moved


@pytest.mark.parametrize("fill", ["zero", "reflect"])
def test_random_shift_moves_each_image_by_its_own_shift_and_fills_the_gap(fill):
    images = batch(300, 2, 4, 5)
    torch.manual_seed(0)
    moved = augment.random_shift(images, 2, fill)
    steps = [(right, down) for right in range(-2, 3) for down in range(-2, 3)]
    each = torch.stack([brute_shift(images, *step, reflect=fill == "reflect") for step in steps])
    fits = (each == moved).flatten(2).all(dim=2)  # (steps, images); channels move together, too
    assert (fits.sum(dim=0) == 1).all()
    assert fits.any(dim=1).all()


def test_random_shift_by_0_changes_nothing():
    assert torch.equal(augment.random_shift(batch(), 0), batch())
    assert torch.equal(augment.random_shift(batch(), 0, "reflect"), batch())


def test_alternating_flip_mirrors_each_image_in_every_other_epoch():
    images, numbers = batch(), torch.arange(len(batch())) + 7
    first, second, third = (augment.alternating_flip(images, epoch, numbers) for epoch in range(3))
    assert torch.equal(first, third)
    assert torch.equal(first, second.flip(-1))
    for i, number in enumerate(numbers.tolist()):
        assert torch.equal(first[i], images[i].flip(-1) if number % 2 else images[i])


def test_an_augmentation_that_alternates_needs_to_know_the_images():
    alternating = Augment(flip="alternating")
    numbers = torch.arange(len(batch()))
    assert torch.equal(alternating(batch(), 1, numbers), augment.alternating_flip(batch(), 1, numbers))
    with pytest.raises(ValueError, match="needs the epoch and the numbers of the images, as train.fit gives them"):
        alternating(batch())


# ---- flips, turns, squares, colours --------------------------------------------------------


def test_random_flip_mirrors_half_of_the_images_left_to_right():
    torch.manual_seed(0)
    flipped = augment.random_flip(batch())
    same = torch.tensor([torch.equal(after, before) for before, after in zip(batch(), flipped)])
    mirrored = torch.tensor([torch.equal(after, before.flip(-1)) for before, after in zip(batch(), flipped)])
    assert (same ^ mirrored).all()
    assert 70 < same.sum() < 130


def test_random_turn_turns_each_image_by_quarters_of_its_own():
    torch.manual_seed(0)
    turned = augment.random_turn(batch())
    quarters = [
        next(q for q in range(4) if torch.equal(after, before.rot90(q, (1, 2))))
        for before, after in zip(batch(), turned)
    ]
    assert all(30 < quarters.count(q) < 70 for q in range(4))


@pytest.mark.parametrize("size", [1, 2, 3])
def test_cutout_blackens_one_square_of_each_image_and_nothing_else(size):
    images = batch(300, 2, 6, 7)
    torch.manual_seed(0)
    cut = augment.cutout(images, size)
    black = cut == 0
    assert torch.equal(black[:, 0], black[:, 1])
    assert torch.equal(cut[~black], images[~black])
    places = set()
    for square in black[:, 0]:
        rows, columns = square.any(dim=1).nonzero().flatten(), square.any(dim=0).nonzero().flatten()
        assert square.sum() == len(rows) * len(columns)  # a full rectangle, smaller at the border only
        for lines, length in ((rows, 6), (columns, 7)):
            at_border = lines[0] == 0 or lines[-1] == length - 1
            assert len(lines) == lines[-1] - lines[0] + 1
            assert len(lines) == size or (at_border and 1 <= len(lines) < size)
        places.add((int(rows[0]), int(columns[0])))
    assert len(places) > 20


def test_cutout_of_nothing_and_of_everything():
    assert torch.equal(augment.cutout(batch(), 0), batch())
    assert augment.cutout(batch(), 10).sum() == 0


def test_random_colour_of_one_grey_image_changes_its_brightness_alone():
    """All pixels are equal, so contrast and saturation have nothing to pull apart: v becomes v·factor."""
    torch.manual_seed(0)
    changed = augment.random_colour(torch.full((500, 3, 2, 2), 100, dtype=torch.uint8), 0.4).float()
    assert (changed == changed[:, :1, :1, :1]).all()
    factors = changed[:, 0, 0, 0] / 100
    assert 0.6 <= factors.min() < 0.65 < 1.35 < factors.max() <= 1.4
    assert factors.mean() == pytest.approx(1, abs=0.05)


def test_random_colour_changes_contrast_and_saturation_each_for_itself():
    """Half of each image is dark, half light and tinted: contrast is read off the greys, saturation off the tint."""
    images = torch.full((500, 3, 2, 2), 80, dtype=torch.uint8)
    images[:, :, 1] = torch.tensor([130, 120, 110], dtype=torch.uint8)[:, None]
    torch.manual_seed(0)
    changed = augment.random_colour(images, 0.4).float()
    brightness = changed.mean((1, 2, 3)) / 100
    grey = changed.mean(1)
    contrast = (grey[:, 1, 0] - grey[:, 0, 0]) / 40 / brightness
    saturation = (changed[:, 0, 1, 0] - changed[:, 2, 1, 0]) / 20 / brightness / contrast
    for factors in (brightness, contrast, saturation):
        assert 0.55 < factors.min() < 0.7
        assert 1.3 < factors.max() < 1.45
    together = torch.corrcoef(torch.stack([brightness, contrast, saturation]))
    assert (together - torch.eye(3)).abs().max() < 0.2  # three draws, not one for all


def test_random_colour_by_0_changes_nothing_and_stays_within_a_byte():
    images = batch(50, 3)
    assert torch.equal(augment.random_colour(images, 0), images)
    torch.manual_seed(0)
    bright = augment.random_colour(torch.full((50, 3, 2, 2), 250, dtype=torch.uint8), 1.0)
    assert (bright == 255).any()
    assert bright.min() < 120  # none has run over from 255 to 0 and back


# ---- Augment -------------------------------------------------------------------------------

ON = {"flip": True, "shift": 2, "cutout": 3, "turn": True, "colour": 0.4}
ALONE = {
    "flip": augment.random_flip,
    "shift": lambda images: augment.random_shift(images, 2, "reflect"),
    "cutout": lambda images: augment.cutout(images, 3),
    "turn": augment.random_turn,
    "colour": lambda images: augment.random_colour(images, 0.4),
}


@pytest.mark.parametrize("name", ALONE)
def test_augment_does_what_each_of_its_fields_says(name):
    torch.manual_seed(0)
    mine = Augment(**{name: ON[name]})(batch())
    torch.manual_seed(0)
    assert torch.equal(mine, ALONE[name](batch()))
    assert not torch.equal(mine, batch())


def test_augment_does_all_that_it_is_told_one_after_the_other():
    assert {field.name for field in fields(Augment)} == set(ON)
    torch.manual_seed(0)
    mine = Augment(**ON)(batch())
    torch.manual_seed(0)
    wanted = batch()
    for change in ALONE.values():
        wanted = change(wanted)
    assert torch.equal(mine, wanted)
    assert torch.equal(Augment()(batch()), batch())


def test_augments_of_the_same_kind_are_equal_in_value_and_in_words():
    numpy = Augment(flip=np.bool_(True), shift=np.int64(2), cutout=torch.tensor(3), colour=np.float64(0.4))
    assert numpy == Augment(flip=True, shift=2, cutout=3, colour=0.4)
    assert repr(numpy) == "Augment(flip=True, shift=2, cutout=3, colour=0.4)"
    assert repr(Augment(flip=True, shift=2)) != repr(Augment(flip=True, shift=1))
    assert repr(Augment()) == "Augment()"


# ---- bad input -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: augment.shift(IMAGE, 4), "right must be a whole number from -3 to 3; got 4"),
        (lambda: augment.shift(IMAGE, 0, -3), "down must be a whole number from -2 to 2; got -3"),
        (lambda: augment.shift(IMAGE, 0.5), "right must be .*; got 0.5"),
        (lambda: augment.shift(IMAGE, True), "right must be .*; got True"),
        (lambda: augment.shift(IMAGE[0, 0], 0), r"images must have shape \(…, H, W\).*; got \(4,\)"),
        (lambda: augment.shift(IMAGE.numpy(), 0), "images must be a torch tensor"),
        (lambda: augment.random_shift(batch(), 5), "most must be a whole number from 0 to 4; got 5"),
        (lambda: augment.random_shift(batch(), 5, "reflect"), "most must be a whole number from 0 to 4; got 5"),
        (lambda: augment.random_shift(batch(), -1), "most must be .*; got -1"),
        (lambda: augment.random_shift(batch(), 1, "mean"), "fill must be one of zero, reflect; got 'mean'"),
        (lambda: augment.random_shift(batch()[0], 1), r"images must have shape \(B, C, H, W\).*; got \(2, 5, 5\)"),
        (lambda: augment.random_shift(batch() > 9, 1), "images must hold whole numbers or floats, not torch.bool"),
        (lambda: augment.random_flip([1, 2]), r"images must be a torch tensor.*; got \[1, 2\]"),
        (lambda: augment.cutout(batch(), 11), "size must be a whole number from 0 to 10; got 11"),
        (lambda: augment.cutout(batch(), 2.0), "size must be .*; got 2.0"),
        (lambda: augment.random_turn(batch(width=6)), r"images must be square to be turned.*; got \(200, 2, 5, 6\)"),
        (lambda: augment.random_colour(batch() / 255), "images must hold torch.uint8, not torch.float32"),
        (lambda: augment.random_colour(batch(), 1.1), "most must be a finite number from 0 to 1; got 1.1"),
        (lambda: augment.random_colour(batch(), float("nan")), "most must be .*; got nan"),
        (lambda: Augment(shift=-1), "shift must be a whole number, 0 or more; got -1"),
        (lambda: Augment(cutout=1.5), "cutout must be .*; got 1.5"),
        (lambda: Augment(flip=1), "flip must be True or False; got 1"),
        (lambda: Augment(flip="sometimes"), "flip must be one of alternating; got 'sometimes'"),
        (lambda: augment.alternating_flip(batch(), -1, NUMBERS), "epoch must be a whole number, 0 or more; got -1"),
        (lambda: augment.alternating_flip(batch(), 0, NUMBERS[:3]), "numbers must hold one for each of the 200 images; got 3"),
        (lambda: augment.alternating_flip(batch(), 0, NUMBERS / 2), "numbers must hold torch.int64"),
        (lambda: Augment(turn="yes"), "turn must be True or False; got 'yes'"),
        (lambda: Augment(colour=2), "colour must be a finite number from 0 to 1; got 2"),
        (lambda: Augment(shift=5)(batch()), "most must be a whole number from 0 to 4; got 5"),
        (lambda: Augment(colour=0.4)(batch() / 255), "images must hold torch.uint8"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()


CHANGES = {
    "random_flip": (augment.random_flip, ()),
    "random_turn": (augment.random_turn, ()),
    "random_shift": (augment.random_shift, ("most", "fill")),
    "cutout": (augment.cutout, ("size",)),
    "random_colour": (augment.random_colour, ("most",)),
    "shift": (augment.shift, ("right", "down")),
}
SIDES = st.lists(st.integers(0, 4), min_size=1, max_size=5)
DTYPES = st.sampled_from(
    [torch.uint8, torch.int64, torch.float32, torch.float64, torch.bfloat16, torch.bool, torch.complex64, torch.uint16]
)
VALUES = st.integers(-3, 5) | st.sampled_from(
    [np.int64(1), torch.tensor(2), 0.3, float("nan"), True, None, "zero", "reflect", 10**30, [1], np.ones(3)]
)


@given(choice=st.data())
@settings(deadline=None, max_examples=300)
def test_any_images_and_numbers_give_the_same_shape_and_dtype_or_a_value_error_that_names_one(choice):
    function, names = CHANGES[choice.draw(st.sampled_from(sorted(CHANGES)))]
    shape = choice.draw(st.just((3, 2, 4, 4)) | SIDES.map(tuple))
    images = torch.ones(shape, dtype=choice.draw(DTYPES)).transpose(0, -1).contiguous().transpose(0, -1)
    arguments = [choice.draw(VALUES) for _ in names]
    try:
        changed = function(images, *arguments)
    except ValueError as error:
        assert any(name in str(error) for name in ("images", *names))
        assert len(str(error)) < 300
    else:
        assert (changed.shape, changed.dtype) == (images.shape, images.dtype)


@pytest.mark.parametrize("name", ALONE)
def test_layout_and_default_dtype_change_nothing(name):
    images = batch(50, 3)
    other = images.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0)
    torch.manual_seed(0)
    wanted = ALONE[name](images)
    torch.manual_seed(0)
    assert torch.equal(ALONE[name](other), wanted)
    torch.set_default_dtype(torch.float64)
    try:
        changed = ALONE[name](images)
    finally:
        torch.set_default_dtype(torch.float32)
    assert (changed.shape, changed.dtype) == (images.shape, torch.uint8)


def test_an_empty_batch_stays_empty():
    for change in ALONE.values():
        assert change(batch()[:0]).shape == (0, 2, 5, 5)
