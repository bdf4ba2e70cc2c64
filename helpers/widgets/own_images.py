"""Ways by which images of your own get into a folder: an upload, and in Colab the camera."""

import base64
import html
import os
from pathlib import Path

import ipywidgets

from helpers import checks
from helpers.widgets.lab import TOOLTIP, WIDE, WIDTH
from helpers.widgets.live import Live, status

FORBIDDEN = '/\\:*?"<>|'  # in the name of a folder, on one system or another


def upload(folder):
    """A field for a class and a button for its images: what is chosen is saved as folder/class/file.

    Works in Jupyter and in Colab.  Nothing is written before images are chosen.  Raises ValueError for what is no path.
    """
    return Upload(checked_path(folder))


class Upload(Live):
    """What `upload` shows.  `label`: the field for the class; `files`: the button; `told`: what became of the last choice."""

    def __init__(self, folder):
        self.folder = folder
        self.label = ipywidgets.Text(
            description="class", placeholder="such as mug", continuous_update=False, style=WIDE, layout=WIDTH
        )
        self.files = ipywidgets.FileUpload(description="choose images", accept="image/*", multiple=True)
        self.told = ipywidgets.HTML()
        for control, words in ((self.label, "the class of the images"), (self.files, "images from your own machine")):
            setattr(control, TOOLTIP, words)
        self._waiting = []  # images that are chosen and not saved yet
        self.files.observe(lambda change: self._arrived(change["new"]), names="value")
        self.label.observe(lambda _: self._save_waiting(), names="value")
        super().__init__(
            [self.label, self.files, self.told],
            f"A field for the name of a class and a button that uploads images of it to the folder {folder}.",
        )

    def still(self):
        """The twin: one sentence."""
        return {"text/html": f"<p>{html.escape(self.words)} Both work as soon as this cell is run.</p>"}

    def _arrived(self, value):
        self._waiting = uploaded(value)
        self._save_waiting()

    def _save_waiting(self):
        """Save the images that wait, and say so; or say what is wrong with the name of the class: then they wait for another."""
        if self._waiting:
            self.told.value = status(self._saved(self._waiting))

    def _saved(self, files):
        try:
            name = checked_class(self.label.value)
        except ValueError as error:
            return f"Nothing is saved yet: {error}"
        for file, content in files:
            save(self.folder / name, file, content)
        self._waiting = []
        return f"{len(files)} saved; {self.folder / name} holds {len(list((self.folder / name).iterdir()))} files now."


def uploaded(value):
    """What a FileUpload holds, as pairs (file name, bytes): ipywidgets 7 has a dict, ipywidgets 8 a tuple of dicts."""
    if isinstance(value, dict):
        return [(name, bytes(file["content"])) for name, file in value.items()]
    return [(file["name"], bytes(file["content"])) for file in value]


def camera(folder, name):
    """In Colab: show the camera's view with a button, and save what it takes as folder/name/NUMBER.jpg.

    Elsewhere it says what it would do: a notebook on your own machine has no way to the camera.
    Raises ValueError for what is no path, or no name of a class.
    """
    folder, name = checked_path(folder), checked_class(name)
    try:
        from google.colab import output
    except ImportError:
        print(
            f"In Colab this would show your camera's view and save an image as {folder / name / '1.jpg'}. Here, take one "
            "with the camera's own program, and upload it or move it into that folder."
        )
        return
    _, packed = output.eval_js(TAKE).split(",")  # "data:image/jpeg;base64,…"
    path = save(folder / name, "1.jpg", base64.b64decode(packed))
    print(f"saved as {path}")


TAKE = """
(async () => {
  const place = document.createElement("div"), view = document.createElement("video");
  const button = document.createElement("button");
  button.textContent = "take the image";
  place.append(view, document.createElement("br"), button);
  document.body.append(place);
  const stream = await navigator.mediaDevices.getUserMedia({video: true});
  view.srcObject = stream;
  await view.play();
  google.colab.output.setIframeHeight(document.documentElement.scrollHeight, true);
  await new Promise(done => { button.onclick = done; });
  const paper = document.createElement("canvas");
  paper.width = view.videoWidth;
  paper.height = view.videoHeight;
  paper.getContext("2d").drawImage(view, 0, 0);
  stream.getTracks().forEach(track => track.stop());
  place.remove();
  return paper.toDataURL("image/jpeg", 0.9);
})()
"""


def save(folder, file, content):
    """Write a file into a folder, which is made where need be; one of the same name is kept, and the new one gets a number."""
    folder.mkdir(parents=True, exist_ok=True)
    start = Path(Path(file.replace("\\", "/")).name or "image")
    path, number = folder / start.name, 1
    while path.exists():
        number += 1
        stem = str(number) if start.stem.isdigit() else f"{start.stem} {number}"
        path = folder / f"{stem}{start.suffix}"
    path.write_bytes(content)
    return path


def checked_path(folder):
    """The folder as a Path.  Raises ValueError where it is no path."""
    if not isinstance(folder, (str, os.PathLike)) or not str(folder).strip():
        raise ValueError(f"folder must be the path of a folder, such as 'my_images'; got {checks.shown(folder)}")
    return Path(os.path.expanduser(folder))


def checked_class(name):
    """The name without spaces around it.  Raises ValueError where no folder can be named so."""
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"name the class of these images first, in one word or two; got {checks.shown(name)}")
    name = name.strip()
    if name.startswith(".") or any(letter in FORBIDDEN or ord(letter) < 32 for letter in name):
        raise ValueError(
            f"the name of a class is that of a folder, without {FORBIDDEN} or a dot in front; got {name!r}"
        )
    return name
