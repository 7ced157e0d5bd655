"""A short run from scratch lowers the held-out loss, and an interrupted run goes on bit for bit. Takes some minutes.

Needs the photographs (`tools/train fetch`). Exits 1 when either does not hold.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import torch

from . import photographs
from .data import held_out
from .loss import restoration_loss
from .train import Training, run

OPTIONS = {
    "dim": 16,
    "blocks": [1, 1, 1],
    "expansion": 2.0,
    "seed": 3,
    "steps": 400,
    "stages": "64x4",
    "rate": 1e-3,
    "warm_up": 20,
    "clip": 10.0,
    "average": 0.98,
}


def main():
    parser = argparse.ArgumentParser(prog="tools/train check", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=180, help="of the run from scratch")
    options = parser.parse_args()
    torch.set_num_threads(1)
    resumes()
    learns(options.seconds)


def resumes():
    """12 steps at once, and in two pieces."""
    weights = []
    for stops in ((12,), (5, 12)):
        with tempfile.TemporaryDirectory() as folder:
            training = Training({**OPTIONS, "steps": 12})
            for stop in stops:
                run(training, Path(folder), stop, check_every=1000)
                training = Training.resume(Path(folder) / "checkpoint.pth")
        weights.append(training.network.state_dict())
    different = [name for name, value in weights[0].items() if not torch.equal(value, weights[1][name])]
    if different:
        sys.exit(f"resumed weights differ: {different[:5]}")
    print("An interrupted run goes on bit for bit.")


def learns(seconds):
    pairs = [
        (b[None].float() / 255, s[None].float() / 255)
        for _, b, s in held_out(photographs.load(held_out=True), 128, 128, 2)
    ]
    identity = mean_loss(pairs, lambda blurred: blurred)
    with tempfile.TemporaryDirectory() as folder:
        training = Training(OPTIONS)
        before = mean_loss(pairs, training.network)
        run(training, Path(folder), OPTIONS["steps"], check_every=100, seconds=seconds)
    training.network.load_state_dict(training.average)
    after = mean_loss(pairs, training.network)
    print(
        f"held-out loss: {identity:.5f} of the blurred pictures, {before:.5f} untrained, {after:.5f} after "
        f"{training.step} steps"
    )
    if not after < min(before, identity):
        sys.exit("The run did not lower the held-out loss.")


@torch.no_grad()
def mean_loss(pairs, network):
    return sum(restoration_loss(network(blurred), sharp).item() for blurred, sharp in pairs) / len(pairs)


if __name__ == "__main__":
    main()
