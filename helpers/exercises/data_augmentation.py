"""Exercises and questions of notebook 06."""

import contextlib
import functools
import inspect
import random

import numpy as np
import torch
import torch.nn.functional as F

from helpers import augment
from helpers.exercises.comparing import Wrong, count, kind, percent
from helpers.exercises.grading import Exercise, call_on_all, check_function, check_returned, sample
from helpers.exercises.questions import Choice, Question

MOST, IMAGES, ROWS, COLUMNS = 2, 60, 6, 7
UNMOVED = 0.25  # of the images, at most


def _batches():
    """Batches whose images hold no 0 and no two equal patches, so that each shift can be told from every other."""
    draw = torch.Generator().manual_seed(0)
    shape = (IMAGES, 2, ROWS, COLUMNS)
    return [torch.randint(1, 256, shape, dtype=torch.uint8, generator=draw) for _ in range(6)]


def _grade_shift_each(shift_each):
    names = ["batch", "most"]
    check_function(shift_each, names)
    batches = _batches()
    results, printed = call_on_all(shift_each, [(batch, MOST) for batch in batches], names)
    check_returned(results, printed)
    results = [_as_batch(result, batch) for result, batch in zip(results, batches)]
    found = [_shifts(batch, result) for batch, result in zip(batches, results)]
    _check_shifts(found)
    [unmoved], _ = call_on_all(shift_each, [(batches[0], 0)], names)
    if not torch.equal(_as_batch(unmoved, batches[0]), batches[0]):
        raise Wrong("Not yet. With most = 0 nothing may move: does your function use `most`?")
    return "Every shift from −2 to 2 came up, on both axes. `augment.random_shift` does it without a loop."


def _as_batch(result, batch):
    """A result as a tensor; raises `Wrong` unless it has the shape and the type of the batch that was given."""
    wanted, got = f"Not yet. A batch of shape {tuple(batch.shape)} is wanted", result
    with contextlib.suppress(TypeError, ValueError, RuntimeError):
        if isinstance(got, (list, tuple)):
            got = torch.stack([torch.as_tensor(image) for image in got])
        elif isinstance(got, np.ndarray):
            got = torch.as_tensor(got)
    if not _is_plain(got) or got.shape != batch.shape:
        raise Wrong(f"{wanted}; your function returns {kind(result)}.")
    if got.dtype != torch.uint8:
        raise Wrong(f"Not yet. The batch holds {torch.uint8} and must stay so; yours holds {got.dtype}.")
    return got


def _is_plain(result):
    """Whether a result is a tensor of numbers that can be read: not sparse, not nested, not on the meta device."""
    return (
        isinstance(result, torch.Tensor) and result.layout == torch.strided and not (result.is_nested or result.is_meta)
    )


def _shifts(batch, result):
    """(right, down) of each image; raises `Wrong` for an image that is no moved copy."""
    found = [None] * len(batch)
    for right in range(1 - COLUMNS, COLUMNS):
        for down in range(1 - ROWS, ROWS):
            for index in _equal_each(result, augment.shift(batch, right, down)).nonzero().flatten().tolist():
                found[index] = (right, down)
    if None in found:
        index = found.index(None)
        strange = [shift is None for shift in found]
        if (result[strange] == 0).all():
            raise Wrong(f"Not yet. Image {index} is black: nothing of the old one was copied into it.")
        if (result[strange] != 0).all():  # a moved copy has a gap
            raise Wrong(
                f"Not yet. Image {index} has no gap: what left it came in again on the other side, or the gap was "
                "filled with something else. The gap is 0."
            )
        raise Wrong(f"Not yet. Image {index} is not a copy that was moved as a whole: look at its numbers.")
    return found


