"""`data.from_folder`: every kind of image file that people have, and every way in which a folder can be wrong."""

import base64
import os
import shutil
import subprocess
import sys
import types
import zlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from helpers import data, models, train, widgets
from helpers.widgets import own_images

SIZE = (40, 30)
COLOURS = {"red": (220, 20, 20), "blue": (20, 20, 220)}


def save(path, colour=(220, 20, 20), size=SIZE, seed=0, **options):
    """A file with noise about one colour, so that no two are the same; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.RandomState(seed).randint(0, 20, (size[1], size[0], 3))
    Image.fromarray((np.array(colour) + noise).clip(0, 255).astype(np.uint8)).save(path, **options)
    return path


@pytest.fixture
def folder(tmp_path):
    """Two classes, "blue" and "red", with 10 files each."""
    for name, colour in COLOURS.items():
        for seed in range(10):
            save(tmp_path / "own" / name / f"{seed}.png", colour, seed=seed)
    return tmp_path / "own"


def means(images):
    """The mean colour of each image, as three numbers."""
    return images.images.double().mean((2, 3))


def test_a_folder_becomes_three_splits_of_the_usual_kind(folder, capsys):
    sets = data.from_folder(folder)
    assert capsys.readouterr().out == (
        f"{folder}: 20 images of 2 classes (blue 10, red 10): 12 to train, 4 to choose, 4 to test (source: folder)\n"
    )
    assert list(sets) == ["train", "valid", "test"]
    for split, images in sets.items():
        assert (images.name, images.split, images.source, images.classes) == ("own", split, "folder", ("blue", "red"))
        assert images.images.shape == (len(images), 3, 32, 32)
        assert images.images.dtype == torch.uint8
        assert images.labels.dtype == torch.int64
        redder = means(images)[:, 0] > means(images)[:, 2]
        assert torch.equal(redder.long(), images.labels)
        assert images.labels.bincount().tolist() == [len(images) // 2] * 2
    every = torch.cat([images.images for images in sets.values()])
    assert len({image.numpy().tobytes() for image in every}) == 20  # no image in two splits, none lost
    pixels = sets["train"].images.double() / 255
    assert sets["test"].mean == pytest.approx(pixels.mean((0, 2, 3)).tolist())
    assert sets["test"].std == pytest.approx(pixels.std((0, 2, 3), correction=0).tolist())


def test_the_same_folder_gives_the_same_splits_and_a_network_learns_them(folder):
    one, other = data.from_folder(str(folder), size=24), data.from_folder(folder, size=24)
    assert all(torch.equal(one[split].images, other[split].images) for split in data.SPLITS)
    model = models.small_cnn(channels=3, width=4, classes=2)
    train.fit(model, one["train"], one["valid"], epochs=30, batch_size=4, lr=0.01, device="cpu")
    assert train.evaluate(model, one["test"]).accuracy == 1


def test_a_scale_that_is_handed_in_is_taken(folder):
    sets = data.from_folder(folder, mean=[0.5, 0.4, 0.3], std=(0.2, 0.2, 0.1))
    assert {(images.mean, images.std) for images in sets.values()} == {((0.5, 0.4, 0.3), (0.2, 0.2, 0.1))}


def test_one_colour_everywhere_is_not_divided_by_0():
    assert data.folders._own_scale(torch.full((2, 3, 4, 4), 9, dtype=torch.uint8))[1] == (1.0, 1.0, 1.0)


# ---- one file ------------------------------------------------------------------------------


def read(path, size=32):
    return data.folders.read_image(path, size)[0]


def test_an_image_is_cut_to_its_middle_square_and_shrunk_smoothly(tmp_path):
    stripes = np.zeros((100, 300, 3), dtype=np.uint8)
    stripes[:, 100:200] = 200
    stripes[:, 100:200:2] = 0  # the middle square: every second column black
    Image.fromarray(stripes).save(tmp_path / "a.png")
    image = read(tmp_path / "a.png", 20).double()
    assert image.shape == (3, 20, 20)
    assert image.mean() == pytest.approx(100, abs=3)
    assert image[:, :, 2:-2].std() < 15  # not every second column, as without antialiasing


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (32, 32), (31, 33), (5, 5)])
def test_any_size_is_taken(tmp_path, size):
    image = read(save(tmp_path / "a.png", size=size))
    assert image.shape == (3, 32, 32)
    assert image.double().mean((1, 2)).tolist() == pytest.approx([229, 29, 29], abs=12)


def test_32_pixels_stay_as_they_are(tmp_path, photos):
    before = photos.images[0]
    Image.fromarray(before.permute(1, 2, 0).numpy()).save(tmp_path / "a.png")
    assert torch.equal(read(tmp_path / "a.png"), before)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpg", "png", "tif", "webp"])
def test_a_turned_image_is_set_upright(tmp_path, orientation, kind):
    upright = Image.new("RGB", (64, 64), (10, 10, 10))
    upright.paste((250, 250, 250), (0, 0, 32, 32))  # white at the top left
    upright.paste((250, 10, 10), (32, 0, 64, 32))  # red at the top right
    back = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_90", 7: "TRANSVERSE",
            8: "ROTATE_270"}  # fmt: skip
    stored = upright.transpose(Image.Transpose[back[orientation]]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / f"a.{kind}", exif=exif)
    image = read(tmp_path / f"a.{kind}").double()
    assert image[:, 4:12, 4:12].mean() > 230
    assert image[0, 4:12, 20:28].mean() > 220
    assert image[1, 4:12, 20:28].mean() < 40
    assert image[:, 20:28].mean() < 40


MODES = {
    "grey.png": ("L", 90), "bilevel.png": ("1", 1), "palette.gif": ("P", 3), "cmyk.jpg": ("CMYK", (255, 0, 0, 0)),
    "cmyk.tif": ("CMYK", (255, 0, 0, 0)), "lab.tif": ("LAB", (200, 128, 128)), "ycbcr.jpg": ("YCbCr", (90, 128, 128)),
    "grey and alpha.png": ("LA", (90, 255)), "alpha.webp": ("RGBA", (10, 200, 10, 255)), "bitmap.bmp": ("RGB", (9, 8, 200)),
}  # fmt: skip
WANTED = {
    "grey.png": (90, 90, 90), "bilevel.png": (255, 255, 255), "cmyk.jpg": (0, 255, 255), "cmyk.tif": (0, 255, 255),
    "ycbcr.jpg": (90, 90, 90), "grey and alpha.png": (90, 90, 90), "alpha.webp": (10, 200, 10), "bitmap.bmp": (9, 8, 200),
}  # fmt: skip


@pytest.mark.parametrize("name", MODES)
def test_every_mode_is_read(tmp_path, name):
    mode, colour = MODES[name]
    Image.new(mode, SIZE, colour).save(tmp_path / name)
    colours = read(tmp_path / name).double().mean((1, 2)).tolist()
    if name in WANTED:
        assert colours == pytest.approx(WANTED[name], abs=6)


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (np.full((30, 40), 257 * 90, dtype=np.uint16), 90),
        (np.full((30, 40), 200, dtype=np.uint16), 1),  # nearly black, of 65,535
        (np.full((30, 40), 257 * 90, dtype=np.int32), 90),
        (np.full((30, 40), 90, dtype=np.int32), 90),
        (np.full((30, 40), 0.5, dtype=np.float32), 128),
    ],
)
def test_more_than_8_bits_are_scaled_and_not_cut_off(tmp_path, values, wanted):
    Image.fromarray(values).save(tmp_path / "a.tif")
    assert read(tmp_path / "a.tif").double().mean() == pytest.approx(wanted, abs=1)


def test_values_that_no_image_has_are_left_out(tmp_path):
    Image.fromarray(np.full((3, 3), np.nan, dtype=np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(data.folders.Unread, match="outside of 0 to 65,535"):
        read(tmp_path / "a.tif")


def test_what_is_transparent_becomes_white(tmp_path):
    half = Image.new("RGBA", (40, 40), (0, 0, 0, 0))  # black, but not to be seen
    half.paste((200, 0, 0, 255), (0, 0, 20, 40))
    half.save(tmp_path / "alpha.png")
    half.quantize(8).save(tmp_path / "palette.png")
    for name in ("alpha.png", "palette.png"):
        image = read(tmp_path / name).double()
        assert image[:, :, 20:].min() > 245, name
        assert image[:, :, :12].mean((1, 2)).tolist() == pytest.approx([200, 0, 0], abs=8), name


def test_of_an_animation_the_first_frame_is_taken_and_that_is_said(folder, capsys):
    frames = [Image.new("RGB", SIZE, colour) for colour in ("lime", "black", "white")]
    frames[0].save(folder / "red" / "moving.gif", save_all=True, append_images=frames[1:])
    data.from_folder(folder)
    assert "Taken: 1 of several frames: the first of them." in capsys.readouterr().out
    assert read(folder / "red" / "moving.gif").double().mean((1, 2)).tolist() == pytest.approx([0, 255, 0], abs=3)


MEMORY = """
import resource, sys
from helpers import data
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
image, _ = data.folders.read_image(sys.argv[1], 32)
assert image.shape == (3, 32, 32)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize(("name", "most"), [("panorama.jpg", 60), ("panorama.png", 150)])
@pytest.mark.skipif(sys.platform != "linux", reason="counts memory in Linux's unit")
def test_a_panorama_is_read_with_little_memory(tmp_path, root, name, most):
    Image.new("RGB", (10_000, 3_000), (9, 99, 200)).save(tmp_path / name)  # 90 MB of pixels
    command = [sys.executable, "-c", MEMORY, tmp_path / name]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert int(done.stdout) < most


