"""Trains a small EVSSM; see `tools/train --help` for the commands.

The recipe is the paper's: L1 plus spectral L1, AdamW (1e-3, weight decay 1e-3, betas 0.9 and 0.9), a cosine to 1e-7,
patches that grow, flips and turns. Added for a small budget: a short warm-up and an average of the weights.
"""

import argparse
import csv
import json
import math
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from evssm_torch import hyper_parameters, read_state_dict
from torch import distributed

from . import native, photographs
from .data import Patches, held_out
from .layers import fast_network
from .loss import restoration_loss

LOWEST_RATE = 1e-7
CURVE = ("step", "seconds", "loss", "held_out_psnr", "held_out_gain", "rate", "side")


@dataclass(frozen=True)
class Stage:
    """Patches of `side` pixels, `batch` at a time, up to step `end`."""

    side: int
    batch: int
    end: int


def parse_stages(text, steps):
    """`64x8:0.4,96x4:1`: side x batch, and the share of the steps after which the next stage begins."""
    stages = []
    for part in text.split(","):
        size, _, share = part.partition(":")
        side, batch = (int(number) for number in size.split("x"))
        stages.append(Stage(side, batch, round(float(share or 1) * steps)))
    if stages[-1].end != steps or any(a.end >= b.end for a, b in zip(stages, stages[1:])):
        raise ValueError(f"the shares of {text} have to rise to 1")
    return stages


def rate(step, steps, highest, warm_up):
    """Cosine from `highest` at step 0 to 1e-7 at the last, times a linear rise over the warm-up."""
    cosine = LOWEST_RATE + (highest - LOWEST_RATE) * (1 + math.cos(math.pi * step / steps)) / 2
    return cosine * min(1, (step + 1) / warm_up)


