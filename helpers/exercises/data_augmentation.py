"""Exercises and questions of notebook 06."""

import functools

import torch
import torch.nn.functional as F

from helpers import augment
from helpers.exercises.comparing import Wrong, kind
from helpers.exercises.grading import Exercise, call_on_all, check_function, sample
from helpers.exercises.questions import Choice, Question

MOST, PICTURES, ROWS, COLUMNS = 2, 60, 6, 7


def _batches():
    """Batches whose pictures hold no 0 and no two equal patches, so that each shift can be told from every other."""
    draw = torch.Generator().manual_seed(0)
    shape = (PICTURES, 2, ROWS, COLUMNS)
    return [torch.randint(1, 256, shape, dtype=torch.uint8, generator=draw) for _ in range(6)]


def _grade_shift_each(shift_each):
    names = ["batch", "most"]
    check_function(shift_each, names)
    batches = _batches()
    results, _ = call_on_all(shift_each, [(batch, MOST) for batch in batches], names)
    if all(result is None for result in results):
        raise Wrong("not solved yet")
    for result in results:
        if not isinstance(result, torch.Tensor) or result.shape != batches[0].shape:
            raise Wrong(f"Not yet. A batch of shape {tuple(batches[0].shape)} is wanted; you return {kind(result)}.")
        if result.dtype != torch.uint8:
            raise Wrong(f"Not yet. The batch was torch.uint8 and must stay so; yours is {result.dtype}.")
    found = [_shifts(batch, result) for batch, result in zip(batches, results)]
    _check_shifts(found)
    [unmoved], _ = call_on_all(shift_each, [(batches[0], 0)], names)
    if not isinstance(unmoved, torch.Tensor) or not torch.equal(unmoved, batches[0]):
        raise Wrong("Not yet. With most = 0 nothing may move.")
    return "Every shift from −2 to 2 came up, on both axes. `augment.random_shift` does it without a loop."


def _shifts(batch, result):
    """(right, down) of each picture; raises `Wrong` for a picture that is no moved copy."""
    found = [None] * len(batch)
    for right in range(1 - COLUMNS, COLUMNS):
        for down in range(1 - ROWS, ROWS):
            for index in _equal_each(result, augment.shift(batch, right, down)).nonzero().flatten().tolist():
                found[index] = (right, down)
    if None in found:
        index = found.index(None)
        strange = [shift is None for shift in found]
        if (result[strange] != 0).all():  # a moved copy has a gap
            raise Wrong(
                f"Not yet. Picture {index} has no gap: what left it came in again on the other side, or the gap was "
                "filled with something else. The gap is 0."
            )
        raise Wrong(f"Not yet. Picture {index} is not a copy that was moved as a whole: look at its numbers.")
    return found


def _check_shifts(found):
    every = [shift for batch in found for shift in batch]
    rights, downs = ({shift[axis] for shift in every} for axis in (0, 1))
    farthest = max(map(abs, rights | downs))
    if farthest == 0:
        raise Wrong("Not yet. No picture was moved.")
    if farthest > MOST:
        raise Wrong(f"Not yet. With most = {MOST}, one picture was moved by {farthest} pixels.")
    if all(len(set(batch)) == 1 for batch in found):
        raise Wrong("Not yet. All pictures of a batch were moved alike; draw new numbers for each picture.")
    if len(downs) == 1 or len(rights) == 1:
        raise Wrong(f"Not yet. You move {'sideways' if len(downs) == 1 else 'up and down'} only; both axes are wanted.")
    if all(right == down for right, down in every):
        raise Wrong("Not yet. Each picture moves as far down as to the right; draw two numbers for it, not one.")
    wanted = set(range(-MOST, MOST + 1))
    if rights == downs == wanted - {MOST}:
        raise Wrong(
            f"Not yet. In 360 pictures, shifts by −{MOST} came up, shifts by {MOST} did not. "
            "`torch.randint(low, high, …)` stops one before `high`."
        )
    if rights == downs == wanted - {n for n in wanted if n < 0}:
        raise Wrong("Not yet. You move to the right and down only: draw from −most to most.")
    if rights != wanted or downs != wanted:
        missing = sorted((wanted - rights) | (wanted - downs))
        raise Wrong(f"Not yet. In 360 pictures, shifts by {', '.join(map(str, missing))} never came up.")
    if all(batch == found[0] for batch in found):
        raise Wrong("Not yet. Every batch is moved in the same way: is a seed set inside your function?")


