"""Figures that stand still: pictures in a grid, training curves, a confusion matrix. Each carries alt text."""

import io

import matplotlib.pyplot as plt
from IPython.display import display
from matplotlib.figure import Figure
from PIL import Image

from helpers import checks, pixels
from helpers.panels import Panel

SHOWN_DPI = 80  # so many pixels of the page to an inch of a figure


def show(figure, alt):
    """Put a figure on the page with its alt text: what a reader who cannot see it should know.

    figure: a matplotlib figure, which is closed, or a picture from `helpers.pixels`.
    Raises ValueError where alt says nothing.
    """
    try:
        if not isinstance(alt, str) or not alt.strip():
            raise ValueError(f"alt must say in words what the figure shows; got {checks.shown(alt)}")
        if not isinstance(figure, (Figure, Panel)):
            raise ValueError(f"figure must be a matplotlib figure or a painted picture; got {checks.shown(figure)}")
        picture = _painted(figure) if isinstance(figure, Figure) else figure.raster()
    finally:
        if isinstance(figure, Figure):
            plt.close(figure)
    display(pixels.shown(picture, alt), raw=True)


def _painted(figure):
    """A matplotlib figure as a picture, at twice the size it is shown at, as all of `helpers.pixels`."""
    packed = io.BytesIO()
    figure.savefig(packed, format="png", dpi=pixels.DENSITY * SHOWN_DPI, bbox_inches="tight", facecolor="white")
    return Image.open(packed).convert("RGB")


def show_pictures(images, captions, alt, columns=5, zoom=4):
    """Show uint8 images (N, C, H, W) in rows of `columns`, a caption above each.

    Raises ValueError for other images, for none, and for more or fewer captions.
    """
    checks.tensor("images", images, "(N, C, H, W)")
    if len(images) != len(captions):
        raise ValueError(f"captions must be one a picture: {len(images)} pictures, {len(captions)} captions")
    show(pixels.rows([pixels.picture(image, zoom) for image in images], captions, columns), alt)


def show_filtering(image, kernel, values, alt):
    """Show what a kernel (f, f) makes of a uint8 image (C, H, W): image, kernel, feature map (H', W')."""
    show(pixels.filtering(image, kernel, values), alt)


def show_history(history):
    """Draw loss and accuracy against epochs, for training and validation.  Raises ValueError for a history of none."""
    if not hasattr(history, "train_loss"):
        raise ValueError(f"history must be what train.fit returns; got {checks.shown(history)}")
    if len(history) == 0:
        raise ValueError("there is nothing to draw: the history holds no whole epoch yet; train for one at least")
    epochs = range(1, len(history) + 1)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2))
    left.plot(epochs, history.train_loss, "o-", label="training")
    left.plot(epochs, history.valid_loss, "s--", label="validation")
    left.set(xlabel="epoch", ylabel="loss (cross-entropy)")
    right.plot(epochs, [100 * a for a in history.train_accuracy], "o-", label="training")
    right.plot(epochs, [100 * a for a in history.valid_accuracy], "s--", label="validation")
    right.set(xlabel="epoch", ylabel="accuracy (%)")
    for axes in (left, right):
        axes.set_xticks(epochs)
        axes.grid(alpha=0.3)
        axes.legend()
    figure.tight_layout()
    show(
        figure,
        f"Two line charts over {len(history)} epochs. Loss: training from {history.train_loss[0]:.2f} to "
        f"{history.train_loss[-1]:.2f}, validation from {history.valid_loss[0]:.2f} to {history.valid_loss[-1]:.2f}. "
        f"Accuracy: training from {100 * history.train_accuracy[0]:.1f} to {100 * history.train_accuracy[-1]:.1f} %, "
        f"validation from {100 * history.valid_accuracy[0]:.1f} to {100 * history.valid_accuracy[-1]:.1f} %.",
    )


def show_confusion(matrix, classes):
    """Draw a confusion matrix, int (K, K): row = true class, column = predicted class.

    The squares off the diagonal, the mistakes, are shaded on their own scale: on a common one the
    many right answers would drown them.  Raises ValueError for another matrix.
    """
    checks.finite("matrix", checks.tensor("matrix", matrix, "(K, K)"))
    if matrix.shape != (len(classes), len(classes)):
        raise ValueError(
            f"matrix must be ({len(classes)}, {len(classes)}), a row and a column a class; got {tuple(matrix.shape)}"
        )
    mistakes = matrix.clone().float()
    mistakes.fill_diagonal_(0)
    figure, axes = plt.subplots(figsize=(7, 6.2))
    axes.imshow(mistakes.numpy(), cmap="Oranges", vmax=max(1.0, 1.4 * mistakes.max().item()))
    for row in range(len(classes)):
        for column in range(len(classes)):
            count = int(matrix[row, column])
            weight = "bold" if row == column else "normal"
            axes.text(column, row, count or "·", ha="center", va="center", fontsize=9, fontweight=weight)
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
    axes.set_yticks(range(len(classes)), classes)
    axes.set(xlabel="the network's answer", ylabel="true class")
    figure.tight_layout()
    right = int(matrix.diagonal().sum())
    true, predicted = divmod(int(mistakes.argmax()), len(classes))
    show(
        figure,
        f"Confusion matrix of {int(matrix.sum())} images in {len(classes)} classes: {right} on the diagonal are right. "
        f"The darkest mistake: {int(mistakes[true, predicted])} images of {classes[true]} called {classes[predicted]}.",
    )
