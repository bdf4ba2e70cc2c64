"""How long a data set takes to load, and how much memory it takes at most. Each in a fresh process.

python benchmarks/loading.py        # CNN_DATA_DIR names the full sets' folder
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ONE = """
import resource, sys, time
from helpers import data
name, split, source = sys.argv[1:]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
images = data.load(name, split, source=source)
seconds = time.perf_counter() - start
extra = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
print(f"{name:14} {split:6} {source:7} {len(images):7,} {seconds:8.2f} {extra:11.0f}")
"""


def main():
    print("set            split  source   images  seconds  extra MB at the peak")
    for source in ("sample", "full"):
        for name in ("fashion_mnist", "cifar10"):
            for split in ("train", "valid", "test"):
                command = [sys.executable, "-c", ONE, name, split, source]
                done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
                said = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
                print(said[-1])


if __name__ == "__main__":
    main()