def _check_shifts(found):
    every = [shift for batch in found for shift in batch]
    rights, downs = ({shift[axis] for shift in every} for axis in (0, 1))
    farthest = max(map(abs, rights | downs))
    if farthest == 0:
        raise Wrong("Not yet. No image was moved.")
    if farthest > MOST:
        raise Wrong(f"Not yet. With most = {MOST}, an image was moved by {count(farthest, 'pixel')}.")
    if all(len(set(batch)) == 1 for batch in found):
        raise Wrong("Not yet. All images of a batch were moved alike; draw new numbers for each image.")
    if len(downs) == 1 or len(rights) == 1:
        raise Wrong(f"Not yet. You move {'sideways' if len(downs) == 1 else 'up and down'} only; both axes are wanted.")
    if len(set(every)) <= max(len(rights), len(downs)):  # one shift decides the other
        raise Wrong("Not yet. The move to the right decides the move down; draw two numbers for each image, not one.")
    wanted = set(range(-MOST, MOST + 1))
    if rights == downs == wanted - {MOST}:
        raise Wrong(
            f"Not yet. In 360 images, shifts by −{MOST} came up, shifts by {MOST} did not. "
            "`randint(low, high)` of PyTorch and NumPy stops one before `high`."
        )
    if rights == downs == wanted - {n for n in wanted if n < 0}:
        raise Wrong("Not yet. You move to the right and down only: draw from −most to most.")
    if rights == downs == {-MOST, MOST}:
        raise Wrong("Not yet. Every image moves by −2 or 2; the numbers between them must come up, too.")
    if rights != wanted or downs != wanted:
        missing = sorted((wanted - rights) | (wanted - downs))
        shown = ", ".join(map(str, missing)).replace("-", "−")
        hint = " `int()` cuts towards 0: draw whole numbers." if missing == [-MOST, MOST] else ""
        raise Wrong(f"Not yet. In 360 images, shifts by {shown} never came up.{hint}")
    unmoved = every.count((0, 0)) / len(every)
    if unmoved > UNMOVED:
        raise Wrong(
            f"Not yet. {percent(unmoved)} of the images were not moved at all. Two numbers from −{MOST} to {MOST} are both 0 "
            "for about 4 % of them: move every image by the numbers that you draw for it."
        )
    if all(batch == found[0] for batch in found):
        raise Wrong("Not yet. Every batch is moved in the same way: is a seed set inside your function?")
    for index in range(IMAGES):
        if all(batch[index] == (0, 0) for batch in found):
            raise Wrong(
                f"Not yet. Image {index} never moved, in {len(found)} batches: does your loop reach every image?"
            )


def _equal_each(one, other):
    """bool (N,): which images of two batches are equal."""
    return (one == other).flatten(1).all(dim=1)


shift_each = Exercise(
    "shift_each",
    _grade_shift_each,
    [
        "`augment.shift(image, right, down)` moves one image; a loop does the rest.",
        "`torch.randint(-most, most + 1, (2,)).tolist()` are two whole numbers: the upper end itself is left out.",
        "Collect the moved images in a list. `torch.stack(moved)` makes a batch of it.",
    ],
    """def shift_each(batch, most):
    moved = []
    for image in batch:
        right, down = torch.randint(-most, most + 1, (2,)).tolist()
        moved.append(augment.shift(image, right, down))
    return torch.stack(moved)""",
)

CHANGES = ("shift", "mirror", "turn", "grey")
KEEPS = {
    "digits": {"shift", "grey"},
    "tomatoes": {"shift", "mirror", "turn"},
    "hands": {"shift", "turn", "grey"},
}
BREAKS = {  # what is said of a change that was taken for harmless
    ("digits", "mirror"): "A mirrored 2 is no 2 any more: at best it looks like a 5.",
    ("digits", "turn"): "A 6 that is turned by 180° is a 9.",
    ("tomatoes", "grey"): "The label is in the colour: in grey, a ripe tomato looks like a green one.",
    ("hands", "mirror"): "A mirrored left hand is a right hand.",
}
LEAVES = {  # what is said of a harmless change that was left out
    "shift": "moved by two pixels, with nothing cut off, it is the same thing at another place",
    "mirror": "a mirrored tomato is as ripe as before",
    "turn": "lying turned on the table, it is still what it was",
    "grey": "the label is in the shape, and the shape stays",
}


def _grade_keeps(answer):
    if not isinstance(answer, dict):
        raise Wrong(
            f'A dict is wanted, {{"digits": {{…}}, "tomatoes": {{…}}, "hands": {{…}}}}; you gave {kind(answer)}.'
        )
    for name in KEEPS:
        if name not in answer:
            raise Wrong(f"Not yet. {name!r} is missing from your dict.")
        words = answer[name].tolist() if isinstance(answer[name], np.ndarray) else answer[name]
        if not isinstance(words, (set, frozenset, list, tuple)):
            empty = " Write set() for a set of nothing." if words == {} else ""
            raise Wrong(
                f'Not yet. For {name!r} a set of words is wanted, such as {{"grey"}}; it is {kind(answer[name])}.{empty}'
            )
        for word in words:
            if not isinstance(word, str) or word not in CHANGES:
                raise Wrong(f"Not yet. {name!r} holds {kind(word)}, which is not one of {', '.join(CHANGES)}.")
    for name, right in KEEPS.items():
        for change in CHANGES:
            if change in answer[name] and change not in right:
                raise Wrong(f"Not yet. Take {change} out of {name}. {BREAKS[name, change]}")
    for name, right in KEEPS.items():
        for change in CHANGES:
            if change in right and change not in answer[name]:
                raise Wrong(f"Not yet. For {name} a change is missing. Think of {change}: {LEAVES[change]}.")
    return "The same change keeps one label and breaks another: ask what the label is."


