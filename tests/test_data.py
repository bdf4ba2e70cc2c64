"""Data sets: what a load gives, where it comes from, and what happens when a full set is missing or damaged."""

import dataclasses
import io
import json
import pickle
import re
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers import data
from helpers.data import __main__ as command
from helpers.data import fetching, files, sets
from tests import tiny_sets

SIZES = {
    ("fashion_mnist", "sample"): {"train": 9_000, "valid": 1_000, "test": 2_000},
    ("cifar10", "sample"): {"train": 4_500, "valid": 500, "test": 1_000},
    ("fashion_mnist", "full"): {"train": 55_000, "valid": 5_000, "test": 10_000},
    ("cifar10", "full"): {"train": 45_000, "valid": 5_000, "test": 10_000},
}


def check_set(name, source):
    splits = {split: data.load(name, split, source=source) for split in data.SPLITS}
    for split, images in splits.items():
        count = SIZES[name, source][split]
        assert images.images.shape == (count, *data.SHAPES[name])
        assert images.images.dtype == torch.uint8
        assert images.labels.dtype == torch.int64
        assert torch.bincount(images.labels).tolist() == [count // 10] * 10
        assert (images.name, images.split, images.source) == (name, split, source)
        assert len(images.classes) == 10
        assert (images.mean, images.std) == (splits["train"].mean, splits["train"].std)
    mean, std = mean_and_std(splits["train"].images)
    assert splits["train"].mean == pytest.approx(mean)
    assert splits["train"].std == pytest.approx(std)
    return splits


def mean_and_std(images):
    """Of each channel, a thousand images at a time: 45,000 of them as float64 would take a gigabyte."""
    count, total, squares = images[:, 0].numel(), 0, 0
    for piece in images.split(1_000):
        pixels = piece.double() / 255
        total += pixels.sum(dim=(0, 2, 3))
        squares += (pixels**2).sum(dim=(0, 2, 3))
    mean = total / count
    return mean.tolist(), (squares / count - mean**2).sqrt().tolist()


@pytest.mark.parametrize("name", data.CLASSES)
def test_the_sample_is_there_balanced_and_normalised(name):
    check_set(name, "sample")


def test_the_full_sets_are_there_balanced_and_normalised(full_sets):
    for name in data.CLASSES:
        check_set(name, "full")


@pytest.mark.parametrize(("name", "sum_of_pixels"), [("fashion_mnist", "0e8d3dc5"), ("cifar10", "8296122d")])
def test_the_validation_images_are_those_by_which_all_kept_results_were_chosen(name, sum_of_pixels):
    images = data.load(name, "valid", source="sample").images
    assert f"{zlib.crc32(images.contiguous().numpy()):08x}" == sum_of_pixels


def test_validation_is_cut_off_the_training_set_and_always_the_same():
    train, valid = (data.load("fashion_mnist", split, source="sample") for split in ("train", "valid"))
    again = data.load("fashion_mnist", "valid", source="sample")
    assert torch.equal(valid.images, again.images)
    whole, _, _ = sets._read("fashion_mnist", "train", "sample")
    split_up = sorted(image.numpy().tobytes() for image in torch.cat([train.images, valid.images]))
    assert split_up == sorted(image.numpy().tobytes() for image in whole)


@pytest.mark.parametrize("name", data.CLASSES)
def test_load_says_its_source(name, capsys, no_full_sets):
    assert data.load(name, "test").source == "sample"
    assert capsys.readouterr().out.strip().endswith("(source: sample)")


def test_wrong_names_are_refused_with_the_right_ones():
    with pytest.raises(ValueError, match="unknown name 'mnist': choose one of 'fashion_mnist', 'cifar10'"):
        data.load("mnist")
    with pytest.raises(ValueError, match="unknown split 'val': choose one of 'train', 'valid', 'test'"):
        data.load("cifar10", "val")
    with pytest.raises(ValueError, match="unknown source 'web': choose one of 'full', 'sample'"):
        data.load("cifar10", "train", source="web")
    with pytest.raises(ValueError, match="unknown name 'imagenet'"):
        data.download("imagenet")


def test_full_where_it_is_not_says_how_to_get_it(no_full_sets):
    with pytest.raises(FileNotFoundError, match="python -m helpers.data download cifar10"):
        data.load("cifar10", "train", source="full")


def test_the_sums_and_addresses_are_those_of_torchvision():
    from torchvision.datasets import CIFAR10, FashionMNIST

    (archive,) = files.ARCHIVES["cifar10"]
    theirs = dict(CIFAR10.train_list + CIFAR10.test_list + [[CIFAR10.meta["filename"], CIFAR10.meta["md5"]]])
    assert archive.files == theirs
    assert (archive.name, archive.md5) == (CIFAR10.filename, CIFAR10.tgz_md5)
    assert [(archive.name, archive.md5) for archive in files.ARCHIVES["fashion_mnist"]] == FashionMNIST.resources
    assert CIFAR10.url in [host + CIFAR10.filename for host in fetching.HOSTS["cifar10"]]
    assert set(FashionMNIST.mirrors) <= set(fetching.HOSTS["fashion_mnist"])


# ---- a full set on disk: whole, damaged, incomplete, packed --------------------------------


@pytest.fixture
def tiny(no_full_sets, monkeypatch):
    """Stand-ins for the full sets; the data folder is empty."""
    tiny_sets.install(monkeypatch.setitem, monkeypatch.setattr)
    return no_full_sets


def unpack(name):
    """Lay a stand-in unpacked into the data folder; returns its folder."""
    folder = files.folder_of(name)
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in tiny_sets.tiny(name).unpacked.items():
        (folder / file).write_bytes(content)
    return folder


def lay_archives(name, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for archive, content in tiny_sets.tiny(name).packed.items():
        (folder / archive).write_bytes(content)


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "counts"), [("cifar10", [90, 10, 20]), ("fashion_mnist", [90, 10, 20])], ids=lambda value: str(value)
)
def test_a_full_set_is_found_under_cnn_data_dir_with_its_own_pixels(tiny, name, counts):
    unpack(name)
    splits = [data.load(name, split) for split in data.SPLITS]
    assert [image_set.source for image_set in splits] == ["full"] * 3
    assert [len(image_set) for image_set in splits] == counts
    whole = torch.cat([image_set.images for image_set in splits[:2]])
    pixels = {content for content in map(bytes, whole.numpy().reshape(len(whole), -1))}
    held = b"".join(tiny_sets.tiny(name).unpacked.values())
    assert len(pixels) == 100 and all(image in held for image in pixels)
    mean, std = mean_and_std(splits[0].images)
    for image_set in splits:
        assert image_set.mean == pytest.approx(mean) and image_set.std == pytest.approx(std)


