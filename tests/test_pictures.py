"""What reaches the page: painted pixels, alt text, and sliders that change the picture to the right one."""

import base64
import contextlib
import html
import io
import itertools
import re
import warnings

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from helpers import augment, models, pixels, plots, results, train, widgets
from helpers.widgets import lab as labs
from helpers.widgets import layers, live, processes
from helpers.widgets.lab import Lab, slider

VERTICAL = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
KERNELS = {"identity": torch.tensor([[0.0, 0, 0], [0, 1, 0], [0, 0, 0]]), "blur": torch.ones(3, 3) / 9, "up": VERTICAL}


def shown(page):
    """The pictures in a piece of html, as arrays, with their alt texts."""
    found = re.findall(r'<img alt="([^"]*)"[^>]*base64,([^"]+)"', page)
    return [(html.unescape(alt), np.asarray(Image.open(io.BytesIO(base64.b64decode(png))))) for alt, png in found]


def clothes_like(count):
    return torch.zeros(count, 1, 9, 9, dtype=torch.uint8)


def picture_of(lab):
    """The words that a lab shows now, and its picture as an array."""
    panel, words = lab.draw(**lab.state)
    assert lab.picture.value.startswith("".join(pixels.moving(panel, words)))
    return words, np.asarray(panel)


def contains(whole, part):
    """Whether a picture stands somewhere in another, pixel for pixel."""
    part = np.asarray(part)
    height, width = part.shape[:2]
    for top in range(whole.shape[0] - height + 1):
        for left in np.flatnonzero((whole[top, : whole.shape[1] - width + 1] == part[0, 0]).all(axis=-1)):
            if np.array_equal(whole[top : top + height, left : left + width], part):
                return True
    return False


# ---- pixels --------------------------------------------------------------------------------


def test_a_picture_is_enlarged_square_by_square():
    image = torch.tensor([[[0, 255], [100, 7]]], dtype=torch.uint8)
    painted = np.asarray(pixels.picture(image, zoom=3))
    side = 3 * pixels.DENSITY
    assert painted.shape == (2 * side, 2 * side, 3)
    assert (painted[side:, :side] == 100).all()
    assert (painted[:side, side:] == 255).all()


def test_what_moves_carries_the_colours_of_its_pixels():
    image = torch.tensor([[[0, 255]], [[10, 20]], [[30, 7]]], dtype=torch.uint8)
    png = re.search(r"base64,([^\"]+)", "".join(pixels.picture(image, zoom=3).html()))[1]
    pixels_there = np.asarray(Image.open(io.BytesIO(base64.b64decode(png))))
    assert pixels_there.tolist() == [[[0, 10, 30], [255, 20, 7]]]


def test_a_feature_map_is_orange_above_0_blue_below_white_at_0():
    painted = np.asarray(pixels.feature_map(torch.tensor([[2.0, 0.0, -2.0]]), zoom=10))
    left, middle, right = (painted[10, x] for x in (10, 30, 50))
    assert tuple(left) == pixels.ORANGE
    assert tuple(middle) == pixels.PAPER
    assert tuple(right) == pixels.BLUE


def test_padding_is_pale_blue_and_dropped_rows_are_struck_out():
    grid = torch.zeros(4, 4)
    painted = np.asarray(pixels.number_grid(grid, padding=1, dropped=(1, 0), blank=True))
    side = 34 * pixels.DENSITY
    corner, inside = (painted[y + 6, x + 10] for y, x in [(0, 0), (side, side)])
    assert tuple(corner) == pixels.PALE
    assert tuple(inside) != pixels.PALE
    assert (painted[3 * side :, side : 2 * side] == pixels.MARK).all(axis=-1).any()
    assert not (painted[: 3 * side - 2] == pixels.MARK).all(axis=-1).any()


@pytest.mark.parametrize("axis", [0, 1])
def test_rows_are_struck_out_apart_from_columns(axis):
    dropped = [0, 0]
    dropped[axis] = 1
    painted = np.asarray(pixels.number_grid(torch.zeros(3, 3), 20, dropped=dropped))
    struck = (painted == pixels.MARK).all(axis=-1)
    side = 20 * pixels.DENSITY
    last = [slice(None), slice(None)]
    last[axis] = slice(2 * side - 2, None)  # lines have a width
    assert struck[tuple(last)].any()
    assert struck.sum() == struck[tuple(last)].sum()


