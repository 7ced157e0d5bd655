#!/usr/bin/env python3
"""Writes Tests/Fixtures/quality.json: what scikit-image says of ten pairs of pictures that the tests make by formula.

    tools/make-quality-fixtures.py [--check]

Needs numpy and scikit-image (tools/training/requirements.txt). --check compares instead of writing.
"""

import json
import sys
from pathlib import Path

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

FILE = Path(__file__).resolve().parent.parent / "Tests" / "Fixtures" / "quality.json"
CASES = ((11, 11, 1, 1), (12, 40, 2, 3), (40, 12, 3, 2), (33, 47, 4, 1), (64, 64, 5, 4), (100, 75, 6, 2), (61, 83, 7, 6),
         (128, 32, 8, 1), (160, 120, 9, 8), (97, 101, 10, 3))


def picture(width, height, seed, noise):
    """Waves and a pattern of noise, by the formulas of Tests/ImagingTests/QualityTests.swift."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    wave = (x * (3 + c) + y * (5 - c) + seed * 11) % 256
    pattern = ((x * 7919 + y * 104_729 + c * 1_299_709 + seed * 15_485_863) // 64) % 17 - 8
    return np.clip(np.where(wave < 128, wave, 255 - wave) + 60 + noise * pattern, 0, 255).astype(np.uint8)


def figures(width, height, seed, noise):
    a, b = picture(width, height, seed, noise), picture(width, height, seed, 0)
    ssim = structural_similarity(
        a, b, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255)
    psnr = peak_signal_noise_ratio(b, a, data_range=255)
    return {"width": width, "height": height, "seed": seed, "noise": noise, "psnr": float(psnr), "ssim": float(ssim)}


def main():
    rows = [json.dumps(figures(*case)) for case in CASES]
    text = "[\n  " + ",\n  ".join(rows) + "\n]\n"
    if "--check" not in sys.argv[1:]:
        FILE.write_text(text)
        return
    for found, kept in zip(json.loads(text), json.loads(FILE.read_text()), strict=True):
        if any(abs(found[key] - kept[key]) > 1e-9 for key in found):
            sys.exit(f"{FILE.name}: scikit-image now gives {found}, kept is {kept}")
    print(f"{len(rows)} pairs are as scikit-image gives them")


if __name__ == "__main__":
    main()
