"""One run on several processes: `torchrun` starts them, each works on its own share of every batch.

    torchrun --standalone --local-addr localhost --nproc-per-node 2 -m helpers.train --dataset fashion_mnist

The processes talk by gloo on CPUs and by nccl on GPUs.  Every step they cut the *same* batch into
shares that do not overlap, and DistributedDataParallel takes the mean of their gradients, so the
weights are those of a run on one process (to rounding).

`--local-addr localhost` keeps torchrun on one machine from looking up the machine's own name, which
not every machine knows: without it, torchrun waits ten minutes there.
"""

import contextlib
import functools
import inspect
import os
import re
import socket
import struct
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn

from helpers import checks
from helpers.train import machine

ON_ONE_MACHINE = ("-m", "torch.distributed.run", "--standalone", "--local-addr", "localhost")  # = torchrun …
PATIENCE = timedelta(minutes=5)  # how long a process waits for another before it gives up
TOLD = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")  # by torchrun, in the environment


# ---- starting and joining ------------------------------------------------------------------


def launch(arguments, processes=1, timeout=300):
    """Run `python ARGUMENTS` in the course's folder, as so many processes on one core each; return the lines it printed.

    arguments: a list of strings, such as ["-m", "helpers.train", "--dataset", "cifar10"].
    timeout: in seconds.
    Raises RuntimeError, with the program's own last lines, where it fails, TimeoutError where it takes longer,
    and ValueError or TypeError for arguments that cannot work.
    """
    if not isinstance(arguments, (list, tuple)) or not all(isinstance(word, str) for word in arguments):
        raise TypeError(f"arguments must be a list of strings, one a word; got {checks.shown(arguments)}")
    processes = checks.whole("processes", processes, 1)
    timeout = checks.number("timeout", timeout, above=0)
    start = [*ON_ONE_MACHINE, "--nproc-per-node", str(processes)] if processes > 1 else []
    program = subprocess.Popen(
        [sys.executable, *start, *arguments], cwd=Path(__file__).parents[2], env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,  # so that Stop reaches it by _stop alone
    )  # fmt: skip
    try:
        printed, errors = program.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        raise TimeoutError(
            f"the program did not end within {timeout:g} s; its last lines:\n{_last_lines(_stop(program))}"
        ) from None
    except BaseException:  # Stop in a notebook, above all: no process may go on behind the reader's back
        _stop(program)
        raise
    if program.returncode != 0:
        raise RuntimeError(f"the program ended with code {program.returncode}; its last lines:\n{_last_lines(errors)}")
    return printed.decode(errors="replace").splitlines()


def _stop(program):
    """End a program and, if it is torchrun, its processes: asked to, it ends them; killed, it leaves them behind."""
    program.terminate()
    try:
        return program.communicate(timeout=20)[1]
    except subprocess.TimeoutExpired:
        program.kill()
        return program.communicate()[1]


def _last_lines(errors):
    """The last lines that the program itself wrote, without torchrun's long report of its end, which gives no reason."""
    errors = errors.decode(errors="replace").replace(os.linesep, "\n")
    own = re.split(r"[EW]\d{4} [\d:.]+ .*torch/distributed/elastic", errors, maxsplit=1)[0]
    lines = (own.strip() or errors.strip()).split("\n")
    return "\n".join(line.rpartition("\r")[2] for line in lines[-10:])  # of a progress bar what a terminal shows last


@contextlib.contextmanager
def joined(device=None):
    """Join the processes that torchrun started, if it did; yields the device of this one.

    device: None takes the GPU with this process's local number where there is one, else the CPU.
    A process that ends early ends the others too, with a RuntimeError that says so.
    Raises ValueError where the environment has only a part of what torchrun tells, and for a
    device that several processes cannot use.
    """
    if not _several():
        yield device
        return
    on_gpu = _on_gpu(device)
    if on_gpu:
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    _choose_interface()
    try:
        store, own, size = next(dist.rendezvous("env://", timeout=PATIENCE))
        _refuse_mixed_devices(store, own, size, "cuda" if on_gpu else "cpu")
        dist.init_process_group("nccl" if on_gpu else "gloo", store=store, rank=own, world_size=size, timeout=PATIENCE)
    except RuntimeError as error:
        raise RuntimeError(f"the processes of this run did not find one another: {error}") from error
    try:
        yield device or "cpu"
    finally:
        dist.destroy_process_group()


