"""The command line of the data sets: `python -m helpers.data download cifar10`, `python -m helpers.data status`."""

import argparse
import os
import sys

from helpers.data import CLASSES, data_dir, download, status


def main(arguments=None):
    """Run the command line; returns 0, or 1 where a set was not fetched."""
    parser = argparse.ArgumentParser(prog="python -m helpers.data", description="Fetch the full data sets.")
    commands = parser.add_subparsers(dest="command", required=True)
    fetch = commands.add_parser("download", help=f"fetch a full set into {data_dir()} (set CNN_DATA_DIR to change it)")
    fetch.add_argument("name", choices=CLASSES)
    commands.add_parser("status", help="say what is there of each set: whole, partial or wrong, and which files")
    options = parser.parse_args(arguments)
    if options.command == "status":
        said = os.environ.get("CNN_DATA_DIR")
        print(f"looked in {data_dir()} ({f'CNN_DATA_DIR is {said!r}' if said else 'CNN_DATA_DIR is not set'})")
        for name in CLASSES:
            print(status(name))
        return 0
    try:
        return 0 if download(options.name) else 1
    except KeyboardInterrupt:
        print("\nstopped; the same line goes on from here")
        return 1


if __name__ == "__main__":
    sys.exit(main())
