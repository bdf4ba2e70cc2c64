"""Exercises and questions of notebook 12, and the diagnoses of its ward."""

import contextlib
import functools
import math

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.optimizer import register_optimizer_step_pre_hook
from torch.overrides import TorchFunctionMode

from helpers import clinic
from helpers.exercises.comparing import Wrong, count
from helpers.exercises.grading import Exercise, check_function, function, sample
from helpers.exercises.questions import Choice, Question

# ---- 1: the first loss ---------------------------------------------------------------------


def _ratio(logits, labels):
    return F.cross_entropy(logits, labels).item() / math.log(logits.shape[1])


def _first_logits():
    """(logits, labels): of healthy starts and others; a batch is never as large as the number of classes."""
    draw = torch.Generator().manual_seed(0)
    cases = [(torch.zeros(4, 2), torch.tensor([0, 1, 1, 0]))]
    for images, classes, scale in [(6, 10, 0.3), (50, 10, 9.0), (20, 100, 0.5), (7, 3, 4.0), (32, 5, 1.0)]:
        logits = scale * torch.randn(images, classes, generator=draw)
        cases.append((logits, torch.randint(0, classes, (images,), generator=draw)))
    return cases


def _cross_entropy(logits, labels):
    return F.cross_entropy(logits, labels).item()


first_loss_check = Exercise(
    "first_loss_check",
    function(
        _ratio,
        _first_logits,
        [
            (lambda x, y: _cross_entropy(x, y) / math.log(10),
             "You take ln(10) for any number of classes: `logits.shape[1]` says how many there are."),
            (lambda x, y: _cross_entropy(x, y) / math.log(len(x)),
             "You take the number of images for that of classes: logits have the shape (images, classes)."),
            (_cross_entropy, "That is the loss itself; divide it by that of guessing."),
            (lambda x, y: math.log(x.shape[1]) / _cross_entropy(x, y), "You have it upside down: the loss comes first."),
            (lambda x, y: _cross_entropy(x, y) - math.log(x.shape[1]), "That is the difference; divide instead."),
            (lambda x, y: _cross_entropy(x, y) / math.log2(x.shape[1]),
             "You take the logarithm to the base 2; cross-entropy uses the natural one, `math.log`."),
            (lambda x, y: _cross_entropy(x, y) / math.log10(x.shape[1]),
             "You take the logarithm to the base 10; cross-entropy uses the natural one, `math.log`."),
            (lambda x, y: _cross_entropy(x, y) / x.shape[1],
             "You divide by the number of classes; guessing costs its logarithm."),
            (lambda x, y: _cross_entropy(x.softmax(dim=1), y) / math.log(x.shape[1]),
             "You are a patient of this ward: cross-entropy has softmax in it, so give it the logits."),
            (lambda x, y: F.cross_entropy(x, y, reduction="sum").item() / math.log(x.shape[1]),
             "That is the sum over the images; the loss of a batch is their mean."),
            (lambda x, y: (x.argmax(dim=1) == y).double().mean().item(), "That is the accuracy; the loss is asked for."),
        ],
        praise="Near 1 at the start is healthy, whatever the number of classes.",
    ),
    [
        "`F.cross_entropy(logits, labels)` is the mean loss; `math.log` is the natural logarithm.",
        "The classes are the second axis: `logits.shape[1]`.",
    ],
    """import math

def first_loss_check(logits, labels):
    loss = F.cross_entropy(logits, labels).item()
    guessing = math.log(logits.shape[1])
    return loss / guessing""",
)  # fmt: skip


# ---- 2: leaked images ----------------------------------------------------------------------


def _leaked(train_images, valid_images):
    return clinic.among(valid_images, train_images)


def _pairs_of_sets():
    """(training images, validation images): with none in common; then with copies, neighbours in all but a pixel, and permuted pixels."""
    draw = torch.Generator().manual_seed(0)

    def some(number):
        return torch.randint(0, 256, (number, 1, 4, 4), generator=draw, dtype=torch.uint8)

    cases = []
    for known, new, copies in [(2, 2, [0]), (5, 3, []), (6, 4, [5, 1]), (8, 3, [2, 2, 7, 4]), (4, 6, [3, 0, 0])]:
        training = some(known)
        nearly = training[:1].clone()
        nearly[0, 0, 3, 3] += 1
        unseen = torch.cat([some(new), nearly, training[1:2].flip(-1), training[copies]])
        training = torch.cat([training, training[copies[:1]]])  # and one of them is twice among the training images
        cases.append((training, unseen[torch.randperm(len(unseen), generator=draw)]))
    return cases


def _equal(images, others):
    """bool (N, M): whether image n equals image m of the others in every pixel."""
    return (images.flatten(1).unsqueeze(1) == others.flatten(1).unsqueeze(0)).all(dim=2)


