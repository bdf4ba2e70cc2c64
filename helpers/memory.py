"""Memory that training takes and frees at every step, kept at hand in between."""

import contextlib
import ctypes

# What glibc's mallopt calls them (malloc.h), and where its own adaptation of the last two ends.
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD, MMAP_MAX = -1, -2, -3, -4
LARGEST = 2**31 - 1
USUAL = {MMAP_MAX: 65_536, TOP_PAD: 0, MMAP_THRESHOLD: 32 * 2**20, TRIM_THRESHOLD: 64 * 2**20}


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
