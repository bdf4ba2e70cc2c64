"""Wrong and right answers to the exercises of notebook 13."""

FINE = "torchrun --nnodes 3 --nproc-per-node 8 --rdzv-backend c10d --rdzv-endpoint node0:29500 -m helpers.train --dataset cifar10 --recipe muon"
SHARE = "def share(batch, rank, processes):\n    return "
WEIGHT = "def weight(share_size, batch_size, processes): return "


def changed(before, after):
    assert before in FINE
    return f"command = {FINE.replace(before, after)!r}"


WRONG = {
    "share": [
        (SHARE + "batch[::processes]", "begin at its own rank"),
        (SHARE + "batch[rank:]", "take all that follow"),
        (SHARE + "batch[rank]", "one image only"),
        (SHARE + "batch[rank + 1::processes]", "one image too late"),
        (SHARE + "batch[processes::rank]", "is its step, and rank 0"),
        (SHARE + "batch[rank::processes][: len(batch) // processes]", "none may be left out"),
        (SHARE + "batch[rank:processes]", "what is wanted is a step"),
        (SHARE + "batch[rank::processes].float()", "your share is torch.float32"),
        (SHARE + "batch.chunk(processes)[rank]", "one behind the other. Take"),
        (SHARE + "batch[rank * processes : (rank + 1) * processes]", "N images in a row"),
        (SHARE + "torch.arange(rank, len(batch), processes)", "places in the batch"),
        (SHARE + "[batch[i] for i in range(rank, len(batch), processes)]", "they come as a list"),
        (
            "def share(batch, rank, processes):\n    n = len(batch) // processes\n    return batch[rank * n : (rank + 1) * n]",
            "leave out what does not divide",
        ),
    ],
    "weight": [
        (WEIGHT + "share_size / batch_size", "take a mean, not a sum"),
        (WEIGHT + "1 / processes", "your weight must, too"),
        (WEIGHT + "1", "of small shares count too much"),
        (WEIGHT + "batch_size / (share_size * processes)", "upside down: a larger share must count more. For"),
        (WEIGHT + "batch_size / share_size", "must count more. And the mean"),
        (WEIGHT + "share_size * processes", "Divide by the size of the batch"),
        (WEIGHT + "share_size / processes", "against the batch, not against the processes"),
        (WEIGHT + "share_size / (batch_size * processes)", "to undo that"),
        (WEIGHT + "batch_size / processes", "the size of an equal share"),
        (WEIGHT + "share_size * processes // batch_size", "You drop the fraction"),
        (WEIGHT + "f'{share_size * processes / batch_size}'", "a single number is wanted"),
    ],
    "command": [
        (changed("--nproc-per-node 8", "--nproc-per-node 24"), "24 is the number of all processes"),
        (changed("--nnodes 3 ", ""), "3 machines (`--nnodes`) are wanted; yours makes it 1"),
        (changed("--nnodes 3 ", "--nnodes 1:3 "), "1:3 leaves the number open"),
        (changed("--nnodes 3 --nproc-per-node 8", "--nnodes 8 --nproc-per-node 3"), "the other way round"),
        (changed("--nproc-per-node 8 ", ""), "8 processes on each machine"),
        (changed("-m helpers.train", "helpers.train"), "put `-m` before it"),
        (changed("-m helpers.train ", ""), "What is to be run?"),
        (changed("-m helpers.train", "helpers/train.py"), "not `helpers/train.py`"),
        (changed("--nnodes", "--nodes"), "Do you mean `--nnodes`?"),
        (changed("--nnodes", "—nnodes"), "no hyphen"),
        (changed("-m ", "--no-python -m "), "are for files"),
        (changed("--rdzv-backend c10d ", ""), "a line of its own"),
        (changed("--rdzv-backend c10d ", "--rdzv-backend c10 "), "`--rdzv-backend c10` is not"),
        (changed("--rdzv-endpoint node0:29500 ", ""), "Where do the machines meet? `--rdzv-endpoint` is missing"),
        (changed("--rdzv-endpoint node0:29500", "--master-addr node0"), "does not count with `c10d`"),
        (changed("node0:29500", "node0"), "names no port"),
        (changed("node0:29500", "node0:2950"), "yours is node0:2950"),
        (changed("29500 -m", "29500-m"), "A blank is missing before the `-m`"),
        (changed("torchrun", "python"), "`python` starts a single process"),
        (changed("torchrun", "mpirun"), "let the line begin with it"),
        (changed("torchrun", "python -m torch.distributed.launch"), "is the old way"),
        (changed("torchrun", "!torchrun"), "the line is for a terminal"),
        (
            changed("torchrun --nnodes 3", "torchrun --foo bar --nnodes 3"),
            "`--foo` is no option of torchrun",
        ),
        (changed("--nnodes 3", "3"), "torchrun takes `3` for what is to be run"),
        (
            changed("--nnodes 3", "--nnodes"),
            "This is what torchrun would answer: argument --nnodes: expected one argument",
        ),
        (
            changed("--nnodes 3 ", "").replace("muon", "muon --nnodes 3"),
            "`--nnodes` is for torchrun: it must stand before",
        ),
        (
            changed("-m helpers.train --dataset cifar10", "--dataset cifar10 -m helpers.train"),
            "`--dataset` is for the training",
        ),
        (changed("--recipe muon", "--recipe muon --device cpu"), "leaves the GPUs idle"),
        (changed("--recipe muon", "--recipe muon --device cuda:0"), "the same device"),
        (changed("--recipe muon", "--recipe muon --fast"), "`--fast` is no option of the training"),
        (changed("--nnodes 3", "--standalone --nnodes=3"), "for one machine alone"),
        (changed("--recipe muon", ""), "`--recipe muon` is wanted; yours says nothing"),
        (changed("cifar10", "cifar100"), "This is what the training would answer: argument --dataset: invalid choice"),
        (changed("--dataset cifar10 ", ""), "`--dataset` is missing"),
        (changed("--recipe muon", "--recipe muon --help"), "starts nothing"),
        (changed("--recipe muon", "--recipe 'muon"), "opened and not closed"),
        (changed(" -m helpers", "\n-m helpers"), "end each but the last with a backslash"),
        ("command = 24", "as a string"),
    ],
}

