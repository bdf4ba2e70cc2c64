"""Exercises and questions of notebook 11."""

import copy

import torch
from torch import nn

from helpers.exercises.comparing import Wrong, difference, grid, is_number, kind, short
from helpers.exercises.grading import UNSOLVED, Exercise, check_function, function
from helpers.exercises.questions import Choice, Question


def _lead(maps, labels, label):
    """How far each map's largest numbers lead, on average, in images of the class."""
    peaks, mine = maps.amax(dim=(2, 3)), labels == label
    return peaks[mine].mean(dim=0) - peaks[~mine].mean(dim=0)


def _favourite(maps, labels, label):
    return _lead(maps, labels, label).argmax()


def _labelled_maps():
    """Three images and two maps to check by hand, then random ones: maps of unequal strength, classes of unequal number."""
    draw = torch.Generator().manual_seed(0)
    by_hand = torch.tensor([[[[9.0, 0]], [[4, 0]]], [[[8.0, 8]], [[1, 1]]], [[[9.0, 9]], [[1, 0]]]])
    cases = [(by_hand, torch.tensor([0, 1, 1]), 0)]
    for images, maps, side in [(6, 3, 2), (12, 5, 3), (24, 6, 4), (24, 8, 3), (40, 8, 5)]:
        labels = (3 * torch.rand(images, generator=draw) ** 2).long()
        labels[:3] = torch.arange(3)  # each class is there
        strength = 4 * torch.rand(1, maps, 1, 1, generator=draw)
        spread = torch.rand(1, maps, 1, 1, generator=draw) * torch.rand(3, maps, 1, 1, generator=draw)[labels]
        values = strength + 3 * spread * torch.rand(images, maps, side, side, generator=draw) ** 4
        cases += [(values, labels, label) for label in range(3)]
    return cases


favourite = Exercise(
    "favourite",
    function(
        _favourite,
        _labelled_maps,
        [
            (lambda m, y, c: (m[y == c].mean(dim=(0, 2, 3)) - m[y != c].mean(dim=(0, 2, 3))).argmax(),
             "You take the mean of each map; take its largest number."),
            (lambda m, y, c: m.amax(dim=(2, 3))[y == c].mean(dim=0).argmax(),
             "You look at the images of the class alone: a map that is strong in all images tells nothing of it."),
            (lambda m, y, c: m.amax(dim=(2, 3))[y == c].amax(dim=0).argmax(),
             "You take the single strongest image of the class; take the mean over its images, less that of the others."),
            (lambda m, y, c: m[y == c].amax(dim=(0, 2, 3)).sub(m[y != c].amax(dim=(0, 2, 3))).argmax(),
             "You take the largest number over all images at once; take it in each image, then the mean over images."),
            (lambda m, y, c: _lead(m, y, c).argmin(),
             "That is the map that the class excites least; you subtract the wrong way round, or take the smallest."),
            (lambda m, y, c: _lead(m, y, c).abs().argmax(),
             "You drop the sign: a map that the class silences is not its favourite."),
            (lambda m, y, c: (m.amax(dim=(2, 3))[y == c].mean(0) / m.amax(dim=(2, 3))[y != c].mean(0)).argmax(),
             "You divide the two means; subtract them."),
            (lambda m, y, c: (m.amax(dim=(2, 3))[y == c].sum(0) - m.amax(dim=(2, 3))[y != c].sum(0)).argmax(),
             "You add up over the images; take means, since the classes have unequal numbers of images."),
            (lambda m, y, c: _lead(m, y, c).max(), "That is how far the map leads; its number is wanted."),
            (lambda m, y, c: _lead(m, y, c), "Those are the leads of all maps; the number of the largest is wanted."),
            (lambda m, y, c: _lead(m, y, c).argmax() + 1, "You count the maps from 1; the first one has the number 0."),
            (lambda m, y, c: (m.amax(dim=(1, 3))[y == c].mean(0) - m.amax(dim=(1, 3))[y != c].mean(0)).argmax(),
             "You take the largest number over the wrong axes: rows and columns are axes 2 and 3."),
        ],
        praise="On another class it may name the same map: a favourite is not yet a detector.",
    ),
    [
        "`maps.amax(dim=(2, 3))` is the largest number of each map in each image, (images, maps).",
        "`mine = labels == label` is True for the images of the class; `peaks[mine]` are theirs, `peaks[~mine]` the others'.",
        "Two means over axis 0, one minus the other, and `.argmax()`.",
    ],
    """def favourite(maps, labels, label):
    peaks = maps.amax(dim=(2, 3))  # images × maps
    mine = labels == label
    lead = peaks[mine].mean(dim=0) - peaks[~mine].mean(dim=0)
    return lead.argmax()""",
)  # fmt: skip


# ---- drop ----------------------------------------------------------------------------------


def _network():
    """A small network and an image of 10×12 for it, always the same; its answers hang on single places."""
    torch.manual_seed(3)
    layers = [nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 8 * 10, 4)]
    network = nn.Sequential(*layers).eval()
    with torch.no_grad():
        network[-1].weight.mul_(4)
    return network, torch.randn(3, 10, 12)