def _several():
    """Whether the environment tells this process that it is one of several."""
    if not {"RANK", "WORLD_SIZE"} & set(os.environ):
        return False  # the others alone are leftovers that nothing reads
    missing = [name for name in TOLD if name not in os.environ]
    if missing:
        found = [name for name in TOLD if name in os.environ]
        raise ValueError(
            f"the environment has {' and '.join(found)}, but not {', '.join(missing)}; torchrun sets all of them. "
            f"For a run on one process remove what is left over: unset {' '.join(found)}"
        )
    rank, size, local = (os.environ[name] for name in TOLD[:3])
    if not (rank.isdecimal() and size.isdecimal() and local.isdecimal() and int(local) <= int(rank) < int(size)):
        raise ValueError(
            f"RANK, WORLD_SIZE and LOCAL_RANK in the environment are {rank!r}, {size!r} and {local!r}; wanted are whole "
            f"numbers, RANK below WORLD_SIZE, LOCAL_RANK not above RANK. For a run on one process: unset {' '.join(TOLD)}"
        )
    return True


def _on_gpu(device):
    """Whether this process works on a GPU of its own."""
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, number = str(machine.choose_device(device)).partition(":")
    if kind not in ("cpu", "cuda"):
        raise ValueError(f"several processes can work on cpu or cuda, not on {kind!r}: give --device cpu")
    if kind == "cpu":
        return False
    if number:
        raise ValueError(
            f"device {device!r} would put all processes of a machine on one GPU: give --device cuda, and each takes the "
            "GPU of its own number; CUDA_VISIBLE_DEVICES chooses among them"
        )
    gpus = torch.cuda.device_count()
    if int(os.environ["LOCAL_RANK"]) >= gpus:
        raise ValueError(
            f"this machine has {gpus} GPU{'s' * (gpus > 1)}, and more processes were started: "
            f"give torchrun --nproc-per-node {gpus}, or the run --device cpu"
        )
    return True


def _refuse_mixed_devices(store, own, size, kind):
    """Compare the kinds of device of all processes: gloo and nccl would wait for each other until patience ends."""
    store.set(f"device of {own}", kind)
    kinds = [store.get(f"device of {other}").decode() for other in range(size)]
    if len(set(kinds)) > 1:
        first = {kind: kinds.index(kind) for kind in ("cpu", "cuda")}
        raise ValueError(
            f"the process of rank {first['cuda']} would work on a GPU, that of rank {first['cpu']} on the CPU: "
            "give --device cpu on all machines, or start the run only where there are GPUs"
        )


def _choose_interface():
    """Tell gloo which network interface to use: the one that reaches the process of rank 0.

    Left alone, gloo looks up the machine's own name, which may be unknown, or known as an address that no other
    machine can reach.  Linux only; GLOO_SOCKET_IFNAME in the environment decides where it is set.
    """
    if sys.platform != "linux" or "GLOO_SOCKET_IFNAME" in os.environ:
        return
    import fcntl  # no other system has it

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect((os.environ["MASTER_ADDR"], 9))  # sends nothing: it only looks for the way
        own = probe.getsockname()[0]
        for _, name in socket.if_nameindex():
            with contextlib.suppress(OSError):  # of an interface without an address
                asked = fcntl.ioctl(probe, 0x8915, struct.pack("256s", name.encode()))  # SIOCGIFADDR
                if socket.inet_ntoa(asked[20:24]) == own:
                    os.environ["GLOO_SOCKET_IFNAME"] = name


# ---- working together ----------------------------------------------------------------------


def rank():
    """This process's number, 0 to `processes()` − 1; 0 where there is one process only."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def processes():
    """How many processes work on this run."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def share(batch):
    """This process's part of a batch: every N-th, from its own rank on.  No two processes have one in common.

    Of a batch smaller than the number of processes, some get none: tensors of length 0.
    """
    return batch[rank() :: processes()]


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


