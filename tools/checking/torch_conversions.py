#!/usr/bin/env python3
"""Compares `evssm convert` with PyTorch, bit for bit.

    tools/checks/torch [--evssm PATH]

Writes checkpoints in every wrapping, container and type, has them converted to safetensors, and compares the result
with what torch.load gives. Needs torch, numpy and safetensors. Exits 1 at the first difference.
"""

import argparse
import subprocess
import sys
import tempfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "lib"))

from evssm_layout import parameters  # noqa: E402

WRAPPERS = ("params", "params_ema", "both", "state_dict", "model", "module", "bare", "nested", "views", "training")
CONTAINERS = {
    "zip": {},
    "zip-protocol4": {"pickle_protocol": 4},
    "legacy": {"_use_new_zipfile_serialization": False},
    "legacy-protocol4": {"_use_new_zipfile_serialization": False, "pickle_protocol": 4},
}
DTYPES = ("float32", "float16", "bfloat16", "float64")


def network():
    """Seeded weights under the names and in the shapes of a small EVSSM."""
    generator = np.random.Generator(np.random.PCG64(0))
    return OrderedDict(
        (name, torch.from_numpy(generator.standard_normal(shape).astype(np.float32)))
        for name, shape in parameters(dim=8, blocks=(1, 1, 2))
    )


def views(tensors):
    """Every tensor a view into one storage, the matrices transposed."""
    flat = torch.cat([v.flatten() for v in tensors.values()])
    out, at = OrderedDict(), 0
    for name, tensor in tensors.items():
        part = flat[at : at + tensor.numel()]
        out[name] = part.view(tensor.shape[::-1]).T if tensor.dim() == 2 else part.view(tensor.shape)
        at += tensor.numel()
    return out


def wrap(tensors, wrapper):
    """What is saved, and the tensors that must come back."""
    zeros = OrderedDict((k, torch.zeros_like(v)) for k, v in tensors.items())
    if wrapper == "both":
        return {"params": zeros, "params_ema": tensors}, tensors
    if wrapper == "module":
        return {"params": OrderedDict(("module." + k, v) for k, v in tensors.items())}, tensors
    if wrapper == "bare":
        return tensors, tensors
    if wrapper == "nested":
        return {"net_g": {"params": tensors}, "iter": 7}, tensors
    if wrapper == "views":
        return {"params": views(tensors)}, views(tensors)
    if wrapper == "training":
        state = {0: {"step": torch.tensor(3.0), "exp_avg": zeros["output.weight"]}}
        optimizer = {"state": state, "param_groups": [{"lr": 1e-3, "betas": (0.9, 0.999), "params": [0]}]}
        return {"epoch": 3, "loss": float("nan"), "optimizer": optimizer, "params": tensors}, tensors
    return {wrapper: tensors}, tensors


def bits(tensor):
    dense = tensor.detach().contiguous().reshape(-1)
    return dense.view(torch.uint8) if dense.numel() else dense


def compare(expected, found, what):
    if set(expected) != set(found):
        sys.exit(f"{what}: names differ: {sorted(set(expected) ^ set(found))[:5]}")
    for name, tensor in expected.items():
        other = found[name]
        if tensor.dtype != other.dtype or tensor.shape != other.shape or not torch.equal(bits(tensor), bits(other)):
            sys.exit(f"{what}: {name} differs from torch")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evssm", default=ROOT / ".build" / "release" / "evssm", type=Path)
    evssm = parser.parse_args().evssm
    checked = 0
    with tempfile.TemporaryDirectory() as directory:
        source, target = Path(directory) / "in.pth", Path(directory) / "out.safetensors"
        for dtype in DTYPES:
            tensors = OrderedDict((k, v.to(getattr(torch, dtype))) for k, v in network().items())
            for wrapper in WRAPPERS:
                for container, options in CONTAINERS.items():
                    what = f"{wrapper}, {container}, {dtype}"
                    saved, expected = wrap(tensors, wrapper)
                    torch.save(saved, source, **options)
                    target.unlink(missing_ok=True)
                    subprocess.run([evssm, "convert", source, target], check=True, stdout=subprocess.DEVNULL)
                    compare(expected, load_file(target), what)
                    checked += 1
    print(f"{checked} checkpoints equal to torch, bit for bit")


if __name__ == "__main__":
    main()
