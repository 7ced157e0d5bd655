#!/usr/bin/env python3
"""The PyTorch network of tools/lib/evssm_torch on every golden: within 2e-5 of the authors' network. Needs torch.

    tools/checks/network [--largest PIXELS] [CASE…]

Larger cases than --largest are left out unless they are named: the scan is a Python loop. Exits 1 at a difference.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "lib"))

from compare import read_png  # noqa: E402
from evssm_layout import parameters  # noqa: E402
from evssm_torch import EVSSM, read_state_dict  # noqa: E402

GOLDENS = ROOT / "Tests" / "Fixtures" / "goldens"
ALLOWED = 2e-5


def weights(make, directory):
    """The seeded checkpoint of a case."""
    path = directory / "-".join(map(str, (make["dim"], *make["blocks"], make["expansion"], make["seed"])))
    path = path.with_name(path.name + ".safetensors")
    if not path.exists():
        options = [f"--{name}={make[name]}" for name in ("dim", "expansion", "seed")]
        blocks = ",".join(map(str, make["blocks"]))
        subprocess.run([ROOT / "tools" / "generate" / "checkpoint", path, f"--blocks={blocks}", *options], check=True)
    return read_state_dict(path)


def largest_difference(case, directory):
    network = EVSSM.from_state_dict(weights(case["make"], directory), windows=case["windows"]).eval()
    picture = torch.from_numpy(read_png(GOLDENS / case["case"] / "input.png")).permute(2, 0, 1).float() / 255
    with torch.inference_mode():
        found = network(picture[None])[0].numpy()
    return float(np.abs(found - np.load(GOLDENS / case["case"] / "output.npy")).max())


def check_layout():
    """The network has the parameters that evssm_layout lists."""
    for dim, blocks, expansion in ((8, (1, 1, 2), 3.0), (16, (2, 2, 2), 2.5)):
        found = {name: tuple(value.shape) for name, value in EVSSM(dim, blocks, expansion).state_dict().items()}
        if found != dict(parameters(dim, blocks, expansion)):
            sys.exit("evssm_torch and evssm_layout list different parameters")


def check_gradients():
    """Every parameter takes part: its gradient is finite and not zero everywhere."""
    torch.manual_seed(0)
    network = EVSSM(dim=8, blocks=(2, 1, 1), windows="whole")
    network(torch.rand(2, 3, 20, 24)).square().mean().backward()
    for name, parameter in network.named_parameters():
        gradient = parameter.grad
        if gradient is None or not gradient.isfinite().all() or not gradient.any():
            sys.exit(f"{name}: no usable gradient")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--largest", type=int, default=5000)
    parser.add_argument("case", nargs="*")
    options = parser.parse_args()
    cases = json.loads((GOLDENS / "cases.json").read_text())
    chosen = [
        case
        for case in cases
        if case["case"] in options.case or (not options.case and case["width"] * case["height"] <= options.largest)
    ]
    if not chosen:
        sys.exit("check-network: no case was run")
    check_layout()
    check_gradients()
    with tempfile.TemporaryDirectory() as directory:
        for case in chosen:
            difference = largest_difference(case, Path(directory))
            print(f"{case['case']}: largest difference {difference:.1e}, allowed {ALLOWED:.0e}")
            if not difference <= ALLOWED:
                sys.exit(1)
    print(f"{len(chosen)} passed, 0 failed")


if __name__ == "__main__":
    main()
