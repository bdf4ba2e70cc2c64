"""Looking into a trained network: its feature maps, what excites them, which pixels reach them, what an answer hangs on.

Everywhere `model` is an nn.Module on any device, `layer` the name of one of its modules, such as "base.3", and
images are what the model takes: normalised floats (N, C, H, W), or one image (C, H, W) where that is said.
A model is asked in evaluation mode and left as it was: with its modes, its gradients, and without a hook of ours,
also where it fails. Results lie on the CPU. Every function raises a ValueError that names the argument and its value
for a layer that is not there (it lists those that are), for images that do not fit, and for NaN among their numbers.
"""

import contextlib
import copy
from typing import NamedTuple

import scipy.stats
import torch
import torch.nn.functional as F
from torch import nn

from helpers import arithmetic, checks
from helpers.train.evaluation import answered, in_evaluation_mode, place

AT_A_TIME = 250  # images whose maps are in memory at once


# ---- feature maps --------------------------------------------------------------------------


def feature_maps(model, images, layer):
    """The maps (N, K, H', W') that a layer makes of images (N, C, H, W) or of one image; of its last call, if it has several."""
    images = _images(model, images)
    with torch.no_grad():
        return torch.cat([_maps(model, some, layer)[0].float().cpu() for some in images.split(AT_A_TIME)])


class Peaks(NamedTuple):
    """The largest number of each map of each image, and its place in the map: three tensors (N, K)."""

    values: torch.Tensor
    rows: torch.Tensor
    columns: torch.Tensor


def peaks(model, images, layers):
    """For each of some layers, a list of names, its `Peaks` for images (N, C, H, W): a dict.

    So `peaks(…)["base.3"].values[:, 5].topk(9).indices` are the nine images that excite map 5 of that layer most.
    """
    images, parts = _images(model, images), {layer: [] for layer in _names(layers)}
    with torch.no_grad():
        for some in images.split(AT_A_TIME):
            for layer, maps in _maps_and_logits(model, some, parts)[0].items():
                largest = maps.float().flatten(2).max(dim=2)
                rows, columns = largest.indices // maps.shape[-1], largest.indices % maps.shape[-1]
                parts[layer].append((largest.values.cpu(), rows.cpu(), columns.cpu()))
    return {layer: Peaks(*map(torch.cat, zip(*some))) for layer, some in parts.items()}


# ---- receptive fields ----------------------------------------------------------------------


def field(model, layer, row, column):
    """Which pixels can reach the number at (row, column) of a layer's maps: the window (top, left, height, width).

    top and left are below 0, and the window ends beyond the image, where padding is seen.  model: nn.Sequentials
    in each other; raises ValueError for another one, and for layers that `arithmetic.receptive_field` does not know.
    """
    way = _way_to(model, layer)
    row, column = checks.whole("row", row, 0), checks.whole("column", column, 0)
    down, across = (arithmetic.receptive_field(way, axis)[-1] for axis in (0, 1))
    return down.start + row * down.jump, across.start + column * across.jump, down.size, across.size


def middles(model, layer):
    """Where the fields of a layer's places have their middles: (first, jump).

    The `jump` pixels from `first + i·jump` on, down as across, are in the middle of the field of place i, so a number of
    the layer's maps is drawn there.  Raises ValueError as `field` does, and where down and across differ.
    """
    field = arithmetic.receptive_field(_way_to(model, layer))[-1]
    return field.start + (field.size - field.jump) // 2, field.jump


def hottest(model, layer, heat):
    """Where in the image each heat map (N, H', W') of a layer is largest: rows and columns (N,) of pixels, the field's middle."""
    checks.finite("heat", checks.tensor("heat", heat, "(N, H, W)"))
    first, jump = middles(model, layer)
    stops, width = heat.flatten(1).argmax(dim=1), heat.shape[2]
    return first + jump // 2 + jump * (stops // width), first + jump // 2 + jump * (stops % width)