keeps = Exercise(
    "keeps",
    _grade_keeps,
    [
        "Take one change at a time, and look for an image whose label it breaks. One is enough.",
        "Hold your left hand before a mirror. Then turn it. Which of the two makes a right hand?",
        "A 6 turned by 180°? A tomato without colour?",
    ],
    """keeps = {
    "digits": {"shift", "grey"},
    "tomatoes": {"shift", "mirror", "turn"},
    "hands": {"shift", "turn", "grey"},
}""",
)

VISIBLE = 2  # grey levels of 255 that an image must change by on average, to count as changed
LOOKS, APART = 8, 0.5  # different images, at least, of 64 copies of one, and by how many grey levels on average
RECOGNISED = 0.6  # of the changed images, by the judge
LOST = 0.03  # of the changed images, at most, that are no more like their own original than like another
LEVELS, OVER = 10, 0.004  # of brightness, from dark to as it is; of the pixels, at most, that run over


@functools.lru_cache
def _judge():
    """(images, labels, a function from images to classes): a quick judge of clothes that nothing has to be trained for.

    Random kernels, ReLU and means over a 3×3 grid make the features; least squares weighs them.
    It has seen mirrored and moved clothes, and it sees each image on its own scale of brightness.
    """
    seen, new = (sample("fashion_mnist", split) for split in ("train", "valid"))
    draw = torch.Generator().manual_seed(0)
    kernels = torch.randn(64, 1, 5, 5, generator=draw) / 5

    def features(images):
        x = images.float()
        x = (x - x.mean((1, 2, 3), keepdim=True)) / (x.std((1, 2, 3), keepdim=True) + 10)
        pooled = F.adaptive_avg_pool2d(F.relu(F.conv2d(x, kernels, stride=2)), 3).flatten(1)
        return F.pad(pooled, (0, 1), value=1.0)

    images, labels = seen.images[:3_000], seen.labels[:3_000]
    right, down = torch.randint(-3, 4, (2, len(images)), generator=draw).tolist()
    moved = torch.stack([augment.shift(image.flip(-1), *by) for image, by in zip(images, zip(right, down))])
    x, y = features(torch.cat([images, moved])), F.one_hot(torch.cat([labels, labels]), 10).float()
    weights = torch.linalg.solve(x.T @ x + torch.eye(x.shape[1]), x.T @ y)
    return new.images[:300], new.labels[:300], lambda batch: (features(batch) @ weights).argmax(dim=1)


def _grade_my_augment(my_augment):
    check_function(my_augment, ["batch"])
    images, labels, judge = _judge()
    copies = images[4:5].repeat(64, 1, 1, 1)
    batches = (images, images, copies, images[:1])
    results, printed = call_on_all(my_augment, [(batch,) for batch in batches], ["batch"])
    check_returned(results, printed)
    for batch, result in zip(batches, results):
        _check_type(result, batch)
    changed = (results[0].float() - images.float()).abs().mean((1, 2, 3)) >= VISIBLE
    share = changed.float().mean().item()
    if share == 0:
        raise Wrong(f"Not yet. No image changes visibly, by {VISIBLE} of 255 grey levels or more on average.")
    if torch.equal(results[0], results[1]):
        raise Wrong("Not yet. Called twice with the same batch, it gives the same images; let chance decide.")
    _check_overflow(my_augment, images[:40])
    _check_apart(my_augment, images)
    looks = _looks(results[2])
    if looks == 1:
        raise Wrong(
            "Not yet. 64 copies of one image come back alike: you draw once for the whole batch, not for each image."
        )
    if looks < LOOKS:
        raise Wrong(
            f"Not yet. 64 copies of one image become only {looks} different ones; at least {LOOKS} are wanted. Put "
            "another change to it, or let one draw from more values."
        )
    if share < 0.5:
        raise Wrong(
            f"Not yet. {percent(share)} of the images change visibly, by {VISIBLE} of 255 grey levels or more on "
            "average; at least half should."
        )
    lost = sum(_share_lost(images, result) for result in results[:2]) / 2
    if lost > LOST:
        raise Wrong(
            f"Not yet. {percent(lost)} of your images are no more like the one that they were made of than like a piece of "
            "clothing chosen at random: too little is left of them. Change less, or change fewer in this way."
        )
    names = [judge(batch) == labels for batch in (images, *results[:2])]
    before, after = names[0].float().mean().item(), torch.cat(names[1:]).float().mean().item()
    if after < RECOGNISED:
        raise Wrong(
            f"Not yet. A judge that knows mirrored and moved clothes names {percent(before)} of the unchanged images "
            f"right, and {percent(after)} of yours; {percent(RECOGNISED)} are wanted. Change less."
        )
    return (
        f"{percent(share)} of the images change, {looks} looks of one image, and the judge still names "
        f"{percent(after)} right (unchanged: {percent(before)}). Try it: give it to `train.fit` as `augment`."
    )


