"""Labs on what a network answers: probabilities, loss, sureness, the effect of a shift."""

import torch

from helpers import checks, pixels
from helpers.widgets.lab import Lab, check_images, check_named, chooser, slider


def probability_lab(images, probabilities, labels, classes, start=0, zoom=7):
    """Leaf through images, and see what a network makes of each: one bar a class.

    images: uint8 (N, C, H, W).  probabilities: float (N, K).  labels: int64 (N,), the true classes.
    """
    check_images(images)
    _check_probabilities(probabilities, images, classes)
    _check_labels(labels, images, classes)
    checks.whole("start", start, 0, len(images) - 1)

    def draw(image):
        shares, true = probabilities[image], int(labels[image])
        best = int(shares.argmax())
        verdict = "right" if best == true else f"wrong, it is: {classes[true]}"
        words = f"image {image}: {classes[best]}, {100 * shares[best].item():.0f} % sure ({verdict})"
        panels = [pixels.picture(images[image], zoom), pixels.bars(shares, classes, marked=true)]
        return pixels.row(panels, [f"image {image}", "the network's answer (orange: the right class)"]), words

    count = len(images)
    twin = [{"image": i} for i in sorted({start, count // 2, count - 1})]
    return Lab(draw, {"image": slider("image", 0, count - 1, start)}, twin)


def loss_lab(scores, true, classes, low=-5, high=10):
    """Raise and lower the score of the right class, and see its probability and the cross-entropy loss follow.

    scores: float (K,), the logits of one picture.  true: index of the right class.
    """
    checks.finite("scores", checks.tensor("scores", scores, "(K,)", checks.FLOATS))
    if len(scores) != len(classes):
        raise ValueError(f"scores must be ({len(classes)},), one a class; got {tuple(scores.shape)}")
    true = checks.whole("true", true, 0, len(classes) - 1)
    checks.whole("high", high, least=checks.whole("low", low) + 1)
    name = f"score of {classes[true]}"

    def draw(**state):
        moved = scores.clone()
        moved[true] = state[name]
        shares = moved.softmax(dim=0)
        loss = -moved.log_softmax(dim=0)[true].item()  # not the logarithm of the share, which may be rounded to 0
        captions = ["score", "probability (orange: the right class)", "loss"]
        words = f"score {state[name]}: probability {100 * shares[true].item():.2f} %, loss {abs(loss):.2f}"
        panels = [
            pixels.number_grid(moved[:, None], cell=19, shade="signed", limit=high),
            pixels.bars(shares, classes, marked=true),
            pixels.number_grid(torch.tensor([[loss]]), cell=70, shade="signed", limit=high, digits=2),
        ]
        return pixels.row(panels, captions), words.replace("score -", f"score {pixels.MINUS}")

    return Lab(draw, {name: slider(name, low, high, 0)}, [{name: n} for n in (low, 0, 3, high)])


def threshold_lab(images, probabilities, labels, classes, start=90, shown=8, zoom=3):
    """Let a network answer only where it is sure enough, and see how many answers are left and how many are right.

    Arguments as in `probability_lab`.  Below stand the `shown` least sure images that it still answers.
    """
    check_images(images)
    _check_probabilities(probabilities, images, classes)
    _check_labels(labels, images, classes)
    checks.whole("start", start, 0, 99)
    checks.whole("shown", shown, 1)
    sureness, best = probabilities.max(dim=1)
    order = sureness.argsort()
    is_right = (best == labels).float()
    widest = max(pixels.text_width(f"true: {name}") for name in classes)  # so that no picture jumps as captions change

    def draw(**state):
        threshold = state["sure at least (%)"]
        answered = sureness >= threshold / 100
        count = int(answered.sum())
        right = f"{100 * is_right[answered].mean().item():.1f} %" if count else "none"
        words = f"sure at least {threshold} %: answers {count} of {len(labels)} images ({100 * count / len(labels):.0f} %), {right} right"
        least = [int(i) for i in order[answered[order]][:shown]]
        panels = [pixels.picture(images[i], zoom) for i in least]
        captions = [f"{classes[best[i]]}\n{'right' if is_right[i] else 'true: ' + classes[labels[i]]}" for i in least]
        empty = shown - len(least)
        panels += [pixels.blank_like(pixels.picture(images[0], zoom))] * empty
        return pixels.rows(panels, captions + [" \n "] * empty, columns=4, least_width=widest), words

    controls = {"sure at least (%)": slider("sure at least (%)", 0, 99, start)}
    return Lab(draw, controls, [{"sure at least (%)": t} for t in (0, 50, 90, 99)])


def shift_lab(images, probabilities, true, classes, zoom=5):
    """Move a picture sideways, and see what several networks make of it.

    images: uint8 (2·S + 1, 1, H, W), the picture shifted by −S … S pixels.  probabilities: name of a
    network → float (2·S + 1, K), its answers to these pictures.  true: index of the right class.
    """
    check_images(images)
    check_named("probabilities", probabilities)
    for answers in probabilities.values():
        _check_probabilities(answers, images, classes)
    if len(images) % 2 == 0:
        raise ValueError(f"images must be 2·S + 1 pictures, as many to the left as to the right; got {len(images)}")
    true = checks.whole("true", true, 0, len(classes) - 1)
    farthest = len(images) // 2

    def draw(shift):
        answers = {name: answer[shift + farthest] for name, answer in probabilities.items()}
        panels = [pixels.picture(images[shift + farthest], zoom)]
        panels += [pixels.bars(answer, classes, marked=true, length=120) for answer in answers.values()]
        said = [f"{name} says {classes[int(a.argmax())]}, {100 * a.max():.0f} %" for name, a in answers.items()]
        way = {-1: f"{-shift} to the left", 0: "not moved", 1: f"{shift} to the right"}[(shift > 0) - (shift < 0)]
        return pixels.row(panels, [way, *answers]), f"{way}: {'; '.join(said)}"

    return Lab(
        draw, {"shift": slider("shift", -farthest, farthest, 0)}, [{"shift": s} for s in (-farthest, 0, farthest // 2)]
    )


def budget_lab(rungs, start=60):
    """Choose how many seconds you have, and see which rungs of a ladder they pay for.

    rungs: name of a recipe → (seconds, accuracy from 0 to 1), as measured.  start: seconds.  The best rung that
    the budget pays for is in colour, with its name; `best_rung(rungs, budget)` gives it.  Raises ValueError for no rungs.
    """
    _check_rungs(rungs)
    start = checks.number("start", start, above=0)
    longest = max(seconds for seconds, _ in rungs.values())
    steps = [s for s in (5, 10, 15, 30, 60, 90, 120, 180, 300, 480, 600, 1200, 1800) if s < max(10, 1.5 * longest)]

    def draw(**state):
        budget = state["budget (s)"]
        best = best_rung(rungs, budget)
        marked = list(rungs).index(best) if best else None
        painted = pixels.prices(list(rungs.values()), budget, marked, best or "")
        found = (
            f"{best}, {100 * rungs[best][1]:.1f} % after {rungs[best][0]:.0f} s" if best else "no rung is that quick"
        )
        caption = "accuracy on the validation set, against seconds of training on a logarithmic axis"
        return pixels.row([painted], [caption]), f"budget {budget} s: {found}"

    nearest = min(steps, key=lambda s: abs(s - start))
    twin = [{"budget (s)": s} for s in sorted({steps[0], nearest, steps[-1]})]
    return Lab(draw, {"budget (s)": chooser("budget (s)", steps, nearest)}, twin)


def best_rung(rungs, budget):
    """The name of the most accurate of these rungs that takes at most `budget` seconds; None where none does.

    rungs: name → (seconds, accuracy).  Raises ValueError for no rungs and for a budget that is no number.
    """
    _check_rungs(rungs)
    budget = checks.number("budget", budget)
    paid = {name: accuracy for name, (seconds, accuracy) in rungs.items() if seconds <= budget}
    return max(paid, key=paid.get, default=None)


def _check_rungs(rungs):
    if not rungs:
        raise ValueError("rungs is empty: measure some first, by benchmarks/ladder.py")
    check_named("rungs", rungs)
    for name, rung in rungs.items():
        if not isinstance(rung, (tuple, list)) or len(rung) != 2:
            raise ValueError(f"rungs[{name!r}] must be (seconds, accuracy); got {checks.shown(rung)}")
        checks.number(f"the seconds of {name!r}", rung[0], least=0)
        checks.number(f"the accuracy of {name!r}", rung[1], 0, 1)


def _check_labels(labels, images, classes):
    checks.tensor("labels", labels, "(N,)", (torch.int64,))
    if len(labels) != len(images):
        raise ValueError(f"labels must be one a picture: {len(images)} pictures, {len(labels)} labels")
    if labels.min() < 0 or labels.max() >= len(classes):
        raise ValueError(
            f"labels must be from 0 to {len(classes) - 1}, one of the {len(classes)} classes; "
            f"they run from {labels.min()} to {labels.max()}"
        )


def _check_probabilities(probabilities, images, classes):
    checks.finite("probabilities", checks.tensor("probabilities", probabilities, "(N, K)", checks.FLOATS))
    if probabilities.shape != (len(images), len(classes)):
        raise ValueError(
            f"probabilities must be (N, K) = ({len(images)}, {len(classes)}), a row a picture and a column a class; "
            f"got {tuple(probabilities.shape)}"
        )
    if probabilities.min() < 0 or probabilities.max() > 1:
        raise ValueError(
            f"probabilities must lie between 0 and 1; they run from {probabilities.min():.2f} to "
            f"{probabilities.max():.2f}: if they are logits, use logits.softmax(dim=1)"
        )