def test_the_bar_of_the_truth_is_orange_and_the_others_are_blue():
    painted = np.asarray(pixels.bars([0.5, 0.5], ["cat", "dog"], marked=1))
    upper, lower = painted[: len(painted) // 2], painted[len(painted) // 2 :]
    for half, colour, other in [(upper, pixels.BLUE, pixels.ORANGE), (lower, pixels.ORANGE, pixels.BLUE)]:
        assert (half == colour).all(axis=-1).any()
        assert not (half == other).all(axis=-1).any()


def test_a_number_grid_frames_its_window_and_leaves_nan_empty():
    grid = torch.tensor([[1.0, 2, 3], [4, float("nan"), 6], [7, 8, 9]])
    plain = np.asarray(pixels.number_grid(grid))
    framed = np.asarray(pixels.number_grid(grid, window=(0, 1, 2, 2)))
    side = 34 * pixels.DENSITY
    assert tuple(framed[side, side + 1]) == pixels.MARK
    assert np.array_equal(plain[2 * side + 8 :, : side - 8], framed[2 * side + 8 :, : side - 8])
    assert (plain[side + 2 : 2 * side, side + 2 : 2 * side] == 255).all()


@pytest.mark.parametrize(
    ("value", "digits", "words"), [(-3, 0, "−3"), (-0.2, 0, "0"), (2.345, 2, "2.35"), (0, 1, "0.0")]
)
def test_numbers_have_a_real_minus_and_no_minus_zero(value, digits, words):
    assert pixels.number(value, digits) == words


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: pixels.picture(torch.zeros(1, 5, 5)), r"image must be uint8 .* got float32 \(1, 5, 5\)"),
        (lambda: pixels.picture(torch.zeros(2, 5, 5).byte()), r"1 or 3 channels.* got uint8 \(2, 5, 5\)"),
        (lambda: pixels.feature_map(torch.zeros(1, 5, 5)), r"values must have shape \(H, W\); got \(1, 5, 5\)"),
        (lambda: pixels.number_grid([[1]]), r"values must be a tensor or an array; got \[\[1\]\]"),
        (lambda: plots.show_pictures(torch.zeros(2, 1, 5, 5).byte(), ["one"], "x"), "2 pictures, 1 captions"),
        (lambda: plots.show_confusion(torch.zeros(3, 3), ["a", "b"]), r"matrix must be \(2, 2\).*got \(3, 3\)"),
        (
            lambda: widgets.window_lab(torch.zeros(2, 2), VERTICAL),
            r"image must have shape \(H, W\), at least 3×3; got \(2, 2\)",
        ),
        (
            lambda: widgets.window_lab(torch.zeros(7, 7), VERTICAL[:2]),
            r"a kernel must be a square tensor \(f, f\); got \(2, 3\)",
        ),
        (
            lambda: widgets.kernel_lab(torch.zeros(1, 1, 9, 9), KERNELS),
            "images must hold torch.uint8, not torch.float32",
        ),
        (
            lambda: widgets.parallel_lab(torch.zeros(1, 3, 9, 9).byte(), KERNELS),
            r"a kernel must have shape \(C, f, f\)",
        ),
        (
            lambda: widgets.loss_lab(torch.zeros(3), 5, ["a", "b", "c"]),
            "true must be a whole number from 0 to 2; got 5",
        ),
        (
            lambda: widgets.probability_lab(torch.zeros(2, 1, 9, 9).byte(), torch.zeros(2, 3), torch.zeros(2), ["a"]),
            r"probabilities must be \(N, K\) = \(2, 1\).*got \(2, 3\)",
        ),
        (
            lambda: widgets.relu_lab({"a": torch.zeros(1, 5, 5)}),
            r"a feature map must have shape \(H, W\).*got \(1, 5, 5\)",
        ),
        (lambda: widgets.pool_lab({"a": torch.zeros(5, 5)}), "at least 7×7; got"),
        (lambda: widgets.padding_lab(torch.zeros(7, 5), VERTICAL), r"image must be square .*got \(7, 5\)"),
        (lambda: widgets.shapes_lab(models.lenet(), (3, 28, 28)), "takes 1 channel, but gets 3"),
        (
            lambda: widgets.padding_lab(torch.ones(3, 3), VERTICAL, stride=4),
            "stride must be a whole number from 1 to 3",
        ),
        (
            lambda: widgets.probability_lab(clothes_like(2), torch.ones(2, 1), torch.zeros(1).long(), ["a"]),
            "labels must be one a picture: 2 pictures, 1 labels",
        ),
        (
            lambda: widgets.probability_lab(clothes_like(1), torch.ones(1, 1), torch.ones(1).long(), ["a"]),
            "labels must be from 0 to 0",
        ),
        (
            lambda: widgets.kernel_lab(clothes_like(1), {"a": torch.ones(3, 3), "b": torch.ones(5, 5)}),
            r"all kernels must have one size; got \(3, 3\), \(5, 5\)",
        ),
        (lambda: widgets.kernel_lab(clothes_like(1), {"a": torch.ones(11, 11)}), "do not fit into pictures"),
        (lambda: widgets.budget_lab({}), "rungs is empty"),
        (lambda: widgets.budget_lab({"a": 3}), r"rungs\['a'\] must be \(seconds, accuracy\); got 3"),
        (lambda: widgets.best_rung({"a": (3, 0.5)}, "soon"), "budget must be a finite number; got 'soon'"),
        (
            lambda: widgets.shift_lab(torch.zeros(3, 1, 9, 9).byte(), {"a": torch.zeros(2, 2)}, 0, ["a", "b"]),
            r"probabilities must be \(N, K\) = \(3, 2\).*got \(2, 2\)",
        ),
    ],
)
def test_wrong_shapes_are_refused_with_the_right_ones(call, says):
    with pytest.raises(ValueError, match=says):
        call()


# ---- plots ---------------------------------------------------------------------------------


def test_every_figure_reaches_the_page_with_its_alt_text_and_is_closed(clothes, monkeypatch):
    page = []
    monkeypatch.setattr(plots, "display", lambda bundle, raw: page.append(bundle))
    history = train.History([1.0, 0.5], [0.5, 0.8], [1.1, 0.6], [0.5, 0.75], [1.0, 1.0], [0.1, 0.0])
    for draw, says in [
        (lambda: plots.show_pictures(clothes.images[:2], ["a", "b"], alt='two "pictures"'), 'two "pictures"'),
        (lambda: plots.show_filtering(clothes.images[0], VERTICAL, torch.randn(26, 26), alt="edges"), "edges"),
        (history.plot, "validation from 50.0 to 75.0 %"),
        (lambda: plots.show_confusion(torch.tensor([[5, 2], [1, 9]]), ["cat", "dog"]), "2 images of cat called dog"),
    ]:
        draw()
        output = page.pop()
        assert says in output["text/plain"]
        ((alt, array),) = shown(output["text/html"])
        assert alt == output["text/plain"]
        assert array.std() > 0
    assert plt.get_fignums() == []


def test_a_figure_without_alt_text_is_refused_and_closed():
    for alt in (" ", None, 3):
        with pytest.raises(ValueError, match="alt must say"):
            plots.show(pixels.text("x"), alt=alt)
        with pytest.raises(ValueError, match="alt must say"):
            plots.show(plt.figure(), alt=alt)
    assert plt.get_fignums() == []
    with pytest.raises(ValueError, match="figure must be a matplotlib figure or a painted picture; got 'x'"):
        plots.show("x", alt="an x")


# ---- the sliders ---------------------------------------------------------------------------


def test_a_value_that_a_control_cannot_take_moves_nothing(clothes):
    lab = widgets.kernel_lab(clothes.images[:3], KERNELS, zoom=2)
    before = lab.state, picture_of(lab)[0]
    with pytest.raises(ValueError, match="kernel cannot be 'nope': choose one of identity, blur, up"):
        lab.set(image=2, kernel="nope")
    with pytest.raises(ValueError, match="image cannot be 'two'"):
        lab.set(kernel="up", image="two")
    with pytest.raises(ValueError, match="no control 'size': there are kernel, image"):
        lab.set(image=2, size=1)
    assert (lab.state, picture_of(lab)[0]) == before


