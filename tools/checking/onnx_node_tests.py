"""Writes the official node tests of the onnx package as files that onnx-conformance reads.

    python tools/checking/onnx_node_tests.py FOLDER [--only REGEX]

A case is a folder with model.onnx and data.safetensors (input_0, …, output_0, …); cases.json lists them with their
operators and tolerances. Cases with values that are no tensors, or of operators that are out of scope (see SCOPE),
are listed with a reason and not written. Needs onnx, numpy and ml_dtypes.
"""

import argparse
import json
import re
import struct
import warnings
from pathlib import Path

import numpy as np
import onnx
from onnx.backend.test.case.node import collect_testcases

DTYPES = {
    "float32": "F32",
    "float64": "F64",
    "float16": "F16",
    "bfloat16": "BF16",
    "int8": "I8",
    "int16": "I16",
    "int32": "I32",
    "int64": "I64",
    "uint8": "U8",
    "uint16": "U16",
    "uint32": "U32",
    "uint64": "U64",
    "bool": "BOOL",
}

# Types without a name in safetensors: a byte an element, and this package's name of the type.
NARROW = {
    "int4": "int4",
    "uint4": "uint4",
    "int2": "int2",
    "uint2": "uint2",
    "float8_e4m3fn": "float8e4m3fn",
    "float8_e4m3fnuz": "float8e4m3fnuz",
    "float8_e5m2": "float8e5m2",
    "float8_e5m2fnuz": "float8e5m2fnuz",
    "float8_e8m0fnu": "float8e8m0",
    "float4_e2m1fn": "float4e2m1",
}

# Operators that no restoration network uses, by what they work on.
SCOPE = {
    "training": {"Adagrad", "Adam", "Momentum", "Gradient"},
    "strings": {"StringConcat", "StringSplit", "StringNormalizer", "RegexFullMatch"},
    "sequences": {
        "SequenceAt",
        "SequenceConstruct",
        "SequenceEmpty",
        "SequenceErase",
        "SequenceInsert",
        "SequenceLength",
        "SequenceMap",
        "SplitToSequence",
        "ConcatFromSequence",
        "Optional",
        "OptionalGetElement",
        "OptionalHasElement",
    },
    "trees and other ai.onnx.ml operators": {"TreeEnsemble", "ArrayFeatureExtractor", "Binarizer", "LabelEncoder"},
    "text features": {"TfIdfVectorizer"},
    "image files": {"ImageDecoder"},
    "preview operators": {"FlexAttention"},
}


def operator(case, bases):
    """The operator that a case is about; of an expanded one, that of the case it was made from."""
    for name in (case.name, re.sub(r"_expanded(_ver\d+)?$", "", case.name)):
        if name in bases:
            return bases[name]
    stem = re.sub(r"_expanded.*$", "", case.name)
    matches = [base for base in bases if base.startswith(stem) or stem.startswith(base)]
    return bases[max(matches, key=len)] if matches else case.model.graph.node[-1].op_type


def tensors(values, prefix, types):
    """Values as named arrays, or the reason why they are not; the names of narrow types go to `types`."""
    out = {}
    for index, value in enumerate(values):
        if isinstance(value, onnx.TensorProto):
            value = onnx.numpy_helper.to_array(value)
        if not isinstance(value, (np.ndarray, np.generic)):
            return None, "a value that is no tensor"
        value = np.asarray(value)
        if value.dtype.kind in "OUS":
            return None, "strings"
        if str(value.dtype) in NARROW:
            types[f"{prefix}_{index}"] = NARROW[str(value.dtype)]
            if "int" in str(value.dtype):
                value = value.astype(np.int8)
            else:
                value = value.view(np.uint8) & (0x0F if "float4" in str(value.dtype) else 0xFF)
        if str(value.dtype) not in DTYPES:
            return None, f"element type {value.dtype}"
        out[f"{prefix}_{index}"] = value
    return out, None


def write_safetensors(path, arrays):
    header, at, blobs = {}, 0, []
    for name, array in arrays.items():
        data = np.ascontiguousarray(array).tobytes()
        header[name] = {
            "dtype": DTYPES[str(array.dtype)],
            "shape": list(array.shape),
            "data_offsets": [at, at + len(data)],
        }
        at += len(data)
        blobs.append(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def element_types(model):
    """Element types of the model's inputs and outputs that are no tensors of a type that numpy arrays carry."""
    allowed = {1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, *range(16, 27)}
    for value in [*model.graph.input, *model.graph.output]:
        if not value.type.HasField("tensor_type"):
            return "a value that is no tensor"
        kind = value.type.tensor_type.elem_type
        if kind == onnx.TensorProto.STRING:
            return "strings"
        if kind not in allowed:
            return f"element type {onnx.TensorProto.DataType.Name(kind)}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="regular expression for names of cases")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    cases = sorted(collect_testcases(None), key=lambda case: case.name)
    bases = {
        case.name: case.model.graph.node[0].op_type
        for case in cases
        if len(case.model.graph.node) == 1 and "_expanded" not in case.name
    }
    listed = []
    for case in cases:
        if not re.search(arguments.only, case.name):
            continue
        name = operator(case, bases)
        entry = {"name": case.name, "operator": name, "rtol": case.rtol, "atol": case.atol}
        listed.append(entry)
        reason = next((scope for scope, names in SCOPE.items() if name in names), None)
        if (
            reason is None
            and case.model.graph.node
            and any(node.domain not in ("", "ai.onnx") for node in case.model.graph.node)
        ):
            reason = "other domains"
        if reason is None:
            reason = {"strings": "strings", "a value that is no tensor": "sequences"}.get(element_types(case.model))
        if reason:
            entry["out_of_scope"] = reason
            continue
        entry["unsupported"] = element_types(case.model)
        inputs, outputs = case.data_sets[0]
        types = {}
        arrays, why = tensors(inputs, "input", types)
        results, why_not = tensors(outputs, "output", types)
        if types:
            entry["types"] = types
        if why or why_not or entry["unsupported"]:
            entry["unsupported"] = entry["unsupported"] or why or why_not
            continue
        del entry["unsupported"]
        folder = arguments.folder / case.name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.onnx").write_bytes(case.model.SerializeToString())
        write_safetensors(folder / "data.safetensors", {**arrays, **results})
    arguments.folder.mkdir(parents=True, exist_ok=True)
    (arguments.folder / "cases.json").write_text(json.dumps({"onnx": onnx.__version__, "cases": listed}, indent=1))
    print(
        f"{len(listed)} cases, {sum('out_of_scope' in c for c in listed)} out of scope, "
        f"{sum('unsupported' in c for c in listed)} of unsupported element types"
    )


main()
