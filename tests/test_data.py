"""Data sets: what a load gives, where it comes from, and what happens when a full set is missing or damaged."""

import functools
import hashlib
import http.server
import io
import json
import pickle
import shutil
import subprocess
import sys
import tarfile
import threading

import numpy as np
import pytest
import torch

from helpers import data
from helpers.data import __main__ as command
from helpers.data import files, sets

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
    pixels = splits["train"].images.double() / 255
    torch.testing.assert_close(torch.tensor(splits["train"].mean).double(), pixels.mean(dim=(0, 2, 3)))
    torch.testing.assert_close(
        torch.tensor(splits["train"].std).double(), pixels.std(dim=(0, 2, 3), correction=0), rtol=1e-6, atol=1e-6
    )
    return splits


@pytest.mark.parametrize("name", data.CLASSES)
def test_the_sample_is_there_balanced_and_normalised(name):
    check_set(name, "sample")


def test_the_full_sets_are_there_balanced_and_normalised(full_sets):
    for name in data.CLASSES:
        check_set(name, "full")


def test_validation_is_cut_off_the_training_set_and_always_the_same():
    train, valid = (data.load("fashion_mnist", split, source="sample") for split in ("train", "valid"))
    again = data.load("fashion_mnist", "valid", source="sample")
    assert torch.equal(valid.images, again.images)
    whole, _ = sets._read("fashion_mnist", "train", "sample")
    split_up = sorted(image.numpy().tobytes() for image in torch.cat([train.images, valid.images]))
    assert split_up == sorted(image.numpy().tobytes() for image in whole)


@pytest.mark.parametrize("name", data.CLASSES)
def test_load_says_its_source(name, capsys, no_full_sets):
    assert data.load(name, "test").source == "sample"
    assert capsys.readouterr().out.strip().endswith("(source: sample)")


def test_wrong_names_are_refused_with_the_right_ones():
    with pytest.raises(ValueError, match="unknown data set 'mnist': choose one of 'fashion_mnist', 'cifar10'"):
        data.load("mnist")
    with pytest.raises(ValueError, match="unknown split 'val': choose one of 'train', 'valid', 'test'"):
        data.load("cifar10", "val")
    with pytest.raises(ValueError, match="unknown source 'web': choose one of 'full', 'sample'"):
        data.load("cifar10", "train", source="web")
    with pytest.raises(ValueError, match="unknown data set 'imagenet'"):
        data.download("imagenet")


def test_full_where_it_is_not_says_how_to_get_it(no_full_sets):
    with pytest.raises(FileNotFoundError, match="python -m helpers.data download cifar10"):
        data.load("cifar10", "train", source="full")


def test_the_sums_are_those_of_torchvision():
    from torchvision.datasets import CIFAR10

    theirs = dict(CIFAR10.train_list + CIFAR10.test_list + [[CIFAR10.meta["filename"], CIFAR10.meta["md5"]]])
    assert theirs == files.OFFICIAL_MD5["cifar10"]


# ---- a full set on disk: whole, damaged, incomplete ----------------------------------------


@pytest.fixture
def small_cifar10(no_full_sets, monkeypatch):
    """A stand-in for the full CIFAR-10, in its layout and with sums to match, in an empty data folder."""
    folder = no_full_sets / data.FOLDERS["cifar10"]
    folder.mkdir()
    sums = {}
    for i, file in enumerate(files.OFFICIAL_MD5["cifar10"]):
        batch = {"data": np.full((10_000, 3072), i, dtype=np.uint8), "labels": [n % 10 for n in range(10_000)]}
        packed = pickle.dumps(batch if i < 6 else {"label_names": list(data.CLASSES["cifar10"])})
        (folder / file).write_bytes(packed)
        sums[file] = hashlib.md5(packed).hexdigest()
    monkeypatch.setitem(files.OFFICIAL_MD5, "cifar10", sums)
    return folder


def test_a_full_set_is_found_under_cnn_data_dir(small_cifar10):
    train = data.load("cifar10", "train")
    assert (train.source, len(train)) == ("full", 45_000)


