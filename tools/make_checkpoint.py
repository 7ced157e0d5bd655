"""Writes a safetensors file of seeded random weights in the layout of an EVSSM network. Needs numpy only.

    tools/make-checkpoint OUT.safetensors [--dim 48] [--blocks 6,6,12] [--expansion 3] [--seed 0]

The weights depend on the options alone: a generator PCG64 is drawn from in the order of the tensors, and every
magnitude is that of a network at work, so that activations stay near 1 through all blocks.
"""

import argparse
import json
import math
import os
import struct

import numpy as np

STATES = 8
TAPS = 7


class Weights:
    """Draws tensors one after the other; keeps them in that order."""

    def __init__(self, seed):
        self.generator = np.random.Generator(np.random.PCG64(seed))
        self.tensors = {}

    def keep(self, name, values):
        self.tensors[name] = np.ascontiguousarray(values, dtype="<f4")

    def normal(self, name, shape, deviation=None, mean=0.0):
        """A normal tensor; without a deviation, one that keeps the variance of a sum over the fan-in."""
        if deviation is None:
            deviation = 1.0 / math.sqrt(math.prod(shape[1:]) or 1)
        self.keep(name, mean + deviation * self.generator.standard_normal(shape))

    def norm(self, name, channels):
        self.normal(name + ".weight", (channels,), 0.2, 1.0)
        self.normal(name + ".bias", (channels,), 0.1)


def scan_stage(weights, prefix, channels):
    inner = 2 * channels
    rank = math.ceil(channels / 16)
    parameters = rank + 2 * STATES
    weights.normal(prefix + "x_proj_weight", (1, parameters, inner), 1.0 / math.sqrt(inner))
    weights.normal(prefix + "dt_projs_weight", (1, inner, rank), rank**-0.5)
    # Time steps between 0.001 and 0.3, uniform in the logarithm, through the inverse of softplus.
    step = np.exp(weights.generator.uniform(math.log(1e-3), math.log(0.3), inner))
    weights.keep(prefix + "dt_projs_bias", (step + np.log(-np.expm1(-step)))[None])
    decay = np.log(np.arange(1, STATES + 1))[None] + 0.2 * weights.generator.standard_normal((inner, STATES))
    weights.keep(prefix + "A_logs", decay)
    weights.normal(prefix + "Ds", (inner,), 0.2, 1.0)
    weights.normal(prefix + "in_proj.weight", (2 * inner, channels))
    weights.normal(prefix + "conv2d.weight", (inner, 1, 3, 3))
    weights.normal(prefix + "conv2d.bias", (inner,), 0.1)
    weights.normal(prefix + "x_conv.weight", (parameters, 1, TAPS))
    weights.normal(prefix + "x_conv.bias", (parameters,), 0.1)
    weights.norm(prefix + "out_norm", inner)
    weights.normal(prefix + "out_proj.weight", (channels, inner), 0.5 / math.sqrt(inner))


def feed_forward_stage(weights, prefix, channels, expansion):
    hidden = int(channels * expansion)
    weights.normal(prefix + "fft", (channels, 1, 1, 8, 5), 0.3, 1.0)
    weights.normal(prefix + "project_in.weight", (2 * hidden, channels, 1, 1))
    weights.normal(prefix + "dwconv.weight", (2 * hidden, 1, 3, 3))
    weights.normal(prefix + "project_out.weight", (channels, hidden, 1, 1), 0.5 / math.sqrt(hidden))


def network(dim, blocks, expansion, seed):
    weights = Weights(seed)

    def level(name, index):
        channels = dim << index
        for block in range(blocks[index]):
            prefix = f"{name}_level{index + 1}.block{block}."
            weights.norm(prefix + "norm1.body", channels)
            scan_stage(weights, prefix + "attn.", channels)
            weights.norm(prefix + "norm2.body", channels)
            feed_forward_stage(weights, prefix + "ffn.", channels, expansion)

    def resampling(name, source, target):
        weights.normal(name + ".body.1.weight", (dim << target, dim << source, 3, 3))

    weights.normal("patch_embed.proj.weight", (dim, 3, 3, 3))
    level("encoder", 0)
    resampling("down1_2", 0, 1)
    level("encoder", 1)
    resampling("down2_3", 1, 2)
    level("encoder", 2)
    level("decoder", 2)
    resampling("up3_2", 2, 1)
    level("decoder", 1)
    resampling("up2_1", 1, 0)
    level("decoder", 0)
    weights.normal("output.weight", (3, dim, 3, 3), 0.05 / math.sqrt(9 * dim))
    return weights.tensors


def write_safetensors(tensors, path):
    """The format: a 64-bit length, that many bytes of JSON, the tensors' bytes."""
    header, end = {}, 0
    for name, values in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [end, end + values.nbytes]}
        end += values.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % 64)
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for values in tensors.values():
                file.write(values.tobytes())
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--dim", type=int, default=48)
    parser.add_argument("--blocks", default="6,6,12", help="blocks at levels 1, 2 and 3")
    parser.add_argument("--expansion", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    blocks = [int(count) for count in options.blocks.split(",")]
    if len(blocks) != 3:
        parser.error("--blocks takes three counts, such as 6,6,12")
    write_safetensors(network(options.dim, blocks, options.expansion, options.seed), options.out)


if __name__ == "__main__":
    main()
