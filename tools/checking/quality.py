"""Compares `evssm eval` with scikit-image: see tools/checks/quality.

    check_quality.py EVSSM PLAN [DATA]

Makes ten pairs of pictures unless DATA holds some. Every PSNR and SSIM, of the input and of the restored picture, must
lie within 1e-4. With OpenCV, the figures after alignment must lie within 0.05 dB and 0.001: interpolation differs.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity


def make(folder):
    """Ten pairs: noise of several scales, smoothed; the input is the target, smoothed again and a little moved."""
    for side in ("input", "target"):
        (folder / side).mkdir(parents=True)
    for index in range(10):
        rng = np.random.default_rng(index)
        height, width = 48 + 4 * index, 96 - 3 * index
        rough = Image.fromarray(rng.integers(0, 256, (height // 4 + 1, width // 4 + 1, 3), dtype=np.uint8))
        sharp = rough.resize((width, height), Image.BICUBIC)
        moved = sharp.transform(sharp.size, Image.AFFINE, (1, 0, 0.4, 0, 1, -0.3), Image.BICUBIC)
        soft = moved.resize((width // 2, height // 2), Image.BOX).resize((width, height), Image.BICUBIC)
        sharp.save(folder / "target" / f"{index}.png")
        soft.save(folder / "input" / f"{index}.png")


def evaluate(evssm, plan, folder, output, *options):
    text = subprocess.run(
        [evssm, "eval", plan, "--data", folder, "-o", output, "--json", *options], stdout=subprocess.PIPE, check=True
    ).stdout
    return json.loads(text)["results"]


def figures(a, b):
    ssim = structural_similarity(
        a, b, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
    )
    return peak_signal_noise_ratio(b, a, data_range=255), ssim


def aligned_figures(a, b):
    """The protocol of RealBlur in OpenCV's and scikit-image's functions."""
    import cv2

    a, b = a.astype(np.float32) / 255, b.astype(np.float32) / 255
    a = a * np.float32((a * b).sum() / (a * a).sum())
    grey = [cv2.cvtColor(x, cv2.COLOR_RGB2GRAY) for x in (b, a)]
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 100, 0)
    matrix = np.eye(3, 3, dtype=np.float32)
    _, matrix = cv2.findTransformECC(*grey, matrix, cv2.MOTION_HOMOGRAPHY, criteria, inputMask=None, gaussFiltSize=5)
    size = (b.shape[1], b.shape[0])
    mask = cv2.warpPerspective(np.ones_like(a), matrix, size, flags=cv2.INTER_NEAREST + cv2.WARP_INVERSE_MAP)
    a = (
        cv2.warpPerspective(
            a, matrix, size, flags=cv2.INTER_CUBIC + cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT
        )
        * mask
    )
    b = b * mask
    psnr = 10 * np.log10(mask.sum() / np.square(a - b, dtype=np.float64).sum())
    _, similarity = structural_similarity(
        b, a, channel_axis=2, gaussian_weights=True, use_sample_covariance=False, data_range=1, full=True
    )
    inner, share = (similarity * mask)[5:-5, 5:-5], mask[5:-5, 5:-5]
    return psnr, float((inner.sum((0, 1)) / share.sum((0, 1))).mean())


def read(path):
    return np.asarray(Image.open(path).convert("RGB"))


def compare(results, folder, output, measure, tolerances, what):
    worst = [0.0, 0.0]
    for result in results:
        name = result["name"]
        target = read(next((folder / "target").glob(f"{name}.*")))
        for prefix, path in (("input_", next((folder / "input").glob(f"{name}.*"))), ("", output / f"{name}.png")):
            expected = measure(read(path), target)
            for index, key in enumerate(("psnr", "ssim")):
                difference = abs(result[prefix + key] - expected[index])
                worst[index] = max(worst[index], difference)
                if not difference <= tolerances[index]:
                    sys.exit(f"{what}, {name}: {prefix + key} is {result[prefix + key]}, expected {expected[index]}")
    print(f"{what}: {len(results)} pairs, PSNR within {worst[0]:.1e} dB, SSIM within {worst[1]:.1e}")


def main():
    evssm, plan = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as work:
        folder, output = Path(sys.argv[3]) if len(sys.argv) > 3 else Path(work) / "data", Path(work) / "restored"
        if len(sys.argv) <= 3:
            make(folder)
        compare(evaluate(evssm, plan, folder, output), folder, output, figures, (1e-4, 1e-4), "as scikit-image")
        try:
            import cv2  # noqa: F401
        except ImportError:
            print("aligned: skipped, Python lacks OpenCV")
            return
        results = evaluate(evssm, plan, folder, output, "--align")
        compare(results, folder, output, aligned_figures, (0.05, 1e-3), "aligned, as OpenCV and scikit-image")


if __name__ == "__main__":
    main()
