"""One peer in a process of its own: runs a network on a picture and prints one line of JSON.

    peer.py KIND INPUT.npy OUTPUT.npy [--weights FILE | --onnx FILE] [--windows released] [--threads 2] [--runs 3]

KIND is `eager`, `compile`, `fallback` or `onnxruntime`. The first run warms up and is not counted, but for
`fallback`. Prints seconds of each run, seconds to prepare, and the largest resident set of the process.
"""

import argparse
import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tools" / "lib"), str(Path(__file__).parent)]


def torch_network(options, scan):
    import torch
    from evssm_torch import EVSSM, read_state_dict

    torch.set_num_threads(options.threads)
    return EVSSM.from_state_dict(read_state_dict(options.weights), windows=options.windows, scan=scan).eval()


def torch_runner(network, picture):
    import torch

    source = torch.from_numpy(picture)[None].contiguous(memory_format=torch.channels_last)

    def run():
        with torch.inference_mode():
            return network(source)[0].numpy()

    return run


def eager(options, picture):
    import scans

    return torch_runner(torch_network(options, scans.compiled_scan(options.build)), picture)


def compiled(options, picture):
    """torch.compile with freezing: weights become constants and are laid out for the processor."""
    import scans
    import torch
    import torch._inductor.config as inductor

    inductor.freezing = True
    network = torch_network(options, scans.compiled_scan(options.build))
    source = torch.from_numpy(picture)[None].contiguous(memory_format=torch.channels_last)
    network = torch.compile(network, dynamic=False)

    def run():
        # Freezing needs no_grad: it does not take part under inference_mode.
        with torch.no_grad():
            return network(source)[0].numpy()

    return run


def fallback(options, picture):
    import scans

    return torch_runner(torch_network(options, scans.fallback_scan), picture)


def onnxruntime(options, picture):
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    session = onnxruntime.InferenceSession(options.onnx, settings, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda: session.run(None, {name: picture[None]})[0][0]


KINDS = {"eager": eager, "compile": compiled, "fallback": fallback, "onnxruntime": onnxruntime}


def measure(prepare, options):
    picture = np.load(options.input)
    start = time.perf_counter()
    run = prepare(options, picture)
    output = run() if options.kind != "fallback" else None
    prepared = time.perf_counter() - start
    seconds = []
    for _ in range(options.runs):
        start = time.perf_counter()
        output = run()
        seconds.append(time.perf_counter() - start)
    np.save(options.output, np.asarray(output, np.float32))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "prepare_s": prepared, "peak_rss_bytes": peak}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("input")
    parser.add_argument("output")
    parser.add_argument("--weights")
    parser.add_argument("--onnx")
    parser.add_argument("--windows", default="released")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--build", default=str(ROOT / ".build" / "peers"))
    options = parser.parse_args()
    measure(KINDS[options.kind], options)


if __name__ == "__main__":
    main()
