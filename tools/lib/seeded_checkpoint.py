"""Writes a safetensors file of seeded random weights in the layout of an EVSSM network. Needs numpy only.

    tools/generate/checkpoint OUT.safetensors [--dim 48] [--blocks 6,6,12] [--expansion 3] [--seed 0]

The weights depend on the options alone: a generator PCG64 is drawn from in the order of the tensors, and every
magnitude is that of a network at work, so that activations stay near 1 through all blocks.
"""

import argparse
import json
import math
import os
import struct

import numpy as np
from evssm_layout import parameters


def tensor(generator, name, shape):
    """A parameter's values, drawn in one draw: small or large as in a network at work."""
    inner = shape[-1] if len(shape) < 4 else math.prod(shape[1:])

    def normal(deviation=1.0 / math.sqrt(math.prod(shape[1:]) or 1), mean=0.0):
        """Without a deviation, one that keeps the variance of a sum over the fan-in."""
        return mean + deviation * generator.standard_normal(shape)

    match name.rsplit(".attn.", 1)[-1].rsplit(".ffn.", 1)[-1]:
        case "dt_projs_weight":
            return normal(inner**-0.5)
        case "dt_projs_bias":
            # Time steps between 0.001 and 0.3, uniform in the logarithm, through the inverse of softplus.
            step = np.exp(generator.uniform(math.log(1e-3), math.log(0.3), shape[1]))
            return (step + np.log(-np.expm1(-step)))[None]
        case "A_logs":
            return np.log(np.arange(1, shape[1] + 1))[None] + 0.2 * generator.standard_normal(shape)
        case "Ds":
            return normal(0.2, 1.0)
        case "fft":
            return normal(0.3, 1.0)
        case "x_proj_weight":
            return normal(1.0 / math.sqrt(inner))
        case "out_proj.weight" | "project_out.weight":
            return normal(0.5 / math.sqrt(inner))
        case "output.weight":
            return normal(0.05 / math.sqrt(inner))
        case rest if rest.endswith(".bias"):
            return normal(0.1)
        case rest if len(shape) == 1:
            return normal(0.2, 1.0)
    return normal()


def network(dim, blocks, expansion, seed):
    """The tensors by their names."""
    generator = np.random.Generator(np.random.PCG64(seed))
    return {
        name: np.ascontiguousarray(tensor(generator, name, shape), dtype="<f4")
        for name, shape in parameters(dim, blocks, expansion)
    }


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
