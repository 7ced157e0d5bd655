"""Exports the PyTorch network of a checkpoint to ONNX at one size, the scan as an ONNX Scan.

export_onnx.py WEIGHTS OUT.onnx --size 256x256 [--windows released]
"""

import argparse
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tools" / "lib"), str(Path(__file__).parent)]

import scans  # noqa: E402
from evssm_torch import EVSSM, read_state_dict  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights")
    parser.add_argument("out")
    parser.add_argument("--size", required=True)
    parser.add_argument("--windows", default="released")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    network = EVSSM.from_state_dict(
        read_state_dict(options.weights), windows=options.windows, scan=scans.exported_scan
    ).eval()
    with torch.no_grad():
        torch.onnx.export(
            network,
            (torch.rand(1, 3, height, width),),
            options.out,
            dynamo=True,
            opset_version=20,
            input_names=["picture"],
            output_names=["restored"],
        )


if __name__ == "__main__":
    main()
