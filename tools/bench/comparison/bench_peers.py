"""Measures `evssm` against what else runs the same network on this machine: same weights, same picture, in turn.

    tools/bench/peers [--size 256x256] [--threads 2] [--runs 3] [--peers eager,onnxruntime,fallback] [--compile 600]
                      [--weights FILE] [--picture FILE.png] [--onnx FILE.onnx]… [--evssm FILE] [--prepare] [--write]

Peers:
    eager        PyTorch with a scan written in C++ (scan.cpp)
    compile      the same through torch.compile with freezing; only with --compile SECONDS, the most it may take
    onnxruntime  ONNX Runtime on an export of the same network, with the scan as an ONNX Scan
    fallback     PyTorch with the Python loop that the authors' code falls back on without a GPU, at a small size

--onnx measures the plan of that file against ONNX Runtime on it, at the size the file says, or --size where it leaves
the sides open. --prepare builds and exports all that is needed and measures nothing. --write puts table and chart into
docs/performance.md and docs/performance.svg; at least one of the peers must have run by then.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / ".build" / "peers"
sys.path[:0] = [str(ROOT / "tools" / "lib"), str(Path(__file__).parent)]

from compare import read_png  # noqa: E402
from report import write_report  # noqa: E402

TITLES = {
    "plan": "evssm",
    "eager": "PyTorch, eager, with a C++ scan",
    "compile": "PyTorch, torch.compile with freezing, with a C++ scan",
    "onnxruntime": "ONNX Runtime, Scan",
    "fallback": "PyTorch with the fallback loop in Python",
}


def command(*words, timeout=None):
    """Runs a command and returns what it printed; ends with its errors if it fails."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=timeout)
    if done.returncode != 0:
        sys.exit(f"bench/peers: {' '.join(map(str, words))}\n{done.stderr[-2000:]}")
    return done.stdout


def last_line(text):
    return json.loads(text.strip().splitlines()[-1])


def built_evssm():
    """The release build of this checkout, made first if need be."""
    path = ROOT / ".build" / "release" / "evssm"
    if not path.exists():
        print("bench/peers: building evssm (swift build -c release)", file=sys.stderr, flush=True)
        command("swift", "build", "-c", "release", "--product", "evssm", "--package-path", ROOT)
    return path


class Network:
    """The weights and their plan, and the files made of them."""

    def __init__(self, options):
        self.options = options
        self.evssm = options.evssm
        self.weights = Path(options.weights or BUILD / "official.safetensors")
        if not self.weights.exists():
            command(ROOT / "tools" / "generate" / "checkpoint", self.weights)
        self.plan = BUILD / (self.weights.stem + ".plan")
        command(self.evssm, "compile", self.weights, "-o", self.plan, "--windows", options.windows)

    def export(self, size):
        path = BUILD / f"{self.weights.stem}-{self.options.windows}-{size}.onnx"
        if not path.exists():
            exporter = ROOT / "tools" / "bench" / "comparison" / "export_onnx.py"
            command(sys.executable, exporter, self.weights, path, "--size", size, "--windows", self.options.windows)
        return path


