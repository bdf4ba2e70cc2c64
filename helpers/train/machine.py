"""What the machine can do: its device, the precision that it is quick in, the memory that it keeps, its name."""

import contextlib
import ctypes
import functools
import platform
import time
from pathlib import Path

import torch
import torch.nn.functional as F

# What glibc's mallopt calls them (malloc.h), and where its own adaptation of the last two ends.
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD, MMAP_MAX = -1, -2, -3, -4
LARGEST = 2**31 - 1
USUAL = {MMAP_MAX: 65_536, TOP_PAD: 0, MMAP_THRESHOLD: 32 * 2**20, TRIM_THRESHOLD: 64 * 2**20}


def hardware():
    """What computes here, in words, for results that are kept: the GPU or the processor, and the cores in use."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    described = Path("/proc/cpuinfo")  # Linux only; elsewhere Python's own words must do
    lines = described.read_text().splitlines() if described.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    cores = torch.get_num_threads()
    return f"{(names or [platform.processor() or platform.machine()])[0]}, {cores} core{'s' if cores > 1 else ''}"


def choose_device(device=None):
    """The device asked for, or a GPU where there is one.  Raises ValueError where the one asked for is not there."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device is None:
        return torch.device(next(name for name, found in there.items() if found))
    kind = str(device).partition(":")[0]
    if not there.get(kind, False):
        found = ", ".join(name for name, found in there.items() if found)
        raise ValueError(f"this machine has no {kind!r} that torch {torch.__version__} can use; it has: {found}")
    return torch.device(device)


def autocast(device):
    """bf16 where this hardware is quicker with it, elsewhere fp32."""
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = device.type == "cpu" and _cpu_gains_from_bf16()
    return torch.autocast(device.type, dtype=torch.bfloat16) if fast else contextlib.nullcontext()


@functools.cache
def _cpu_gains_from_bf16():
    """Measured, not believed: a CPU may have instructions for bf16 and still be quicker without them.

    A Xeon without AMX multiplies large matrices at 323 GFLOP/s in fp32 and at 177 in bf16.
    """
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()  # torch 2.10 and later can ask
    if not (capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")):
        return False  # emulated, it is slower: 9 times on a Zen 3 core
    return 1.2 * _convolution_seconds(torch.bfloat16) < _convolution_seconds(torch.float32)


def _convolution_seconds(dtype, rounds=5):
    """The shortest time that this CPU takes for a convolution of a usual size, 1.2 billion operations."""
    maps = torch.ones(64, 64, 16, 16, dtype=dtype).contiguous(memory_format=torch.channels_last)
    kernels = torch.ones(64, 64, 3, 3, dtype=dtype)
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        F.conv2d(maps, kernels, padding=1)
        times.append(time.perf_counter() - start)
    return min(times)


@contextlib.contextmanager
def freed_kept():
    """While this lasts, Linux does not get back what is freed; afterwards it gets all of it.

    Each step of training takes and frees the same large tensors.  glibc returns such blocks at once
    and asks for them anew, and Linux fills every page with zeros first: for the widest recipe of
    the ladder that is an eighth of the time (`benchmarks/engine.py`).  Does nothing where there is
    no glibc.
    """
    libc = _glibc()
    if libc is None:
        yield
        return
    for option, value in {MMAP_MAX: 0, TOP_PAD: 2**28, TRIM_THRESHOLD: LARGEST}.items():
        libc.mallopt(option, value)
    try:
        yield
    finally:
        for option, value in USUAL.items():
            libc.mallopt(option, value)
        libc.malloc_trim(0)


def _glibc():
    """The C library, where it is glibc; elsewhere None."""
    try:
        libc = ctypes.CDLL(None)
        libc.gnu_get_libc_version, libc.mallopt, libc.malloc_trim  # noqa: B018 - AttributeError where there is none
    except (OSError, TypeError, AttributeError):
        return None
    return libc