def test_a_damaged_file_is_named_and_not_used(small_cifar10, capsys):
    path = small_cifar10 / "data_batch_3"
    broken = bytearray(path.read_bytes())
    broken[1000] ^= 1
    path.write_bytes(broken)
    assert data.load("cifar10", "train").source == "sample"
    assert f"{path} is damaged" in capsys.readouterr().out


def test_a_missing_file_is_named_and_the_sample_used(small_cifar10, capsys):
    (small_cifar10 / "test_batch").unlink()
    assert data.load("cifar10", "test").source == "sample"
    assert f"cannot read {small_cifar10 / 'test_batch'}" in capsys.readouterr().out


def test_nothing_is_unpickled_before_its_sum_is_checked(small_cifar10, tmp_path):
    trap = tmp_path / "sprung"
    (small_cifar10 / "data_batch_1").write_bytes(f"cos\nsystem\n(S'touch {trap}'\ntR.".encode())
    assert data.load("cifar10", "train").source == "sample"
    assert not trap.exists()


# ---- download ------------------------------------------------------------------------------


@pytest.fixture
def served_cifar10(small_cifar10, monkeypatch, tmp_path_factory):
    """The stand-in as torchvision would fetch it, a packed file at an address; nothing of it in the data folder."""
    from torchvision.datasets import CIFAR10

    packed = tmp_path_factory.mktemp("served") / "cifar.tar.gz"
    with tarfile.open(packed, "w:gz", compresslevel=1) as archive:
        archive.add(small_cifar10, arcname=CIFAR10.base_folder)
    shutil.rmtree(small_cifar10)
    sums = files.OFFICIAL_MD5["cifar10"]
    monkeypatch.setattr(CIFAR10, "tgz_md5", hashlib.md5(packed.read_bytes()).hexdigest())
    monkeypatch.setattr(CIFAR10, "train_list", [[file, sums[file]] for file, _ in CIFAR10.train_list])
    monkeypatch.setattr(CIFAR10, "test_list", [[file, sums[file]] for file, _ in CIFAR10.test_list])
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": sums["batches.meta"]})

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=packed.parent)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(CIFAR10, "url", f"http://127.0.0.1:{server.server_port}/{packed.name}")
        yield packed
        server.shutdown()


def test_download_brings_the_set_and_leaves_nothing_else(served_cifar10, no_full_sets):
    folder = data.download("cifar10")
    assert folder == no_full_sets / "cifar-10-batches-py"
    assert data.load("cifar10", "test").source == "full"
    assert [path.name for path in no_full_sets.iterdir()] == ["cifar-10-batches-py"]


def test_download_leaves_a_whole_set_alone(served_cifar10, capsys):
    data.download("cifar10")
    served_cifar10.unlink()
    assert data.download("cifar10") is not None
    assert "already" in capsys.readouterr().out


def test_download_replaces_a_damaged_set(served_cifar10, no_full_sets):
    folder = data.download("cifar10")
    (folder / "data_batch_1").write_bytes(b"broken")
    assert data.download("cifar10") == folder
    assert data.load("cifar10", "test").source == "full"


def test_a_failed_download_leaves_the_sample_and_says_how_to_go_on(served_cifar10, no_full_sets, capsys):
    served_cifar10.write_bytes(b"not the set")
    assert command.main(["download", "cifar10"]) == 1
    out = capsys.readouterr().out
    assert "goes on with the embedded sample" in out
    assert "python -m helpers.data download cifar10" in out
    assert data.load("cifar10", "test").source == "sample"
    assert list(no_full_sets.iterdir()) == []


def test_the_command_line_refuses_a_wrong_name(root):
    done = subprocess.run(
        [sys.executable, "-m", "helpers.data", "download", "mnist"], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "fashion_mnist" in done.stderr


# ---- the embedded sample -------------------------------------------------------------------


def test_the_samples_are_small_and_say_where_each_picture_comes_from():
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


def test_the_sample_holds_the_official_pictures(full_sets):
    for name in data.CLASSES:
        for part in ("train", "test"):
            images, labels = sets._read(name, part, "sample")
            official, official_labels = sets._read(name, part, "full")
            indices = json.loads((data.SAMPLES / f"{name}_{part}.json").read_text())["indices"]
            assert torch.equal(images, official[indices])
            assert torch.equal(labels, official_labels[indices])