def picture(options, size):
    """The picture cut or repeated to the size, as an array file."""
    width, height = map(int, size.split("x"))
    planes = (read_png(options.picture) / 255).astype(np.float32).transpose(2, 0, 1)
    repeats = (1, -(-height // planes.shape[1]), -(-width // planes.shape[2]))
    path = BUILD / f"picture-{size}.npy"
    np.save(path, np.ascontiguousarray(np.tile(planes, repeats)[:, :height, :width]))
    return path


def run_plan(options, plan, size, source):
    """Times of the plan with the peak of the machine in the same process, and its output for the picture."""
    settings = ["--threads", options.threads, "--runs", options.plan_runs, "--json"]
    bench = json.loads(command(options.evssm, "bench", plan, "--size", size, *settings))
    output = BUILD / f"output-plan-{size}.npy"
    command(options.evssm, "run", plan, source, "-o", output, "--threads", options.threads)
    return bench, output


def run_peer(options, kind, source, **files):
    output = BUILD / f"output-{kind}.npy"
    words = [
        sys.executable,
        ROOT / "tools" / "bench" / "comparison" / "peer.py",
        kind,
        source,
        output,
        "--threads",
        options.threads,
        "--windows",
        options.windows,
        "--runs",
        1 if kind == "fallback" else options.runs,
        "--build",
        BUILD,
    ]
    for name, path in files.items():
        words += [f"--{name}", path]
    limit = options.compile if kind == "compile" else None
    try:
        return last_line(command(*words, timeout=limit)), output
    except subprocess.TimeoutExpired:
        return None, output


def difference(a, b):
    return float(np.abs(np.load(a).astype(np.float64) - np.load(b)).max())


def compare(options, plan, kind, size, source, title=None, **files):
    """The plan, the peer, the plan again: one row of the table."""
    title = title or TITLES[kind]
    before, expected = run_plan(options, plan, size, source)
    found, output = run_peer(options, kind, source, **files)
    if found is None:
        return {"kind": kind, "size": size, "title": title, "timed_out": options.compile}
    after, _ = run_plan(options, plan, size, source)
    seconds = statistics.median(found["seconds"])
    plan_seconds = statistics.median([before["median_s"], after["median_s"]])
    row = {
        "kind": kind,
        "title": title,
        "size": size,
        "seconds": seconds,
        "plan_seconds": plan_seconds,
        "ratio": seconds / plan_seconds,
        "prepare_s": found["prepare_s"],
        "peak_rss_bytes": found["peak_rss_bytes"],
        "difference": difference(expected, output),
        "plan": [before, after],
    }
    print(f"{row['title']}, {size}: {seconds:.3f} s; evssm {plan_seconds:.3f} s; {row['ratio']:.1f} times", flush=True)
    return row


def onnx_size(path, size):
    """The size that the file says, WIDTHxHEIGHT; `size`'s where it leaves a side open."""
    import onnx

    model = onnx.load(path, load_external_data=False)
    shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    if len(shape) != 4:
        sys.exit(f"bench/peers: {path}: the input must have four dimensions, not {len(shape)}")
    width, height = (int(side) for side in size.split("x"))
    return f"{shape[3] or width}x{shape[2] or height}"


def measure(options):
    network = Network(options)
    peers = [kind for kind in options.peers.split(",") if kind] + (["compile"] if options.compile else [])
    rows = []
    for kind in peers:
        size = options.fallback_size if kind == "fallback" else options.size
        files = {"onnx": network.export(size)} if kind == "onnxruntime" else {"weights": network.weights}
        if options.prepare:
            if kind == "eager":
                import scans

                scans.compiled_scan(BUILD)
            continue
        rows.append(compare(options, network.plan, kind, size, picture(options, size), **files))
    for path in options.onnx:
        size, plan = onnx_size(path, options.size), BUILD / (Path(path).stem + ".plan")
        command(options.evssm, "compile", path, "-o", plan)
        if not options.prepare:
            title = f"ONNX Runtime, {Path(path).parent.name}/{Path(path).name}"
            rows.append(
                {**compare(options, plan, "onnxruntime", size, picture(options, size), title, onnx=path), "other": True}
            )
    return rows


def machine():
    name = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            name = line.split(":", 1)[1].strip()
            break
    return name


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="256x256")
    parser.add_argument("--fallback-size", default="64x64")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3, help="of each peer, after one to warm up")
    parser.add_argument("--plan-runs", type=int, default=3, help="of the plan, before and after each peer")
    parser.add_argument("--peers", default="eager,onnxruntime,fallback")
    parser.add_argument("--compile", type=float, metavar="SECONDS", help="measure torch.compile, within this time")
    parser.add_argument("--weights", help="a checkpoint; by default one of the official size with seeded weights")
    parser.add_argument("--windows", default="released", choices=("released", "whole"))
    parser.add_argument(
        "--picture", default=ROOT / "Tests/Fixtures/goldens/official-photo-256x256/input.png", help="8-bit RGB"
    )
    parser.add_argument("--onnx", action="append", default=[], help="an ONNX file of a network, to be measured as well")
    parser.add_argument(
        "--evssm", type=Path, help="the tool; by default the release build of this checkout, made if need be"
    )
    parser.add_argument("--prepare", action="store_true")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    options.evssm = options.evssm or built_evssm()
    if not options.evssm.is_file():
        sys.exit(f"bench/peers: {options.evssm} is not there; build it with: swift build -c release --product evssm")
    rows = measure(options)
    if options.prepare:
        return
    results = BUILD / "results.json"
    kept = json.loads(results.read_text())["rows"] if results.exists() else []
    measured = {(row["title"], row["size"]) for row in rows}
    kept = [row for row in kept if (row["title"], row["size"]) not in measured]
    record = {"machine": machine(), "threads": options.threads, "rows": kept + rows}
    results.write_text(json.dumps(record, indent=1))
    text = write_report(record, ROOT if options.write else None)
    print(text)


if __name__ == "__main__":
    main()