SQUARES = [(0, 0, 4), (2, 5, 3), (6, 1, 4), (1, 7, 5), (5, 8, 2)]  # top, left, size
CLASSES = 4


@torch.no_grad()
def _share(network, image, label):
    return network(image.unsqueeze(0)).softmax(dim=1)[0, label].item()


def _covered(image, top, left, size, fill=0.0):
    copied = image.clone()
    copied[:, top : top + size, left : left + size] = fill
    return copied


def _all_but(image, top, left, size):
    return image - _covered(image, top, left, size)


def _first_channel(image, top, left, size):
    return torch.cat([_covered(image, top, left, size)[:1], image[1:]])


def _logit(network, image, label):
    with torch.no_grad():
        return network(image.unsqueeze(0))[0, label].item()


def _answer(network, image):
    with torch.no_grad():
        return network(image.unsqueeze(0)).argmax().item()


def _drop(network, image, label, top, left, size):
    return _share(network, image, label) - _share(network, _covered(image, top, left, size), label)


DROP_SLIPS = [  # (what a wrong function gives, the sentence for it)
    (lambda n, i, c, top, left, s: -_drop(n, i, c, top, left, s), "You take after minus before; a drop is before minus after."),
    (lambda n, i, c, top, left, s: _share(n, _covered(i, top, left, s), c),
     "That is the probability of the covered image; how far has it fallen?"),
    (lambda n, i, c, top, left, s: _logit(n, i, c) - _logit(n, _covered(i, top, left, s), c),
     "You compare logits; turn them into probabilities by softmax first."),
    (lambda n, i, c, top, left, s: _drop(n, i, c, left, top, s), "You mix up rows and columns: top counts rows, left columns."),
    (lambda n, i, c, top, left, s: _share(n, i, c) - _share(n, _all_but(i, top, left, s), c),
     "You keep the square and cover all the rest."),
    (lambda n, i, c, top, left, s: _drop(n, i, _answer(n, i), top, left, s),
     "You take the class that the network answers; the one in `label` is asked for."),
    (lambda n, i, c, top, left, s: _share(n, i, c) - _share(n, _first_channel(i, top, left, s), c),
     "You cover one channel only; the square goes through all of them."),
    (lambda n, i, c, top, left, s: _drop(n, i, c, top, left, s + 1), "Your square is one pixel too large: a slice ends before its second number."),
    (lambda n, i, c, top, left, s: _drop(n, i, c, top, left, s) / _share(n, i, c),
     "You give the drop as a share of what it was; the difference is wanted."),
    (lambda n, i, c, top, left, s: 100 * _drop(n, i, c, top, left, s), "You give per cent; a probability goes from 0 to 1."),
    (lambda n, i, c, top, left, s: _share(n, i, c) - _share(n, _covered(i, top, left, s, 1.0), c), "You fill the square with 1; 0 is asked for."),
    (lambda n, i, c, top, left, s: abs(_drop(n, i, c, top, left, s)),
     "You drop the sign: where the probability rises, the drop is below 0."),
]  # fmt: skip


def _grade_drop(drop):
    names = ["model", "image", "label", "top", "left", "size"]
    check_function(drop, names)
    network, image = _network()
    cases = [(label, *square) for square in SQUARES for label in range(CLASSES)]
    results = []
    for case in cases:
        lent_network, lent = copy.deepcopy(network), image.clone()
        result = drop(lent_network, lent, *case)
        if result is None:
            raise Wrong(UNSOLVED)
        if not torch.equal(lent, image):
            raise Wrong("Not yet. Your function covers the image itself, so whoever calls it has lost it: "
                        "cover a copy, `image.clone()`.")  # fmt: skip
        if not is_number(result):
            raise Wrong(f"Not yet. A single number is wanted; yours gives {kind(result)}.")
        results.append(result.detach() if isinstance(result, torch.Tensor) else result)
    rights = [_drop(network, image, *case) for case in cases]
    if all(difference(result, right, 1e-3) is None for result, right in zip(results, rights)):
        return "One such number for each place makes an occlusion map."
    for slip, words in DROP_SLIPS:
        if all(difference(got, slip(network, image, *case), 1e-3) is None for got, case in zip(results, cases)):
            raise Wrong(f"Not yet. {words}")
    case, result, right = next(
        (c, got, right) for c, got, right in zip(cases, results, rights) if difference(got, right, 1e-3) is not None
    )
    where = ", ".join(f"{name} = {value}" for name, value in zip(names[2:], case))
    raise Wrong(f"Not yet. For {where} your function's result {difference(result, right, 1e-3)}.")


