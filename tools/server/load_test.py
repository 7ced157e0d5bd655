"""Open-loop load on an evssmd of its own on the loopback: requests leave at a fixed rate whether or not answers come, and times
count from when a request was due. First the best throughput in a closed loop is found, then multiples of it are offered.

    python3 tools/server/load_test.py EVSSMD PLAN [--size 256] [--seconds 15] [--multiples 0.5 1 2 10] [--json FILE] [--check]
                                      [-- SERVER-OPTION…]

`--check` exits with 1 unless at the highest multiple the answers come to 90 % of the best, refusals take under 10 ms at the
99th percentile and all say Retry-After, no probe of health and metrics fails, and memory grows by no more than the requests
that a full queue holds, and not any more in the second half of the time: the last quarter's peak is held against the second's.
Bounded in time and in requests; stops by itself. Needs only Python's standard library.
"""

import argparse
import json
import statistics
import time

from load_generator import closed_loop, message, open_loop
from running import Server, floats, infer_body, wait_until

PROBE_SECONDS = 0.1
QUEUE = 32  # requests that the server accepts at a time, unless told otherwise


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


def milliseconds(values, *percents):
    return {f"p{percent:g}": 1000 * percentile(values, percent / 100) for percent in percents}


def quarters(samples):
    """The peak of each quarter of the time."""
    return [max(samples[len(samples) * i // 4 : max(len(samples) * (i + 1) // 4, len(samples) * i // 4 + 1)]) for i in range(4)]


def offer(server, data, rate, seconds, deadline):
    """Offers `rate` requests a second; what came of them."""
    memory = []
    busy = server.cpu_seconds()
    answers, offered, generator = open_loop(
        server.port, data, rate, seconds, [message("GET", "/v2/health/ready"), message("GET", "/metrics")], PROBE_SECONDS,
        lambda: memory.append(server.status("VmRSS") / 1024))
    busy = server.cpu_seconds() - busy
    load = [answer for answer in answers if answer.kind == "load"]
    probes = [answer for answer in answers if answer.kind == "probe"]
    end = max(answer.sent for answer in load)
    good = [answer for answer in load if answer.status == 200 and answer.received - answer.due <= deadline]
    # What was accepted before the last request was sent is answered after it.
    in_time = [answer for answer in good if answer.received <= end]
    refused = [answer for answer in load if answer.status == 503]
    return {
        "offered_per_second": len(load) / offered,
        "goodput_per_second": len(in_time) / offered,
        "accepted_ms": milliseconds([a.received - a.due for a in good], 50, 99, 99.9),
        "refused": len(refused),
        "refused_ms": milliseconds([a.received - a.sent for a in refused], 50, 99, 99.9, 100),
        "refused_without_retry_after": sum(not answer.retry_after for answer in refused),
        "late_ms": milliseconds([a.sent - a.due for a in load], 50, 99, 100),
        "other": sum(answer.status not in (200, 503) for answer in load),
        "probe_ms": milliseconds([a.received - a.sent for a in probes], 50, 99, 100),
        "probes": len(probes),
        "probes_failed": sum(answer.status != 200 for answer in probes),
        "memory_mib": {"first": statistics.mean(memory[:5]), "quarters": quarters(memory)},
        "generator_share_of_a_core": generator / offered,
        "server_cores": busy / offered,
    }


def describe(multiple, result, best):
    refused, probe, memory = result["refused_ms"], result["probe_ms"], result["memory_mib"]
    return (
        f"{multiple:g} x: offered {result['offered_per_second']:.1f}/s, good {result['goodput_per_second']:.1f}/s "
        f"({100 * result['goodput_per_second'] / best:.0f} % of the best), p50/p99 {result['accepted_ms']['p50']:.0f}/"
        f"{result['accepted_ms']['p99']:.0f} ms; refused {result['refused']} (p50 {refused['p50']:.1f}, p99 {refused['p99']:.1f}, "
        f"max {refused['p100']:.1f} ms, {result['refused_without_retry_after']} without Retry-After); other {result['other']}; health "
        f"and metrics p99 {probe['p99']:.1f} ms, {result['probes_failed']} of {result['probes']} failed; memory {memory['first']:.0f} "
        f"MiB, peaks of the quarters {' '.join(f'{peak:.0f}' for peak in memory['quarters'])} MiB; cores: server "
        f"{result['server_cores']:.2f}, generator {result['generator_share_of_a_core']:.2f} (late p99 {result['late_ms']['p99']:.1f} ms)")


def measure(server, options, data):
    closed_loop(server.port, data, 2, 2)
    best = {}
    for concurrency in options.concurrency:
        best[concurrency] = closed_loop(server.port, data, concurrency, options.seconds / 3)
        print(f"closed loop, {concurrency} at a time: {best[concurrency]:.1f} answers a second", flush=True)
    capacity = max(best.values())
    results = {}
    for multiple in options.multiples:
        results[multiple] = result = offer(server, data, multiple * capacity, options.seconds, options.deadline)
        print(describe(multiple, result, capacity), flush=True)
        time.sleep(1)
    queue = int(options.server[options.server.index("--queue") + 1]) if "--queue" in options.server else QUEUE
    full = queue * len(data) / 2**20
    return {"best_per_second": capacity, "full_queue_mib": full, "closed_loop": best, "open_loop": results}


def failures(result):
    """What of the contract was not kept at the highest load."""
    worst = result["open_loop"][max(result["open_loop"])]
    first, quarters = worst["memory_mib"]["first"], worst["memory_mib"]["quarters"]
    checks = {
        "goodput under 90 %": worst["goodput_per_second"] >= 0.9 * result["best_per_second"],
        "no request was refused": worst["refused"] > 0,
        "refusals take 10 ms or more": worst["refused_ms"]["p99"] < 10,
        "refusals without Retry-After": worst["refused_without_retry_after"] == 0,
        "requests that were neither answered nor refused": worst["other"] == 0,
        "health or metrics failed": worst["probes_failed"] == 0 and worst["probes"] > 0,
        "more memory than a full queue holds": max(quarters) <= 1.1 * first + 8 + result["full_queue_mib"],
        "memory grows": quarters[3] <= 1.02 * quarters[1] + 2,
    }
    return [name for name, holds in checks.items() if not holds]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("evssmd")
    parser.add_argument("plan")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--deadline", type=float, default=60, help="seconds within which an answer counts")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--multiples", type=float, nargs="+", default=[0.5, 1, 2, 10])
    parser.add_argument("--json")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("server", nargs="*")
    options = parser.parse_args()
    body, headers = infer_body(floats(options.size, options.size, 1), options.size, options.size)
    name = options.plan.rsplit("/", 1)[-1].removesuffix(".plan")
    data = message("POST", f"/v2/models/{name}/infer", body, headers)
    with Server(options.evssmd, options.plan, "--log-level", "notice", *options.server) as server:
        idle = server.status("VmRSS") / 1024
        result = measure(server, options, data)
        wait_until(lambda: server.metric("evssm_requests_accepted") == 0, 30)
        print(f"memory before any request {idle:.0f} MiB, at the end {server.status('VmRSS') / 1024:.0f} MiB")
        result["memory_before_mib"] = idle
        if server.stop() != 0:
            raise SystemExit("the server did not end in order")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(result, file, indent=1)
    if options.check and (broken := failures(result)):
        raise SystemExit("load test: " + "; ".join(broken))


if __name__ == "__main__":
    main()
