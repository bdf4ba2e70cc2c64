"""The command line of the data sets: `python -m helpers.data download cifar10`."""

import argparse
import sys

from helpers.data import CLASSES, data_dir, download


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m helpers.data", description="Fetch the full data sets.")
    commands = parser.add_subparsers(dest="command", required=True)
    fetch = commands.add_parser("download", help=f"fetch a full set into {data_dir()} (set CNN_DATA_DIR to change it)")
    fetch.add_argument("name", choices=CLASSES)
    return 0 if download(parser.parse_args(arguments).name) else 1


if __name__ == "__main__":
    sys.exit(main())