def test_new_labs_work_after_all_widgets_were_closed(clothes):
    widgets.size_lab()
    ipywidgets.Widget.close_all()
    lab = widgets.kernel_lab(clothes.images[:3], KERNELS, zoom=2)
    assert all(control.layout.comm is not None for control in lab.controls.values())
    lab.set(kernel="up")
    assert lab.controls["kernel"].layout.width == "420px"


def test_a_lab_whose_twin_cannot_be_drawn_is_refused_where_it_is_made():
    def draw(number):
        if number > 1:
            raise ValueError("only 0 and 1 can be drawn")
        return pixels.text(str(number)), str(number)

    with pytest.raises(ValueError, match="only 0 and 1"):
        Lab(draw, {"number": slider("number", 0, 2, 0)}, [{"number": 0}, {"number": 2}])


def test_gallery_lab_tells_a_draw_that_failed_even_if_the_last_one_did_not():
    def sometimes(image):
        if torch.initial_seed() == 2:
            raise RuntimeError("bad luck")
        return image

    images = [torch.zeros(1, 4, 4, dtype=torch.uint8)]
    lab = widgets.gallery_lab(
        images, ["black"], {"sometimes": lambda strength: sometimes, "broken": lambda strength: 1 / 0}
    )
    assert picture_of(lab)[0] == "seed 2: the transform raises RuntimeError: bad luck"
    lab.set(seed=3)
    assert picture_of(lab)[0] == "black, sometimes at strength 5, seeds 3 to 8"
    lab.set(transform="broken")
    assert "raises ZeroDivisionError: division by zero" in picture_of(lab)[0]


def test_window_lab_shows_the_sum_under_its_window():
    image = torch.arange(49.0).view(7, 7) % 10
    lab = widgets.window_lab(image, VERTICAL)
    expected = F.conv2d(image[None, None], VERTICAL[None, None])[0, 0]
    slider = lab.controls["position"]
    assert (slider.min, slider.max) == (0, 24)
    for position in (0, 7, 24):
        slider.value = position
        row, column = divmod(position, 5)
        alt, array = picture_of(lab)
        assert alt.startswith(f"row {row}, column {column}: ")
        assert alt.endswith(f"= {pixels.number(expected[row, column])}")
        limit = image.max().item()
        assert contains(array, pixels.number_grid(image, window=(row, column, 3, 3), limit=limit))
        so_far = expected.flatten().clone()
        so_far[position + 1 :] = torch.nan  # not yet computed
        grid = pixels.number_grid(
            so_far.view(5, 5), shade="signed", window=(row, column, 1, 1), limit=expected.abs().max().item()
        )
        assert contains(array, grid)


def test_what_a_hand_moves_while_a_cell_runs_follows_in_its_order_and_is_painted_once(clothes, monkeypatch):
    """JupyterLab hands such moves over on a thread of its own; `between_cells` is what comes of them there."""
    waiting = []
    monkeypatch.setattr(labs, "between_cells", waiting.append)
    for moves in itertools.permutations([("0,0", 9.0), ("kernel", "blur"), ("image", 1)]):
        alone, busy = (widgets.kernel_lab(clothes.images[:3], KERNELS, zoom=2) for _ in range(2))
        for name, value in moves:
            alone.set(**{name: value})
            busy.controls[name].value = value
        before = busy.picture.value
        while waiting:
            waiting.pop(0)()
        assert busy.state == alone.state
        assert busy.picture.value == alone.picture.value != before


def test_what_follows_a_hand_is_told_to_the_page_once_the_picture_has_been_shown(monkeypatch):
    later, told = [], []
    monkeypatch.setattr(labs, "once_shown", later.append)
    lab = widgets.padding_lab(torch.ones(7, 7), VERTICAL, padding=0)
    position = lab.controls["position"]
    position.send_state = lambda keys: told.append({keys} if isinstance(keys, str) else set(keys))
    lab.controls["stride"].value = 3
    assert position.max == 3
    assert "stop 1 of 4" in lab.picture.value
    assert told == []
    later.pop()()
    assert told == [{"max"}, {"max"}]
    told.clear()
    lab.set(stride=1, position=11)  # from code at once: a cell that trains may come next
    assert told == [
        {"max"},
        {"max", "value"},
    ]  # its end first: in the page a slider is linked to it, which stops at its own
    assert later == []


def test_a_state_that_cannot_be_drawn_takes_the_old_picture_away(clothes):
    lab = widgets.kernel_lab(clothes.images[:1], KERNELS, zoom=2)
    with pytest.raises(ValueError):
        lab.controls["0,0"].value = 1e39  # beyond what float32 holds
    assert "This cannot be drawn: " in lab.picture.value
    assert "<img" not in lab.picture.value
    lab.controls["0,0"].value = 1.0
    assert "<img" in lab.picture.value


def test_no_slider_takes_random_numbers_from_the_notebook(clothes):

    def noisy(image):
        return image + torch.randint_like(image, 9)

    network = widgets.network_lab((1, 28, 28))  # draws the weights of each network
    gallery = widgets.gallery_lab([clothes.images[0]], ["boot"], {"noise": lambda _: noisy})
    before = torch.get_rng_state()
    network.set(depth=5)
    gallery.set(strength=9)
    assert torch.equal(torch.get_rng_state(), before)


def test_kernel_lab_shows_the_map_of_the_chosen_and_of_the_edited_kernel(clothes):
    lab = widgets.kernel_lab(clothes.images[:3], KERNELS, zoom=2)
    boot = clothes.images[2].float()[None] / 255
    lab.controls["kernel"].value = "up"
    lab.controls["image"].value = 2
    alt, array = picture_of(lab)
    assert alt.startswith("up: the kernel's numbers add up to 0")
    assert contains(array, pixels.feature_map(F.conv2d(boot, VERTICAL[None, None])[0, 0], 2))

    lab.controls["1,1"].value = 5.0
    edited = VERTICAL.clone()
    edited[1, 1] = 5
    alt, array = picture_of(lab)
    assert alt.startswith("up, edited: the kernel's numbers add up to 5")
    assert contains(array, pixels.feature_map(F.conv2d(boot, edited[None, None])[0, 0], 2))

    lab.controls["kernel"].value = "blur"
    assert lab.state["1,1"] == pytest.approx(1 / 9)