@pytest.mark.parametrize("name", data.CLASSES)
def test_a_load_reads_each_file_once(tiny, monkeypatch, name):
    read = []

    def opened(path, mode):
        read.append(Path(path).name)
        return open(path, mode)

    unpack(name)
    monkeypatch.setattr(files, "open", opened, raising=False)
    data.load(name, "train")
    assert sorted(read) == sorted(tiny_sets.tiny(name).unpacked)
    data.load(name, "valid")
    data.load(name, "test")
    assert max(map(read.count, read)) == 2  # whole sets are known to be whole; what is used is read, and checked, again


@pytest.mark.parametrize("split", data.SPLITS)
@pytest.mark.parametrize(("name", "file"), [("cifar10", "data_batch_3"), ("cifar10", "test_batch"),
                                            ("cifar10", "batches.meta"), ("fashion_mnist", "train-labels-idx1-ubyte")])  # fmt: skip
def test_a_damaged_file_is_named_and_no_split_of_its_set_used(tiny, capsys, name, file, split):
    path = unpack(name) / file
    flip_a_byte(path)
    assert data.load(name, split).source == "sample"
    assert f"{path} is damaged" in capsys.readouterr().out
    with pytest.raises(FileNotFoundError, match=f"{file} is damaged"):
        data.load(name, split, source="full")


def test_a_missing_file_is_named_and_the_sample_used(tiny, capsys):
    path = unpack("cifar10") / "test_batch"
    path.unlink()
    assert data.load("cifar10", "train").source == "sample"
    assert f"{path} is missing" in capsys.readouterr().out


