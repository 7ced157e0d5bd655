"""What the server adds to a run, and what two clients at once get out of it; both sides in one session of the machine, in turns.

    python3 tools/server/overhead.py EVSSMD EVSSM PLAN [--size 256] [--rounds 5]

`evssm run --json` tells the seconds of the network alone; the server's time is that of the whole request, over the loopback.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
import threading
import time

from running import Server, floats, infer, npy


def direct(evssm, plan, folder, count, *options):
    """Seconds of the network for each of `count` pictures in one process, and of the process."""
    start = time.monotonic()
    inputs = [f"{folder}/in{index}.npy" for index in range(count)]
    done = subprocess.run([evssm, "run", plan, *inputs, "-o", f"{folder}/out/", "--json", *options], check=True, capture_output=True)
    document = json.loads(done.stdout)
    entries = document.get("pictures") or document.get("results") or document.get("outputs")
    return [entry["seconds"] for entry in entries], time.monotonic() - start


def together(server, name, data, size, clients, each):
    """Pictures a second with so many clients, each with `each` pictures one after the other: from each client's first
    answer to its last, as the very first picture has all threads to itself."""
    ends = []

    def client():
        own = []
        for _ in range(each):
            if infer(server, name, data, size, size)[0] != 200:
                raise SystemExit("a request failed")
            own.append(time.monotonic())
        ends.append(own)
    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum((each - 1) / (own[-1] - own[0]) for own in ends)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("evssmd")
    parser.add_argument("evssm")
    parser.add_argument("plan")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", action="store_true", help="compare with evssm run --jobs 2 as well")
    options = parser.parse_args()
    size = options.size
    data = floats(size, size, 1)
    name = options.plan.rsplit("/", 1)[-1].removesuffix(".plan")
    with tempfile.TemporaryDirectory() as folder, Server(options.evssmd, options.plan, "--log-level", "notice") as server:
        for index in range(8):
            with open(f"{folder}/in{index}.npy", "wb") as file:
                file.write(npy(data, size, size))
        infer(server, name, data, size, size)
        runs, requests = [], []
        for _ in range(options.rounds):
            runs += direct(options.evssm, options.plan, folder, 3)[0][1:]
            for _ in range(2):
                start = time.monotonic()
                infer(server, name, data, size, size)
                requests.append(time.monotonic() - start)
        run, request = statistics.median(runs), statistics.median(requests)
        inner = server.metric("nv_inference_compute_infer_duration_us") / server.metric("nv_inference_exec_count") / 1e6
        print(f"{size}x{size}: evssm run {run * 1000:.1f} ms, request {request * 1000:.1f} ms: {100 * (request / run - 1):+.1f} %; "
              f"the server's own run {inner * 1000:.1f} ms")
        pairs = together(server, name, data, size, 2, 6)
        print(f"two clients: {pairs:.3f} pictures a second; one run after the other {1 / run:.3f}")
        if options.jobs:
            for jobs in (1, 2):
                rate = 8 / direct(options.evssm, options.plan, folder, 8, "--jobs", str(jobs))[1]
                print(f"evssm run --jobs {jobs}, with its start: {rate:.3f} pictures a second")


if __name__ == "__main__":
    main()
