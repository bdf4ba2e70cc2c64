"""Twenty steps of training, one an epoch; tests/test_parallel.py runs this alone and under torchrun.

python tests/twenty_steps.py RESULTS.pt
"""

import contextlib
import dataclasses
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from helpers import data, models, train
from helpers.augment import Augment
from helpers.train import loop, parallel

torch.set_num_threads(1)
loop.autocast = lambda device: contextlib.nullcontext()  # bf16 rounds more coarsely than 1e-4


def main(results):
    with parallel.joined("cpu") as device:
        clothes = data.load("fashion_mnist", "train", source="sample")
        some = dataclasses.replace(clothes, images=clothes.images[:101], labels=clothes.labels[:101])  # an odd number
        torch.manual_seed(0)
        model = models.small_cnn(width=8)
        seen = []
        share = parallel.share

        def watched(batch):
            seen.append(share(batch).flatten(1).double().sum(dim=1) if batch.ndim == 4 else share(batch))
            return share(batch)

        parallel.share = watched
        history = train.fit(
            model,
            some,
            some,
            epochs=20,
            batch_size=101,
            lr=0.01,
            optimizer="sgd",
            device=device,
            augment=Augment(flip=True, shift=2),
        )
        saved = {"losses": history.train_loss, "weights": model.state_dict(), "first_share": seen[0]}
        torch.save(saved, f"{results}.{parallel.rank()}")


if __name__ == "__main__":
    main(sys.argv[1])