def test_a_file_that_is_damaged_after_a_load_is_not_used(tiny):
    path = unpack("cifar10") / "data_batch_3"
    assert data.load("cifar10", "train").source == "full"
    flip_a_byte(path)
    assert data.load("cifar10", "train").source == "sample"
    assert data.load("cifar10", "test").source == "sample"


@pytest.mark.parametrize("place", [".", "cifar-10-batches-py"])
def test_an_archive_fetched_by_hand_is_used_as_it_lies(tiny, place):
    lay_archives("cifar10", tiny / place)
    assert data.full_is_whole("cifar10")
    assert [data.load("cifar10", split).source for split in data.SPLITS] == ["full"] * 3
    assert [path for path in tiny.rglob("*") if path.is_file()] == [tiny / place / "cifar-10-python.tar.gz"]


@pytest.mark.parametrize("place", [".", "FashionMNIST", "FashionMNIST/raw"])
def test_packed_files_fetched_by_hand_are_used_as_they_lie(tiny, place):
    lay_archives("fashion_mnist", tiny / place)
    packed = [data.load("fashion_mnist", split) for split in data.SPLITS]
    unpack("fashion_mnist")
    for image_set, same in zip(packed, [data.load("fashion_mnist", split) for split in data.SPLITS]):
        assert image_set.source == same.source == "full"
        assert torch.equal(image_set.images, same.images) and torch.equal(image_set.labels, same.labels)


def test_an_archive_makes_up_for_a_damaged_file(tiny):
    flip_a_byte(unpack("cifar10") / "data_batch_2")
    lay_archives("cifar10", tiny)
    assert data.load("cifar10", "train").source == "full"


def test_a_damaged_archive_is_named_and_not_used(tiny, capsys):
    lay_archives("cifar10", tiny)
    flip_a_byte(tiny / "cifar-10-python.tar.gz")
    assert data.load("cifar10", "train").source == "sample"
    assert f"{tiny / 'cifar-10-python.tar.gz'} is damaged" in capsys.readouterr().out


def test_one_of_four_archives_is_not_a_set(tiny, capsys):
    lay_archives("fashion_mnist", tiny)
    (tiny / "t10k-labels-idx1-ubyte.gz").unlink()
    assert data.load("fashion_mnist", "train").source == "sample"
    assert "t10k-labels-idx1-ubyte is missing" in capsys.readouterr().out


TRAPS = {
    "a function": b"cos\nsystem\n(S'touch sprung'\ntR.",
    "a function of NumPy": b"cnumpy\nload\n(S'sprung'\ntR.",
    "a name of builtins": b"c__builtin__\neval\n(S'1'\ntR.",
    "an object by its class": b"(S'touch sprung'\nios\nsystem\n.",
    "a name from the stack": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x0ctouch sprung\x85R.",
}


@pytest.mark.parametrize("trap", TRAPS.values(), ids=TRAPS)
def test_a_pickle_that_asks_for_anything_but_arrays_is_refused(tmp_path, monkeypatch, trap):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(pickle.UnpicklingError, match="is refused"):
        files.unpickle(trap)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_unpickled_before_its_sum_is_checked(tiny, monkeypatch):
    (unpack("cifar10") / "data_batch_1").write_bytes(TRAPS["a function"])
    seen, real = [], files.unpickle
    monkeypatch.setattr(files, "unpickle", lambda content: seen.append(content) or real(content))
    assert data.load("cifar10", "train").source == "sample"
    assert TRAPS["a function"] not in seen


def test_sums_are_taken_where_md5_is_allowed_for_checks_only(tiny, monkeypatch):
    real = files.hashlib.md5

    def md5(*content, usedforsecurity=True):
        if usedforsecurity:
            raise ValueError("disabled for FIPS")
        return real(*content, usedforsecurity=False)

    unpack("cifar10")
    monkeypatch.setattr(files.hashlib, "md5", md5)
    assert data.load("cifar10", "test").source == "full"


# ---- the setting CNN_DATA_DIR --------------------------------------------------------------


def test_a_relative_folder_is_the_same_from_everywhere(monkeypatch, tmp_path, root):
    monkeypatch.setenv("CNN_DATA_DIR", "sets")
    monkeypatch.chdir(tmp_path)
    assert data.data_dir() == root / "sets"