def test_an_image_of_more_pixels_than_pillow_allows_is_left_out_with_a_word(folder, monkeypatch, capsys):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000_000)
    save(folder / "red" / "large.png", size=(1_100, 1_000))  # Pillow warns
    save(folder / "red" / "huge.png", size=(1_500, 1_500))  # Pillow raises
    sets = data.from_folder(folder)
    assert sum(map(len, sets.values())) == 20
    said = capsys.readouterr().out
    assert "Left out: 2 of more than 1 million pixels: make them smaller first (huge.png, large.png)." in said


# ---- what is left out ----------------------------------------------------------------------


def test_whatever_is_left_out_is_counted_by_reason(folder, capsys):
    (folder / "red" / "text.jpg").write_text("no image at all")
    (folder / "red" / "empty.png").touch()
    (folder / "red" / "phone.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(60))
    whole = save(folder / "blue" / "whole.jpg", seed=99, size=(200, 200)).read_bytes()
    (folder / "blue" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "blue" / "cut.png").write_bytes((folder / "blue" / "0.png").read_bytes()[:300])
    (folder / "blue" / ".DS_Store").write_bytes(b"x")
    (folder / "blue" / "Thumbs.db").write_bytes(b"x")
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / "readme.txt").write_text("notes")
    shutil.copy(folder / "red" / "0.png", folder / "red" / "copy.png")
    shutil.copy(folder / "blue" / "0.png", folder / "red" / "also blue.png")
    sets = data.from_folder(folder)
    assert sum(map(len, sets.values())) == 21
    headline, left_out = capsys.readouterr().out.splitlines()
    assert "21 images of 2 classes (blue 11, red 10)" in headline
    for words in (
        "3 hidden (.ipynb_checkpoints, .DS_Store, Thumbs.db)", "1 beside the subfolders, so of no class (readme.txt)",
        "2 damaged or cut off (cut.jpg, cut.png)", "1 no image, whatever the name says (text.jpg)",
        "1 empty files (empty.png)", "1 HEIC, which Pillow does not read: export them as JPEG (phone.HEIC)",
        "1 the same image again (copy.png)", "1 the same image in two classes (also blue.png)",
    ):  # fmt: skip
        assert words in left_out
    counted = [int(part.split()[0]) for part in left_out.removeprefix("Left out: ").split("; ")]
    assert sum(counted) == 11
    assert left_out.startswith("Left out: ")