def _check_type(result, batch):
    """Raise `Wrong` unless a result is a tensor as `train.fit` needs it: of the batch's shape and type."""
    if isinstance(result, (list, tuple)):
        raise Wrong(
            f"Not yet. Your function returns {kind(result)}; `torch.stack(…)` makes one batch of images in a list."
        )
    if isinstance(result, np.ndarray):
        raise Wrong(f"Not yet. Your function returns {kind(result)}; `torch.from_numpy(…)` makes a tensor of it.")
    if not _is_plain(result) or result.shape != batch.shape:
        how_many = count(len(batch), "image")
        raise Wrong(
            f"Not yet. For a batch of {how_many}, shape {tuple(batch.shape)}, your function returns {kind(result)}; the "
            "same shape is wanted."
        )
    if result.dtype != torch.uint8:
        raise Wrong(
            f"Not yet. The batch holds {torch.uint8} and must stay so; yours holds {result.dtype}. End with "
            "`.round().clamp(0, 255).to(torch.uint8)`."
        )


def _check_overflow(my_augment, images):
    """Raise `Wrong` where numbers run over the ends of uint8: seen on images that grow brighter step by step.

    With the same draws, a pixel then goes one way. One that ran over jumps from one end to the other
    and goes on in its way.
    """
    brighter = [(images.float() * level / LEVELS).round().to(torch.uint8) for level in range(1, LEVELS + 1)]
    results = torch.stack([_seeded(my_augment, batch) for batch in (*brighter, brighter[-1])]).int()
    if not torch.equal(results[-1], results[-2]):
        return  # it draws from a source that is out of reach: no two calls can be compared
    steps = results[:-1].diff(dim=0)
    around = (steps + 128).remainder(256) - 128  # the shorter way, with 255 and 0 as neighbours
    one_way = ((around >= -3).all(dim=0) | (around <= 3).all(dim=0)) & (around.abs() <= 48).all(dim=0)
    over = one_way & (steps.abs() > 128).any(dim=0)  # (N, 1, rows, columns)
    if over.float().mean() > OVER:
        number, _, row, column = over.nonzero()[0].tolist()
        jump = int(steps[:, number, 0, row, column].abs().argmax())
        before, after = results[jump : jump + 2, number, 0, row, column].tolist()
        raise Wrong(
            f"Not yet. Numbers run over: where image {number} is a little brighter, a pixel of your result jumps from "
            f"{before} to {after}. In uint8, 250 + 10 is 4, and 2 − 3 is 255. Compute with `batch.float()`, and end with "
            "`.round().clamp(0, 255).to(torch.uint8)`."
        )


def _check_apart(my_augment, images):
    """Raise `Wrong` where an image's result depends on the other images of its batch."""
    half = len(images) // 2
    others = torch.cat([images[:half], images[half:].flip(0)])
    results = [_seeded(my_augment, batch)[:half].float() for batch in (images, images, others)]
    if not torch.equal(results[0], results[1]):
        return  # as above
    differs = (results[2] - results[0]).abs().mean((1, 2, 3)) > 10
    if differs.float().mean() > 0.05:
        raise Wrong(
            f"Not yet. What becomes of image {int(differs.nonzero()[0])} depends on other images of the batch: you mix "
            "or swap images, while each keeps its label. Change each image by itself."
        )


def _seeded(my_augment, batch):
    """What becomes of the batch, with the same draws at each call."""
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)
    for source in _own_sources(my_augment):
        if isinstance(source, np.random.Generator):
            source.bit_generator.state = type(source.bit_generator)(0).state
        else:
            source.manual_seed(0) if isinstance(source, torch.Generator) else source.seed(0)
    [result], _ = call_on_all(my_augment, [(batch,)], ["batch"])
    _check_type(result, batch)
    return result


