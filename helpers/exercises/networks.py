"""What a learner's network does, however it is written: as nn.Sequential or as a class, of modules or of functions.

All that is asked of a network is asked of the copy that `network_in` makes, in eval() and on the CPU:
the learner's own keeps its weights, its modes and the layers whose sizes are still open. The random
state is left alone.
"""

import copy
import math

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from helpers import arithmetic
from helpers.exercises.comparing import Wrong, kind, translated
from helpers.train import History

CLASSES = 10
DRAWS = 4  # of random weights: what holds for all of them lies in how the network is built


def network_in(answer, *shape):
    """A copy of the network that an answer is, ready to be asked; raises `Wrong` where it is none.

    shape: (channels, rows, columns) of an image that it must take.  Lazy layers get their sizes from it.
    """
    if isinstance(answer, (list, tuple)) and answer and all(isinstance(layer, nn.Module) for layer in answer):
        raise Wrong("Not yet. Those are layers in a list; put them into nn.Sequential(layer, layer, …).")
    if isinstance(answer, History):
        raise Wrong("That is the History of a training. `fit` trains in place: hand over the network itself.")
    if isinstance(answer, type) and issubclass(answer, nn.Module):
        raise Wrong(f"That is the class {answer.__name__}; build a network of it with brackets: {answer.__name__}().")
    if not isinstance(answer, nn.Module):
        raise Wrong(f"A network is wanted, such as nn.Sequential(…); you gave {kind(answer)}.")
    network = copy.deepcopy(answer).cpu().float().eval()
    output_of(network, *shape)
    return network


def output_of(network, *shape, images=2):
    """What it gives for random images of (channels, rows, columns); raises `Wrong` where it cannot take them."""
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            return network(torch.randn(images, *shape))
        except Exception as error:
            size = "×".join(map(str, shape))
            raise Wrong(f"Not yet. It fails on an image of {size}: {_failure(network, shape, error)}.") from error


def _failure(network, shape, error):
    """Which layer does not fit, in the words of `arithmetic.trace_shapes`, else what the error says."""
    try:
        arithmetic.trace_shapes(network, shape)
    except ValueError as found:
        return str(found).rstrip(".")
    except Exception:
        pass  # what was raised first says more
    return translated(error)


def check_scores(network, *shape):
    """Raise `Wrong` where it does not give one logit for each of the 10 classes, for each of two images."""
    scores, size = output_of(network, *shape), "×".join(map(str, shape))
    if not isinstance(scores, torch.Tensor):
        raise Wrong(f"Not yet. It gives {kind(scores)}; for 2 images a tensor of shape (2, {CLASSES}) is wanted.")
    if scores.shape != (2, CLASSES):
        flat = " Is nn.Flatten() missing?" if scores.ndim > 2 else ""
        raise Wrong(
            f"Not yet. For 2 images of {size} it gives {kind(scores)}; shape (2, {CLASSES}) is wanted, "
            f"one score for each class.{flat}"
        )
    if not scores.isfinite().all():
        raise Wrong("Not yet. Some of its scores are NaN or infinite.")


def all_parameters(network):
    """How many numbers act as its weights: frozen ones, bare nn.Parameters and buffers, too; a shared one once.

    Batch norm's means and variances are no weights: they are measured.
    """
    buffers = [b for name, b in network.named_buffers() if b.is_floating_point() and "running_" not in name]
    return sum(weights.numel() for weights in [*network.parameters(), *buffers])


def multiply_adds(network, *shape):
    """Products of a weight (or a number) with a number that one image costs, wherever they are computed."""
    with torch.no_grad(), torch.random.fork_rng(devices=[]), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, *shape))
    return counter.get_total_flops() // 2


