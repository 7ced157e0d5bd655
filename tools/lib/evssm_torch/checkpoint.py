"""State dicts from the authors' files and from safetensors, and the sizes that their shapes tell."""

import json
import math
import re
import struct
from collections import OrderedDict

import torch

WRAPPERS = ("params_ema", "params", "state_dict", "model")
SAFETENSORS_TYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def read_state_dict(path):
    """The named tensors of a .pth or .safetensors file, without wrapper and without the prefix `module.`.

    Loads weights only: nothing in a .pth file is executed.
    """
    tensors = _read_safetensors(path) if str(path).endswith(".safetensors") else _read_torch(path)
    return OrderedDict((name.removeprefix("module."), tensor) for name, tensor in tensors.items())


def _read_torch(path):
    loaded = torch.load(path, map_location="cpu", weights_only=True)
    for wrapper in WRAPPERS:
        if wrapper in loaded:
            return loaded[wrapper]
    return loaded


def _read_safetensors(path):
    """The format: a 64-bit length, that many bytes of JSON, the tensors' bytes."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    header.pop("__metadata__", None)
    tensors = OrderedDict()
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        dtype = SAFETENSORS_TYPES[entry["dtype"]]
        values = (
            torch.frombuffer(data, dtype=dtype, count=math.prod(entry["shape"]), offset=start)
            if end > start
            else (torch.empty(0, dtype=dtype))
        )
        tensors[name] = values.view(entry["shape"])
    return tensors


def hyper_parameters(state_dict):
    """`dim`, `blocks`, `hidden` and `kernel_sides` of a state dict: what `EVSSM` takes."""
    levels = ("encoder_level1", "encoder_level2", "encoder_level3")
    convolutions = ("down1_2", "down2_3", "up3_2", "up2_1")
    return {
        "dim": state_dict["patch_embed.proj.weight"].shape[0],
        "blocks": tuple(_count(state_dict, level) for level in levels),
        "hidden": tuple(state_dict[f"{level}.block0.ffn.project_out.weight"].shape[1] for level in levels),
        "kernel_sides": tuple(state_dict[f"{name}.body.1.weight"].shape[-1] for name in convolutions),
    }


def _count(state_dict, level):
    numbers = {int(found[1]) for name in state_dict if (found := re.match(rf"{level}\.block(\d+)\.", name))}
    return len(numbers)
