"""A checkpoint through `evssm compile` and `evssm run` against PyTorch on the same picture: at most 2e-5 apart.

python -m evssm_training.check_model EVSSM CHECKPOINT PICTURE
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from evssm_torch import EVSSM, read_state_dict
from PIL import Image

from .scan import selective_scan

ALLOWED = 2e-5


def main():
    if len(sys.argv) != 4:
        sys.exit("usage: tools/train check-model EVSSM CHECKPOINT PICTURE")
    evssm, checkpoint, picture = sys.argv[1:]
    image = np.asarray(Image.open(picture).convert("RGB")).transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    network = EVSSM.from_state_dict(read_state_dict(checkpoint), windows="released", scan=selective_scan).eval()
    with torch.no_grad():
        expected = network(torch.from_numpy(image)[None])[0].numpy()
    with tempfile.TemporaryDirectory() as work:
        plan, source, target = (Path(work) / name for name in ("model.plan", "in.npy", "out.npy"))
        np.save(source, image)
        for command in ("compile", checkpoint, "-o", plan), ("run", plan, source, "-o", target):
            subprocess.run([evssm, *command], check=True, stderr=subprocess.DEVNULL)
        found = np.load(target)
    difference = float(np.abs(found - expected).max())
    size = f"{image.shape[2]}x{image.shape[1]}"
    print(f"{checkpoint}, {size}: largest difference to PyTorch {difference:.1e}, allowed {ALLOWED}")
    sys.exit(not difference <= ALLOWED)


if __name__ == "__main__":
    main()