def sum_over_processes(numbers):
    """The sum of a tensor over all processes, each of which gets it; `numbers` stays as it is."""
    if processes() == 1:
        return numbers
    numbers = numbers.clone()
    dist.all_reduce(numbers)
    return numbers


def wrap(model):
    """The model as all processes train it together: equal weights, mean gradients, batch norm over the whole batch.

    One process alone gets its model back as it is; on several, too, `model` itself stays what it was.
    """
    if processes() == 1:
        return model
    # Buffers need no exchange: all processes compute the same running means.  torch 2.13 renamed the switch.
    known = inspect.signature(nn.parallel.DistributedDataParallel).parameters
    switch = "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers"
    return nn.parallel.DistributedDataParallel(_Together(model), **{switch: False})


class _Together(nn.Module):
    """A model whose batch norms take in all processes' shares, only while it computes: the model itself is not changed.

    Raises ValueError for a batch norm that computes in its own way.
    """

    def __init__(self, model):
        super().__init__()
        self.model = model
        self.norms = [module for module in model.modules() if _is_batch_norm(module)]

    def forward(self, x):
        kinds = [type(norm) for norm in self.norms]
        try:
            for norm in self.norms:
                norm.__class__ = _across(type(norm))
            return self.model(x)
        finally:
            for norm, kind in zip(self.norms, kinds):
                norm.__class__ = kind


def _is_batch_norm(module):
    usual = nn.modules.batchnorm._BatchNorm
    if not isinstance(module, usual) or isinstance(module, (nn.SyncBatchNorm, BatchNormAcross)):
        return False
    if type(module).forward is not usual.forward:
        raise ValueError(
            f"{type(module).__name__} computes batch norm in its own way, from one process's share alone: "
            "use nn.BatchNorm1d, 2d or 3d, or train on one process"
        )
    return True


@functools.cache
def _across(kind):
    """The same kind of batch norm, nn.BatchNorm2d or another, over all processes."""
    return type(f"{kind.__name__}Across", (BatchNormAcross, kind), {})


class BatchNormAcross(nn.modules.batchnorm._BatchNorm):
    """Batch norm whose mean and variance are of the whole batch, not of one process's share.

    torch's SyncBatchNorm does this on GPUs only.  The sums over images and pixels are added up over
    the processes, and gradients flow through that sum.  x: (N, C, …), float; the result is like it.
    """

    def forward(self, x):
        if not self.training:
            return super().forward(x)
        self._check_input_dim(x)
        wide = x if x.dtype == torch.float64 else x.float()  # bf16 is too coarse for sums
        others = [dim for dim in range(x.ndim) if dim != 1]
        channels = (-1, *[1] * (x.ndim - 2))  # the shape of one number a channel
        sums = torch.cat([wide.sum(others), wide.new_full((1,), x.numel() / x.shape[1])])
        sums = _SumOverProcesses.apply(sums)
        count = sums[-1].detach()
        if x.numel() <= x.shape[1] and count < 2:
            raise ValueError(f"batch norm needs more than one number a channel to train; got {tuple(x.shape)}")
        mean = sums[:-1] / count
        centred = wide - mean.view(channels)
        variance = _SumOverProcesses.apply(centred.square().sum(others)) / count
        if self.track_running_stats:
            self._keep(mean.detach(), (variance * count / (count - 1)).detach())  # torch keeps the unbiased variance
        result = centred * torch.rsqrt(variance + self.eps).view(channels)
        if self.affine:
            result = result * self.weight.view(channels) + self.bias.view(channels)
        return result.to(x.dtype)

    @torch.no_grad()
    def _keep(self, mean, variance):
        self.num_batches_tracked += 1
        part = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), part)
        self.running_var.lerp_(variance.to(self.running_var.dtype), part)


class _SumOverProcesses(torch.autograd.Function):
    """The sum over all processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx, numbers):
        return sum_over_processes(numbers)

    @staticmethod
    def backward(ctx, gradient):
        return sum_over_processes(gradient)