def crop(image, window, outside=127):
    """The pixels of an image (C, H, W) in a window (top, left, height, width); what lies outside the image is `outside`."""
    checks.tensor("image", image, "(C, H, W)")
    top, left, height, width = (checks.whole("each number of window", number) for number in window)
    rows, columns = image.shape[1:]
    cut = image.new_full((len(image), height, width), outside)
    from_row, to_row = max(0, top), min(rows, top + height)
    from_column, to_column = max(0, left), min(columns, left + width)
    if from_row < to_row and from_column < to_column:
        seen = image[:, from_row:to_row, from_column:to_column]
        cut[:, from_row - top : to_row - top, from_column - left : to_column - left] = seen
    return cut


def gradient(model, image, layer, number, row, column):
    """How much each number of one image (C, H, W) would change the number at (row, column) of a layer's map `number`.

    Returns the gradient (C, H, W): 0 wherever a pixel cannot reach that number.
    """
    images = _one_image(model, image)
    with _grad(), in_evaluation_mode(model):
        images = images.clone().requires_grad_()  # made here, since what is made in inference mode takes no gradients
        maps, _ = _maps(model, images, layer)
        for what, value, size in zip(("number", "row", "column"), (number, row, column), maps.shape[1:]):
            checks.whole(what, value, 0, size - 1)
        (found,) = torch.autograd.grad(maps[0, number, row, column], images)
    return found[0].float().cpu()


def _way_to(model, layer):
    """The layers that an image passes on its way, up to this one and with it."""
    _module(model, layer)
    way, inside = [], model
    for name in layer.split("."):
        if not isinstance(inside, nn.Sequential) or type(inside).forward is not nn.Sequential.forward:
            raise ValueError(
                f"model must be made of nn.Sequentials down to {layer!r}, so that one layer follows the other; "
                f"got {type(inside).__name__} on the way"
            )
        for other, child in inside._modules.items():  # named_children leaves out what stands there twice
            if other == name:
                break
            way.append(child)
        inside = inside._modules[name]
    return [*way, inside]


# ---- what an answer hangs on ---------------------------------------------------------------


def grad_cam(model, images, layer, labels=None):
    """Grad-CAM: for each place of a layer's maps, how much it speaks for a class.

    images: (N, C, H, W), or one (C, H, W).  labels: the classes asked for, whole numbers (N,), or one; None asks for
    the network's own answers.  Returns (N, H', W'), or (H', W') for one image, 0 or more: the maps, each times the
    mean of the logit's gradient over it, added up, and cut off below 0.  After Selvaraju and others 2017, "Grad-CAM:
    Visual Explanations from Deep Networks via Gradient-based Localization".
    """
    found = _each(model, images, labels, lambda some, some_labels: _grad_cams(model, some, layer, some_labels))
    return found[0] if images.ndim == 3 else found


def _grad_cams(model, images, layer, labels):
    maps, logits = _maps(model, images.requires_grad_(), layer)
    (gradients,) = torch.autograd.grad(_scores(logits, labels).sum(), maps, allow_unused=True)
    if gradients is None:
        raise ValueError(f"layer must be one that the logits depend on; {layer!r} is not")
    weights = gradients.mean(dim=(2, 3), keepdim=True)
    return F.relu((weights * maps).sum(dim=1))


def saliency(model, images, labels=None):
    """How strongly a class's logit depends on each pixel: the largest size of its gradient over the channels.

    images, labels: as in `grad_cam`.  Returns (N, H, W), or (H, W) for one image.  After Simonyan, Vedaldi and Zisserman
    2013, "Deep Inside Convolutional Networks".
    """

    def sizes(some, some_labels):
        logits = _logits(model, some.requires_grad_())
        (gradients,) = torch.autograd.grad(_scores(logits, some_labels).sum(), some)
        return gradients.abs().amax(dim=1)

    found = _each(model, images, labels, sizes)
    return found[0] if images.ndim == 3 else found


