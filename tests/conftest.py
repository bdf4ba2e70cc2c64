"""What several tests use: small real sets, the course's root, the folder of the full sets where there is one."""

from pathlib import Path

import pytest
import torch

from helpers import data

try:
    from xdist.scheduler import LoadScopeScheduling
except ImportError:  # one process runs all
    LoadScopeScheduling = object

ROOT = Path(__file__).resolve().parent.parent
torch.set_num_threads(1)  # two workers share two cores; small tensors gain nothing from threads


class OneWorkerForEach(LoadScopeScheduling):
    """Tests of one module run in one worker, which makes what they share once; in the browser, those of one notebook."""

    def _split_scope(self, nodeid):
        in_browser = nodeid.startswith("tests/browser/") and "[" in nodeid
        return nodeid[nodeid.index("[") :] if in_browser else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return OneWorkerForEach(config, log)


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def clothes():
    """The embedded Fashion-MNIST training images."""
    return data.load("fashion_mnist", "train", source="sample")


@pytest.fixture(scope="session")
def photos():
    """The embedded CIFAR-10 training images."""
    return data.load("cifar10", "train", source="sample")


@pytest.fixture
def no_full_sets(monkeypatch, tmp_path):
    """An empty data folder: the path of CNN_DATA_DIR for this test."""
    monkeypatch.setenv("CNN_DATA_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def full_cifar10():
    """Skips where the full CIFAR-10 is not on disk."""
    if not data.full_is_whole("cifar10"):
        pytest.skip(f"the full CIFAR-10 is not in {data.data_dir()}")


@pytest.fixture
def full_sets(full_cifar10):
    if not data.full_is_whole("fashion_mnist"):
        pytest.skip(f"the full Fashion-MNIST is not in {data.data_dir()}")