def _own_sources(function):
    """The generators of random numbers that a function takes from outside."""
    if not inspect.isfunction(function):
        return []
    outside = inspect.getclosurevars(function)
    kinds = (torch.Generator, np.random.Generator, np.random.RandomState, random.Random)
    return [thing for thing in (*outside.globals.values(), *outside.nonlocals.values()) if isinstance(thing, kinds)]


def _looks(images):
    """How many of the images differ from all that were counted before."""
    flat = images.flatten(1).float()
    near = torch.cdist(flat, flat, p=1) / flat.shape[1] < APART
    counted = []
    for index in range(len(flat)):
        if not near[index, counted].any():
            counted.append(index)
    return len(counted)


def _share_lost(images, results):
    """The share of results that are no more like their original than like the median of 20 other images.

    Of images that have nothing to do with their originals, half are lost.
    """
    draw = torch.Generator().manual_seed(0)
    others = torch.randint(1, len(images), (len(images), 20), generator=draw)
    own = torch.arange(len(images))[:, None]
    compared = torch.cat([own, (own + others) % len(images)], dim=1)  # (N, 21) indices, its own original first
    originals, results = _small(images), _small(results)
    likeness = torch.maximum(_likeness(results, originals, compared), _likeness(results.flip(-1), originals, compared))
    return (likeness[:, 1:].median(dim=1).values >= likeness[:, 0]).float().mean().item()


def _small(images):
    """(N, 14, 14): in half the size, without the mean, all equally strong."""
    halved = F.avg_pool2d(images.float(), 2)[:, 0]
    centred = halved - halved.mean((1, 2), keepdim=True)
    return centred / (centred.square().sum((1, 2), keepdim=True).sqrt() + 1e-3)


def _likeness(images, originals, compared):
    """(N, M): the correlation of each image (N, 14, 14) with M originals, best of all moves by 3 and less.

    compared: (N, M) indices of the originals.  A negative is as like as the image itself.  The images
    are multiplied as waves: that gives all moves at once.  18 = 14 + 3 + 1: what leaves does not come in again.
    """
    waves = torch.fft.rfft2(images, s=(18, 18))[:, None] * torch.fft.rfft2(originals, s=(18, 18)).conj()[compared]
    moved = torch.fft.irfft2(waves, s=(18, 18)).roll((3, 3), (-2, -1))[..., :7, :7]
    return moved.abs().amax((-2, -1))


my_augment = Exercise(
    "my_augment",
    _grade_my_augment,
    [
        "Begin with what is there: `augment.random_flip(batch)`, `augment.random_shift(batch, 2)`, one after the other.",
        "A transform of `v2` draws once a call: `torch.stack([transform(image) for image in batch])`.",
        "Does the judge not know your images any more? Halve the strength of each change, then go up again.",
    ],
    """def my_augment(batch):
    batch = augment.random_flip(batch)
    batch = augment.random_shift(batch, 2)
    return augment.cutout(batch, 6)  # one of many""",
    seconds=40,
    prepare=_judge,
)

QUESTIONS = (
    Question(
        "You train on mirrored and moved images. What happens to the images of the test set?",
        (
            Choice("The same random changes, so that both sets are alike.", "Then chance has a say in the result, and you measure another task than the real one. Only training images are changed."),
            Choice("They stay as they are.", "You want to know how the network does on real images. The one common exception asks about an image and its mirror image, and takes the mean of both answers: no chance is involved.", right=True),
            Choice("More of them are made from each, for a more exact result.", "A changed copy is no new test image: it asks again what the original has asked already."),
        ),
    ),
    Question(
        "With augmentation, a network gets fewer of its training images right than without. What follows from that?",
        (
            Choice("It has become worse: it has learned less.", "It has learned less by heart. Whether it has also learned less that is of use, only images that are new to it can tell."),
            Choice("It has become better: it overfits less.", "The gap may be smaller, and yet both accuracies lower. A network that underfits has a small gap, too."),
            Choice("Nothing yet: the accuracy on new images decides.", "Changed images are harder, so a lower training accuracy is to be expected. Compare the two networks on the validation set.", right=True),
        ),
    ),
    Question(
        "Mirroring and shifts by up to 2 pixels make 50 images of one. Is that as good as 50 times the data?",
        (
            Choice("Yes: the network sees 50 different images.", "They differ in place and direction only. It is one shoe, with one sole and one pattern; a new image would bring a new shoe."),
            Choice("No: they all show the same shoe.", "They teach the network that place and direction do not matter. What other shoes look like, they cannot teach.", right=True),
            Choice("No: changed copies add nothing at all.", "A plain copy adds nothing. A changed one shows the network what it may ignore."),
        ),
    ),
)  # fmt: skip
