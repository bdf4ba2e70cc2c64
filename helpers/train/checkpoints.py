"""A run on disk: written whole or not at all, and taken up again only by the same run."""

import os
import pickle
import zlib
from dataclasses import asdict
from pathlib import Path

import torch


class Checkpoint:
    """Saves and restores the parts of a run (model, optimizer, schedule: what has a state_dict) and its history.

    path: the file, or None for a run that is not saved.  run: what makes it this run and no other,
    a dict of plain values; a file of another run is refused.
    """

    def __init__(self, path, run, history, **parts):
        self.path = Path(path) if path is not None else None
        self.run, self.history, self.parts = run, history, parts

    def save(self):
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        saved = {name: part.state_dict() for name, part in self.parts.items()}
        saved |= {"run": self.run, "history": asdict(self.history), "random": _random_state()}
        temporary = self.path.with_name(self.path.name + ".part")
        torch.save(saved, temporary)
        os.replace(temporary, self.path)  # the old file stays whole until the new one is

    def resume(self):
        """Take up the run where its file left it; True if there was one.

        Raises ValueError where the file is cut short or of another run.
        """
        if self.path is None or not self.path.exists():
            return False
        try:
            saved = torch.load(self.path, weights_only=True, map_location="cpu")
        except (RuntimeError, EOFError, OSError, pickle.UnpicklingError) as error:
            raise ValueError(f"{self.path} is no whole checkpoint ({error}): delete it to start anew") from error
        self._refuse_another_run(saved)
        for name, part in self.parts.items():
            part.load_state_dict(saved[name])
        self.history.__dict__.update(saved["history"])
        for device, state in saved["random"].items():
            (torch.cuda if device == "cuda" else torch).set_rng_state(state)
        return True

    def _refuse_another_run(self, saved):
        before = saved.get("run") if isinstance(saved, dict) else None
        if not isinstance(before, dict):
            raise ValueError(f"{self.path} is no checkpoint of this course: give another path")
        changed = [f"{k} was {before.get(k)!r}, is {v!r}" for k, v in self.run.items() if before.get(k) != v]
        if changed:
            raise ValueError(f"{self.path} is of another run ({'; '.join(changed)}): give another path, or delete it")


def fingerprint(images):
    """A number that tells this `ImageSet` from any other: the CRC-32 of its pictures and labels."""
    numbers = zlib.crc32(images.images.contiguous().numpy())
    return zlib.crc32(images.labels.contiguous().numpy(), numbers)


def _random_state():
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return states
