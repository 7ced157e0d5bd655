"""Richardson-Lucy and Wiener deconvolution with a guessed kernel, on pairs as `evssm eval` takes them.

Nobody tells a blind method the kernel. Both methods are given a Gaussian, the usual guess, of several widths; the
figure reported is that of the setting that is best over all pictures, chosen with the targets at hand: more than a user
could know.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from skimage.restoration import richardson_lucy, wiener

WIDTHS = (0.7, 1.0, 1.5)
ITERATIONS = (5, 10)
BALANCES = (0.01, 0.1)
MARGIN = 24


def main():
    parser = argparse.ArgumentParser(prog="tools/train baselines", description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path, help="with input/ and target/")
    parser.add_argument("--limit", type=int, help="measure only the first so many pairs")
    options = parser.parse_args()
    found = {}
    names = sorted(path.name for path in (options.directory / "input").glob("*.png"))[: options.limit]
    for name in names:
        blurred, sharp = (np.asarray(Image.open(options.directory / side / name)) for side in ("input", "target"))
        found.setdefault("blurred", []).append(figures(blurred, sharp))
        for setting, restored in attempts(blurred):
            found.setdefault(setting, []).append(figures(restored, sharp))
    means = {setting: np.mean(values, axis=0) for setting, values in found.items()}
    for method in ("blurred", "Richardson-Lucy", "Wiener"):
        setting = max((s for s in means if s.startswith(method)), key=lambda s: means[s][0])
        psnr, ssim = means[setting]
        print(json.dumps({"method": setting, "pictures": len(names), "psnr": round(psnr, 3), "ssim": round(ssim, 4)}))


def attempts(blurred):
    """(setting, result) of both methods, channel by channel; mirrored margins keep the edges from ringing."""
    padded = np.pad(blurred / 255.0, ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)), mode="reflect")
    for width in WIDTHS:
        kernel = gaussian(width)
        for count in ITERATIONS:
            yield (
                f"Richardson-Lucy, width {width}, {count} iterations",
                restore(padded, lambda plane, k=kernel, n=count: richardson_lucy(plane, k, num_iter=n)),
            )
        for balance in BALANCES:
            yield (
                f"Wiener, width {width}, balance {balance}",
                restore(padded, lambda plane, k=kernel, b=balance: wiener(plane, k, b)),
            )


def restore(padded, method):
    planes = [method(padded[..., channel])[MARGIN:-MARGIN, MARGIN:-MARGIN] for channel in range(3)]
    return (np.clip(np.stack(planes, axis=2), 0, 1) * 255 + 0.5).astype(np.uint8)


def gaussian(width):
    at = np.arange(-int(3 * width + 0.5), int(3 * width + 0.5) + 1)
    line = np.exp(-0.5 * (at / width) ** 2)
    return np.outer(line, line) / line.sum() ** 2


def figures(restored, sharp):
    ssim = structural_similarity(
        restored, sharp, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
    )
    return peak_signal_noise_ratio(sharp, restored, data_range=255), ssim


if __name__ == "__main__":
    main()
