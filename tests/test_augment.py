"""Shifts of whole batches, and the networks of the shift curve."""

import pytest
import torch

from helpers import augment, models

IMAGE = torch.arange(1, 13, dtype=torch.uint8).view(1, 3, 4)


def test_shift_moves_fills_with_0_and_loses_what_leaves():
    assert augment.shift(IMAGE, 1).tolist() == [[[0, 1, 2, 3], [0, 5, 6, 7], [0, 9, 10, 11]]]
    assert augment.shift(IMAGE, -2).tolist() == [[[3, 4, 0, 0], [7, 8, 0, 0], [11, 12, 0, 0]]]
    assert augment.shift(IMAGE, 0, down=2).tolist() == [[[0, 0, 0, 0], [0, 0, 0, 0], [1, 2, 3, 4]]]
    assert augment.shift(IMAGE, -1, down=-1).tolist() == [[[6, 7, 8, 0], [10, 11, 12, 0], [0, 0, 0, 0]]]
    assert torch.equal(augment.shift(IMAGE, 0), IMAGE)


@pytest.mark.parametrize(("right", "down", "says"), [(4, 0, "right must be .* -3 and 3; got 4"), (0, -3, "down must be"),
                                                     (0.5, 0, "got 0.5"), (True, 0, "got True")])  # fmt: skip
def test_a_shift_out_of_the_picture_is_refused(right, down, says):
    with pytest.raises(ValueError, match=says):
        augment.shift(IMAGE, right, down)


def test_random_shift_moves_each_picture_by_its_own_shift_within_the_range():
    batch = torch.zeros(400, 2, 9, 9, dtype=torch.uint8)
    batch[:, 0, 4, 4], batch[:, 1, 4, 4] = 1, 2
    torch.manual_seed(0)
    moved = augment.random_shift(batch, 3)
    assert moved.shape == batch.shape
    assert moved.dtype == batch.dtype
    places = moved[:, 0].nonzero()
    assert torch.equal(moved[:, 1], 2 * moved[:, 0])  # channels move together
    assert len(places) == 400
    for axis in (1, 2):
        assert set(places[:, axis].tolist()) == set(range(1, 8))
    assert len({tuple(p) for p in places[:, 1:].tolist()}) == 49


def test_random_shift_by_0_changes_nothing():
    batch = torch.randint(0, 256, (5, 3, 8, 8), dtype=torch.uint8)
    assert torch.equal(augment.random_shift(batch, 0), batch)


def test_random_turn_turns_each_picture_by_quarters_of_its_own():
    batch = torch.randint(0, 256, (200, 3, 5, 5), dtype=torch.uint8)
    torch.manual_seed(0)
    turned = augment.random_turn(batch)
    quarters = [
        next(q for q in range(4) if torch.equal(after, before.rot90(q, (1, 2)))) for before, after in zip(batch, turned)
    ]
    assert all(30 < quarters.count(q) < 70 for q in range(4))


def test_random_colour_changes_colours_and_no_shape():
    batch = torch.full((50, 3, 4, 4), 100, dtype=torch.uint8)
    batch[:, 0, :2] = 160
    torch.manual_seed(0)
    changed = augment.random_colour(batch, 0.4)
    assert changed.shape == batch.shape
    assert changed.dtype == torch.uint8
    means = changed.float().mean((1, 2, 3))
    assert means.min() < 90 < 130 < means.max()
    assert (changed[:, 0, 0] > changed[:, 0, 3]).all()  # what was redder still is
    assert torch.equal(augment.random_colour(batch, 0.0), batch)
    grey = torch.randint(50, 200, (9, 1, 4, 4), dtype=torch.uint8)
    assert augment.random_colour(grey, 0.3).shape == grey.shape


@pytest.mark.parametrize(("kind", "last"), [("none", 44), ("max", 5), ("average", 5), ("blur", 5), ("global", 5)])
def test_the_networks_of_the_shift_curve_differ_only_in_how_they_condense(kind, last):
    model = models.condensing_cnn(kind)
    x = torch.randn(2, 1, 44, 44)
    assert model.base(x).shape == (2, 32, last, last)
    assert model(x).shape == (2, 10)
    assert models.count_parameters(model.base) == 8 * 9 + 16 * 8 * 9 + 32 * 16 * 9 + 2 * (8 + 16 + 32)


def test_an_unknown_way_to_condense_is_refused():
    with pytest.raises(ValueError, match="must be one of none, max, average, blur, global; got 'min'"):
        models.condensing_cnn("min")


def test_blur_is_a_weighted_mean_that_training_leaves_alone():
    layer = models.blur(3)
    assert models.count_parameters(layer) == 0
    x = torch.full((1, 3, 8, 8), 5.0)
    assert torch.allclose(layer(x), torch.full((1, 3, 4, 4), 5.0))  # also at the border
    dot = torch.zeros(1, 3, 9, 9)
    dot[0, 1, 4, 4] = 16.0
    assert layer(dot)[0, 1].max() == 4.0
    assert layer(dot)[0, 0].abs().sum() == 0  # each map alone
