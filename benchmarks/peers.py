"""What others teach beginners to train, written anew from their published settings, with the usual DataLoader.

python benchmarks/peers.py tutorial          # needs the full set on disk; prints one JSON line
python benchmarks/peers.py tinyvgg --seed 1 --images 4000

tutorial: PyTorch's "Training a classifier" (CIFAR-10): LeNet, 4 images a step, SGD, 2 epochs, 2 workers.
tinyvgg: chapter 03 of "Learn PyTorch for Deep Learning" (Fashion-MNIST): TinyVGG with 10 maps, 32
images a step, SGD, 3 epochs.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader, Subset
from torchvision import datasets, transforms

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from helpers import data, models


def tinyvgg(maps=10):
    def block(channels):
        return [
            nn.Conv2d(channels, maps, 3, padding=1), nn.ReLU(), nn.Conv2d(maps, maps, 3, padding=1), nn.ReLU(),
            nn.MaxPool2d(2),
        ]  # fmt: skip

    return nn.Sequential(*block(1), *block(maps), nn.Flatten(), nn.Linear(maps * 7 * 7, 10))


HALF = transforms.Normalize([0.5] * 3, [0.5] * 3)
PEERS = {
    "tutorial": {
        "dataset": "cifar10", "set": datasets.CIFAR10, "transform": transforms.Compose([transforms.ToTensor(), HALF]),
        "model": lambda: models.lenet(3, 32), "batch_size": 4, "workers": 2, "lr": 0.001, "momentum": 0.9, "epochs": 2,
    },
    "tinyvgg": {
        "dataset": "fashion_mnist", "set": datasets.FashionMNIST, "transform": transforms.ToTensor(),
        "model": tinyvgg, "batch_size": 32, "workers": 0, "lr": 0.1, "momentum": 0.0, "epochs": 3,
    },
}  # fmt: skip


def train_and_test(name, seed, few=None):
    """Train one peer and test it; a dict as the last line of `python -m helpers.train --json`."""
    peer = PEERS[name]
    torch.manual_seed(seed)
    model = peer["model"]()
    train, test = (peer["set"](data.data_dir(), train=t, transform=peer["transform"]) for t in (True, False))
    if few:
        train = Subset(train, range(few))
    loader = DataLoader(train, peer["batch_size"], shuffle=True, num_workers=peer["workers"])
    optimizer = torch.optim.SGD(model.parameters(), lr=peer["lr"], momentum=peer["momentum"])
    loss_function = nn.CrossEntropyLoss()
    start = time.perf_counter()
    for _ in range(peer["epochs"]):
        for images, labels in loader:
            optimizer.zero_grad()
            loss_function(model(images), labels).backward()
            optimizer.step()
    seconds = time.perf_counter() - start
    return {
        "test_accuracy": accuracy(model, test), "valid_accuracy": None, "seconds": round(seconds, 2),
        "images_per_second": round(peer["epochs"] * len(train) / seconds),
        "parameters": models.count_parameters(model), "source": "full", "recipe": name, "device": "cpu",
        "dataset": peer["dataset"], "epochs": peer["epochs"], "seed": seed,
    }  # fmt: skip


@torch.no_grad()
def accuracy(model, test):
    right = sum((model(images).argmax(1) == labels).sum().item() for images, labels in DataLoader(test, 1_000))
    return right / len(test)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=PEERS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--images", type=int, help="only the first so many training images")
    options = parser.parse_args()
    print(json.dumps(train_and_test(options.name, options.seed, options.images)))