drop = Exercise(
    "drop",
    _grade_drop,
    [
        "Ask twice, about `image` and about a copy of which the square is 0. The network takes a batch: `image.unsqueeze(0)`.",
        "`covered = image.clone()`, then `covered[:, top : top + size, left : left + size] = 0`.",
        "`model(batch).softmax(dim=1)[0, label]` is the probability of that class, for the first image of the batch.",
    ],
    """def drop(model, image, label, top, left, size):
    covered = image.clone()
    covered[:, top : top + size, left : left + size] = 0
    both = torch.stack([image, covered])
    with torch.no_grad():
        shares = model(both).softmax(dim=1)[:, label]
    return shares[0] - shares[1]""",
)


# ---- blind ---------------------------------------------------------------------------------

BLIND = (2, 3, 3)


def _grade_blind(answer):
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        raise Wrong(f"Not yet. A pair (maps, gradients) is wanted; you gave {kind(answer)}.")
    maps, gradients = (grid(part, BLIND, what) for part, what in zip(answer, ("Your first part", "Your second part")))
    if (maps < 0).any():
        place = (maps < 0).nonzero()[0].tolist()
        raise Wrong(f"Not yet. Your maps hold {short(maps[tuple(place)].item())} at index {place}: "
                    "behind a ReLU nothing is below 0.")  # fmt: skip
    if not maps.any():
        raise Wrong("Not yet. Your maps are 0 everywhere: so nothing speaks for the class.")
    if not gradients.any():
        raise Wrong("Not yet. Your gradients are 0 everywhere: so the maps do not matter to the class.")
    weights = gradients.mean(dim=(1, 2))
    heat = (weights.reshape(2, 1, 1) * maps).sum(dim=0).relu()
    size = (maps * gradients).abs().sum().item()
    tolerance = 1e-5 * (gradients.abs().mean() * maps.max()).item()
    if (heat > tolerance).any():
        row, column = (heat == heat.max()).nonzero()[0].tolist()
        found = ", ".join(short(weight) for weight in weights.tolist())
        raise Wrong(f"Not yet. Grad-CAM is {short(heat.max().item())} in row {row}, column {column}; it must be 0 "
                    f"everywhere. Your weights are {found}: which gradients make a mean of 0, or less?")  # fmt: skip
    speaks = (maps * gradients).sum().item()
    if abs(speaks) <= 1e-4 * size or size == 0:
        raise Wrong("Not yet. Number times gradient adds up to 0: your maps do not speak for the class. "
                    "Let the maps be large where the gradient is above 0.")  # fmt: skip
    if speaks < 0:
        raise Wrong(f"Not yet. Number times gradient adds up to {short(speaks)}, below 0: your maps speak against the "
                    "class. Let them be large where the gradient is above 0.")  # fmt: skip
    return (f"Grad-CAM is blank, and yet number times gradient adds up to {short(speaks)}: "
            "the mean over a map has hidden what its places say.")  # fmt: skip


blind = Exercise(
    "blind",
    _grade_blind,
    [
        "Grad-CAM looks at the *mean* of the gradients over a map. Which gradients that are not 0 have a mean of 0?",
        "For one map: a gradient of 8 at one place and −1 at the eight others has the mean 0.",
        "The map itself may be large just where its gradient is above 0.",
    ],
    """maps = torch.zeros(2, 3, 3)
maps[:, 1, 1] = 1
gradients = torch.full((2, 3, 3), -1.0)
gradients[:, 1, 1] = 8
blind = (maps, gradients)  # one of many""",
)

QUESTIONS = (
    Question(
        "The nine crops that excite a map most all show dogs' faces. What follows?",
        (
            Choice("Where this map is high, there is a dog.", "You have seen where it is highest, not where else it is high. Most of what excites it a little is not among the nine."),
            Choice("These crops excite it most. What else does, is still open.", "Ask, for example, how often it is high for images without a dog, and which other images would excite it.", right=True),
            Choice("The network needs this map to know dogs.", "Then its answers should suffer when you set the map to 0. That is another experiment, and the crops do not make it."),
        ),
    ),
    Question(
        "A number in a map has a receptive field of 23×23 pixels. What does that say?",
        (
            Choice("All 529 pixels influence it, each as much as the other.", "The field says what can reach it. In our images nearly all of its pixels had a gradient, but very unequal ones."),
            Choice("It recognises things of 23×23 pixels.", "It may answer to a single edge in the middle. The field is a limit, not a size."),
            Choice("No pixel outside the field can change it.", "That is all, and it holds for every image. How much the pixels inside count, the gradient says, for one image at a time.", right=True),
        ),
    ),
    Question(
        "Grad-CAM lights up the ship, and the answer is “ship”. A colleague says: so it has understood ships. And you?",
        (
            Choice("Right: it looked at the ship and not at the water.", "A place of the last maps sees nearly the whole image, water and all; and which pixels mattered says nothing of what was seen in them."),
            Choice("I cover the ship, then the water, and ask again.", "That changes the image and looks at the answer: a test that could come out otherwise. The heat alone explains nothing.", right=True),
            Choice("Wrong: such heat is the same for an untrained network.", "It is not: with new weights the heat changes. It does depend on the weights; that is necessary, and it is not enough."),
        ),
    ),
)  # fmt: skip