@pytest.mark.parametrize("setting", ["$PLACE/sets", "${PLACE}/sets", "~/sets"])
def test_a_folder_may_be_named_as_in_a_shell(monkeypatch, tmp_path, setting):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PLACE", str(tmp_path))
    monkeypatch.setenv("CNN_DATA_DIR", setting)
    assert data.data_dir() == tmp_path / "sets"


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("{sets}/cifar-10-batches-py", "cifar10 does not lie there, but in {sets}: set CNN_DATA_DIR to that"),
        ("{sets}/FashionMNIST", "but in {sets}: set CNN_DATA_DIR to that"),
        ("{sets}/FashionMNIST/raw", "but in {sets}: set CNN_DATA_DIR to that"),
        ("{sets}/FashionMNIST/raws", "but in {sets}: set CNN_DATA_DIR to that"),
        ("{folder}", "but in {sets}: set CNN_DATA_DIR to that"),
        ("{folder}/far/off/nowhere", "there is no such folder"),
        ("$NOSUCH/sets", "that is {root}/$NOSUCH/sets: there is no such folder"),
        ("{folder}/far/off/file", "that is a file, not a folder"),
        (
            "{folder}/far/off/old",
            "there is only FashionMNIST/processed, of an old torchvision, and no FashionMNIST/raw",
        ),
        (
            "{folder}/far/off/empty",
            "it holds no files of fashion_mnist in FashionMNIST/raw, and no train-images-idx3-ubyte.gz or ",
        ),
    ],
)
def test_a_setting_without_effect_is_reported_in_one_line(tiny, monkeypatch, capsys, root, setting, said):
    places = {"folder": tiny, "sets": tiny / "sets", "root": root}
    monkeypatch.setenv("CNN_DATA_DIR", str(tiny / "sets"))
    monkeypatch.delenv("NOSUCH", raising=False)
    name = "cifar10" if "cifar" in setting else "fashion_mnist"
    unpack(name)
    (tiny / "far/off/old/FashionMNIST/processed").mkdir(parents=True)
    (tiny / "far/off/empty").mkdir()
    (tiny / "far/off/file").touch()
    setting = setting.format(**places)
    monkeypatch.setenv("CNN_DATA_DIR", setting)
    assert data.load(name, "test").source == "sample"
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith(f"CNN_DATA_DIR is {setting!r}") and said.format(**places) in first
    assert len(rest) == 1


def test_where_nothing_is_set_and_nothing_is_there_nothing_is_reported(tiny, monkeypatch, capsys):
    monkeypatch.delenv("CNN_DATA_DIR")
    monkeypatch.setattr(files, "ROOT", tiny)
    data.load("cifar10", "test")
    assert len(capsys.readouterr().out.splitlines()) == 1


# ---- python -m helpers.data status ---------------------------------------------------------


def status_of(name, capsys):
    assert command.main(["status"]) == 0
    out = capsys.readouterr().out
    start = out.index(f"\n{name}: ") + 1
    return out, out[start : out.find("\ncifar10", start) if name == "fashion_mnist" else None]


def test_status_says_whole(tiny, capsys):
    unpack("fashion_mnist")
    out, said = status_of("fashion_mnist", capsys)
    assert said.startswith("fashion_mnist: whole\n")
    assert f"looked in {tiny} (CNN_DATA_DIR is {str(tiny)!r})" in out


def test_status_says_what_is_missing_of_a_part(tiny, capsys):
    (unpack("cifar10") / "data_batch_4").unlink()
    _, said = status_of("cifar10", capsys)
    assert said.startswith("cifar10: partial\n")
    assert "data_batch_4 is missing" in said and "data_batch_5 is whole" in said


def test_status_says_what_is_wrong(tiny, capsys):
    flip_a_byte(unpack("cifar10") / "data_batch_4")
    _, said = status_of("cifar10", capsys)
    assert said.startswith("cifar10: wrong\n")
    assert "data_batch_4 is damaged (md5" in said


def test_status_says_that_a_set_is_not_there_and_where_it_looked(tiny, capsys):
    _, said = status_of("cifar10", capsys)
    assert said.startswith("cifar10: not there\n")
    assert "no files of cifar10 in cifar-10-batches-py, and no cifar-10-python.tar.gz" in said