class Training:
    """The network, its average, the optimiser and the step: all that a checkpoint keeps."""

    def __init__(self, options):
        torch.manual_seed(options["seed"])
        self.options, self.step, self.seconds = options, 0, 0.0
        self.network = fast_network(dim=options["dim"], blocks=tuple(options["blocks"]), expansion=options["expansion"])
        with torch.no_grad():
            self.network.output.weight.mul_(0.1)  # begins near the identity
        self.average = {name: value.clone() for name, value in self.network.state_dict().items()}
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=options["rate"], betas=(0.9, 0.9), weight_decay=1e-3, fused=True
        )

    def start_from(self, path):
        """Takes the weights of a checkpoint of the same sizes, in the authors' layout; all else begins anew."""
        self.network.load_state_dict(read_state_dict(path))
        self.average = {name: value.clone() for name, value in self.network.state_dict().items()}

    @classmethod
    def resume(cls, path, overrides=None):
        saved = torch.load(path, weights_only=True)
        training = cls({**saved["options"], **(overrides or {})})
        training.network.load_state_dict(saved["params"])
        training.average = saved["params_ema"]
        training.optimizer.load_state_dict(saved["optimizer"])
        training.step, training.seconds = saved["step"], saved["seconds"]
        return training

    def save(self, path):
        """Writes beside and renames, so that an interruption leaves the checkpoint before."""
        partial = path.with_suffix(".partial")
        torch.save(
            {
                "params": self.network.state_dict(),
                "params_ema": self.average,
                "optimizer": self.optimizer.state_dict(),
                "step": self.step,
                "seconds": self.seconds,
                "options": self.options,
            },
            partial,
        )
        os.replace(partial, path)

    def advance(self, blurred, sharp):
        """One step; returns the loss."""
        options = self.options
        for group in self.optimizer.param_groups:
            group["lr"] = rate(self.step, options["steps"], options["rate"], options["warm_up"])
        loss = restoration_loss(self.network(blurred), sharp)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        average_gradients(self.network.parameters())
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), options["clip"])
        if torch.isfinite(norm):
            self.optimizer.step()
        self.step += 1
        self._average()
        return loss.item()

    @torch.no_grad()
    def _average(self):
        decay = min(self.options["average"], (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(list(self.average.values()), list(self.network.state_dict().values()), 1 - decay)

    @torch.no_grad()
    def psnr(self, pairs):
        """Mean PSNR of the averaged network on (blurred, sharp) pairs, uint8."""
        current = {name: value.clone() for name, value in self.network.state_dict().items()}
        self.network.load_state_dict(self.average)
        values = []
        for blurred, sharp in pairs:
            restored = self.network(blurred[None].float() / 255)[0].clamp(0, 1)
            values.append(psnr((restored * 255 + 0.5).floor(), sharp))
        self.network.load_state_dict(current)
        return sum(values) / len(values)


def average_gradients(parameters):
    """Over the processes that train together; all of them get the same bits."""
    if not distributed.is_initialized():
        return
    gradients = [parameter.grad for parameter in parameters]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(flat)
    flat /= distributed.get_world_size()
    for gradient, part in zip(gradients, flat.split([gradient.numel() for gradient in gradients])):
        gradient.copy_(part.view_as(gradient))


def psnr(a, b):
    """Of values in 0 … 255."""
    return 10 * math.log10(255**2 / max((a.float() - b.float()).square().mean().item(), 1e-10))


def run(training, folder, steps, check_every=200, save_every=100, seconds=math.inf):
    """Trains to `steps`, or for about `seconds`; writes checkpoint.pth, curve.csv and, at checks, model.pth."""
    folder.mkdir(parents=True, exist_ok=True)
    options = training.options
    rank, processes = (distributed.get_rank(), distributed.get_world_size()) if distributed.is_initialized() else (0, 1)
    stages = parse_stages(options["stages"], options["steps"])
    if any(stage.batch % processes for stage in stages):
        raise ValueError(f"{processes} processes do not share the batches of {options['stages']} evenly")
    patches = Patches(photographs.load(held_out=False), stages, options["seed"], share=(rank, processes))
    checks = [(b, s) for _, b, s in held_out(photographs.load(held_out=True), 192, 192, 2)]
    before = sum(psnr(b, s) for b, s in checks) / len(checks)
    loader = torch.utils.data.DataLoader(
        patches, batch_size=None, sampler=range(training.step, steps), num_workers=1, prefetch_factor=4
    )
    began, losses = time.monotonic() - training.seconds, []
    limit = training.seconds + seconds
    if training.step == 0 and rank == 0:
        (folder / "curve.csv").unlink(missing_ok=True)
        log(folder, step=0, seconds=0, held_out_psnr=f"{before:.3f}", held_out_gain="0.000", side=0)
    for blurred, sharp in loader:
        losses.append(training.advance(blurred, sharp))
        if rank != 0:
            continue
        training.seconds = time.monotonic() - began
        over = training.seconds > limit or training.step == steps
        if training.step % check_every == 0 or over:
            found = training.psnr(checks)
            log(
                folder,
                step=training.step,
                seconds=round(training.seconds),
                loss=f"{sum(losses) / len(losses):.5f}",
                held_out_psnr=f"{found:.3f}",
                held_out_gain=f"{found - before:.3f}",
                rate=f"{training.optimizer.param_groups[0]['lr']:.2e}",
                side=blurred.shape[-1],
            )
            export(training.average, folder / "model.pth")
            losses = []
        if training.step % save_every == 0 or over:
            training.save(folder / "checkpoint.pth")
        if over:
            break


def log(folder, **row):
    print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    path = folder / "curve.csv"
    fresh = not path.exists()
    with open(path, "a", newline="") as file:
        writer = csv.DictWriter(file, CURVE)
        if fresh:
            writer.writeheader()
        writer.writerow(row)


def export(state_dict, path):
    """A checkpoint in the layout of the authors' files: the weights under `params`, nothing else."""
    partial = path.with_suffix(".partial")
    torch.save({"params": {name: value.clone() for name, value in state_dict.items()}}, partial)
    os.replace(partial, path)


def join_processes(count):
    """Forks this process; all of them go on as one group. Each sees the same weights and its share of every batch."""
    meeting = tempfile.mktemp(prefix="evssm-training-")
    rank = next((rank for rank in range(1, count) if os.fork() == 0), 0)
    distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=count)


def sizes(options):
    """Of the network: those of the weights to begin with, if there are any, else those of the options."""
    if not options.weights:
        blocks = [int(number) for number in options.blocks.split(",")]
        return {"dim": options.dim, "blocks": blocks, "expansion": options.expansion}
    found = hyper_parameters(read_state_dict(options.weights))
    return {"dim": found["dim"], "blocks": list(found["blocks"]), "expansion": found["hidden"][0] / found["dim"]}


def main():
    parser = argparse.ArgumentParser(prog="tools/train run", description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=native.cache_folder() / "run", help="checkpoints and curve")
    parser.add_argument("--dim", type=int, default=16)
    parser.add_argument("--blocks", default="1,2,4", help="blocks of levels 1, 2 and 3")
    parser.add_argument("--expansion", type=float, default=3.0)
    parser.add_argument("--steps", type=int, default=20_000, help="length of the cosine")
    parser.add_argument("--stages", default="64x8:0.5,96x4:0.85,128x2:1", help="side x batch : share of the steps")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--warm-up", type=int, default=100)
    parser.add_argument("--clip", type=float, default=10.0, help="largest norm of a gradient")
    parser.add_argument("--average", type=float, default=0.998, help="decay of the average of the weights")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1, help="threads of each process")
    parser.add_argument("--processes", type=int, default=1, help="processes that share every batch")
    parser.add_argument("--seconds", type=float, default=math.inf, help="stop after about this long")
    parser.add_argument("--check-every", type=int, default=200)
    parser.add_argument("--weights", type=Path, help="a checkpoint to begin with, such as models/shake.pth")
    parser.add_argument("--resume", action="store_true", help="go on from the folder's checkpoint, with these options")
    options = parser.parse_args()
    if options.processes > 1:
        join_processes(options.processes)
    torch.set_num_threads(options.threads)
    schedule = {name: getattr(options, name) for name in ("steps", "stages", "rate", "warm_up", "clip", "average")}
    checkpoint = options.folder / "checkpoint.pth"
    if options.resume:
        training = Training.resume(checkpoint, schedule)
    else:
        training = Training({**sizes(options), "seed": options.seed, **schedule})
        if options.weights:
            training.start_from(options.weights)
    if not distributed.is_initialized() or distributed.get_rank() == 0:
        print(json.dumps(training.options), flush=True)
    run(training, options.folder, options.steps, options.check_every, seconds=options.seconds)


if __name__ == "__main__":
    main()
