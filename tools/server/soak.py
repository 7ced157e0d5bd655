"""A long run of mixed requests: REST with binary and JSON tensors, and pictures of several sizes; every answer is compared with the
first of its kind, and memory and descriptors must not grow.

    python3 tools/server/soak.py EVSSMD PLAN [--minutes 30] [--clients 3]
"""

import argparse
import random
import threading
import time

from running import Checks, Server, floats, infer, wait_until

SIZES = [(24, 32), (48, 40), (64, 64), (33, 57), (96, 80), (128, 128), (200, 120), (256, 256)]
check = Checks()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("evssmd")
    parser.add_argument("plan")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--clients", type=int, default=3)
    options = parser.parse_args()
    name = options.plan.rsplit("/", 1)[-1].removesuffix(".plan")
    inputs = [(size, floats(*size, seed)) for seed, size in enumerate(SIZES)]
    with Server(options.evssmd, options.plan, "--log-level", "notice") as server:
        server.timeout = 900  # Machines sleep, and are busy with other things.
        expected = {size: infer(server, name, data, *size)[2] for size, data in inputs}
        end = time.monotonic() + 60 * options.minutes
        counts = {}

        def client(seed):
            generator = random.Random(seed)
            while time.monotonic() < end:
                size, data = generator.choice(inputs)
                status, _, output = infer(server, name, data, *size)
                counts[status] = counts.get(status, 0) + 1
                if status != 200 or output != expected[size]:
                    check(False, f"{size}", status)

        threads = [threading.Thread(target=client, args=(seed,)) for seed in range(options.clients)]
        for thread in threads:
            thread.start()
        samples = []
        while time.monotonic() < end:
            time.sleep(min(5, max(0.1, end - time.monotonic())))
            samples.append((server.status("VmRSS") / 1024, server.descriptors()))
        for thread in threads:
            thread.join()
        settled = samples[len(samples) // 3:]
        half = len(settled) // 2
        first, last = (max(memory for memory, _ in part) for part in (settled[:half] or settled, settled[half:]))
        print(f"{counts} in {options.minutes:g} minutes; memory {samples[0][0]:.0f} MiB at first, then at most {first:.0f} MiB, "
              f"later at most {last:.0f} MiB; descriptors {samples[0][1]} to {samples[-1][1]}")
        check(set(counts) == {200}, "every request was answered", counts)
        check(last <= first * 1.05 + 8, "memory does not grow", (first, last))
        check(wait_until(lambda: server.descriptors() <= samples[0][1] + 8, 10), "descriptors do not grow", samples[-1][1])
        check(server.stop() == 0, "the server ends in order")
    check.finish()


if __name__ == "__main__":
    main()
