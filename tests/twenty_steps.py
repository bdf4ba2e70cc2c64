"""Some twenty steps of training, in 64 bits; tests/test_parallel.py runs this alone and under torchrun.

python tests/twenty_steps.py RESULTS

In 64 bits what several processes compute can be told from what one computes: roundings stay far
below any mistake.
"""

import dataclasses
import socket
import sys
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from helpers import data, models, train
from helpers.augment import Augment
from helpers.train import parallel

torch.set_num_threads(1)

NORMS = {
    "1d": (lambda: nn.BatchNorm1d(3), (3,)),
    "1d of lines": (lambda: nn.BatchNorm1d(3), (3, 5)),
    "2d": (lambda: nn.BatchNorm2d(3), (3, 4, 4)),
    "3d": (lambda: nn.BatchNorm3d(3), (3, 2, 2, 2)),
    "no weights": (lambda: nn.BatchNorm2d(3, affine=False), (3, 4, 4)),
    "mean of all batches": (lambda: nn.BatchNorm2d(3, momentum=None), (3, 4, 4)),
    "nothing kept": (lambda: nn.BatchNorm2d(3, track_running_stats=False), (3, 4, 4)),
}


class InDouble(nn.Module):
    """A model in 64 bits that takes images in 32."""

    def __init__(self, model):
        super().__init__()
        self.model = model.double()

    def forward(self, x):
        return self.model(x.double())


def main(results):
    with parallel.joined("cpu") as device:
        saved = trained(device) | {
            "norms": {name: normed(make(), shape) for name, (make, shape) in NORMS.items()},
            "one number a channel": refused(nn.BatchNorm1d(3)),
            "another batch norm": refused(Centred(3)),
            "from_first": parallel.from_first(("thing of", parallel.rank())),
            "gathered": parallel.gathered(parallel.rank()),
            "name is known": name_is_known(),
        }
        torch.save(saved, f"{results}.{parallel.rank()}")


def trained(device):
    """Fit to 101 images, 50 a step: the last step of an epoch has one image, which two processes cannot share."""
    clothes = data.load("fashion_mnist", "train", source="sample")
    some = dataclasses.replace(clothes, images=clothes.images[:101], labels=clothes.labels[:101])
    torch.manual_seed(0)
    model = models.fast_cnn(1, (8, 8))
    models.whiten_stem(model, train.normalise(some.images, some.mean, some.std))
    model = InDouble(model)
    kinds = [type(module) for module in model.modules()]
    seen, share = [], parallel.share

    def watched(batch):
        seen.append(share(batch).flatten(1).double().sum(dim=1) if batch.ndim == 4 else share(batch))
        return share(batch)

    parallel.share = watched
    history = train.fit(
        model, some, some, epochs=7, batch_size=50, lr=0.01, optimizer="sgd", device=device,
        augment=Augment(flip="alternating", shift=2),
    )  # fmt: skip
    return {
        "losses": history.train_loss,
        "weights": model.state_dict(),
        "shares": seen[::2],
        "kinds stay": kinds == [type(module) for module in model.modules()],
    }


def normed(norm, shape):
    """Three batches of seven through a batch norm: its outputs, its gradients, what it keeps; rows in the batch's order."""
    torch.manual_seed(0)
    together = parallel.wrap(nn.Sequential(nn.Linear(shape[-1], shape[-1]), norm).double())
    answers = []
    for _ in range(3):
        x = 3 * torch.randn(7, *shape, dtype=torch.float64) + 2
        y = together(parallel.share(x))
        (y.pow(3).sum() * parallel.processes()).backward()
        answers.append(y.detach())
    model = getattr(together, "module", together)
    gradients = [parameter.grad for parameter in model.parameters()]
    return {"answers": answers, "gradients": gradients, "kept": [buffer.double() for buffer in model.buffers()]}


class Centred(nn.BatchNorm2d):
    """Batch norm that computes in its own way."""

    def forward(self, x):
        return x - x.mean(0)


def refused(norm):
    """What is said of one image of one number a channel, which has no variance."""
    try:
        parallel.wrap(nn.Sequential(nn.Linear(3, 3), norm))(parallel.share(torch.ones(1, 3)))
    except ValueError as error:
        return str(error)
    return "taken"


def name_is_known():
    try:
        socket.getaddrinfo(socket.gethostname(), None)
    except socket.gaierror:
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1])