def test_choosing_a_kernel_paints_once(clothes):
    lab = widgets.kernel_lab(clothes.images[:1], KERNELS, zoom=2)
    painted = []
    lab.picture.observe(painted.append, names="value")
    lab.controls["kernel"].value = "up"
    assert len(painted) == 1


def test_parallel_lab_shows_one_map_a_kernel_and_counts_parameters(photos):
    bank = {name: torch.stack([kernel] * 3) for name, kernel in KERNELS.items()}
    lab = widgets.parallel_lab(photos.images[:2], bank, zoom=1)
    maps = F.conv2d(photos.images[1].float()[None] / 255, torch.stack(list(bank.values())))[0]
    lab.set(kernels=2, image=1)
    alt, array = picture_of(lab)
    assert "2 feature maps of 30×30" in alt
    assert alt.endswith("= 56 parameters")
    assert [contains(array, pixels.feature_map(m, 1)) for m in maps] == [True, True, False]


def test_loss_lab_gives_the_cross_entropy():
    scores = torch.tensor([1.0, 2.0, -1.0])
    lab = widgets.loss_lab(scores, 1, ["cat", "dog", "frog"])
    for score in (-5, 4):
        lab.set(**{"score of dog": score})
        scores[1] = score
        expected = F.cross_entropy(scores[None], torch.tensor([1])).item()
        assert picture_of(lab)[0].endswith(f"loss {expected:.2f}")


def test_a_hopeless_score_has_a_large_loss_and_no_infinite_one():
    lab = widgets.loss_lab(torch.tensor([200.0, 0.0, 0.0]), 1, ["cat", "dog", "frog"])
    assert picture_of(lab)[0].endswith("probability 0.00 %, loss 200.00")


def test_probability_lab_names_the_answer_and_the_truth(clothes):
    shares = torch.tensor([[0.1, 0.9], [0.8, 0.2]])
    lab = widgets.probability_lab(clothes.images[:2], shares, torch.tensor([1, 1]), ["cat", "dog"])
    assert picture_of(lab)[0] == "image 0: dog, 90 % sure (right)"
    lab.set(image=1)
    alt, array = picture_of(lab)
    assert alt == "image 1: cat, 80 % sure (wrong, it is: dog)"
    assert contains(array, pixels.picture(clothes.images[1], 7))


def test_threshold_lab_counts_answers_and_right_ones(clothes):
    shares = torch.tensor([[0.1, 0.9], [0.6, 0.4], [0.3, 0.7], [0.05, 0.95]])
    lab = widgets.threshold_lab(clothes.images[:4], shares, torch.tensor([1, 1, 1, 0]), ["cat", "dog"], start=0)
    for threshold, says in [
        (0, "answers 4 of 4 images (100 %), 50.0 % right"),
        (65, "answers 3 of 4 images (75 %), 66.7 % right"),
        (99, "answers 0 of 4 images (0 %), none right"),
    ]:
        lab.set(**{"sure at least (%)": threshold})
        assert picture_of(lab)[0].endswith(says)


def test_relu_lab_sets_to_0_what_the_threshold_does_not_pass():
    values = torch.tensor([[1.0, -1.0], [0.3, 0.6]])
    lab = widgets.relu_lab({"edges": values}, zoom=10)
    for threshold, off in [(0.0, 25), (0.5, 50), (-1.5, 0), (1.0, 100)]:
        lab.set(threshold=threshold)
        alt, array = picture_of(lab)
        assert alt == f"threshold {pixels.number(threshold, 1)}: {off} % of the 4 numbers are 0 afterwards"
        assert contains(array, pixels.feature_map(F.relu(values - threshold), 10, limit=1.0))


