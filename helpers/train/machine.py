"""What the machine can do: its device, the precision that it is quick in, the memory that it keeps, its name."""

import contextlib
import ctypes
import functools
import platform
from pathlib import Path

import torch

from helpers import checks

DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}
PRECISIONS = tuple(DTYPES)

# What glibc's mallopt calls them (malloc.h), and where its own adaptation of the last two ends.
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD, MMAP_MAX = -1, -2, -3, -4
LARGEST = 2**31 - 1
USUAL = {MMAP_MAX: 65_536, TOP_PAD: 0, MMAP_THRESHOLD: 32 * 2**20, TRIM_THRESHOLD: 64 * 2**20}


def hardware():
    """What computes here, in words, for results that are kept: the GPU or the processor, and the cores in use."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    name = _cpu_description().get("model name") or platform.processor() or platform.machine()
    cores = torch.get_num_threads()
    return f"{name}, {cores} core{'s' if cores > 1 else ''}"


def choose_device(device=None):
    """The device asked for, or a GPU where there is one.  Raises ValueError where the one asked for is not there."""
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    counts = {"cuda": gpus, "mps": int(torch.backends.mps.is_available()), "cpu": 1}
    there = [name for name, count in counts.items() if count]
    if device is None:
        return torch.device(there[0])
    kind, _, index = str(device).partition(":")
    if kind not in there or not (index or "0").isdecimal() or int(index or 0) >= counts[kind]:
        raise ValueError(
            f"this machine has no {str(device)!r} that torch {torch.__version__} can use; it has: {', '.join(there)}"
        )
    return torch.device(device)


# ---- precision -----------------------------------------------------------------------------


def choose_precision(device, precision=None):
    """The precision asked for; else "bf16" where this hardware is quicker with it, elsewhere "fp32".

    It is read off the hardware, not measured: two runs on one machine must compute alike, however
    busy it is.  Raises ValueError for another name, and for "bf16" on a GPU that cannot compute it.
    """
    if precision is not None:
        checks.one_of("precision", precision, PRECISIONS)
    if device.type == "cuda":
        able = torch.cuda.is_bf16_supported(including_emulation=False)
        if precision == "bf16" and not able:
            raise ValueError(f"precision 'bf16': {torch.cuda.get_device_name()} cannot compute it; choose 'fp32'")
    else:
        able = device.type == "cpu" and _cpu_gains_from_bf16(_cpu_description())
    return precision or ("bf16" if able else "fp32")


def autocast(device, precision=None):
    """A context in which layers compute in this precision; None: in the one that `choose_precision` takes."""
    bf16 = choose_precision(device, precision) == "bf16"
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16)


def _cpu_gains_from_bf16(description):
    """Whether a processor with such a description, as /proc/cpuinfo has it, is quicker in bf16.

    With AMX it is, several times.  Those with AVX-512's bf16 alone differ: Zen 5 gains, while a Xeon
    multiplies large matrices at 323 GFLOP/s in fp32 and at 177 in bf16.  Where both have to be
    emulated it is slower, 9 times on a Zen 3 core.
    """
    flags = _flags(description)
    return "amx_bf16" in flags or ("avx512_bf16" in flags and description.get("vendor_id") == "AuthenticAMD")


def has_amx():
    """Whether the processor has a unit that multiplies matrices in bf16."""
    return "amx_bf16" in _flags(_cpu_description())


def _flags(description):
    return set(description.get("flags", "").split())


@functools.cache
def _cpu_description():
    """The first processor of /proc/cpuinfo, by field; empty where there is no such file: it is Linux's."""
    try:
        first = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    except OSError:
        return {}
    fields = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in fields}


# ---- memory --------------------------------------------------------------------------------


@contextlib.contextmanager
def memory_errors(words):
    """While this lasts, each device's own way to say that memory is not enough becomes a MemoryError with these words."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise MemoryError(words) from error


def is_out_of_memory(error):
    words = ("out of memory", "not enough memory", "can't allocate memory")
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(w in str(error).lower() for w in words)


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