class _Convolutions(TorchFunctionMode):
    """While it is entered, notes (input, output) of each 2-D convolution, by module or by function."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if func is torch.conv2d:
            self.seen.append((args[0] if args else kwargs["input"], result))
        return result


def _convolutions(network, images):
    with torch.no_grad(), torch.random.fork_rng(devices=[]), _Convolutions() as noted:
        network(images)
    return noted.seen


def convolutions(network, *shape):
    """How many 2-D convolutions an image passes."""
    return len(_convolutions(network, torch.zeros(1, *shape)))


def seen_field(network, *shape):
    """(rows, columns) of the image that one number of the last convolution depends on; None without a convolution.

    A convolution that gets a single number a map, after a global pooling, does not count: it sees
    nothing new. Measured, not computed from sizes: one row (column) of a black image after the
    other is lit. With weights above 0 and no biases nothing cancels out, and no ReLU is silent, so
    each number of the map that sees the row changes. A field is never larger than the image.
    """
    _, rows, columns = shape
    images = torch.zeros(rows + columns, *shape)
    for row in range(rows):
        images[row, :, row] = 1
    for column in range(columns):
        images[rows + column, :, :, column] = 1
    images = torch.cat([torch.zeros(1, *shape), images])
    positive = _redrawn(network, lambda weights: (0.5 + torch.rand_like(weights)) / _fan_in(weights), torch.zeros_like)
    maps = [result for given, result in _convolutions(positive, images) if given.ndim == 4 and given[0, 0].numel() > 1]
    if not maps:
        return None
    lit = (maps[-1] != maps[-1][:1]).any(dim=1)[1:]  # (rows + columns, height, width of the map)
    return _longest(lit[:rows]), _longest(lit[rows:])


def _longest(lit):
    """How far it is from the first to the last line that a number depends on, for the number that sees farthest."""
    lines = torch.arange(len(lit))[:, None, None]
    first = torch.where(lit, lines, len(lit)).amin(dim=0)
    last = torch.where(lit, lines, -1).amax(dim=0)
    return int((last - first + 1).clamp(min=0).max())


def is_linear(network, *shape):
    """Whether all its layers together are one linear layer: no ReLU, no max pooling, nothing that bends."""
    return _is_linear(network, shape, lambda redrawn, images: redrawn(images))


def is_linear_between_convolutions(network, *shape):
    """Whether nothing bends before any of its convolutions, so that all of them are one larger convolution."""
    return _is_linear(network, shape, _inputs_of_convolutions)


def _inputs_of_convolutions(network, images):
    return torch.cat([given.flatten() for given, _ in _convolutions(network, images)])


def _is_linear(network, shape, result_of):
    """Whether result_of(network, images), whatever the weights, is a linear function of the images, biases aside."""
    one, two = _noise(2, *shape)
    for draw in range(DRAWS):
        redrawn = _with_random_weights(network, draw)
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            black, both = result_of(redrawn, 0 * one), result_of(redrawn, one + two)
            bend = both + black - result_of(redrawn, one) - result_of(redrawn, two)
            if bend.abs().max() > 1e-3 * (both - black).abs().max():
                return False
    return True


def ends_in(network, *shape):
    """What its scores have gone through: "softmax", "log_softmax", "sigmoid", "relu", or None for plain scores.

    Told by the scores alone, for noise, flat images and random weights: they add up to 1, are never below 0, and so on.
    """
    flat = torch.ones(1, *shape)  # of noise even a plain score may never be below 0, where it is a maximum
    images = torch.cat([_noise(16, *shape)[:, 0], flat, -flat])
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        scores = torch.cat([_with_random_weights(network, draw)(images) for draw in range(DRAWS)])
    one = torch.ones(len(scores))
    if torch.allclose(scores.logsumexp(dim=1), 0 * one, atol=1e-3):
        return "log_softmax"
    if (scores < 0).any():
        return None
    if torch.allclose(scores.sum(dim=1), one, atol=1e-3):
        return "softmax"
    return "sigmoid" if (scores <= 1).all() and (scores > 0).any() else "relu"


ENDS = {
    "relu": "A ReLU or the like keeps your scores from falling below 0. End with the logits.",
    "softmax": "Those are probabilities: they add up to 1. Leave the softmax out, and give the logits.",
    "log_softmax": "Those are logarithms of probabilities. Leave the log-softmax out, and give the logits.",
    "sigmoid": "All its scores lie between 0 and 1. Leave the sigmoid out, and give the logits.",
}


def check_ending(network, *shape):
    """Raise `Wrong` where its scores are no logits, but have gone through a ReLU, a softmax or the like."""
    if found := ENDS.get(ends_in(network, *shape)):
        raise Wrong(f"Not yet. {found}")


def _noise(images, *shape):
    return torch.randn(images, 1, *shape, generator=torch.Generator().manual_seed(0))


def _with_random_weights(network, seed):
    """A copy whose weights are all drawn anew: what it does then does not come from its training."""
    return _redrawn(network, lambda w: 2 * torch.randn_like(w) / math.sqrt(_fan_in(w)), torch.randn_like, seed)


def _redrawn(network, weights, bias, seed=0):
    """A copy with new numbers for each weight and each bias; batch norm passes on what it gets, scaled."""
    redrawn = copy.deepcopy(network)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for name, parameter in redrawn.named_parameters():
            parameter.copy_(bias(parameter) if parameter.ndim < 2 and "bias" in name else weights(parameter))
        for name, buffer in redrawn.named_buffers():
            if "running_" in name:
                buffer.fill_(1.0 if "var" in name else 0.0)
            elif buffer.is_floating_point():
                buffer.copy_(weights(buffer))
    return redrawn


def _fan_in(weights):
    """How many products each number of the output adds up."""
    return weights[0].numel() if weights.ndim > 1 else 1