def test_pool_lab_pools_moves_its_window_and_hatches_what_no_window_reaches():
    values = torch.randn(28, 28, generator=torch.Generator().manual_seed(0))
    lab = widgets.pool_lab({"map": values}, zoom=4)
    side, limit = 4 * pixels.DENSITY, values.abs().max().item()

    def framed(array):
        """Top, left, height and width, in squares, of what is framed on the map before pooling."""
        rows, columns = (array[:, : array.shape[1] // 3] == pixels.MARK).all(axis=2).nonzero()
        frame = 2 * pixels.DENSITY
        top, left = rows.min() + frame - origin[0], columns.min() + frame - origin[1]
        height, width = (np.ptp(places) + 1 - 2 * frame for places in (rows, columns))
        return top / side, left / side, height / side, width / side

    def holds(array, numbers):
        """Whether the map stands in the picture: all of it that no frame and no edge can cover."""
        return contains(array, np.asarray(pixels.feature_map(numbers, 4, limit))[3 * side : -2, 3 * side : -2])

    def hatched(array):
        """Which squares of the map before pooling are hatched; a line may touch a neighbour's corner."""
        squares = array[origin[0] :, origin[1] :][: 28 * side, : 28 * side].reshape(28, side, 28, side, 3)
        return (squares == layers.HATCH).all(axis=-1).sum(axis=(1, 3)) >= side

    lab.set(size=3, stride=2)
    alt, array = picture_of(lab)
    assert "rounded down = 13; 28×28 → 13×13; stop 1 of 169 keeps " in alt
    assert alt.endswith("; hatched: 55 of 784 numbers that no window reaches")
    assert holds(array, F.max_pool2d(values[None], 3, 2)[0])
    origin = (0, 0)
    origin = tuple(int(n * side) for n in framed(array)[:2])  # of the map, since its first window is framed
    assert framed(array) == (0, 0, 3, 3)
    lab.set(position=14)  # the second stop of the second row
    alt, array = picture_of(lab)
    assert framed(array) == (2, 2, 3, 3)
    assert f"stop 15 of 169 keeps {pixels.number(values[2:5, 2:5].max(), 1)}" in alt
    assert contains(array, pixels.number_grid(values[2:5, 2:5], 40, shade="signed", limit=limit, digits=1))

    lab.set(kind="average", size=2, stride=5, position=35)
    alt, array = picture_of(lab)
    assert framed(array) == (25, 25, 2, 2)
    assert f"→ 6×6; stop 36 of 36 keeps {pixels.number(values[25:27, 25:27].mean(), 1)}; hatched: 640 of 784" in alt
    lab.set(position=0)
    assert holds(picture_of(lab)[1], F.avg_pool2d(values[None], 2, 5)[0])
    reached = np.isin(np.arange(28) % 5, [0, 1])
    assert np.array_equal(hatched(array), ~np.logical_and.outer(reached, reached))

    lab.set(size=2, stride=2, position=35)
    alt, array = picture_of(lab)
    assert alt.endswith(f"stop 36 of 196 keeps {pixels.number(values[4:6, 14:16].mean(), 1)}")
    assert not hatched(array).any()
    lab.set(position=0)
    assert holds(picture_of(lab)[1], values)


def test_padding_lab_takes_an_image_of_one_stop():
    lab = widgets.padding_lab(torch.ones(3, 3), VERTICAL, padding=0)
    assert lab.controls["position"].max == 0
    assert lab.twin["text/plain"].count("stop 1 of 1") == 3


def test_budget_lab_takes_rungs_that_are_all_quick():
    lab = widgets.budget_lab({"quick": (2.0, 0.8)})
    assert picture_of(lab)[0] == "budget 5 s: quick, 80.0 % after 2 s"


def test_padding_lab_slides_over_the_padded_grid_and_keeps_its_position_in_range():
    image = torch.arange(49.0).view(7, 7) % 10
    lab = widgets.padding_lab(image, VERTICAL)
    assert lab.controls["position"].max == 48
    lab.set(position=48)
    lab.set(stride=3, padding=2)
    assert (lab.state["position"], lab.controls["position"].max) == (8, 8)
    alt, array = picture_of(lab)
    expected = F.conv2d(image[None, None], VERTICAL[None, None], stride=3, padding=2)[0, 0]
    assert alt.startswith("7 → 3: stop 9 of 9, window from row 6, column 6 of the padded grid; ")
    assert alt.endswith(f"sum {pixels.number(expected[2, 2])}; 2 rows, 2 columns dropped")
    padded = F.pad(image, [2] * 4)
    assert contains(array, pixels.number_grid(padded, 30, (6, 6, 3, 3), limit=9, padding=2, dropped=(2, 2)))
    lab.set(stride=1)
    assert lab.controls["position"].max == 80


def test_the_play_button_moves_the_position():
    lab = widgets.padding_lab(torch.ones(5, 5), VERTICAL)
    (box,) = (child for child in lab.children if isinstance(child, ipywidgets.HBox))
    position, play = box.children
    assert isinstance(play, ipywidgets.Play)
    assert play is lab.controls["position"]
    linked = {
        (link.source[1], link.target[1]) for link in lab.links if (link.source[0], link.target[0]) == (play, position)
    }
    assert linked == {("value", "value"), ("max", "max")}


def test_size_lab_puts_the_numbers_into_the_formula_and_says_what_does_not_fit():
    lab = widgets.size_lab()
    lab.set(n=10, f=3, stride=3, padding=1, dilation=2)
    alt, array = picture_of(lab)
    assert alt == "floor((10 + 2·1 − 2·(3 − 1) − 1) / 3) + 1 = floor(2.333) + 1 = 3; 10 → 3, 1 row, 1 column dropped"
    assert contains(array, pixels.number_grid(torch.full((3, 3), torch.nan), 15, (0, 0, 1, 1)))
    lab.set(n=3, f=7, padding=0, dilation=1)
    assert "more than the padded input's 3 (n=3, padding=0)" in picture_of(lab)[0]
    lab.set(n=7)
    assert picture_of(lab)[0].endswith("7 → 1, nothing dropped")


def test_shapes_lab_reveals_one_shape_after_the_other():
    model = models.lenet()
    lab = widgets.shapes_lab(model, (1, 28, 28))
    assert picture_of(lab)[0] == "1×28×28 goes into Conv2d(1, 6, kernel_size=5): what comes out?"
    lab.set(revealed=6)
    assert picture_of(lab)[0] == "16×4×4 goes into Flatten(): what comes out?"
    lab.set(revealed=12)
    assert picture_of(lab)[0] == "all 12 shapes revealed; the last is 10"


def test_shift_lab_shows_the_moved_picture_and_each_answer(clothes):
    images = torch.stack([augment.shift(clothes.images[38], by) for by in (-1, 0, 1)])
    shares = {"one": torch.eye(3), "two": torch.eye(3).flip(1)}
    lab = widgets.shift_lab(images, shares, 0, ["cat", "dog", "frog"])
    for by, says in [(-1, "1 to the left: one says cat, 100 %; two says frog, 100 %"), (0, "not moved: one says dog"),
                     (1, "1 to the right: one says frog, 100 %; two says cat")]:  # fmt: skip
        lab.set(shift=by)
        alt, array = picture_of(lab)
        assert alt.startswith(says)
        assert contains(array, pixels.picture(images[by + 1], 5))


def test_budget_lab_marks_the_best_rung_that_is_paid_for():
    rungs = {"small": (4.0, 0.5), "large": (100.0, 0.9), "slow": (110.0, 0.7)}
    lab = widgets.budget_lab(rungs, start=60)
    pictures = []
    for budget, says in [
        (5, "budget 5 s: small, 50.0 % after 4 s"),
        (60, "budget 60 s: small"),
        (120, "budget 120 s: large, 90.0 % after 100 s"),
    ]:
        lab.set(**{"budget (s)": budget})
        alt, array = picture_of(lab)
        assert alt.startswith(says)
        pictures.append(array)
    marked = [(picture == pixels.MARK).all(axis=2).any(axis=0).nonzero()[0] for picture in pictures]  # in which columns
    assert marked[0].min() == marked[1].min() < marked[2].min()  # the point in colour is "small" twice, then "large"
    assert marked[0].max() < marked[1].max() < marked[2].max()  # the line of the budget moves to the right
    assert pixels.prices(list(rungs.values()), 3).raster().getpixel((700, 40)) == pixels.SHADE
    assert widgets.best_rung(rungs, 3) is None
    with pytest.raises(ValueError, match="rungs is empty"):
        widgets.budget_lab({})


def test_processes_lab_frames_each_picture_for_its_process(clothes):
    lab = widgets.processes_lab(clothes.images[:24])
    for machines, each, says in [
        (1, 1, "1 process (--nnodes 1 --nproc-per-node 1): each learns from 24 of 24 images"),
        (1, 5, "5 processes (--nnodes 1 --nproc-per-node 5): each learns from 4 or 5 of 24 images"),
        (3, 8, "24 processes (--nnodes 3 --nproc-per-node 8): each learns from 1 of 24 images"),
        (4, 8, "32 processes (--nnodes 4 --nproc-per-node 8): each learns from 0 or 1 of 24 images"),
    ]:
        lab.set(machines=machines, **{"processes each": each})
        alt, array = picture_of(lab)
        assert alt.startswith(says)
        for i in (0, 1, 7):
            colour = processes.COLOURS[i % (machines * each) % len(processes.COLOURS)]
            assert contains(array, pixels.framed(pixels.picture(clothes.images[i], 2), colour))


def test_gallery_lab_shows_each_draw_of_the_transform_and_says_what_is_wrong_with_one(clothes, photos):
    images = [clothes.images[0], photos.images[0]]
    kinds = {
        "mirror": lambda strength: lambda x: x.flip(-1),
        "noise": lambda strength: lambda x: (x + torch.randint(0, 9 * strength, x.shape)).clamp(0, 255).to(torch.uint8),
        "cut": lambda strength: lambda x: x[..., 1:],
        "broken": lambda strength: lambda x: x.nonsense,
    }
    lab = widgets.gallery_lab(images, ["boot", "frog"], kinds)
    lab.set(image=1, transform="mirror")
    alt, array = picture_of(lab)
    assert alt.startswith("frog, mirror at strength 5, seeds 0 to 5")
    assert contains(array, pixels.picture(photos.images[0].flip(-1), 4))
    before = torch.random.get_rng_state()
    lab.set(transform="noise", seed=3)
    assert torch.equal(torch.random.get_rng_state(), before)
    one, again = picture_of(lab)[1], (lab.set(seed=4), picture_of(lab)[1])[1]
    assert not np.array_equal(one, again)
    lab.set(transform="cut")
    assert "must return what it got, torch.uint8 (3, 32, 32); it returned torch.uint8 (3, 32, 31)" in picture_of(lab)[0]
    lab.set(transform="broken")
    assert "the transform raises AttributeError" in picture_of(lab)[0]
    with pytest.raises(ValueError, match="2 images, 1 names"):
        widgets.gallery_lab(images, ["boot"], kinds)
    ours = [{"image": 1, "transform": "mirror", "strength": n} for n in (1, 2, 3)]
    still = widgets.gallery_lab(images, ["boot", "frog"], kinds, twin=ours).still()["text/html"]
    assert "frog, mirror at strength 3, seeds 0 to 5" in still


def test_network_lab_counts_the_network_and_says_what_cannot_be():
    lab = widgets.network_lab((1, 28, 28), lambda options: f"measured with {options['filters']} filters")
    model = models.plain_cnn(1)
    assert picture_of(lab)[0].startswith(f"the base network: {models.count_parameters(model):,} parameters, ")
    assert "receptive field 22×22; measured with 32 filters" in picture_of(lab)[0]
    lab.set(filters=64, bottleneck=16)
    wanted = models.count_parameters(models.plain_cnn(1, filters=64, bottleneck=16))
    assert picture_of(lab)[0].startswith(f"filters 64, bottleneck 16: {wanted:,} parameters")
    lab.set(bottleneck=0, **{"kernel size": 7}, padding="valid")
    assert (
        "this network cannot be: layer base.8 (Conv2d) cannot take an input of shape (64, 2, 2)" in picture_of(lab)[0]
    )
    lab.set(padding="same", depth=5, stride=2)
    assert "cannot be" in picture_of(lab)[0]
    with pytest.raises(ValueError, match="no control colour: there are kernel size, filters"):
        widgets.network_lab((1, 28, 28), colour=3)


@pytest.mark.parametrize("state", [{}, {"depth": 5, "bottleneck": 16}, {"stride": 2, "pool": False}], ids=str)
def test_the_lines_of_network_lab_sum_up_to_its_last_one(state, monkeypatch):
    tables = []
    paint = pixels.table
    monkeypatch.setattr(pixels, "table", lambda lines, marked=None: tables.append(lines) or paint(lines, marked))
    lab = widgets.network_lab((3, 32, 32))
    words = lab.draw(**{**lab.state, **state})[1]
    _, _, *layers, together = [line for line in tables[-1] if line.strip()]  # without the head and the input
    columns = slice(30, 42), slice(42, 57)
    for column, counted in zip(columns, re.search(r"([\d,]+) parameters, ([\d.]+) million", words).groups()):
        counts = [int(line[column].replace(",", "")) for line in (*layers, together)]
        assert sum(counts[:-1]) == counts[-1]
        assert counted in (f"{counts[-1]:,}", f"{counts[-1] / 1e6:.2f}")


def test_dropout_lab_draws_a_mask_a_step_and_none_in_eval():
    values = torch.arange(1.0, 25.0).view(4, 6)
    lab = widgets.dropout_lab(values)
    first = picture_of(lab)
    kept = int(re.search(r"(\d+) of 24 kept, times 1/\(1−0.5\) = 2.00", first[0])[1])
    assert 5 < kept < 19
    lab.set(step=1)
    assert not np.array_equal(first[1], picture_of(lab)[1])
    lab.set(step=0)
    assert np.array_equal(first[1], picture_of(lab)[1])
    lab.set(p=0.0)
    assert "24 of 24 kept, times 1/(1−0.0) = 1.00; mean 12.50 before, 12.50 after" in picture_of(lab)[0]
    lab.set(p=0.5)
    one = widgets.dropout_lab(torch.ones(4, 6))
    one.set(p=0.5)
    kept = int(re.search(r"(\d+) of 24 kept", picture_of(one)[0])[1])
    assert f"mean 1.00 before, {2 * kept / 24:.2f} after" in picture_of(one)[0]
    lab.set(p=0.8, mode="eval()")
    assert picture_of(lab)[0].startswith("eval(), p 0.8: nothing is dropped, nothing scaled; mean 12.50 before, 12.50")
    with pytest.raises(ValueError, match="start must be a finite number from 0 to 0.9; got 1.5"):
        widgets.dropout_lab(values, start=1.5)


def test_curves_are_drawn_to_scale_and_cut_at_the_top():
    def rows_of(painted, colour):
        return (np.asarray(painted) == colour).all(axis=2).any(axis=1).nonzero()[0]

    low, high = (pixels.curves([[value] * 5], ["a"], 4) for value in (1.0, 3.0))
    middle = [
        np.median(rows_of(painted, pixels.ORANGE)[rows_of(painted, pixels.ORANGE) < 360]) for painted in (low, high)
    ]
    assert middle[0] > middle[1]
    beyond, top = (pixels.curves([[value] * 5, [0.5, None, 0.5, None, 0.5]], ["a", "b"], 4) for value in (9.0, 4.0))
    assert np.array_equal(np.asarray(beyond), np.asarray(top))
    assert len(rows_of(beyond, pixels.BLUE))
    for bad in ([], [[1.0], [1.0, 2.0]], [[1.0]] * 3):
        with pytest.raises(ValueError, match="lines must be one or two lists of equal length"):
            pixels.curves(bad, ["a"] * len(bad), 4)
    with pytest.raises(ValueError, match="top must be a finite number, above 0"):
        pixels.curves([[1.0]], ["a"], 0)


def test_ward_lab_shows_what_a_test_says_of_a_patient_and_not_its_name():
    charts = results.load("clinic")["charts"]
    lab = widgets.ward_lab(charts)
    for number, (name, both) in enumerate(charts.items(), start=1):
        said = []
        for test in ("inputs", "first loss", "one batch", "gradients", "baseline"):
            lab.set(patient=number, test=test)
            said.append(picture_of(lab)[0])
            assert said[-1].startswith(f"patient {number}, {test}: ")
            assert name not in said[-1]
        assert f"mean {pixels.number(both['sick']['mean'], 2)}" in said[0]
        assert f"validation {100 * both['sick']['valid_accuracy']:.0f} %" in said[4]
    assert "convolution 1 0 and 0" in lab.draw(patient=charts_place(charts, "dead ReLUs"), test="gradients")[1]
    assert "500 of the 500" in lab.draw(patient=charts_place(charts, "leaked images"), test="inputs")[1]
    broken = {"sick": {**charts["dead ReLUs"]["sick"], "losses": [None] * 40}, "cured": charts["dead ReLUs"]["cured"]}
    assert "loss NaN at first" in widgets.ward_lab({"dead ReLUs": broken}).draw(patient=1, test="first loss")[1]
    for bad, words in [
        ({}, "one at least"),
        ({"cold": {}}, "each name in charts"),
        ({"dead ReLUs": {}}, "must hold 'sick'"),
    ]:
        with pytest.raises(ValueError, match=words):
            widgets.ward_lab(bad)
    with pytest.raises(ValueError, match="start must be a whole number from 1 to 8"):
        widgets.ward_lab(charts, start=9)


def charts_place(charts, name):
    return list(charts).index(name) + 1


def every_lab(clothes, photos):
    shares, labels = torch.full((3, 10), 0.1), clothes.labels[:3]
    small, small_layers = models.small_cnn(3, width=2), {"block 1": "base.0", "block 2": "base.1"}
    return {
        "window": widgets.window_lab(torch.ones(7, 7), VERTICAL),
        "kernel": widgets.kernel_lab(clothes.images[:3], KERNELS),
        "parallel": widgets.parallel_lab(photos.images[:3], {n: torch.stack([k] * 3) for n, k in KERNELS.items()}),
        "loss": widgets.loss_lab(torch.zeros(10), 0, clothes.classes),
        "probability": widgets.probability_lab(clothes.images[:3], shares, labels, clothes.classes),
        "threshold": widgets.threshold_lab(clothes.images[:3], shares, labels, clothes.classes),
        "relu": widgets.relu_lab({"map": torch.randn(28, 28)}),
        "pool": widgets.pool_lab({"map": torch.randn(28, 28)}),
        "processes": widgets.processes_lab(clothes.images[:24]),
        "padding": widgets.padding_lab(torch.ones(7, 7), VERTICAL),
        "size": widgets.size_lab(),
        "shapes": widgets.shapes_lab(models.lenet(), (1, 28, 28)),
        "budget": widgets.budget_lab({"small": (4.0, 0.5), "large": (100.0, 0.9)}),
        "shift": widgets.shift_lab(clothes.images[:3], {"one": shares}, 0, clothes.classes),
        "gallery": widgets.gallery_lab(
            clothes.images[:3], clothes.classes[:3], {n: lambda s: lambda x: x.flip(-1) for n in "abc"}
        ),
        "network": widgets.network_lab((3, 32, 32)),
        "dropout": widgets.dropout_lab(torch.randn(5, 5)),
        "maps": widgets.maps_lab(small, photos.images[:2], photos.mean, photos.std, small_layers),
        "field": widgets.field_lab(small, photos.images[0], photos.mean, photos.std, small_layers),
        "ward": widgets.ward_lab(results.load("clinic")["charts"]),
    }


def test_every_lab_is_shown_as_a_twin_with_alt_text_and_words_and_a_live_view(clothes, photos, monkeypatch):
    for name, lab in every_lab(clothes, photos).items():
        outputs = []
        monkeypatch.setattr(live, "display", lambda bundle, raw, outputs=outputs: outputs.append(bundle))
        lab._ipython_display_()
        twin, view = outputs
        assert view == {live.VIEW: {"version_major": 2, "version_minor": 0, "model_id": lab.model_id}}
        ((alt, array),) = shown(twin["text/html"])
        assert re.match(r"[3-5] states of the sliders: ", alt), name
        assert len(twin["text/plain"]) > 40
        assert array.shape[1] <= 1900 * pixels.DENSITY / 2  # fits a page
        (hides,) = re.findall(r"<style>#(\S+) {display: none}", lab.children[-1].value)
        assert f'<div id="{hides}">' in twin["text/html"]


def test_a_picture_is_computed_in_one_thread_and_the_notebook_keeps_its_own():
    seen = []

    def draw(n):
        seen.append(torch.get_num_threads())
        if n == 2:
            raise ValueError("two is too many")
        return pixels.text(str(n)), str(n)

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        lab = Lab(draw, {"n": slider("n", 0, 2, 0)}, [{"n": 0}])
        lab.set(n=1)
        with pytest.raises(ValueError, match="two is too many"):
            lab.set(n=2)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert set(seen) == {1}


def test_a_frame_is_as_large_as_what_it_holds_and_its_two_edges(clothes):
    painted = pixels.framed(pixels.picture(clothes.images[3], 4), pixels.BLUE, width=5)
    assert painted.size == (122, 122)
    assert painted.raster().size == (244, 244)


def test_a_still_picture_comes_along_for_print_in_the_size_of_the_page(clothes):
    painted = pixels.picture(clothes.images[3], 4)
    printed = Image.open(io.BytesIO(base64.b64decode(pixels.shown(painted.raster(), "a boot")["image/png"])))
    assert printed.size == (112, 112)
    assert np.array_equal(np.asarray(printed.convert("L"))[2::4, 2::4], clothes.images[3, 0].numpy())


def test_every_control_has_a_name_for_screen_readers(clothes, photos):
    for name, lab in every_lab(clothes, photos).items():
        for control in lab.controls.values():
            assert control.description, name


def test_a_control_that_is_not_there_is_refused_by_name():
    with pytest.raises(ValueError, match="no control 'speed': there are position"):
        widgets.window_lab(torch.ones(7, 7), VERTICAL).set(speed=3)


def test_labs_raise_no_deprecation_warning(clothes, photos):
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        warnings.filterwarnings("ignore", "The `ipykernel.comm.Comm` class")  # ipywidgets 7 itself asks for it
        every_lab(clothes, photos)


# ---- bad input -----------------------------------------------------------------------------

NUMBERS = st.sampled_from(
    [0, 1, 2, 3, 30, -1, 2.5, 0.5, float("nan"), float("inf"), True, None, "3", np.int64(2), 10**9]
)
GRIDS = st.sampled_from(
    [torch.ones(3, 3), torch.randn(4, 5), torch.zeros(8, 8, dtype=torch.uint8), torch.full((3, 3), torch.nan), [[1, 2]],
     torch.ones(0, 3), torch.ones(3), torch.ones(3, 3).to_sparse(), torch.ones(2, 2, device="meta"), np.eye(7), "map", None,
     torch.ones(9, 9).bfloat16(), torch.ones(8, 8, dtype=torch.complex64), torch.randn(8, 8, requires_grad=True).T]
)  # fmt: skip
PICTURES = st.sampled_from(
    [clothes_like(2), torch.zeros(3, 3, 9, 9, dtype=torch.uint8), torch.zeros(2, 1, 9, 9), clothes_like(0), None, "x", [],
     torch.zeros(2, 2, 9, 9, dtype=torch.uint8), torch.zeros(2, 9, 9, 1, dtype=torch.uint8).permute(0, 3, 1, 2)]
)  # fmt: skip
SHARES = st.sampled_from(
    [torch.ones(2, 3) / 3, torch.ones(3, 3), torch.randn(2, 3), torch.full((2, 3), torch.nan), None]
)
NAMES = st.sampled_from([["a", "b", "c"], ["a"], [], "abc"])
LABELS = st.sampled_from(
    [torch.tensor([0, 2]), torch.tensor([0, 3]), torch.tensor([0.0, 1.0]), torch.tensor([1]), None]
)
DICTS = st.sampled_from(
    [{}, None, [], {"a": torch.ones(3, 3)}, {"a": torch.ones(3, 3), "b": torch.ones(5, 5)}, {"a": None}, {"a": (3, 0.5)},
     {"a": torch.ones(9, 9), "b": torch.randn(9, 9)}, {"a": torch.ones(1, 3, 3)}, {"a": (3, 7)}, {"a": ("x", "y")}]
)  # fmt: skip
PANELS = st.sampled_from([[], [pixels.text("a")], [pixels.text("a"), pixels.text("b")], ["a"], None])
CALLS = [
    (pixels.picture, GRIDS, NUMBERS), (pixels.feature_map, GRIDS, NUMBERS, NUMBERS), (pixels.row, PANELS, NAMES),
    (pixels.rows, PANELS, NAMES, NUMBERS), (pixels.column, PANELS), (pixels.bars, st.one_of(GRIDS, NAMES), NAMES),
    (pixels.number_grid, GRIDS, NUMBERS), (pixels.table, NAMES), (plots.show_confusion, GRIDS, NAMES),
    (plots.show_pictures, PICTURES, NAMES, st.just("pictures")),
    (widgets.window_lab, GRIDS, GRIDS, NUMBERS), (widgets.kernel_lab, PICTURES, DICTS), (widgets.parallel_lab, PICTURES, DICTS),
    (widgets.relu_lab, DICTS, NUMBERS, NUMBERS), (widgets.pool_lab, DICTS, NUMBERS, NUMBERS),
    (widgets.padding_lab, GRIDS, GRIDS, NUMBERS, NUMBERS), (widgets.size_lab, NUMBERS, NUMBERS, NUMBERS),
    (widgets.probability_lab, PICTURES, SHARES, LABELS, NAMES, NUMBERS), (widgets.dropout_lab, GRIDS, NUMBERS),
    (widgets.threshold_lab, PICTURES, SHARES, LABELS, NAMES), (widgets.budget_lab, DICTS, NUMBERS),
    (widgets.loss_lab, GRIDS, NUMBERS, NAMES), (widgets.processes_lab, PICTURES, NUMBERS, NUMBERS),
]  # fmt: skip


@pytest.mark.parametrize(("call", "arguments"), [(c, a) for c, *a in CALLS], ids=lambda x: getattr(x, "__name__", ""))
@settings(max_examples=25, deadline=None)
@given(chosen=st.data())
def test_bad_input_is_drawn_right_or_refused_in_plain_words(call, arguments, chosen):
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", DeprecationWarning)  # of ipywidgets 7 itself, see above
        try:
            call(*(chosen.draw(argument) for argument in arguments))
        except (ValueError, TypeError) as error:
            assert re.search("must|is empty|holds .* NaN|do not fit", str(error)), error
    assert plt.get_fignums() == []
