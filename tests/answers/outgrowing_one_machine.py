"""Wrong and right answers to the exercises of notebook 13."""

FINE = "torchrun --nnodes 3 --nproc-per-node 8 --rdzv-backend c10d --rdzv-endpoint node0:29500 -m helpers.train --dataset cifar10 --recipe muon"


def changed(before, after):
    assert before in FINE
    return f"command = {FINE.replace(before, after)!r}"


WRONG = {
    "share": [
        ("def share(batch, rank, processes): return batch[::processes]", "begin at its own rank"),
        ("def share(batch, rank, processes): return batch[rank:]", "take all that follow"),
        ("def share(batch, rank, processes): return batch[rank + 1::processes]", "one picture too late"),
        (
            "def share(batch, rank, processes):\n    n = len(batch) // processes\n    return batch[rank * n : (rank + 1) * n]",
            "leave out what does not divide",
        ),
    ],
    "weight": [
        ("def weight(share_size, batch_size, processes): return share_size / batch_size", "take a mean, not a sum"),
        ("def weight(share_size, batch_size, processes): return 1 / processes", "your weight must, too"),
        ("def weight(share_size, batch_size, processes): return batch_size / (share_size * processes)", "upside down"),
        (
            "def weight(share_size, batch_size, processes): return share_size * processes",
            "Divide by the size of the batch",
        ),
    ],
    "command": [
        (changed("--nproc-per-node 8", "--nproc-per-node 24"), "24 is the number of all processes"),
        (changed("--nnodes 3 ", ""), "3 machines"),
        (changed("-m helpers.train", "helpers.train"), "put `-m` before it"),
        (changed("--rdzv-endpoint node0:29500 ", ""), "Where do the machines meet?"),
        (changed("torchrun", "python"), "let the line begin with it"),
        (changed("--recipe muon", "--recipe muon --device cpu"), "leaves the GPUs idle"),
        (changed("--nnodes 3", "--standalone --nnodes=3"), "for one machine alone"),
        (changed("--recipe muon", ""), "`--recipe muon` is wanted; yours says nothing"),
        ("command = 24", "as a string"),
    ],
}
