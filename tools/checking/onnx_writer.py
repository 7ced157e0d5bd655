#!/usr/bin/env python3
"""Checks the ONNX models that `evssm convert` writes against onnx's full checker and ONNX Runtime.

    tools/checks/onnx-writer [--evssm PATH] [--all]

Every golden of the authors' network, in several forms (any size and one size, both forms of the scan, old and new
operator sets, weights inside and outside): the model must pass onnx.checker with full_check, and ONNX Runtime's result
must agree with the golden to 2e-5. Also: the same command writes the same bytes, and one model for any size runs other
sizes as `evssm run` does. Needs onnx, onnxruntime, numpy and pillow; with --venv DIR it makes a virtual environment
with them there and goes on in it. Without --all the official network (17 million weights) is left out.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GOLDENS = ROOT / "Tests" / "Fixtures" / "goldens"
TOLERANCE = 2e-5
PACKAGES = ["onnx==1.23.2", "onnxruntime==1.32.0", "numpy==2.4.6", "pillow"]

FORMS = {
    "any size, scan": [],
    "any size, function, opset 18": ["--scan", "function", "--opset", "18"],
    "one size, scan, opset 17": ["--opset", "17", "SIZE"],
    "one size, function, opset 21, external": ["--scan", "function", "--opset", "21", "--external-data", "SIZE"],
    "one size, scan, opset 24": ["--opset", "24", "SIZE"],
}


def enter_environment(directory):
    """Runs this program again with a Python that has the packages."""
    python = Path(directory) / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", directory], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    arguments = [a for i, a in enumerate(sys.argv[1:]) if a != "--venv" and sys.argv[i] != "--venv"]
    os.execv(python, [str(python), __file__, *arguments])


def run(evssm, *arguments):
    subprocess.run([evssm, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def picture(path):
    import numpy as np
    from PIL import Image

    pixels = np.asarray(Image.open(path).convert("RGB"), dtype=np.float32) / np.float32(255)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])


def restored(model, image):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session.run(None, {"picture": image})[0][0]


def weights(case, directory):
    """The checkpoint of a case: the file in the fixtures, or made again from its seed."""
    if case["weights"] and (GOLDENS / case["weights"]).exists():
        return GOLDENS / case["weights"]
    make = case["make"]
    path = Path(directory) / f"weights-{make['seed']}.safetensors"
    if not path.exists():
        blocks = ",".join(str(count) for count in make["blocks"])
        subprocess.run(
            [
                ROOT / "tools" / "generate" / "checkpoint",
                path,
                "--dim",
                str(make["dim"]),
                "--blocks",
                blocks,
                "--expansion",
                str(make["expansion"]),
                "--seed",
                str(make["seed"]),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
        )
    return path


def check_form(evssm, case, name, arguments, directory):
    import numpy as np
    import onnx

    checkpoint = weights(case, directory)
    size = ["--size", f"{case['width']}x{case['height']}"]
    flags = [part for a in arguments for part in (size if a == "SIZE" else [a])] + ["--windows", case["windows"]]
    paths = [Path(directory) / f"{copy}/model.onnx" for copy in ("a", "b")]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        run(evssm, "convert", checkpoint, path, *flags)
    if paths[0].read_bytes() != paths[1].read_bytes():
        sys.exit(f"{case['case']}, {name}: two runs wrote different bytes")
    onnx.checker.check_model(str(paths[0]), full_check=True)
    output = restored(str(paths[0]), picture(GOLDENS / case["case"] / "input.png"))
    difference = float(np.abs(output - np.load(GOLDENS / case["case"] / "output.npy")).max())
    verdict = "" if difference <= TOLERANCE else "  TOO MUCH"
    print(f"{case['case']:26} {name:42} {difference:.1e}{verdict}", flush=True)
    return difference <= TOLERANCE


def check_other_sizes(evssm, directory):
    """One model for any size against `evssm run`, on sizes that pad and that have one, two and four windows."""
    import numpy as np
    from PIL import Image

    good = True
    checkpoint = GOLDENS / "weights-8-1.1.2-3-3.pth"
    model = Path(directory) / "any.onnx"
    run(evssm, "convert", checkpoint, model)
    plan = Path(directory) / "any.plan"
    run(evssm, "compile", checkpoint, "-o", plan)
    generator = np.random.default_rng(5)
    for width, height in [(20, 20), (37, 50), (385, 22), (26, 777), (390, 388)]:
        source, target = Path(directory) / "in.png", Path(directory) / "out.npy"
        Image.fromarray(generator.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(source)
        run(evssm, "run", plan, source, "-o", target)
        difference = float(
            np.abs(restored(str(model), picture(source)) - np.load(target).reshape(3, height, width)).max()
        )
        verdict = "" if difference <= TOLERANCE else "  TOO MUCH"
        print(f"{f'{width}x{height}':26} {'any size, against evssm run':42} {difference:.1e}{verdict}", flush=True)
        good = good and difference <= TOLERANCE
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evssm", default=ROOT / ".build" / "release" / "evssm", type=Path)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--venv")
    options = parser.parse_args()
    if options.venv:
        enter_environment(options.venv)
    good = True
    with tempfile.TemporaryDirectory() as directory:
        for case in json.loads((GOLDENS / "cases.json").read_text()):
            if case["weights"] is None and not options.all:
                continue
            forms = FORMS.items()
            if case["width"] * case["height"] > 1 << 14 and not options.all:
                forms = list(forms)[:1] + list(forms)[3:4]
            for name, arguments in forms:
                good = check_form(options.evssm, case, name, arguments, directory) and good
        good = check_other_sizes(options.evssm, directory) and good
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
