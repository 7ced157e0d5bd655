"""Writes pairs of held-out photographs as PNG files: DIR/input blurred, DIR/target sharp."""

import argparse
from pathlib import Path

from PIL import Image

from . import photographs
from .data import HELD_OUT_SEED, held_out


def main():
    parser = argparse.ArgumentParser(prog="tools/train held-out", description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--size", default="640x480", help="of the pictures; upright ones are turned")
    parser.add_argument("--per-photograph", type=int, default=3, help="blurs of each photograph")
    parser.add_argument("--seed", type=int, default=HELD_OUT_SEED, help="another seed gives other crops and blurs")
    options = parser.parse_args()
    width, height = (int(number) for number in options.size.split("x"))
    for side in ("input", "target"):
        (options.directory / side).mkdir(parents=True, exist_ok=True)
    pictures = photographs.load(held_out=True)
    count = 0
    for name, blurred, sharp in held_out(pictures, height, width, options.per_photograph, options.seed):
        for side, picture in (("input", blurred), ("target", sharp)):
            Image.fromarray(picture.permute(1, 2, 0).numpy()).save(options.directory / side / f"{name}.png")
        count += 1
    print(f"{options.directory}: {count} pairs")


if __name__ == "__main__":
    main()
