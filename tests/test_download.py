"""Downloads that arrive: every fault of a host, a disk, a program, each against a server of this machine."""

import ctypes
import http.server
import io
import re
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers import data
from helpers.data import __main__ as command
from helpers.data import fetching, files
from tests import tiny_sets

ARCHIVE = tiny_sets.tiny("cifar10").archives[0]
PACKED = tiny_sets.tiny("cifar10").packed[ARCHIVE.name]
UNPACKED = tiny_sets.tiny("cifar10").unpacked
HTML = b"<html>Welcome to the hotel's network: please log in</html>"


# ---- a host for each fault -----------------------------------------------------------------


class Handler(http.server.BaseHTTPRequestHandler):
    """The first part of a path names the host's manner, and with it the fault; the last one the archive."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        _, self.manner, self.file = self.path.split("/")
        self.content = self.server.contents[self.file]
        self.start = int(re.match(r"bytes=(\d+)-", self.headers.get("Range", "bytes=0-"))[1])
        self.server.asked.append((self.manner, self.start))
        kind, _, number = self.manner.partition("-")
        getattr(self, kind)(*[int(number)] if number else [])

    def first_time(self):
        return [manner for manner, _ in self.server.asked].count(self.manner) == 1

    def head(self, length=None, ranges=True, status=200, kind="application/gzip"):
        if ranges and self.start:
            status = 206
            self.send_header_later = f"bytes {self.start}-{len(self.content) - 1}/{len(self.content)}"
        self.send_response(status)
        if status == 206:
            self.send_header("Content-Range", self.send_header_later)
        self.send_header("Content-Type", kind)
        if length != "none":
            self.send_header(
                "Content-Length", str(len(self.content) - (self.start if ranges else 0) if length is None else length)
            )
        self.end_headers()

    def good(self):
        self.head()
        self.wfile.write(self.content[self.start :])

    def status(self, code):
        self.send_error(code)

    def once(self, code):
        self.send_error(code) if self.first_time() else self.good()

    def cut(self, tenth):  # once, at so many tenths
        if not self.first_time():
            return self.good()
        self.head()
        self.wfile.write(self.content[: len(self.content) * tenth // 10])

    def tenths(self):  # each time after a tenth
        self.head()
        self.wfile.write(self.content[self.start : self.start + len(self.content) // 10 + 1])

    def noranges(self):
        self.head(ranges=False)
        self.wfile.write(self.content)

    def nolength(self):
        self.head("none", ranges=False)
        self.wfile.write(self.content)

    def otherpart(self):
        self.start = max(0, self.start - 1)
        self.good()

    def longer(self):
        self.head(len(self.content) + 100, ranges=False)
        self.wfile.write(self.content + b"\0" * 100)

    def shorter(self):
        self.head(len(self.content) // 2, ranges=False)
        self.wfile.write(self.content[: len(self.content) // 2])

    def html(self):
        self.head(len(HTML), ranges=False, kind="text/html")
        self.wfile.write(HTML)

    def htmlnolength(self):
        self.head("none", ranges=False, kind="text/html")
        self.wfile.write(HTML * 10)

    def flipped(self, _=None):
        self.content = bytearray(self.content)
        self.content[len(self.content) // 2] ^= 1
        self.good()

    def redirect(self):
        self.send_response(302)
        self.send_header("Location", f"/good/{self.file}")
        self.end_headers()

    def loop(self):
        self.send_response(302)
        self.send_header("Location", self.path)
        self.end_headers()

    def slow(self, rate):  # kB/s
        self.head()
        for i in range(self.start, len(self.content), rate * 10):
            self.wfile.write(self.content[i : i + rate * 10])
            time.sleep(0.01)

    def silent(self):
        self.server.closing.wait(20)

    def stalling(self):
        self.head()
        self.wfile.write(self.content[self.start : len(self.content) // 2])
        self.server.closing.wait(20)

    def gate(self):  # sends half, the rest when the test opens it
        self.head()
        self.wfile.write(self.content[self.start : len(self.content) // 2])
        self.server.gate.wait(60)
        self.wfile.write(self.content[max(self.start, len(self.content) // 2) :])


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # a client that hangs up is what is tested

    def host(self, manner):
        return f"http://127.0.0.1:{self.server_port}/{manner}/"


@pytest.fixture
def server(no_full_sets, monkeypatch):
    """Serves the stand-ins; asked lists (manner, first byte asked for). Waiting times are short, and no host is known."""
    tiny_sets.install(monkeypatch.setitem, monkeypatch.setattr)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("CNN_DATA_MIRRORS", raising=False)
    monkeypatch.setattr(fetching, "PAUSE", 0.01)
    monkeypatch.setattr(fetching, "PIECE", 4096)
    with Server(("127.0.0.1", 0), Handler) as server:
        server.contents = {**tiny_sets.tiny("cifar10").packed, **tiny_sets.tiny("fashion_mnist").packed}
        server.asked, server.closing, server.gate = [], threading.Event(), threading.Event()
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.closing.set()
        server.gate.set()
        server.shutdown()


@pytest.fixture
def ask(server, monkeypatch):
    """ask(*manners, name="cifar10"): download a set from these hosts."""

    def ask(*manners, name="cifar10"):
        hosts = [server.host(manner) if re.fullmatch(r"\w+(-\d+)?", manner) else manner for manner in manners]
        monkeypatch.setitem(fetching.HOSTS, name, hosts)
        return data.download(name)

    return ask


def is_whole(folder, name="cifar10"):
    return all((folder / file).read_bytes() == content for file, content in tiny_sets.tiny(name).unpacked.items())


def leftovers(folder, name="cifar10"):
    return {path.name for path in folder.iterdir()} - set(tiny_sets.tiny(name).unpacked) - {".download.lock"}


# ---- hosts ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", data.CLASSES)
def test_a_set_arrives_whole_and_leaves_nothing_else(ask, no_full_sets, name):
    folder = ask("good", name=name)
    assert folder == no_full_sets / data.FOLDERS[name]
    assert is_whole(folder, name) and not leftovers(folder, name)
    assert data.load(name, "test").source == "full"
    assert [path.name for path in no_full_sets.iterdir()] == [Path(data.FOLDERS[name]).parts[0]]


REFUSED = "http://127.0.0.1:1/"  # no program listens at port 1
FAULTS = {  # what a host does, and what is said of it
    REFUSED: "failed: .*refused",
    "status-403": "answers 403 Forbidden",
    "status-404": "answers 404 Not Found",
    "status-503": "answers 503",
    "longer": "not with the 37",
    "shorter": "not with the 37",
    "html": "58 bytes of text/html, not with the 37",
    "htmlnolength": r"something else than the archive \(text/html\)",
    "loop": "answers 302 .*infinite loop",
    "flipped": "not the official",
    "file:///nowhere/at/all/": "failed: .*No such file",
}


@pytest.mark.parametrize("host", FAULTS)
def test_after_a_host_that_fails_the_next_is_asked(ask, server, capsys, host):
    folder = ask(host, "good")
    assert is_whole(folder) and not leftovers(folder)
    assert re.search(FAULTS[host], capsys.readouterr().out)


@pytest.mark.parametrize("host", FAULTS)
def test_where_no_other_host_is_left_the_reason_is_said_and_the_sample_used(ask, no_full_sets, capsys, host):
    assert ask(host) is None
    out = capsys.readouterr().out
    assert re.search(FAULTS[host], out)
    assert "goes on with the embedded sample" in out and "python -m helpers.data download cifar10" in out
    assert not leftovers(no_full_sets / "cifar-10-batches-py")


@pytest.mark.parametrize("host", ["once-500", "once-429", "redirect", "noranges", "nolength"])
def test_a_host_that_is_odd_but_right_is_enough(ask, host):
    assert is_whole(ask(host))


@pytest.mark.parametrize("tenth", range(10))
def test_a_download_cut_at_any_tenth_goes_on_from_there(ask, server, tenth):
    assert is_whole(ask(f"cut-{tenth}"))
    assert server.asked[1:] == [(f"cut-{tenth}", len(PACKED) * tenth // 10)]


def test_a_download_cut_after_every_tenth_still_arrives(ask, server):
    assert is_whole(ask("tenths"))
    assert [start for _, start in server.asked] == [n * (len(PACKED) // 10 + 1) for n in range(10)]


@pytest.mark.parametrize("other", ["good", "redirect", "noranges", "nolength", "tenths"])
def test_another_host_goes_on_where_one_broke_off(ask, server, other):
    half = len(PACKED) // 2
    assert ask("stop") is None  # a manner that the server does not know: it hangs up
    part = files.part_path("cifar10", ARCHIVE)
    part.write_bytes(PACKED[:half])
    assert is_whole(ask(other))
    assert (other, half) in server.asked and (other, 0) not in server.asked


@pytest.mark.parametrize("fault", [*(host for host in FAULTS if host != "flipped"), "otherpart"])
def test_a_host_that_fails_spoils_nothing_of_what_is_there(ask, capsys, fault):
    half = len(PACKED) // 2
    part = files.part_path("cifar10", ARCHIVE)
    part.parent.mkdir()
    part.write_bytes(PACKED[:half])
    assert ask(fault) is None
    assert part.read_bytes() == PACKED[:half]
    assert f"of {len(PACKED) / 1e6:.1f} MB are kept in {part}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "begun", [PACKED[:1000] + b"x" * 1000, b"x" * len(PACKED), PACKED + b"x"], ids=["part", "whole", "long"]
)
@pytest.mark.parametrize(
    "hosts", [["good"], ["good", "status-404"], ["status-404", "good"]], ids=lambda hosts: "+".join(hosts)
)
def test_a_part_that_turns_out_wrong_is_fetched_anew(ask, begun, hosts):
    part = files.part_path("cifar10", ARCHIVE)
    part.parent.mkdir()
    part.write_bytes(begun)
    folder = ask(*hosts)
    assert is_whole(folder) and not leftovers(folder)


def test_the_hosts_that_sent_wrong_bytes_are_asked_last(ask, server):
    assert is_whole(ask("flipped-1", "flipped-2", "good"))
    assert [manner for manner, _ in server.asked] == ["flipped-1", "flipped-2", "good"]


@pytest.mark.parametrize("hosts", [["slow-50", "slow-500"], ["slow-500", "slow-50"]], ids=lambda hosts: "+".join(hosts))
def test_of_slow_hosts_the_fastest_is_kept_and_nothing_fetched_twice(ask, server, monkeypatch, capsys, hosts):
    monkeypatch.setattr(fetching, "WINDOW", 0.3)
    monkeypatch.setattr(fetching, "FLOOR", 1e9)
    monkeypatch.setattr(fetching, "HOPELESS", 1)
    assert is_whole(ask(*hosts))
    assert [manner for manner, _ in server.asked] == [*hosts, "slow-500"]
    starts = [start for _, start in server.asked]
    assert starts == sorted(starts) and starts[1] > 0
    assert re.search(r"sends only \d+ kB/s", capsys.readouterr().out)


def test_a_slow_host_is_left_for_a_fast_one(ask, server, monkeypatch):
    monkeypatch.setattr(fetching, "WINDOW", 0.3)
    monkeypatch.setattr(fetching, "FLOOR", 100_000)
    assert is_whole(ask("slow-50", "good"))
    assert [manner for manner, _ in server.asked] == ["slow-50", "good"]


def test_a_hopelessly_slow_host_alone_is_given_up_and_what_it_sent_kept(ask, monkeypatch, no_full_sets, capsys):
    monkeypatch.setattr(fetching, "WINDOW", 0.2)
    monkeypatch.setattr(fetching, "HOPELESS", 1e9)
    assert ask("slow-50") is None
    assert "sends only" in capsys.readouterr().out
    kept = files.part_path("cifar10", ARCHIVE).read_bytes()
    assert kept and PACKED.startswith(kept)


@pytest.mark.parametrize("host", ["silent", "stalling"])
def test_a_silent_host_is_left_for_the_next(ask, server, monkeypatch, capsys, host):
    monkeypatch.setattr(fetching, "SILENCE", 1)
    assert is_whole(ask(host, "good"))
    assert "was silent for 1 s" in capsys.readouterr().out
    if host == "stalling":
        assert server.asked[-1] == ("good", len(PACKED) // 2)


def test_the_host_that_sent_one_archive_is_asked_first_for_the_next(ask, server):
    assert is_whole(ask("status-404", "good", name="fashion_mnist"), "fashion_mnist")
    assert [manner for manner, _ in server.asked] == ["status-404", "good", "good", "good", "good"]


def test_own_mirrors_are_asked_first_web_or_folder(ask, server, monkeypatch, tmp_path, capsys):
    mirror = tmp_path / "a mirror"
    mirror.mkdir()
    (mirror / ARCHIVE.name).write_bytes(PACKED)
    addresses = ["ftp://old.invalid/", server.host("status-404").rstrip("/"), "", mirror.as_uri(), server.host("good")]
    monkeypatch.setenv("CNN_DATA_MIRRORS", " , ".join(addresses))
    assert is_whole(ask("status-403"))
    assert [manner for manner, _ in server.asked] == ["status-404"]
    assert "CNN_DATA_MIRRORS: 'ftp://old.invalid/' is no address" in capsys.readouterr().out


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mirrors=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12))
def test_any_setting_of_the_mirrors_leaves_the_other_hosts(server, mirrors):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CNN_DATA_MIRRORS", mirrors)
        patch.setitem(fetching.HOSTS, "cifar10", ["http://last/"])
        assert fetching._hosts("cifar10")[-1].base == "http://last/"


@pytest.mark.parametrize(
    "mirror",
    [
        "http://[/",
        "http://127.0.0.1:99999/",
        "http://a b/",
        "http://x:y/",
        "https://" + "x" * 70 + "/",
    ],
)
def test_a_mirror_that_is_no_address_is_passed_over(ask, monkeypatch, mirror):
    monkeypatch.setenv("CNN_DATA_MIRRORS", mirror)
    assert is_whole(ask("good"))


# ---- what is there already -----------------------------------------------------------------


def test_a_whole_set_is_left_alone(ask, server, capsys):
    folder = ask("good")
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert ask("good") == folder
    assert len(server.asked) == 1
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert "already" in capsys.readouterr().out


@pytest.mark.parametrize("place", [".", "cifar-10-batches-py"])
def test_an_archive_fetched_by_hand_is_unpacked_with_no_network_and_kept(ask, no_full_sets, place):
    (no_full_sets / place).mkdir(exist_ok=True)
    archive = no_full_sets / place / ARCHIVE.name
    archive.write_bytes(PACKED)
    assert is_whole(ask(REFUSED))
    assert archive.read_bytes() == PACKED


def test_a_damaged_archive_fetched_by_hand_is_passed_over_and_kept(ask, no_full_sets):
    archive = no_full_sets / ARCHIVE.name
    archive.write_bytes(PACKED[:-1000])
    assert is_whole(ask("good"))
    assert archive.read_bytes() == PACKED[:-1000]


def test_a_damaged_set_is_mended_and_files_of_the_readers_own_stay(ask):
    folder = ask("good")
    (folder / "data_batch_1").write_bytes(b"broken")
    (folder / "notes.txt").write_text("mine")
    (folder / "mine").mkdir()
    whole = (folder / "data_batch_2").stat().st_mtime_ns
    assert ask("good") == folder
    assert is_whole(folder)
    assert leftovers(folder) == {"notes.txt", "mine"}
    assert (folder / "data_batch_2").stat().st_mtime_ns == whole


def test_only_the_archives_of_damaged_files_are_fetched(ask, server):
    folder = ask("good", name="fashion_mnist")
    (folder / "t10k-labels-idx1-ubyte").unlink()
    assert is_whole(ask("good", name="fashion_mnist"), "fashion_mnist")
    assert len(server.asked) == 5


def test_a_failed_download_keeps_what_was_there(ask):
    folder = ask("good")
    (folder / "data_batch_1").write_bytes(b"broken")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert ask("status-404") is None
    assert {path: path.read_bytes() for path in folder.iterdir() if not path.name.endswith(".part")} == before


@pytest.mark.parametrize("linked", ["FashionMNIST", "FashionMNIST/raw", "."])
def test_a_folder_that_is_a_link_to_another_disk_is_filled_there(ask, monkeypatch, tmp_path, linked):
    shared = Path("/dev/shm")
    if not shared.is_dir() or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system to link to in /dev/shm")
    with tempfile.TemporaryDirectory(dir=shared) as disk:
        link = tmp_path / "sets" / linked  # pathlib takes "." away
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(disk, target_is_directory=True)
        monkeypatch.setenv("CNN_DATA_DIR", str(tmp_path / "sets"))
        folder = ask("good", name="fashion_mnist")
        assert is_whole(folder, "fashion_mnist") and not leftovers(folder, "fashion_mnist")
        assert folder.resolve().is_relative_to(disk)
        (folder / "t10k-labels-idx1-ubyte").write_bytes(b"broken")
        assert is_whole(ask("good", name="fashion_mnist"), "fashion_mnist")
        assert link.is_symlink() and link.resolve() == Path(disk)


# ---- archives that mean harm ---------------------------------------------------------------


def evil(monkeypatch, server, unpacked, *more):
    """Serve an archive with such files and members, and let its own sum be taken for the official one."""
    packed = tiny_sets.pack(ARCHIVE.name, unpacked, *more)
    server.contents[ARCHIVE.name] = packed
    archive = files.Archive(ARCHIVE.name, tiny_sets.md5(packed), len(packed), ARCHIVE.files)
    monkeypatch.setitem(files.ARCHIVES, "cifar10", (archive,))


def link(path, target):
    info = tarfile.TarInfo(path)
    info.type, info.linkname = tarfile.SYMTYPE, target
    return info, b""


def test_members_that_lead_elsewhere_are_not_unpacked(ask, server, monkeypatch, no_full_sets):
    outside = no_full_sets.parent / "outside"
    paths = ["../outside", "cifar-10-batches-py/../../outside", str(outside), "cifar-10-batches-py/extra", "outside"]
    more = [tiny_sets.member(path, b"evil") for path in paths]
    evil(monkeypatch, server, UNPACKED, *more, link("cifar-10-batches-py/way", ".."))
    folder = ask("good")
    assert is_whole(folder) and not leftovers(folder)
    assert not outside.exists()
    assert [path.name for path in no_full_sets.iterdir()] == ["cifar-10-batches-py"]


def test_a_link_in_place_of_a_file_is_refused(ask, server, monkeypatch, no_full_sets, capsys):
    others = {file: content for file, content in UNPACKED.items() if file != "test_batch"}
    evil(monkeypatch, server, others, link("cifar-10-batches-py/test_batch", "/etc/passwd"))
    assert ask("good") is None
    assert "holds no test_batch" in capsys.readouterr().out
    assert not (no_full_sets / "cifar-10-batches-py/test_batch").is_symlink()


def test_a_planted_pickle_is_refused(ask, server, monkeypatch, no_full_sets, tmp_path, capsys):
    trap = tmp_path / "sprung"
    planted = UNPACKED | {"data_batch_1": f"cos\nsystem\n(S'touch {trap}'\ntR.".encode()}
    evil(monkeypatch, server, planted)
    assert ask("good") is None
    assert "data_batch_1 in " in capsys.readouterr().out
    assert data.load("cifar10", "train").source == "sample"
    assert not trap.exists()


# ---- disks ---------------------------------------------------------------------------------


class AlmostFull(io.FileIO):
    """A file on a disk with room for so many bytes."""

    room = 0

    def write(self, content):
        if self.tell() + len(content) > self.room:
            raise OSError(28, "No space left on device")
        return super().write(content)


@pytest.mark.parametrize("suffix", [".part", ".new"])
def test_a_full_disk_is_named_and_nothing_is_lost(ask, monkeypatch, no_full_sets, capsys, suffix):
    folder = no_full_sets / "cifar-10-batches-py"
    folder.mkdir()
    (folder / "test_batch").write_bytes(b"old")

    def opened(path, mode):
        return AlmostFull(path, mode) if str(path).endswith(suffix) else open(path, mode)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AlmostFull, "room", 50_000)
        patch.setattr(fetching, "open", opened, raising=False)
        assert ask("good") is None
    out = capsys.readouterr().out
    assert "cifar10 was not fetched: No space left on device" in out
    assert (folder / "test_batch").read_bytes() == b"old"
    part = files.part_path("cifar10", ARCHIVE)
    assert f"MB are kept in {part}" in out and len(part.read_bytes()) > 40_000
    assert leftovers(folder) == {part.name}
    assert is_whole(ask("good"))


def without_root_powers():
    """Let not even root write where the file modes forbid it: drop CAP_DAC_OVERRIDE (1) from what a new program gets."""
    ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)  # PR_CAPBSET_DROP


def program(*lines):
    """A Python program that fetches or loads the stand-ins."""
    start = [
        "import os, signal, sys",
        "from helpers import data",
        "from helpers.data import fetching, files",
        "from tests import tiny_sets",
        "tiny_sets.install(dict.__setitem__, setattr)",
        "fetching.HOSTS['cifar10'] = sys.argv[1:]",
        "fetching.PIECE = 4096",
    ]
    return [sys.executable, "-c", "\n".join([*start, *lines])]


@pytest.mark.skipif(sys.platform != "linux", reason="takes root's powers away with a Linux call")
def test_a_folder_that_cannot_be_written_to_is_named_and_an_archive_in_it_still_used(server, root, no_full_sets):
    (no_full_sets / ARCHIVE.name).write_bytes(PACKED)
    no_full_sets.chmod(0o555)
    lines = ["assert data.load('cifar10', 'test').source == 'full'", "assert data.download('cifar10') is None"]
    try:
        done = subprocess.run(
            program(*lines), cwd=root, capture_output=True, text=True, preexec_fn=without_root_powers
        )  # fmt: skip
    finally:
        no_full_sets.chmod(0o755)
    assert done.returncode == 0, done.stderr
    assert f"cifar10 was not fetched: Permission denied: {no_full_sets}" in done.stdout
    assert "set CNN_DATA_DIR to a folder that you can write to" in done.stdout


def test_a_file_in_the_place_of_a_folder_is_named(ask, no_full_sets, capsys):
    (no_full_sets / "cifar-10-batches-py").write_text("mine")
    assert ask("good") is None
    assert "File exists" in capsys.readouterr().out
    assert (no_full_sets / "cifar-10-batches-py").read_text() == "mine"


# ---- programs that are killed, and two at once ---------------------------------------------

DEATH = "def die(*_, **__): os.kill(os.getpid(), signal.SIGKILL)"
MOMENTS = {
    "fetching": ["real = fetching._send", "def send(*arguments):",
                 "    for i, piece in enumerate(real(*arguments)): yield die() if i == 20 else piece", "fetching._send = send"],
    "unpacking": ["os.fsync = die"],
    "moving": ["real = os.replace", "def move(new, path): die() if path.name == 'data_batch_3' else real(new, path)",
               "os.replace = move"],
}  # fmt: skip


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
@pytest.mark.parametrize("moment", MOMENTS)
def test_after_a_kill_the_next_program_goes_on_from_there(ask, server, root, no_full_sets, moment):
    folder = no_full_sets / "cifar-10-batches-py"
    folder.mkdir()
    (folder / "data_batch_3").write_bytes(b"old")
    lines = [DEATH, *MOMENTS[moment], "data.download('cifar10')"]
    done = subprocess.run([*program(*lines), server.host("good")], cwd=root, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert (folder / "data_batch_3").read_bytes() == b"old"
    assert (folder / "data_batch_1").exists() == (moment == "moving")
    assert is_whole(ask("tenths" if moment == "fetching" else REFUSED))  # another host, or none
    assert not leftovers(folder)
    if moment == "fetching":
        assert server.asked[1][1] > 0


def test_a_stop_keeps_what_was_fetched_and_frees_the_lock(ask, server, monkeypatch, capsys):
    real = fetching._send

    def stopped(*arguments):
        for i, piece in enumerate(real(*arguments)):
            if i == 20:
                raise KeyboardInterrupt
            yield piece

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fetching, "_send", stopped)
        with pytest.raises(KeyboardInterrupt):
            ask("good")
    data.load("cifar10", "test")
    assert "only a part of cifar10 has been fetched" in capsys.readouterr().out
    assert is_whole(ask("good"))
    assert [start > 0 for _, start in server.asked] == [False, True]


def test_a_file_is_on_the_disk_before_it_takes_its_place(ask, monkeypatch):
    done, fsync, replace = [], fetching.os.fsync, fetching.os.replace
    monkeypatch.setattr(fetching.os, "fsync", lambda file: (done.append("written"), fsync(file)))
    monkeypatch.setattr(fetching.os, "replace", lambda *paths: (done.append("placed"), replace(*paths)))
    ask("good")
    assert done == ["written", "placed"] * len(UNPACKED)


def test_two_programs_at_once_share_one_download(ask, server, root, capsys):
    child = subprocess.Popen(
        [*program("sys.exit(data.download('cifar10') is None)"), server.host("gate")], cwd=root, stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    said, folder = "", []
    wait_until(lambda: server.asked or child.poll() is not None)
    second = threading.Thread(target=lambda: folder.append(ask("good")))
    second.start()
    try:
        wait_until(lambda: "another program is fetching cifar10" in capsys.readouterr().out)
        assert second.is_alive()
    finally:
        server.gate.set()
        said, _ = child.communicate(timeout=60)
        second.join(60)
    assert child.returncode == 0, said
    assert is_whole(folder[0])
    assert server.asked == [("gate", 0)]


def wait_until(condition):
    for _ in range(6_000):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("waited for a minute")


def test_a_lock_that_a_killed_program_left_stops_nobody(ask, no_full_sets):
    folder = no_full_sets / "cifar-10-batches-py"
    folder.mkdir()
    (folder / ".download.lock").touch()
    assert is_whole(ask("good"))


def test_a_disk_without_locks_is_used_with_a_warning(ask, monkeypatch, capsys):
    def acquire(*_, **__):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fetching.FileLock, "acquire", acquire)
    assert is_whole(ask("good"))
    assert "knows no locks" in capsys.readouterr().out


# ---- the command line ----------------------------------------------------------------------


@pytest.mark.parametrize(("host", "code"), [("good", 0), ("status-404", 1)])
def test_the_command_says_by_its_exit_code_whether_the_set_is_there(server, monkeypatch, host, code):
    monkeypatch.setitem(fetching.HOSTS, "cifar10", [server.host(host)])
    assert command.main(["download", "cifar10"]) == code


def test_a_stopped_command_says_how_to_go_on(monkeypatch, capsys):
    def stopped(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "download", stopped)
    assert command.main(["download", "cifar10"]) == 1
    assert "the same line goes on" in capsys.readouterr().out


def test_the_command_refuses_a_wrong_name(capsys):
    with pytest.raises(SystemExit, match="2"):
        command.main(["download", "mnist"])
    assert "fashion_mnist" in capsys.readouterr().err