RIGHT = {
    "share": [
        SHARE + "torch.stack([batch[i] for i in range(rank, len(batch), processes)])",
        SHARE + "batch[torch.arange(rank, len(batch), processes)]",
        SHARE + "batch[torch.arange(len(batch)) % processes == rank]",
        SHARE + "batch[list(range(len(batch)))[rank::processes]]",
        "def share(batch, rank, processes):\n    mine = []\n    for place, image in enumerate(batch):\n"
        "        if place % processes == rank:\n            mine.append(image)\n    return torch.stack(mine)",
    ],
    "weight": [
        WEIGHT + "share_size / (batch_size / processes)",
        WEIGHT + "torch.tensor(share_size * processes / batch_size)",
        WEIGHT + "processes * (share_size / batch_size)",
        WEIGHT + "round(share_size * processes / batch_size, 3)",
        "from fractions import Fraction\n" + WEIGHT + "Fraction(share_size * processes, batch_size)",
    ],
    "command": [
        changed("torchrun", "python -m torch.distributed.run"),
        changed("torchrun", "OMP_NUM_THREADS=4 /opt/env/bin/python3.11 -u -m torch.distributed.run"),
        changed("--nnodes 3 --nproc-per-node 8", "--nproc_per_node=gpu --nnodes=3:3"),
        changed(
            "--rdzv-backend c10d --rdzv-endpoint node0:29500",
            "--rdzv_endpoint=node0:29500 --rdzv_backend=c10d --rdzv-id 7",
        ),
        changed(
            "--dataset cifar10 --recipe muon",
            "--recipe=muon --json --dataset=cifar10 --device cuda --checkpoint run.pt",
        ),
        changed(" -m", " \\\n    -m"),
    ],
}
