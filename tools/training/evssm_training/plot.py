"""Draws the learning curve of a run."""

import argparse
import csv
from pathlib import Path

from . import native


def main():
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    parser = argparse.ArgumentParser(prog="tools/train plot", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--folder", type=Path, default=native.cache_folder() / "run", help="the run's folder")
    options = parser.parse_args()
    with open(options.folder / "curve.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    steps = [int(row["step"]) for row in rows]
    figure, left = plt.subplots(figsize=(7, 3.6), dpi=110)
    left.plot(steps, [float(row["held_out_gain"]) for row in rows], color="tab:green")
    left.set_xlabel("step")
    left.set_ylabel("gain on held-out patches, dB", color="tab:green")
    right = left.twinx()
    losses = [(step, float(row["loss"])) for step, row in zip(steps, rows) if row["loss"]]
    right.plot(*zip(*losses), color="tab:gray", linewidth=0.8)
    right.set_ylabel("training loss", color="tab:gray")
    left.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(options.out)


if __name__ == "__main__":
    main()