def _equal_each(one, other):
    """bool (N,): which pictures of two batches are equal."""
    return (one == other).flatten(1).all(dim=1)


shift_each = Exercise(
    "shift_each",
    _grade_shift_each,
    [
        "`augment.shift(picture, right, down)` moves one picture; a loop does the rest.",
        "`torch.randint(-most, most + 1, (2,)).tolist()` are two whole numbers: the upper end itself is left out.",
        "Collect the moved pictures in a list. `torch.stack(moved)` makes a batch of it.",
    ],
    """def shift_each(batch, most):
    moved = []
    for picture in batch:
        right, down = torch.randint(-most, most + 1, (2,)).tolist()
        moved.append(augment.shift(picture, right, down))
    return torch.stack(moved)""",
)

CHANGES = ("shift", "mirror", "turn", "grey")
KEEPS = {
    "digits": {"shift", "grey"},
    "tomatoes": {"shift", "mirror", "turn"},
    "hands": {"shift", "turn", "grey"},
}
BREAKS = {  # what is said of a change that was taken for harmless
    ("digits", "mirror"): "A mirrored 2 is no digit at all.",
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
        if not isinstance(answer[name], (set, frozenset, list, tuple)):
            raise Wrong(
                f'Not yet. For {name!r} a set of words is wanted, such as {{"grey"}}; it is {kind(answer[name])}.'
            )
        unknown = [word for word in answer[name] if word not in CHANGES]
        if unknown:
            raise Wrong(f"Not yet. {unknown[0]!r} is not one of {', '.join(CHANGES)}.")
    for name, right in KEEPS.items():
        for change in CHANGES:
            if change in answer[name] and change not in right:
                raise Wrong(f"Not yet, in {name}: {change}. {BREAKS[name, change]}")
    for name, right in KEEPS.items():
        for change in CHANGES:
            if change in right and change not in answer[name]:
                raise Wrong(f"Not yet: {name} lack a change. Try {change}: {LEAVES[change]}.")
    return "The same change keeps one label and breaks another: ask what the label is."


keeps = Exercise(
    "keeps",
    _grade_keeps,
    [
        "Take one change at a time, and look for a picture whose label it breaks. One is enough.",
        "Hold your left hand before a mirror. Then turn it. Which of the two makes a right hand?",
        "A 6 turned by 180°? A tomato without colour?",
    ],
    """keeps = {
    "digits": {"shift", "grey"},
    "tomatoes": {"shift", "mirror", "turn"},
    "hands": {"shift", "turn", "grey"},
}""",
)

VISIBLE = 2  # grey levels of 255 that a picture must change by on average, to count as changed
LOOKS = 8  # different pictures, at least, of 64 copies of one
RECOGNISED = 0.6  # of the changed pictures, by the judge


@functools.lru_cache
def _judge():
    """(pictures, labels, a function from pictures to classes): a quick judge of clothes that nothing has to be trained for.

    Random kernels, ReLU and means over a 3×3 grid make the features; least squares weighs them.
    It has seen mirrored and moved clothes, and it sees each picture on its own scale of brightness.
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
    return new.images[:500], new.labels[:500], lambda pictures: (features(pictures) @ weights).argmax(dim=1)


def _grade_my_augment(my_augment):
    check_function(my_augment, ["batch"])
    images, labels, judge = _judge()
    copies = images[4:5].repeat(64, 1, 1, 1)
    results, _ = call_on_all(my_augment, [(images,), (images,), (copies,)], ["batch"])
    if all(result is None for result in results):
        raise Wrong("not solved yet")
    for batch, result in zip((images, images, copies), results):
        if not isinstance(result, torch.Tensor) or result.shape != batch.shape:
            raise Wrong(
                f"Not yet. A batch of shape {tuple(batch.shape)} is wanted; your function returns {kind(result)}."
            )
        if result.dtype != torch.uint8:
            raise Wrong(f"Not yet. The batch was torch.uint8 and must stay so; yours is {result.dtype}.")
    changed = (results[0].float() - images.float()).abs().mean((1, 2, 3)) >= VISIBLE
    share = changed.float().mean().item()
    if share == 0:
        raise Wrong(f"Not yet. No picture changes visibly, by {VISIBLE} of 255 grey levels or more on average.")
    if torch.equal(results[0], results[1]):
        raise Wrong("Not yet. Called twice with the same batch, it gives the same pictures; let chance decide.")
    looks = len(results[2].flatten(1).unique(dim=0))
    if looks == 1:
        raise Wrong(
            "Not yet. 64 copies of one picture come back alike: you draw once for the whole batch, not for each picture."
        )
    if looks < LOOKS:
        raise Wrong(
            f"Not yet. 64 copies of one picture become only {looks} different ones; {LOOKS} at least are wanted."
        )
    if share < 0.5:
        raise Wrong(
            f"Not yet. {100 * share:.0f} % of the pictures change visibly, by {VISIBLE} of 255 grey levels or more on "
            "average; at least half should."
        )
    before, after = ((judge(pictures) == labels).float().mean().item() for pictures in (images, results[0]))
    if after < RECOGNISED:
        raise Wrong(
            f"Not yet. A judge that knows mirrored and moved clothes names {100 * before:.0f} % of the unchanged pictures "
            f"right, and {100 * after:.0f} % of yours; {100 * RECOGNISED:.0f} % are wanted. Change less."
        )
    return (
        f"{100 * share:.0f} % of the pictures change, {looks} looks of one picture, and the judge still names "
        f"{100 * after:.0f} % right (unchanged: {100 * before:.0f} %). Try it: give it to `train.fit` as `augment`."
    )


my_augment = Exercise(
    "my_augment",
    _grade_my_augment,
    [
        "Begin with what is there: `augment.random_flip(batch)`, `augment.random_shift(batch, 2)`, one after the other.",
        "A transform of `v2` draws once a call: `torch.stack([transform(picture) for picture in batch])`.",
        "Does the judge not know your pictures any more? Halve the strength of each change, then go up again.",
    ],
    """def my_augment(batch):
    batch = augment.random_flip(batch)
    batch = augment.random_shift(batch, 2)
    return augment.cutout(batch, 6)  # one of many""",
    seconds=20,
)