def test_of_many_files_the_first_are_named(folder, capsys):
    for number in range(7):
        (folder / "red" / f"{number}.txt").write_text("no image")
    data.from_folder(folder)
    assert "7 no image, whatever the name says (0.txt, 1.txt, 2.txt and 4 more)" in capsys.readouterr().out


def test_a_damaged_header_of_any_kind_stops_nothing(folder, capsys):
    """Each file type's first bytes, then noise: its reader may raise what it likes."""
    random = np.random.RandomState(0)
    starts = [
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"GIF89a",
        b"BM",
        b"II*\0",
        b"MM\0*",
        b"RIFF\0\0\0\0WEBPVP8 ",
        b"P6 9 9 255\n",
    ]
    for number, start in enumerate(starts):
        (folder / "red" / f"noise {number}.jpg").write_bytes(start + random.bytes(400))
    bad = bytearray((folder / "red" / "0.png").read_bytes())
    bad[16:20] = (2**31 - 1).to_bytes(4, "big")  # a width of two thousand million, with the right checksum
    bad[29:33] = zlib.crc32(bytes(bad[12:29])).to_bytes(4, "big")
    (folder / "red" / "wide.png").write_bytes(bad)
    sets = data.from_folder(folder)
    taken = sum(map(len, sets.values()))
    left_out = capsys.readouterr().out.splitlines()[1]
    counted = [int(part.split()[0]) for part in left_out.removeprefix("Left out: ").split("; ") if part[0].isdigit()]
    assert taken + sum(counted) == 20 + len(starts) + 1