def test_status_says_what_waits_half_fetched(tiny, capsys):
    archive = files.ARCHIVES["cifar10"][0]
    part = files.part_path("cifar10", archive)
    part.parent.mkdir()
    part.write_bytes(tiny_sets.tiny("cifar10").packed[archive.name][:200_000])
    _, said = status_of("cifar10", capsys)
    assert said.startswith("cifar10: partial\n")
    assert f"{part}: 0.2 of {archive.size / 1e6:.1f} MB wait there" in said


# ---- sets as values ------------------------------------------------------------------------


def test_an_image_set_is_equal_to_itself_alone(clothes, photos):
    assert clothes == clothes and clothes != photos
    assert clothes != dataclasses.replace(clothes)
    assert len({clothes, photos, clothes}) == 2


# ---- anything as an argument: the right result, or an error that names the argument ---------

ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.binary(max_size=5),
    st.lists(st.integers(-2, 2), max_size=4), st.tuples(st.integers(-2, 9), st.integers(-2, 9), st.integers(-2, 9)),
    st.dictionaries(st.text(max_size=1), st.none(), max_size=1), st.just(np.float32(1)), st.just(np.zeros((2, 2))),
    st.just(torch.zeros(3)), st.just(float("nan")), st.just(object()), st.just(dict), st.just([[1], [1, 2]]),
)  # fmt: skip
quickly = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def right_or_named(argument, call):
    try:
        return call()
    except (ValueError, TypeError) as error:
        assert re.search(rf"\b{argument}\b", str(error)), f"{argument} is not named in: {error}"
        return None


@quickly
@given(value=ANYTHING)
@pytest.mark.parametrize("argument", ["name", "split", "source"])
def test_load_takes_right_words_only(no_full_sets, argument, value):
    words = {"name": "cifar10", "split": "valid", "source": "sample"} | {argument: value}
    if argument == "source" and isinstance(value, str) and value == "full":
        with pytest.raises(FileNotFoundError, match="full cifar10 is not whole"):
            data.load(**words)
        return
    loaded = right_or_named(argument, lambda: data.load(**words))
    right = {"name": data.CLASSES, "split": data.SPLITS, "source": ["sample"]}[argument]
    is_right = value in right if isinstance(value, str) else value is None and argument == "source"
    assert (loaded is not None) == is_right


@quickly
@given(value=ANYTHING)
def test_every_door_refuses_a_wrong_name(no_full_sets, value):
    for door in (data.download, data.full_is_whole, data.status):
        assert right_or_named("name", lambda door=door: door(value)) is None


LABELS = st.lists(st.integers(0, 3), min_size=1, max_size=40)