leaked = Exercise(
    "leaked",
    function(
        _leaked,
        _pairs_of_sets,
        [
            (lambda t, v: _leaked(v, t), "You count the training images; count those of validation."),
            (lambda t, v: int(_equal(t, v).sum()),
             "You count pairs: an image that is twice among the training images counts once."),
            (lambda t, v: len({i.numpy().tobytes() for i in v} & {i.numpy().tobytes() for i in t}),
             "An image that is twice among the validation images counts twice: each of them flatters."),
            (lambda t, v: _leaked(t, v) / len(v), "That is their share; how many are they?"),
            (lambda t, v: len(v) - _leaked(t, v), "Those are the images that have not leaked."),
            (lambda t, v: int((_equal(t, v).any(dim=0)).any()), "That says whether any has leaked; how many have?"),
            (lambda t, v: sum(bool((a == b).all()) for a, b in zip(t, v)),
             "You compare the first image with the first, the second with the second; a leaked image may lie anywhere."),
            (lambda t, v: sum(bool((a.sum() == t.flatten(1).sum(dim=1)).any()) for a in v),
             "You compare sums: a mirrored image has the same sum, and is another image. Compare pixel by pixel."),
            (lambda t, v: sum(bool((a == t).any()) for a in v),
             "One equal pixel makes no equal image: all of them must be equal, so `.all()`."),
        ],
        praise="Run it before you believe any validation accuracy, your own first of all.",
    ),
    [
        "`torch.equal(a, b)` is True where two images agree in shape and in every pixel.",
        "For each validation image go through the training images, and stop at the first that is equal: `break`.",
    ],
    """def leaked(train_images, valid_images):
    number = 0
    for image in valid_images:
        for known in train_images:
            if torch.equal(image, known):
                number += 1
                break
    return number""",
)  # fmt: skip


# ---- 3: a loop with two faults -------------------------------------------------------------

LEAST = 0.6  # accuracy on the images that were learned from: a mended loop reached 70 to 81 %, from ten seeds


@functools.cache
def _small_clothes():
    """500 images, shrunk to 14×14 and normalised, and their labels."""
    known = sample("fashion_mnist", "train")
    x = F.avg_pool2d(known.images[:500] / 255, 2)
    return (x - x.mean()) / x.std(), known.labels[:500]


def _prepared():
    """Read the images, and let torch import what its first optimizer needs, which takes seconds."""
    _small_clothes()
    torch.optim.SGD(_small_network().parameters(), lr=0.1)


def _small_network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(196, 10))


def _add_to(total, gradient):
    total += gradient.detach()


class _Watched(TorchFunctionMode):
    """While it is entered: which logits and labels come into the loss, and which gradients to the optimizer's step."""

    def __init__(self, model):
        super().__init__()
        self.weights = list(model.parameters())
        self.totals = [torch.zeros_like(weight) for weight in self.weights]  # of all gradients so far
        self.images, self.pairs, self.steps = None, [], 0
        self.softmax_twice, self.empty, self.piled_up = False, True, False
        for total, weight in zip(self.totals, self.weights):
            weight.register_hook(functools.partial(_add_to, total))
        model.register_forward_pre_hook(self._comes_in)

    def _comes_in(self, _, arguments):
        self.images = arguments[0].detach()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is F.cross_entropy:
            logits, labels = ([*args, *kwargs.values()])[:2]
            shares = logits.detach()
            self.softmax_twice |= bool(
                (shares >= 0).all() and torch.allclose(shares.sum(dim=1), torch.ones(len(shares)), atol=1e-4)
            )
            if self.images is not None and len(self.images) == len(labels):
                self.pairs = list(zip(self.images, labels.tolist()))
        return func(*args, **kwargs)

    def before_step(self, *_):
        """Called before each step of any optimizer."""
        self.steps += 1
        gradients = [weight.grad for weight in self.weights]
        if all(gradient is None or not gradient.any() for gradient in gradients):
            return
        self.empty = False
        if self.steps > 5:
            self.piled_up |= all(
                gradient is not None and torch.allclose(gradient, total, rtol=1e-3, atol=1e-6)
                for gradient, total in zip(gradients, self.totals)
            )