def test_a_damaged_note_of_the_camera_is_no_reason(tmp_path, recwarn):
    path = save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(30))
    assert read(path).shape == (3, 32, 32)
    assert not list(recwarn)


def test_folders_within_a_class_belong_to_it_and_links_to_folders_are_not_followed(folder, capsys):
    save(folder / "red" / "holiday" / "new" / "a.png", seed=50)
    (folder / "red" / "loop").symlink_to(folder, target_is_directory=True)
    sets = data.from_folder(folder)
    assert sum(map(len, sets.values())) == 21
    assert "1 a link to a folder (loop)" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name", ["猫", "Кошка", "קפה", "chat noir", "e\N{COMBINING ACUTE ACCENT}te\N{COMBINING ACUTE ACCENT}", "🐸"]
)
def test_a_name_may_be_in_any_script(folder, capsys, name):
    (folder / "red").rename(folder / name)
    (folder / name / "0.png").rename(folder / name / f"{name}.png")
    sets = data.from_folder(folder)
    shown = name.replace("e\N{COMBINING ACUTE ACCENT}", "é")  # as macOS writes it, and as it is typed
    assert set(sets["train"].classes) == {"blue", shown}
    assert f"{shown} 10" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_name_of_bytes_that_are_no_letters_can_be_printed(folder, capsys):
    os.rename(os.fsencode(folder / "red"), os.fsencode(folder) + b"/r\xff")
    assert data.from_folder(folder)["train"].classes == ("blue", "r\N{REPLACEMENT CHARACTER}")
    capsys.readouterr().out.encode()


# ---- what is refused -----------------------------------------------------------------------


def emptied(folder):
    for name in COLOURS:
        shutil.rmtree(folder / name)


def flat(folder):
    for file in (folder / "red").iterdir():
        file.rename(folder / file.name)
    emptied(folder)


def one_class(folder):
    shutil.rmtree(folder / "red")


def keep(count):
    def some(folder):
        for number in range(count, 10):
            (folder / "red" / f"{number}.png").unlink()

    return some


def only_text(folder):
    for file in folder.glob("*/*"):
        file.write_text("no image")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (emptied, "own is empty: put a subfolder of images into it for each class"),
        (flat, "own holds 10 files, but no subfolder: make one for each class, .* as in own/cat/1.jpg"),
        (one_class, "own has only the one class blue: .* Add a subfolder for each other class"),
        (keep(1), "each class needs 3 images at least, .* there are too few of red 1"),
        (keep(2), "there are too few of red 2"),
        (keep(0), "no image could be read in red: put some there, or take the subfolder away"),
        (only_text, r"no image could be read in .*own, in the subfolders blue, red. Left out: 20 no image, whatever"),
    ],
)
def test_a_folder_that_cannot_be_split_is_refused_with_what_to_do(folder, change, says):
    change(folder)
    with pytest.raises(ValueError, match=says):
        data.from_folder(folder)