@torch.no_grad()
def occlusion(model, image, label=None, size=8, stride=4, fill=0.0):
    """How far the probability of a class falls when a square of one image (C, H, W) is covered.

    label: the class; None takes the network's own answer.  size, stride: of the square, in pixels.  fill: what it is
    covered with; 0, the mean colour of the training images.  Returns (rows, columns), one number for each stop of the
    square: probability before minus after.  After Zeiler and Fergus 2014, "Visualizing and Understanding
    Convolutional Networks".
    """
    images = _one_image(model, image)
    size, stride = checks.whole("size", size, 1), checks.whole("stride", stride, 1)
    fill = checks.number("fill", fill)
    rows, columns = (arithmetic.output_size(n, size, stride) for n in images.shape[2:])
    covered = images.repeat(1 + rows * columns, 1, 1, 1)  # the first one stays whole
    for stop in range(rows * columns):
        top, left = stop // columns * stride, stop % columns * stride
        covered[1 + stop, :, top : top + size, left : left + size] = fill
    with in_evaluation_mode(model):
        logits = torch.cat([_logits(model, some) for some in covered.split(AT_A_TIME)])
    (label,) = _labels(label, logits[:1], 1).tolist()
    shares = logits.softmax(dim=1)[:, label].cpu()
    return (shares[0] - shares[1:]).reshape(rows, columns)