@quickly
@given(
    labels=LABELS, count=st.integers(-3, 45), seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from([list, tuple, np.array, torch.tensor, lambda n: np.array(n, dtype=np.uint8)]),
)  # fmt: skip
def test_balanced_indices_are_balanced_or_refused(labels, count, seed, kind):
    chosen = right_or_named("count", lambda: data.balanced_indices(kind(labels), count, seed))
    classes = sorted(set(labels))
    possible = count >= 0 and count % len(classes) == 0 and count // len(classes) <= min(map(labels.count, classes))
    assert (chosen is not None) == possible
    if possible:
        assert len(set(chosen.tolist())) == count and sorted(chosen) == chosen.tolist()
        assert {labels[i] for i in chosen} == set(classes if count else [])
        assert all([labels[i] for i in chosen].count(c) == count // len(classes) for c in classes)
        assert np.array_equal(chosen, data.balanced_indices(labels, np.int64(count), seed))


@quickly
@given(value=ANYTHING, argument=st.sampled_from(["labels", "count", "seed"]))
def test_balanced_indices_name_what_is_wrong(argument, value):
    arguments = {"labels": [0, 1, 0, 1], "count": 2, "seed": 0} | {argument: value}
    # labels that are right may not allow for this count
    chosen = right_or_named(f"{argument}|count", lambda: data.balanced_indices(**arguments))
    assert chosen is None or len(chosen) == arguments["count"]


@quickly
@given(
    rows=st.integers(0, 3), columns=st.integers(0, 3), shape=st.tuples(*[st.integers(1, 3)] * 3), step=st.sampled_from([1, 2, -1])
)  # fmt: skip
def test_cut_sheet_gives_each_image_back(rows, columns, shape, step):
    channels, height, width = shape
    sheet = np.random.RandomState(0).randint(0, 256, (rows * height, columns * width * 2, channels))[:, ::step]
    sheet = sheet[:, : columns * width]
    images = data.cut_sheet(sheet, shape)
    assert images.shape == (rows * columns, *shape)
    for i in range(rows * columns):
        top, left = i // columns * height, i % columns * width
        assert np.array_equal(images[i], sheet[top : top + height, left : left + width].transpose(2, 0, 1))


@quickly
@given(value=ANYTHING, argument=st.sampled_from(["sheet", "shape"]))
def test_cut_sheet_names_what_is_wrong(argument, value):
    arguments = {"sheet": np.zeros((4, 6, 3), dtype=np.uint8), "shape": (3, 2, 2)} | {argument: value}
    images = right_or_named(argument, lambda: data.cut_sheet(**arguments))
    assert images is None or images.shape[1:] == tuple(arguments["shape"])


@quickly
@given(setting=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20))
def test_any_setting_of_the_folder_leads_to_the_sample_and_a_line(setting, monkeypatch, tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CNN_DATA_DIR", setting)
        patch.setattr(files, "ROOT", tmp_path)
        assert not data.full_is_whole("fashion_mnist")
        assert data.status("fashion_mnist").startswith("fashion_mnist: not there")


# ---- the embedded sample -------------------------------------------------------------------


def test_the_samples_are_small_and_say_where_each_image_comes_from():
    files = [path for path in data.SAMPLES.iterdir() if path.suffix in (".png", ".json")]
    assert sum(path.stat().st_size for path in files) <= 20e6
    for path in data.SAMPLES.glob("*.json"):
        about = json.loads(path.read_text())
        assert len(set(about["indices"])) == len(about["indices"]) == len(about["labels"])


def test_make_samples_makes_the_same_files_again(full_sets, root, tmp_path):
    import PIL

    subprocess.run(
        [sys.executable, root / "helpers/samples/make_samples.py", tmp_path], check=True, capture_output=True
    )
    for made in tmp_path.iterdir():
        committed = data.SAMPLES / made.name
        if json.loads((data.SAMPLES / f"{made.stem}.json").read_text())["pillow"] == PIL.__version__:
            assert made.read_bytes() == committed.read_bytes(), f"{made.name} differs"
        elif made.suffix == ".png":  # another Pillow packs the same pixels into other bytes
            both = [np.asarray(PIL.Image.open(io.BytesIO(path.read_bytes()))) for path in (made, committed)]
            assert np.array_equal(*both), f"{made.name} differs"


def test_the_sample_holds_the_official_images(full_sets):
    for name in data.CLASSES:
        for part in ("train", "test"):
            images, labels, _ = sets._read(name, part, "sample")
            official, official_labels = files.read_full(name, part)
            indices = json.loads((data.SAMPLES / f"{name}_{part}.json").read_text())["indices"]
            assert torch.equal(images, official[indices])
            assert torch.equal(labels, official_labels[indices])


# ---- some classes alone --------------------------------------------------------------------


def test_images_of_some_classes_are_numbered_in_the_order_asked_for(photos):
    some = data.of_classes(photos, ["ship", "cat"])
    assert some.classes == ("ship", "cat")
    for name in some.classes:
        before, after = (s.images[s.labels == s.classes.index(name)] for s in (photos, some))
        assert torch.equal(before, after)
    assert len(some) == sum((photos.labels == photos.classes.index(name)).sum() for name in some.classes)
    assert (some.mean, some.std, some.split, some.source) == (photos.mean, photos.std, photos.split, photos.source)


@pytest.mark.parametrize("names", [[], "cat", ["cat", "cow"], ["cat", "cat"]])
def test_other_classes_than_those_of_the_set_are_refused_with_the_right_ones(photos, names):
    with pytest.raises(ValueError, match="names must be a list of different ones of airplane, automobile"):
        data.of_classes(photos, names)