def _grade_rescued(rescued):
    check_function(rescued, ["model", "x", "labels"])
    x, labels = _small_clothes()
    model = _small_network()
    before = [weight.detach().clone() for weight in model.parameters()]
    lent, their = x.clone(), labels.clone()
    watched = _Watched(model)
    hook = register_optimizer_step_pre_hook(watched.before_step)
    with contextlib.closing(_Removing(hook)), watched:
        rescued(model, lent, their)
    if not torch.equal(lent, x) or not torch.equal(their, labels):
        raise Wrong("Not yet. Your function changes x or labels themselves: whoever calls it still needs them. "
                    "Put another order into a new name.")  # fmt: skip
    _check_moved(watched, before, model)
    _check_pairs(watched.pairs, x, labels)
    if watched.piled_up:
        raise Wrong("Not yet. At each step the gradient is the sum of all gradients so far: nothing clears them. "
                    "`optimizer.zero_grad()` belongs into the loop, before `loss.backward()`.")  # fmt: skip
    if watched.softmax_twice:
        raise Wrong("Not yet. `F.cross_entropy` gets probabilities: it has softmax in it, so give it the logits.")
    if any(not weight.isfinite().all() for weight in model.parameters()):
        raise Wrong("Not yet. There are weights that are NaN or infinite: the learning rate is too high.")
    share = clinic.accuracy(model.eval(), x, labels)
    if share < LEAST:
        raise Wrong(f"Not yet. After {count(watched.steps, 'step')} the network names {100 * share:.0f} % of its own training "
                    "images; with both faults mended it would be 70 % or more. Is the learning rate still 0.1, "
                    "and does it go ten times through the images?")  # fmt: skip
    return f"It names {100 * share:.0f} % of the 500 images that it has learned from."


class _Removing:
    """A hook, with the `close` that contextlib asks for."""

    def __init__(self, hook):
        self.close = hook.remove


def _check_moved(watched, before, model):
    """Raise `Wrong` where no weight has been changed."""
    if any(not torch.equal(one, other) for one, other in zip(before, model.parameters())):
        return
    if watched.steps and watched.empty:
        raise Wrong("Not yet. No weight has moved: at `optimizer.step()` all gradients are 0 or missing. "
                    "What comes between finding them and using them?")  # fmt: skip
    if watched.steps:
        raise Wrong("Not yet. No weight of `model` has moved, though gradients are there: "
                    "does the optimizer have the parameters of `model`, and a learning rate above 0?")  # fmt: skip
    raise Wrong("Not yet. No weight of `model` has moved, and no optimizer makes a step.")


def _check_pairs(pairs, x, labels):
    """Raise `Wrong` where an image came into the loss with the label of another one."""
    for image, label in pairs:
        same = (x == image).flatten(1).all(dim=1)
        if same.any() and label not in labels[same].tolist():
            names = sample("fashion_mnist", "train").classes
            right = names[labels[same][0]]
            raise Wrong(f"Not yet. Weights move now, but in the last step the image of {_a(right)} came with the label "
                        f"{names[label]!r}: the images were given another order than their labels.")  # fmt: skip


def _a(name):
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


rescued = Exercise(
    "rescued",
    _grade_rescued,
    [
        "Print the losses: they stay where they are, as if nothing was learned. Compare a weight before and after.",
        "zero_grad(), backward(), step(): which order makes sense? A step uses what backward() has found.",
        "Then overfit one batch. It works, and the accuracy stays at guessing: what does that say of the labels?",
    ],
    """def rescued(model, x, labels):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for epoch in range(10):
        order = torch.randperm(len(x))  # one order, for the images and for their labels
        for batch in order.split(50):
            loss = F.cross_entropy(model(x[batch]), labels[batch])
            optimizer.zero_grad()  # before backward(), so that step() finds the new gradients
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses""",
    seconds=30,
    prepare=_prepared,
)


# ---- the ward ------------------------------------------------------------------------------