QUESTIONS = (
    Question(
        "You train on mirrored and moved pictures. What happens to the test pictures?",
        (
            Choice("The same random changes, so that both are alike.", "Then the result depends on the draw, and you measure another task than the real one. Only training pictures are changed."),
            Choice("They stay as they are.", "You want to know how the network does on real pictures. The one exception asks twice, for a picture and its mirror image, and takes the mean: that involves no chance.", right=True),
            Choice("More of them are made, for a more exact result.", "Changed copies are no new test pictures: they say again what the originals have said."),
        ),
    ),
    Question(
        "With augmentation, the training accuracy is lower than without. Has something gone wrong?",
        (
            Choice("Yes: the network has learned less.", "It has learned less by heart. Whether it has learned less that is useful, only pictures that it has not seen can tell."),
            Choice("No: the task is harder. Look at validation.", "It never sees a picture twice in just the same form. What counts is the accuracy on new pictures.", right=True),
            Choice("Yes: both accuracies must rise together.", "A network can reach 100 % on its own pictures and be poor on new ones. The gap between both is what augmentation narrows."),
        ),
    ),
    Question(
        "Mirroring and shifts by up to 2 pixels make 50 pictures of one. Is that as good as 50 times the data?",
        (
            Choice("Yes: the network sees 50 different pictures.", "They differ in place and direction only. It is one shoe, with one sole and one pattern; a new picture brings a new shoe."),
            Choice("No: they all show the same shoe.", "They teach that place and direction do not matter. What other shoes look like, they cannot teach.", right=True),
            Choice("No: copies add nothing at all.", "A plain copy adds nothing. A changed one shows the network what it may ignore."),
        ),
    ),
)  # fmt: skip
