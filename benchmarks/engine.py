"""Where an epoch's time goes: the engine's own share, each convolution's speed, and a profile by kind of work.

python benchmarks/engine.py                                  # the CIFAR-10 recipe "gelu", on 10,000 images
python benchmarks/engine.py --dataset fashion_mnist --recipe views
python benchmarks/engine.py --recipe wider --compile         # also with torch.compile, its warm-up counted
"""

import argparse
import dataclasses
import statistics
import sys
import time
from pathlib import Path

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ladder import matmul_gflops

from helpers import arithmetic, data, train
from helpers.train import convolution, machine, recipes

KINDS = {  # the first one whose words are in an operation's name gets its time
    "convolution": ["conv"],
    "batch norm": ["batch_norm"],
    "pooling": ["pool"],
    "activation": ["relu", "clamp_min", "threshold", "gelu"],
    "linear, loss, products of matrices": ["mm", "linear", "softmax", "nll", "cross_entropy"],
}
ROUNDS = 3


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="cifar10", choices=recipes.RECIPES)
    parser.add_argument("--recipe", default="gelu")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--compile", action="store_true", help="train with torch.compile, too; needs a C++ compiler")
    options = parser.parse_args()
    recipe = recipes.find(options.dataset, options.recipe)
    images = data.load(options.dataset, "train")
    few = dataclasses.replace(images, images=images.images[: options.images], labels=images.labels[: options.images])

    rest, whole = [], []
    for _ in range(ROUNDS):  # in turns, since the machine may slow down meanwhile
        rest.append(all_but_learning(recipe, few))
        whole.append(epoch(recipe, few))
    share = statistics.median(rest) / statistics.median(whole)
    print(
        f"{options.dataset}, recipe {options.recipe}, on {machine.hardware()}, {ROUNDS} rounds of {len(few):,} images"
    )
    print(f"an epoch of fit: {statistics.median(whole):.2f} s; of it without forward, backward and step: "
          f"{statistics.median(rest):.2f} s, {100 * share:.1f} % of the time")  # fmt: skip

    print_share_of_limit(recipe, few, statistics.median(whole))
    print_layers(recipe, few)

    if options.compile:
        first, later = compiled_epochs(recipe, few)
        print(f"with torch.compile: first epoch {first:.1f} s, its warm-up counted, later ones {later:.2f} s")

    with profile(activities=[ProfilerActivity.CPU]) as watched:
        epoch(recipe, few)
    print_profile(watched)


def epoch(recipe, few):
    """Seconds of one epoch of `fit`, as its history says."""
    one = dataclasses.replace(few, images=few.images[:1], labels=few.labels[:1])
    return train.fit(recipe.build(few), few, one, **recipe.settings(epochs=1)).seconds[0]


def print_share_of_limit(recipe, few, seconds):
    shape = tuple(few.images.shape[1:])
    model = recipe.network(shape[0], **recipe.options)
    multiply_adds = sum(layer.multiply_adds for layer in arithmetic.trace_shapes(model, shape))
    rate, limit = 6e-9 * multiply_adds * len(few) / seconds, matmul_gflops()  # as in the ladder's table
    print(f"{rate:,.0f} GFLOP/s in training, {100 * rate / limit:.0f} % of the {limit:,} that two large matrices reach")


def print_layers(recipe, few):
    """What each convolution computes in a second, forward and for its two gradients, as oneDNN and as `fit` finds the kernel's."""
    model = recipe.build(few).to(memory_format=torch.channels_last)
    shapes = []
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(lambda layer, inputs, output: shapes.append((layer, inputs[0], output)))
    x = train.normalise(few.images[: recipe.batch_size], few.mean, few.std)
    device = machine.choose_device("cpu")
    dtype = machine.DTYPES[machine.choose_precision(device)]
    with torch.no_grad(), machine.autocast(device):
        model(x)
    with machine.freed_kept():  # as in training
        print_rates(shapes, dtype)


def print_rates(shapes, dtype):
    print("convolution, GFLOP/s       forward  of its input  of its kernels  side by side")
    for layer, x, y in shapes:
        if layer.kernel_size != (3, 3):
            continue
        x, y, kernels = (tensor.detach().to(dtype) for tensor in (x, y, layer.weight))
        work = 2e-9 * y.numel() * kernels[0].numel()
        rates = [
            work / quickest(torch.conv2d, x, kernels, padding=1),
            work / quickest(convolution.gradients, y, x, kernels, of=0),
            work / quickest(convolution.gradients, y, x, kernels, of=1),
        ]
        if max(x.shape[2:]) <= convolution.LARGEST_SIDE:
            rates.append(work / quickest(kernels_gradient_side_by_side, y, x, kernels))
        name = f"{x.shape[1]} → {y.shape[1]}, {x.shape[2]}×{x.shape[3]}"
        print(f"  {name:20} " + "".join(f"{rate:14,.0f}" for rate in rates))


def kernels_gradient_side_by_side(y, x, kernels):
    return convolution.gradients(convolution.side_by_side(y), convolution.side_by_side(x), kernels, of=1)


def quickest(call, *arguments, **named):
    """Seconds of the quickest of five calls, after one that does not count."""
    seconds = []
    for _ in range(6):
        start = time.perf_counter()
        call(*arguments, **named)
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])


def compiled_epochs(recipe, few):
    """Seconds of the first epoch of a compiled network, warm-up and all, and of a later one."""
    one = dataclasses.replace(few, images=few.images[:1], labels=few.labels[:1])
    model = recipe.build(few).to(memory_format=torch.channels_last)
    seconds = train.fit(torch.compile(model), few, one, **recipe.settings(epochs=3)).seconds
    return seconds[0], min(seconds[1:])


def all_but_learning(recipe, few):
    """Seconds of the same epoch with a network that does nothing: cutting, augmenting, scaling, counting, reporting."""
    one = dataclasses.replace(few, images=few.images[:1], labels=few.labels[:1])
    settings = recipe.settings(epochs=1, optimizer="sgd")
    return train.fit(Nothing(), few, one, **settings).seconds[0]


class Nothing(nn.Module):
    """Ten logits for each image, from one number that training may change."""

    def __init__(self):
        super().__init__()
        self.number = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        return self.number.expand(len(x), 10)


def print_profile(watched):
    seconds = dict.fromkeys([*KINDS, "all else"], 0.0)
    for event in watched.key_averages():
        kind = next((kind for kind, words in KINDS.items() if any(w in event.key.lower() for w in words)), "all else")
        seconds[kind] += event.self_cpu_time_total / 1e6
    total = sum(seconds.values())
    for kind, spent in seconds.items():
        print(f"  {kind:36} {100 * spent / total:5.1f} %")
    three = sum(seconds[kind] for kind in ("convolution", "batch norm", "pooling"))
    print(f"not convolution, batch norm, pooling or their backward: {100 * (1 - three / total):.1f} %")


if __name__ == "__main__":
    main()
