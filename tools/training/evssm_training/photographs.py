"""The photographs to train on: files of Debian packages, by an explicit list, downloaded once and scaled down.

    python -m evssm_training.photographs        # downloads, unpacks, scales; says what is there

Wallpaper packages hold more drawings than photographs; `PHOTOGRAPHS` names the latter, their licences as the packages'
copyright files give them, and which are held out of training. Nothing of it is committed.
"""

import csv
import hashlib
import io
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from . import native

LONG_SIDES = (1600, 1120, 800)
SHRINK = 1.25  # a photograph is used at least this much smaller than it is: sharp to the pixel


@dataclass(frozen=True)
class Photograph:
    name: str
    package: str
    path: str
    licence: str
    author: str
    held_out: bool


def listed():
    """The table photographs.csv, in its order."""
    with open(Path(__file__).with_name("photographs.csv"), newline="") as file:
        return [Photograph(**{**row, "held_out": row["held_out"] == "yes"}) for row in csv.DictReader(file)]


def fetch():
    """Downloads and unpacks the packages that are missing. Needs apt and the network, no root."""
    packages = native.cache_folder() / "packages"
    for package in sorted({photograph.package for photograph in listed()}):
        target = packages / package
        if target.exists():
            continue
        print(f"Fetching {package}", flush=True)
        target.mkdir(parents=True)
        try:
            subprocess.run(["apt-get", "download", "-qq", package], cwd=target, check=True)
            (archive,) = target.glob("*.deb")
            subprocess.run(["dpkg-deb", "-x", archive.name, "."], cwd=target, check=True)
            archive.unlink()
        except BaseException:
            subprocess.run(["rm", "-r", str(target)], check=False)
            raise


def load(held_out):
    """Name → list of pictures, the same photograph at falling sizes: uint8, (3, height, width)."""
    return {p.name: _scaled(p) for p in listed() if p.held_out == held_out}


def _scaled(photograph):
    source = native.cache_folder() / "packages" / photograph.package / photograph.path
    key = hashlib.sha256(f"{photograph.path} {LONG_SIDES} {SHRINK}".encode()).hexdigest()[:12]
    cached = native.cache_folder() / "photographs" / f"{photograph.name}-{key}.npz"
    if not cached.exists():
        if not source.exists():
            raise FileNotFoundError(f"{source} is missing: run `tools/train fetch`")
        cached.parent.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        np.savez(buffer, *_sizes(Image.open(source).convert("RGB")))
        partial = cached.with_suffix(".partial")
        partial.write_bytes(buffer.getvalue())
        partial.rename(cached)
    with np.load(cached) as arrays:
        return [arrays[name] for name in arrays.files]


def _sizes(picture):
    limit = max(picture.size) / SHRINK
    sides = [side for side in LONG_SIDES if side <= limit] or [int(limit)]
    for side in sides:
        factor = side / max(picture.size)
        size = [round(length * factor) for length in picture.size]
        yield np.ascontiguousarray(np.asarray(picture.resize(size, Image.LANCZOS)).transpose(2, 0, 1))


if __name__ == "__main__":
    fetch()
    for split in (False, True):
        for name, pictures in load(split).items():
            sizes = ", ".join(f"{p.shape[2]}x{p.shape[1]}" for p in pictures)
            print(f"{'held out' if split else 'training':8}  {name:16} {sizes}")
