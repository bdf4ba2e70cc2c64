"""A run on disk: written whole or not at all, and taken up again only by the same run."""

import contextlib
import hashlib
import io
import os
import pickle
import time
import uuid
from dataclasses import asdict
from pathlib import Path

import torch

from helpers.train import identity, parallel

SEAL = b"\nsha256 "  # ends a file, with the sum of all before it; torch.load does not mind it
SEAL_LENGTH = len(SEAL) + 64
DAY = 24 * 60 * 60  # seconds


def write(path, run, history, parts):
    """Save a run; whenever the machine stops, the old file or the new one is there, and whole.

    path: the file.  run: what makes it this run and no other, as `identity.described` gives it.
    parts: model, optimizer and schedule by name: what has a state_dict.
    """
    path = Path(path)
    saved = {name: part.state_dict() for name, part in parts.items()}
    saved |= {"run": run, "history": asdict(history)}
    content = io.BytesIO()
    torch.save(saved, content)
    temporary = _temporary(path)
    try:
        with open(temporary, "xb") as file:
            file.write(content.getbuffer())
            file.write(SEAL + hashlib.sha256(content.getbuffer()).hexdigest().encode())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def read(path, run):
    """What `write` saved of this run; None where there is no such file, or path is None.

    Of several processes the first alone reads, and all get what it read: the others need no file.
    Raises ValueError, on all of them, where the file is damaged, or of another run, where none
    could be written, and where another process has one and the first has none.
    """
    holders = [rank for rank, has in enumerate(parallel.gathered(path is not None and Path(path).is_file())) if has]
    if holders and holders[0] != 0:  # torchrun may number the machines anew when a run is started again
        raise ValueError(
            f"process {holders[0]} has a checkpoint {path}, and process 0, which alone reads it, has none: "
            "copy it to the machine of process 0 to go on from it, or delete it to start anew"
        )
    saved = None
    if path is not None and parallel.rank() == 0:
        try:
            _prepare_folder(Path(path))
            saved = _content(Path(path))
            if saved is not None:
                _refuse_another(path, saved["run"], run)
        except ValueError as error:
            saved = error
    saved = parallel.from_first(saved)
    if isinstance(saved, ValueError):
        raise saved
    return saved


def restore(saved, history, parts):
    """Put a run that was read into its history and parts."""
    for name, part in parts.items():
        part.load_state_dict(saved[name])
    vars(history).update(saved["history"])


def _content(path):
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ValueError(f"checkpoint {path} cannot be read ({error.strerror}): give another path") from error
    content, seal = content[:-SEAL_LENGTH], content[-SEAL_LENGTH:]
    if not seal.startswith(SEAL):
        raise ValueError(
            f"{path} is no whole checkpoint of this course: give another path; "
            "if this run wrote it, and it was cut short, delete it to start anew"
        )
    if seal != SEAL + hashlib.sha256(content).hexdigest().encode():
        raise ValueError(f"{path} is a damaged checkpoint: give another path, or delete it to start anew")
    try:
        saved = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
    except (RuntimeError, pickle.UnpicklingError) as error:
        raise ValueError(f"{path} is no checkpoint of this course ({error}): give another path") from error
    if not isinstance(saved, dict) or set(saved) != {"model", "optimizer", "schedule", "run", "history"}:
        raise ValueError(f"{path} is no checkpoint of this version of the course: give another path")
    return saved


def _refuse_another(path, before, now):
    differ = identity.differences(before, now)
    if differ:
        words = identity.in_words(differ, "{name} was {one}, is {other}")
        raise ValueError(f"{path} is of another run ({words}): give another path, or delete it")


def _prepare_folder(path):
    """Make the folder, try whether a file can be written there, and clear away what a killed run left."""
    try:
        if path.is_dir():
            raise IsADirectoryError(None, "it is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _temporary(path)
        temporary.touch()
        temporary.unlink()
    except OSError as error:
        raise ValueError(f"checkpoint {path} cannot be written ({error.strerror}): give another path") from error
    for file in path.parent.iterdir():
        if file.name.startswith(f"{path.name}.") and file.suffix == ".part":
            with contextlib.suppress(OSError):
                if time.time() - file.stat().st_mtime > DAY:  # a younger one may be another run's, still written
                    file.unlink()


def _temporary(path):
    """A file beside the checkpoint that no other run writes."""
    return path.with_name(f"{path.name}.{uuid.uuid4().hex[:12]}.part")


def _sync_folder(folder):
    """Have the disk note the file's new name now; only POSIX systems let a folder be opened."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