def test_three_of_a_class_are_enough(folder):
    keep(3)(folder)
    assert [int((images.labels == 1).sum()) for images in data.from_folder(folder).values()] == [1, 1, 1]


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"path": "nowhere"}, FileNotFoundError, "there is no folder nowhere: the notebook runs in /"),
        ({"path": ""}, ValueError, "path must be that of a folder, such as 'my_images'; got ''"),
        ({"path": None}, ValueError, "path must be that of a folder.*; got None"),
        ({"path": __file__}, ValueError, "is a file: give the folder that holds a subfolder for each class, unpacked"),
        ({"size": 0}, ValueError, "size must be a whole number from 1 to 1024; got 0"),
        ({"size": 32.5}, ValueError, "size must be a whole number from 1 to 1024; got 32.5"),
        ({"mean": 0.5, "std": (1, 1, 1)}, ValueError, r"mean must be three numbers, one a channel, .*; got 0.5"),
        ({"mean": (0.5, 0.5, 0.5)}, ValueError, "std must be three numbers.*; got None"),
        ({"mean": (0, 0, 0), "std": (1, 0, 1)}, ValueError, "each of std must be a finite number, above 0; got 0"),
        ({"mean": (0, 0), "std": (1, 1)}, ValueError, r"mean must be three numbers.*; got \(0, 0\)"),
    ],
)  # fmt: skip
def test_what_is_no_folder_or_no_scale_is_refused(folder, arguments, error, says):
    with pytest.raises(error, match=says):
        data.from_folder(**{"path": folder} | arguments)


# ---- upload and camera ---------------------------------------------------------------------


def as_ipywidgets_7(files):
    return {
        name: {"metadata": {"name": name, "size": len(content)}, "content": content} for name, content in files.items()
    }


def as_ipywidgets_8(files):
    return tuple(
        {"name": name, "type": "image/png", "size": len(c), "content": memoryview(c)} for name, c in files.items()
    )


@pytest.mark.parametrize("held", [as_ipywidgets_7, as_ipywidgets_8])
def test_an_upload_is_read_in_the_form_of_either_ipywidgets(held):
    assert own_images.uploaded(held({"a.png": b"1", "b c.png": b"2"})) == [("a.png", b"1"), ("b c.png", b"2")]
    assert own_images.uploaded(held({})) == []


def test_what_is_uploaded_lies_in_the_folder_of_its_class_and_can_be_read(folder, tmp_path):
    box = widgets.upload(tmp_path / "new")
    assert not (tmp_path / "new").exists()
    for name in COLOURS:
        files = {file.name: file.read_bytes() for file in (folder / name).iterdir()}
        box.label.value = f" {name} "
        box._arrived(as_ipywidgets_8(files))
        assert "10 saved; " in box.told.value
        assert "holds 10 files now" in box.told.value
    assert sum(map(len, data.from_folder(tmp_path / "new").values())) == 20
    box._arrived(as_ipywidgets_8({"0.png": b"another", "../../up.png": b"x"}))
    assert (tmp_path / "new/blue/10.png").read_bytes() == b"another"
    assert len(list((tmp_path / "new/blue").iterdir())) == 12  # none overwritten
    assert (tmp_path / "new/blue/up.png").read_bytes() == b"x"
    assert not (tmp_path / "up.png").exists()


@pytest.mark.parametrize("name", ["", "  ", ".hidden", "a/b", "a\\b", "..", "what?"])
def test_an_upload_without_a_class_says_so_and_saves_nothing(tmp_path, name):
    box = widgets.upload(str(tmp_path / "new"))
    box.label.value = name
    box._arrived(as_ipywidgets_8({"a.png": b"1"}))
    assert 'role="status"' in box.told.value
    assert "Nothing is saved yet: " in box.told.value
    assert not (tmp_path / "new").exists()


def test_images_that_were_chosen_before_their_class_was_named_are_saved_as_soon_as_it_is(tmp_path):
    box = widgets.upload(tmp_path / "new")
    box._arrived(as_ipywidgets_8({"a.png": b"1"}))
    box.label.value = "mug"
    assert (tmp_path / "new/mug/a.png").read_bytes() == b"1"
    assert "1 saved; " in box.told.value
    box.label.value = "plant"  # for the next images
    assert not (tmp_path / "new/plant").exists()


