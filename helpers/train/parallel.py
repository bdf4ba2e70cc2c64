"""One run on several processes: `torchrun` starts them, each works on its own share of every batch.

    torchrun --nproc-per-node 2 -m helpers.train --dataset fashion_mnist --recipe small_cnn

The processes talk by gloo on CPUs and by nccl on GPUs.  Every step they cut the *same* batch into
shares that do not overlap, and DistributedDataParallel takes the mean of their gradients, so the
weights are those of a run on one process (to rounding).
"""

import contextlib
import os
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import nn

PATIENCE = timedelta(minutes=5)  # how long a process waits for another before it gives up


def rank():
    """This process's number, 0 to `processes()` − 1; 0 where there is one process only."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def processes():
    """How many processes work on this run."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


@contextlib.contextmanager
def joined(device=None):
    """Join the processes that torchrun started, if it did; yields the device of this one.

    device: None takes the GPU with this process's local number where there is one, else the CPU.
    A process that ends early ends the others too, with a RuntimeError that says so.
    """
    if "RANK" not in os.environ:
        yield device
        return
    on_gpu = device == "cuda" or (device is None and torch.cuda.is_available())
    if on_gpu:
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if on_gpu else "gloo", timeout=PATIENCE)
    try:
        yield device or "cpu"
    finally:
        dist.destroy_process_group()


def wrap(model):
    """The model as all processes train it together: equal weights, mean gradients, batch norm over the whole batch.

    One process alone gets its model back as it is.
    """
    if processes() == 1:
        return model
    for module in model.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = BatchNormAcross
    return nn.parallel.DistributedDataParallel(model, broadcast_buffers=False)


def share(batch):
    """This process's part of a batch: every N-th, from its own rank on.  No two processes have one in common."""
    return batch[rank() :: processes()]


def total(number):
    """The sum of a tensor over all processes, each of which gets it."""
    if processes() > 1:
        dist.all_reduce(number)
    return number


def from_first(thing):
    """What the first process hands over, whatever the others have; the thing itself where there is one process only."""
    if processes() == 1:
        return thing
    box = [thing]
    dist.broadcast_object_list(box)
    return box[0]


def gathered(thing):
    """What every process hands over, in the order of their ranks: a list that each of them gets."""
    if processes() == 1:
        return [thing]
    things = [None] * processes()
    dist.all_gather_object(things, thing)
    return things


class BatchNormAcross(nn.BatchNorm2d):
    """Batch norm whose mean and variance are of the whole batch, not of one process's share.

    torch's SyncBatchNorm does this on GPUs only.  The sums over pictures and pixels are added up over
    the processes, and gradients flow through that sum.
    """

    def forward(self, x):
        if not self.training:
            return super().forward(x)
        count = total(torch.tensor(x.numel() / x.shape[1], device=x.device))
        mean = _SumOverProcesses.apply(x.float().sum((0, 2, 3))) / count
        centred = x.float() - mean.view(-1, 1, 1)
        variance = _SumOverProcesses.apply(centred.square().sum((0, 2, 3))) / count
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)  # torch keeps the unbiased one
            self.num_batches_tracked += 1
        scale = torch.rsqrt(variance + self.eps) * self.weight
        return (centred * scale.view(-1, 1, 1) + self.bias.view(-1, 1, 1)).to(x.dtype)


class _SumOverProcesses(torch.autograd.Function):
    """The sum over all processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx, numbers):
        return total(numbers.clone())

    @staticmethod
    def backward(ctx, gradient):
        return total(gradient.clone())
