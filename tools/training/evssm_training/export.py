"""Writes the averaged weights of a run as a checkpoint in the layout of the authors' files."""

import argparse
from pathlib import Path

import torch

from . import native
from .train import export


def main():
    parser = argparse.ArgumentParser(prog="tools/train export", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--folder", type=Path, default=native.cache_folder() / "run", help="the run's folder")
    options = parser.parse_args()
    saved = torch.load(options.folder / "checkpoint.pth", weights_only=True)
    export(saved["params_ema"], options.out)
    print(f"{options.out}: step {saved['step']}, {options.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