def test_an_upload_leaves_a_twin_in_words(tmp_path):
    shown = widgets.upload(tmp_path).twin
    assert "a button that uploads images" in shown["text/plain"]
    assert shown["text/plain"] in shown["text/html"].replace("&#x27;", "'")


def test_outside_of_colab_the_camera_says_what_it_would_do(tmp_path, capsys):
    widgets.camera(tmp_path, "mug")
    assert (
        f"In Colab this would show your camera's view and save an image as {tmp_path / 'mug' / '1.jpg'}"
        in capsys.readouterr().out
    )
    assert not list(tmp_path.iterdir())


def test_in_colab_the_camera_saves_what_the_page_sends(tmp_path, monkeypatch, capsys):
    packed = base64.b64encode(save(tmp_path / "taken.jpg").read_bytes()).decode()
    output = types.SimpleNamespace(eval_js=lambda script: f"data:image/jpeg;base64,{packed}")
    colab = types.ModuleType("google.colab")
    colab.output = output
    monkeypatch.setitem(sys.modules, "google", types.ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    for number in (1, 2):
        widgets.camera(tmp_path, "mug")
        assert read(tmp_path / "mug" / f"{number}.jpg").shape == (3, 32, 32)
    assert capsys.readouterr().out.count("saved as") == 2


@pytest.mark.parametrize(
    "call", [lambda: widgets.upload(3), lambda: widgets.camera("", "a"), lambda: widgets.camera("a", "b/c")]
)
def test_an_upload_or_camera_without_a_folder_is_refused(call):
    with pytest.raises(ValueError, match="must be the path of a folder|the name of a class is that of a folder"):
        call()


# ---- the middle of one image in another ----------------------------------------------------


def test_the_middle_is_pasted_and_the_rest_stays():
    middles, frames = torch.ones(2, 3, 8, 8), torch.zeros(2, 3, 8, 8)
    pasted = widgets.paste(middles, frames, 4)
    assert pasted[0, 0].sum() == 16
    assert pasted[:, :, 2:6, 2:6].min() == 1
    assert torch.equal(widgets.paste(middles, frames, 8), middles)
    assert torch.equal(widgets.paste(middles, frames, 0), frames)
    assert frames.sum() == 0  # handed over, and not changed
    for arguments, says in [
        ((middles, frames, 9), "side must be a whole number from 0 to 8; got 9"),
        ((middles, frames[:1], 4), "middles and frames must have the same shape"),
        ((middles, 3, 4), "frames must be a torch tensor"),
    ]:
        with pytest.raises(ValueError, match=says):
            widgets.paste(*arguments)


def test_paste_lab_shows_the_pasted_image_and_names_the_answer(photos):
    some = replace(photos, images=photos.images[:3], labels=photos.labels[:3])
    others = replace(photos, images=photos.images[3:6], labels=photos.labels[3:6])
    asked = []

    def answer(images):
        asked.append(images)
        return torch.full((1, 10), 0.04).index_fill(1, torch.tensor([7]), 0.64)

    lab = widgets.paste_lab(some, others, answer)
    lab.set(pair=2, side=10)
    assert torch.equal(asked[-1], widgets.paste(some.images[2:], others.images[2:], 10))
    inner, outer = photos.classes[photos.labels[2]], photos.classes[photos.labels[5]]
    assert f"10×10 pixels of the {inner} in the image of the {outer}: the network says horse, 64 %" in lab.picture.value


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"middles": 3}, "middles must be an ImageSet.*; got 3"),
        ({"answer": None}, "answer must be a function from images to probabilities; got None"),
        (
            {"answer": lambda images: images},
            r"answer must give probabilities \(1, 10\) for one image; it gave a tensor",
        ),
    ],
)
def test_paste_lab_refuses_what_it_cannot_show(photos, change, says):
    some = replace(photos, images=photos.images[:3], labels=photos.labels[:3])
    right = {"middles": some, "frames": some, "answer": lambda images: torch.full((1, 10), 0.1)}
    with pytest.raises(ValueError, match=says):
        widgets.paste_lab(**right | change)
