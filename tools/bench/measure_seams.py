"""How far a tiled result lies from the untiled one, near seams and away from them, by overlap. Needs numpy.

    tools/bench/seams PLAN PICTURE.npy… [--tile 256] [--overlaps 16,32,64,96,128]

Crops each picture so that two tiles a side share exactly the overlap, runs the plan on the whole and on the tiles, and
blends as `evssm run --max-memory` does: a quarter of an overlap at each tile's edge is left out, weights change
linearly in between. Prints a Markdown table: root mean square of the difference to the whole within the overlaps and
elsewhere, the largest one, PSNR, root mean square as a part of what the network changes, and how much neighbouring
pixels across the middle of a seam differ, by how much they do in the whole.
"""

import argparse
import math
import subprocess
import tempfile
from pathlib import Path

import numpy as np


def axis_weights(size, length, starts):
    """A row of weights for each tile; they add up to one at every position."""
    out = np.zeros((len(starts), size))
    position = np.arange(length)
    for i, start in enumerate(starts):
        weight = np.ones(length)
        if i > 0:
            overlap = starts[i - 1] + length - start
            weight = np.minimum(weight, np.clip((position + 0.5) / overlap * 2 - 0.5, 0, 1))
        if i < len(starts) - 1:
            overlap = start + length - starts[i + 1]
            weight = np.minimum(weight, np.clip((length - position - 0.5) / overlap * 2 - 0.5, 0, 1))
        out[i, start : start + length] = weight
    return out / out.sum(axis=0)


class Tool:
    """`evssm run` on arrays."""

    def __init__(self, evssm, plan, directory, threads):
        self.command = [evssm, "run", plan]
        self.directory, self.threads = Path(directory), threads
        self.known = {}

    def run(self, planes):
        key = (planes.shape, planes.tobytes())
        if key not in self.known:
            source, result = self.directory / "in.npy", self.directory / "out.npy"
            np.save(source, np.ascontiguousarray(planes, np.float32))
            subprocess.run(
                [*self.command, source, "-o", result, "--threads", str(self.threads)], check=True, capture_output=True
            )
            self.known[key] = np.load(result)
        return self.known[key]


def tiled(tool, picture, length):
    """The blended result, and where more than one tile lies."""
    _, height, width = picture.shape
    rows, columns = [0, height - length], [0, width - length]
    tall = wide = length
    vertical, horizontal = axis_weights(height, tall, rows), axis_weights(width, wide, columns)
    total, count = np.zeros(picture.shape), np.zeros((height, width), int)
    for i, top in enumerate(rows):
        for j, left in enumerate(columns):
            place = (slice(top, top + tall), slice(left, left + wide))
            weight = np.outer(vertical[i, place[0]], horizontal[j, place[1]])
            total[(slice(None), *place)] += weight * tool.run(picture[(slice(None), *place)])
            count[place] += 1
    middles = [((before + tall + after) // 2, 0) for before, after in zip(rows, rows[1:])]
    middles += [((before + wide + after) // 2, 1) for before, after in zip(columns, columns[1:])]
    return total, count > 1, middles


def steps(values, middles):
    """Root mean square of differences between neighbours across the middles of the seams."""
    parts = []
    for at, axis in middles:
        before, after = np.take(values, [at - 1], axis + 1), np.take(values, [at], axis + 1)
        parts.append((after - before).ravel())
    return math.sqrt(np.mean(np.concatenate(parts) ** 2))


def line(tool, name, picture, length, overlap):
    whole = tool.run(picture).astype(float)
    found, near, middles = tiled(tool, picture, length)
    difference = np.abs(found - whole)
    residual = math.sqrt(np.mean((whole - picture) ** 2))
    rms = [math.sqrt(np.mean(difference[:, part] ** 2)) for part in (near, ~near)]
    psnr = -10 * math.log10(np.mean(difference**2))
    cells = [
        name,
        f"{overlap}",
        *(f"{value:.1e}" for value in (rms[0], rms[1], difference.max())),
        f"{psnr:.1f}",
        f"{100 * math.sqrt(np.mean(difference**2)) / residual:.1f} %",
        f"{steps(found, middles) / steps(whole, middles):.3f}",
    ]
    return "| " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plan")
    parser.add_argument("pictures", nargs="+", help=".npy files (3, H, W)")
    parser.add_argument("--tile", type=int, default=256)
    parser.add_argument("--overlaps", default="16,32,64,96,128")
    parser.add_argument("--threads", type=int, default=2)
    root = Path(__file__).resolve().parents[2]
    parser.add_argument("--evssm", default=root / ".build" / "release" / "evssm")
    options = parser.parse_args()
    titles = [
        "picture",
        "overlap",
        "rms near seams",
        "rms elsewhere",
        "largest",
        "dB",
        "of the change",
        "steps across seams",
    ]
    print("| " + " | ".join(titles) + " |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as directory:
        tool = Tool(options.evssm, options.plan, directory, options.threads)
        for path in options.pictures:
            picture = np.load(path)
            name = Path(path).stem
            for overlap in map(int, options.overlaps.split(",")):
                side = 2 * options.tile - overlap
                if min(picture.shape[1:]) >= side:
                    part = picture[:, :side, :side]
                    print(line(tool, f"{name} {side}×{side}", part, options.tile, overlap), flush=True)


if __name__ == "__main__":
    main()
