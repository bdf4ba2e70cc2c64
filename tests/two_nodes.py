"""Runs that two processes do in folders of their own, as on two machines; tests/test_checkpoints.py starts them.

python -m torch.distributed.run … tests/two_nodes.py FOLDER
"""

import os
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from helpers.augment import Augment
from helpers.train import loop, parallel, settings
from tests.small_runs import fit, images, network, stop_at, weights

torch.set_num_threads(1)
RUN = {"epochs": 3, "augment": Augment(flip=True), "precision": "fp32"}
SETS = images(101), images(50, "valid")  # an odd number: shares of different size draw different dropout masks


def main(folder):
    with parallel.joined("cpu"):
        rank = parallel.rank()
        own = Path(folder) / f"folder of {rank}"
        own.mkdir()
        os.chdir(own)
        whole, resumed = network(dropout=0.5), network(dropout=0.5)
        saw = {"whole": fit(whole, SETS, **RUN).train_loss, "whole weights": weights(whole)}
        stopped = fit(stop_at(network(dropout=0.5), 7), SETS, checkpoint="run.pt", **RUN)  # of 15: in the second epoch
        saw |= {"epochs when stopped": len(stopped), "files": os.listdir()}
        saw["resumed"] = fit(resumed, SETS, checkpoint="run.pt", **RUN).train_loss
        saw["resumed weights"] = weights(resumed)

        saw["other images"] = refusal(sets=(images(100 + rank), SETS[1]))
        saw["other rate"] = refusal(lr=[0.02, 0.01][rank])
        saw["bad rate on one"] = refusal(lr=[0.02, -1][rank])
        Path("notes.txt").write_text("nothing of yours")
        saw["damaged file"] = refusal(checkpoint="notes.txt")
        saw["precisions"] = precisions(["bf16", "fp32"][rank])
        torch.save(saw, f"{folder}/node{rank}.pt")


def refusal(**settings):
    try:
        fit(network(), **settings)
    except ValueError as error:
        return str(error)
    return "taken"


def precisions(own):
    """Those that are used where this process's hardware would be quicker in `own`."""
    used, autocast = set(), loop.autocast
    settings.choose_precision = lambda device, precision: own
    loop.autocast = lambda device, precision: used.add(precision) or autocast(device, precision)
    fit(network(), epochs=1)
    return used


if __name__ == "__main__":
    main(sys.argv[1])