@torch.no_grad()
def drop_at(model, images, labels, rows, columns, size=8):
    """How far the probability of a class falls in each image when a square around one place is covered with 0.

    images: (N, C, H, W).  labels: the classes, (N,).  rows, columns: the square's middle in each image, whole numbers
    (N,); a square that would stick out is moved in.  Returns (N,): probability before minus after.
    """
    copies = _images(model, images)
    most = min(copies.shape[2:])
    size = checks.whole("size", size, 1, most)
    covered = copies.clone()
    for what, places in (("rows", rows), ("columns", columns)):
        if len(checks.tensor(what, places, "(N,)", (torch.int64,))) != len(copies):
            raise ValueError(f"{what} must be one an image: {len(copies)} images, {len(places)} of {what}")
    for image, row, column in zip(covered, rows.tolist(), columns.tolist()):
        top, left = (min(max(0, n - size // 2), most - size) for n, most in zip((row, column), image.shape[1:]))
        image[:, top : top + size, left : left + size] = 0
    with in_evaluation_mode(model):
        before, after = (
            torch.cat([_logits(model, some) for some in part.split(AT_A_TIME)]) for part in (copies, covered)
        )
    labels = _labels(labels, before, len(copies)).unsqueeze(1)
    return (before.softmax(1).gather(1, labels) - after.softmax(1).gather(1, labels)).squeeze(1).float().cpu()


def _each(model, images, labels, found_for):
    """What `found_for(images, labels)` gives, some images after the other, in evaluation mode and with gradients."""
    copies = _images(model, images)
    with in_evaluation_mode(model):
        with torch.no_grad():  # for labels that are given, one image tells how many classes there are
            asked = copies if labels is None else copies[:1]
            logits = torch.cat([_logits(model, some) for some in asked.split(AT_A_TIME)])
        labels = _labels(labels, logits, len(copies))
        with _grad():
            parts = zip(copies.split(AT_A_TIME), labels.split(AT_A_TIME))
            return torch.cat([found_for(some.clone(), asked.clone()).detach().float().cpu() for some, asked in parts])


def _scores(logits, labels):
    return logits.gather(1, labels.unsqueeze(1))


def _labels(labels, logits, count):
    """Classes, int64 (count,), on the device of the logits: those given, or where there are none, the model's answers."""
    if labels is None:
        return logits.argmax(dim=1)
    many = list(labels) if isinstance(labels, (list, tuple)) or getattr(labels, "ndim", 0) == 1 else [labels]
    if len(many) != count:
        raise ValueError(f"labels must be one an image: {count} images, {len(many)} labels")
    many = [checks.whole("each label", label, 0, logits.shape[1] - 1) for label in many]
    return torch.tensor(many, device=logits.device)


# ---- is it an explanation? -----------------------------------------------------------------


def randomised(model, layers, seed=0):
    """A copy of the model in which the modules of these names, and all that is in them, have new random weights.

    Weights are drawn as PyTorch draws them for a new layer; batch norm forgets what it has kept.  After Adebayo and
    others 2018, "Sanity Checks for Saliency Maps": what such a network is explained by should look different.
    """
    seed = checks.whole("seed", seed, 0, 2**63)
    changed = copy.deepcopy(checks.module("model", model))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for layer in _names(layers):
            for module in _module(changed, layer).modules():
                if hasattr(module, "reset_parameters"):
                    module.reset_parameters()
    return changed


def rank_correlation(these, those):
    """For each pair of maps, (N, H, W) and (N, H, W), how far they put their places in the same order: float64 (N,).

    1: the same order, 0: orders that have nothing to do with each other, −1: the reverse (Spearman's).  NaN where one
    of the two maps is the same everywhere.
    """
    for name, maps in (("these", these), ("those", those)):
        checks.finite(name, checks.tensor(name, maps, "(N, H, W)"))
    if these.shape != those.shape:
        raise ValueError(f"these and those must have one shape; got {tuple(these.shape)} and {tuple(those.shape)}")
    ranks = [torch.from_numpy(scipy.stats.rankdata(m.flatten(1).double().numpy(), axis=1)) for m in (these, those)]
    first, second = (rank - rank.mean(dim=1, keepdim=True) for rank in ranks)
    return (first * second).sum(dim=1) / (first.square().sum(dim=1) * second.square().sum(dim=1)).sqrt()


# ---- asking a model ------------------------------------------------------------------------


def _maps(model, images, layer):
    """(maps (N, K, H', W') of a layer, the model's output)."""
    maps, output = _maps_and_logits(model, images, [layer])
    return maps[layer], output


def _maps_and_logits(model, images, layers):
    """(name of a layer → its maps (N, K, H', W'), the model's output), by hooks that are removed whatever happens."""
    modules, caught, hooks = {layer: _module(model, layer) for layer in layers}, {}, []

    def keep(layer, output):
        caught[layer] = output
        # a copy goes on, so that a layer which works in place does not change what is kept
        return output.clone() if isinstance(output, torch.Tensor) else None

    try:
        for layer, module in modules.items():
            hooks.append(module.register_forward_hook(lambda m, inputs, output, layer=layer: keep(layer, output)))
        with in_evaluation_mode(model):
            output = answered(model, images)
    finally:
        for hook in hooks:
            hook.remove()
    for layer in modules:
        maps = caught.get(layer)
        if not isinstance(maps, torch.Tensor) or maps.ndim != 4:
            gave = "nothing, since it is not called" if maps is None else checks.shown(maps)
            raise ValueError(f"layer must be one that makes maps (N, K, H, W); {layer!r} gives {gave}")
    return caught, output


def _logits(model, images):
    logits = answered(model, images)
    if logits.ndim != 2:
        raise ValueError(f"the model must give logits (N, classes); it gave {checks.shown(logits)}")
    return logits


def _module(model, layer):
    """The module of that name.  Raises ValueError, with the names that there are, where there is none."""
    named = dict(checks.module("model", model).named_modules(remove_duplicate=False))
    named.pop("")
    if not isinstance(layer, str) or layer not in named:
        raise ValueError(f"layer must be one of {', '.join(named)}; got {checks.shown(layer)}")
    return named[layer]


def _names(layers):
    if not isinstance(layers, (list, tuple)) or not layers:
        raise ValueError(f"layers must be a list of names of layers, one at least; got {checks.shown(layers)}")
    return layers


def _images(model, images):
    """Images as the model wants them, (N, C, H, W) on its device, in tensors of their own; one image becomes a batch of one."""
    checks.module("model", model)
    if isinstance(images, torch.Tensor) and images.dtype == torch.uint8:
        raise ValueError(
            f"images must be normalised floats, as the model takes them (train.normalise makes them of pixels); "
            f"got {checks.shown(images)}"
        )
    single = isinstance(images, torch.Tensor) and images.ndim == 3
    checks.tensor("images", images, "(C, H, W)" if single else "(N, C, H, W)", checks.FLOATS)
    checks.finite("images", images)
    device, dtype = place(model)
    return (images.unsqueeze(0) if single else images).detach().to(device, dtype, copy=True)


def _one_image(model, image):
    """The same for one image (C, H, W), or a batch of one."""
    images = _images(model, image)
    if len(images) != 1:
        raise ValueError(
            f"image must be one, (C, H, W); got {len(images)} of them, {tuple(images.shape)}: give images[0]"
        )
    return images


@contextlib.contextmanager
def _grad():
    """Gradients, also where the caller has switched them off."""
    with torch.inference_mode(False), torch.enable_grad():
        yield
