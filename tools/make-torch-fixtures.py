#!/usr/bin/env python3
"""Writes Tests/Fixtures/torch: small checkpoints by PyTorch itself, and what they hold.

    tools/make-torch-fixtures.py [OUT_DIRECTORY]

Beside each NAME.pth stands NAME.json: for every tensor its dtype, its shape, and its row-major bytes in hexadecimal.
"""

import json
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch


def tensors():
    """Every supported type, and every kind of view that a state dict meets."""
    rng = np.random.Generator(np.random.PCG64(7))

    def normal(*shape):
        return torch.from_numpy(rng.standard_normal(shape).astype(np.float32))

    flat = torch.arange(40.0)
    integers = torch.tensor([-128, -1, 0, 1, 127])
    return OrderedDict(
        float32=normal(2, 3, 4),
        float16=normal(5).half(),
        bfloat16=normal(3, 3).bfloat16(),
        float64=normal(4).double() / 3,
        int8=integers.to(torch.int8),
        int16=(integers * 200).to(torch.int16),
        int32=(integers * 2**20).to(torch.int32),
        int64=integers * 2**50,
        uint8=integers.to(torch.uint8),
        bool=integers > 0,
        scalar=torch.tensor(2.5),
        empty=torch.zeros(0, 4),
        empty_view=torch.zeros(3, 0, 2).transpose(0, 2),
        transposed=normal(3, 5).T,
        transposed_bfloat16=normal(3, 5).bfloat16().T,
        channels_last=normal(2, 3, 4, 2).contiguous(memory_format=torch.channels_last),
        expanded=normal(3, 1).expand(3, 4),
        diagonal=normal(5, 5).diagonal(),
        slice=flat[3:9],
        slice_transposed=flat[10:30].view(4, 5).T,
        step=flat[1::3],
        windows=flat.unfold(0, 5, 2),
        parameter=torch.nn.Parameter(normal(2, 2)),
        special=torch.tensor([float("nan"), float("inf"), -float("inf"), -0.0, 1e-45]),
    )


def unsigned():
    """The types that have no storage class: written on untyped storages."""
    values = torch.arange(6).view(2, 3)
    return OrderedDict(
        (f"uint{bits}", (values * (2 ** (bits - 4))).to(getattr(torch, f"uint{bits}"))) for bits in (16, 32, 64)
    )


def state_dict():
    """A module's state dict, which carries _metadata."""
    torch.manual_seed(7)
    return torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3)).state_dict()


def training(ema):
    """What a training script saves beside the weights."""
    return {
        "epoch": 3,
        "best": float("nan"),
        "params": OrderedDict((k, torch.zeros_like(v)) for k, v in ema.items()),
        "params_ema": ema,
        "optimizer": {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": 1e-3, "betas": (0.9, 0.99)}]},
        "size": torch.Size([1, 2]),
        "device": torch.device("cpu"),
        "dtype": torch.float16,
    }


def describe(named):
    def raw(tensor):
        dense = tensor.detach().contiguous().reshape(-1)
        return dense.view(torch.uint8).numpy().tobytes().hex() if dense.numel() else ""

    return [
        {"name": k, "dtype": str(v.dtype).removeprefix("torch."), "shape": list(v.shape), "bytes": raw(v)}
        for k, v in named.items()
    ]


def main():
    default = Path(__file__).resolve().parent.parent / "Tests" / "Fixtures" / "torch"
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    out.mkdir(parents=True, exist_ok=True)

    def save(name, saved, named, **options):
        torch.save(saved, out / f"{name}.pth", **options)
        (out / f"{name}.json").write_text(json.dumps(describe(named), indent=0) + "\n")

    save("tensors", {"params": tensors()}, tensors())
    save("tensors-protocol4", {"params": tensors()}, tensors(), pickle_protocol=4)
    save("tensors-legacy", tensors(), tensors(), _use_new_zipfile_serialization=False)
    save("unsigned", unsigned(), unsigned())
    save("state-dict", state_dict(), state_dict())
    save("state-dict-legacy", state_dict(), state_dict(), _use_new_zipfile_serialization=False)
    save("training", training(state_dict()), state_dict())


if __name__ == "__main__":
    main()