DIAGNOSES = (
    Question(
        "What is wrong with patient 1?",
        (
            Choice("The learning rate is too high.", "A rate far too high goes wrong at once, and one a little too high can look like this: so look at the loop. Here the loss falls at first, as a healthy one does; it climbs later, while the gradients grow from step to step."),
            Choice("zero_grad() is missing.", "Gradients pile up: in the end they are ten times as long as at first, or more. Cure: optimizer.zero_grad() before loss.backward().", right=True),
            Choice("The labels are shuffled.", "Then the baseline would fail, too. It gets 66 % with these very images and labels: by far most of them fit together."),
        ),
    ),
    Question(
        "What is wrong with patient 2?",
        (
            Choice("The learning rate is too low.", "A low rate is slow, but it sets no floor. Here one batch comes to rest at 1.51, just above 1.46, and the first gradients are a tenth of a healthy one's, before any rate has played a part."),
            Choice("The ReLUs are dead.", "Then the convolutions would have gradients of 0. Here they are small, and something is learned: 56 %."),
            Choice("Softmax is applied twice.", "F.cross_entropy has softmax in it. Probabilities in place of logits lie between 0 and 1, and then even the surest right answer costs 1.46. Cure: give it the logits.", right=True),
        ),
    ),
    Question(
        "What is wrong with patient 3?",
        (
            Choice("The images are not normalised.", "They range from 0 to 255, so the first scores are huge, and so are the first loss (12.57) and the first gradients. Cure: normalise, with mean and spread of the training images.", right=True),
            Choice("The learning rate is too high.", "A lower rate might help, and hide the fault. But before the first step no rate has played a part, and already the loss is 12.57 in place of 2.30."),
            Choice("The ReLUs were dead from the start.", "They are dead in the end here, but at the first step the gradients were huge: the first steps killed them. That is a consequence, not the cause."),
        ),
    ),
    Question(
        "What is wrong with patient 4?",
        (
            Choice("The network is too small.", "It learned 20 images by heart in 100 steps. And the baseline, which has no network, guesses as well."),
            Choice("The labels do not belong to the images.", "A boot that is called pullover: look at the inputs. Any labels can be learned by heart, for one batch; new images stay near guessing, for the baseline, too. Cure: give images and labels one order.", right=True),
            Choice("zero_grad() is missing.", "Then they would grow tenfold and more. Here none even doubles."),
        ),
    ),
    Question(
        "What is wrong with patient 5?",
        (
            Choice("Softmax is applied twice.", "Then the first gradients would be a tenth of a healthy one's. They are just the same."),
            Choice("The ReLUs are dead.", "Then the convolutions would have gradients of 0. Theirs are healthy."),
            Choice("The learning rate is too low.", "All is healthy but the pace: 0.001 in place of 0.1. Everything falls, too slowly. Cure: try rates in steps of ten.", right=True),
        ),
    ),
    Question(
        "What is wrong with patient 6?",
        (
            Choice("The learning rate is too low.", "At any rate gradients have a length. Here they are 0, and a rate times 0 is 0."),
            Choice("The ReLUs are dead from the start.", "All weights have a gradient of 0 at the first step: nothing gets through the ReLUs, because the biases were drawn around −3. Only the last layer's biases learn. Cure: PyTorch's own first draw.", right=True),
            Choice("The labels are shuffled.", "The baseline gets 66 % with them: by far most fit the images."),
        ),
    ),
    Question(
        "What is wrong with patient 7?",
        (
            Choice("None: it is just a good network.", "A healthy one of the same size, trained as long, gets 80 %. Too good is a symptom, too."),
            Choice("It overfits, and needs dropout.", "It does overfit, but these validation images cannot show it: training and validation accuracy are both 95 %."),
            Choice("Validation images are among the training images.", "All 500 of them. On 500 other images the same network gets 14 points less. Cure: split first, and never mix again.", right=True),
        ),
    ),
    Question(
        "What is wrong with patient 8? (Its classes: to which side does a shoe point?)",
        (
            Choice("The first loss is wrong: not 2.30.", "ln(2) = 0.69 is guessing between two classes: a healthy start."),
            Choice("The augmentation destroys the labels.", "Each batch is mirrored at random, and the label stays: some toes point the other way than their labels say. Cure: no mirroring where left and right matter.", right=True),
            Choice("A CNN cannot tell left from right.", "The healthy program has the same network, and gets 99 %."),
        ),
    ),
)  # fmt: skip

QUESTIONS = (
    Question(
        "Ten classes, and the loss begins at 9.1. What does that tell?",
        (
            Choice("The learning rate is too high.", "The first loss is computed before the first step: no rate has played a part."),
            Choice("The labels are shuffled.", "To a network that knows nothing, shuffled labels are as good as any: it would begin near 2.30."),
            Choice("The network is sure, and wrong, before it has learned.", "Its first scores are too large. Look at the range of the inputs, then at the first draw of the weights.", right=True),
        ),
    ),
    Question(
        "One batch is learned by heart; on new images it guesses. What is ruled out?",
        (
            Choice("That gradients do not arrive.", "They do, and the steps move the weights the right way. Look at the data now: do the labels belong to the images?", right=True),
            Choice("That the labels are shuffled.", "Twenty shuffled labels can be learned by heart like any others."),
            Choice("That there are too few images.", "Learning 20 images says nothing of how many it takes to do well on others."),
        ),
    ),
    Question(
        "Your first attempt gets 98 % where others get 80 %. What do you do first?",
        (
            Choice("Report it.", "Perhaps later. What is too good to be true mostly is not."),
            Choice("Train longer, since it goes so well.", "If validation images are among the training images, it will go better still, and mean nothing."),
            Choice("Look for validation images among the training images.", "That is a common cause, and quick to check. Compare pixel by pixel, and measure on images that nobody has touched.", right=True),
        ),
    ),
)  # fmt: skip
