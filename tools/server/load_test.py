"""Open-loop load on an evssmd of its own on the loopback: requests leave at a fixed rate whether or not answers come, and times
count from when a request was due. First the best throughput in a closed loop is found, then multiples of it are offered.

    python3 tools/server/load_test.py EVSSMD PLAN [--size 64] [--seconds 15] [--multiples 0.5 1 2 10] [--json FILE] [-- SERVER-OPTION…]

Bounded in time and in requests; stops by itself. Needs only Python's standard library.
"""

import argparse
import asyncio
import json
import statistics
import time

from running import Server, floats, infer_body, wait_until

MAX_REQUESTS = 200_000


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection with one request at a time."""

    def __init__(self):
        self.buffer = b""
        self.waiter = None
        self.transport = None

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.buffer[:end].lower()
        start = head.find(b"\r\ncontent-length: ")
        length = int(head[start + 18:].split(b"\r\n", 1)[0]) if start >= 0 else 0
        if len(self.buffer) >= end + 4 + length:
            self.buffer = self.buffer[end + 4 + length:]
            if self.waiter and not self.waiter.done():
                self.waiter.set_result((int(head[9:12]), b"retry-after: " in head))

    def connection_lost(self, error):
        if self.waiter and not self.waiter.done():
            self.waiter.set_result((0, False))

    def send(self, data):
        self.waiter = asyncio.get_running_loop().create_future()
        self.transport.write(data)
        return self.waiter


class Client:
    """Connections that are used again."""

    def __init__(self, port):
        self.port = port
        self.idle = []

    async def send(self, data):
        connection = self.idle.pop() if self.idle else None
        if connection is None or connection.transport.is_closing():
            _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", self.port)
        answer = await connection.send(data)
        if answer[0] and not connection.transport.is_closing():
            self.idle.append(connection)
        return answer


def message(method, path, body=b"", headers=None):
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *(f"{k}: {v}" for k, v in (headers or {}).items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


async def closed_loop(client, data, concurrency, seconds):
    """Answers a second, with so many requests always on their way."""
    end = time.monotonic() + seconds
    count = 0

    async def loop():
        nonlocal count
        while time.monotonic() < end:
            status, _ = await client.send(data)
            count += status == 200
    start = time.monotonic()
    await asyncio.gather(*(loop() for _ in range(concurrency)))
    return count / (time.monotonic() - start)


async def open_loop(server, client, data, rate, seconds, deadline):
    """Offers `rate` requests a second; what came of them."""
    answers, probes, memory, tasks = [], [], [], set()
    probe_client = Client(server.port)
    running = True

    async def one(due):
        sent = time.monotonic()
        try:
            status, retry = await client.send(data)
        except OSError:
            status, retry = 0, False
        now = time.monotonic()
        answers.append((status, retry, now - due, now - sent))

    async def probe():
        while running:
            for path in ("/v2/health/ready", "/metrics"):
                start = time.monotonic()
                status, _ = await probe_client.send(message("GET", path))
                probes.append((status, time.monotonic() - start))
            memory.append(server.status("VmRSS") / 1024)
            await asyncio.sleep(0.1)

    prober = asyncio.create_task(probe())
    start = time.monotonic()
    for index in range(min(int(rate * seconds), MAX_REQUESTS)):
        due = start + index / rate
        wait = due - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        task = asyncio.create_task(one(due))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    offered = time.monotonic() - start
    if tasks:
        await asyncio.wait(tasks, timeout=60)
    running = False
    await prober
    good = [answer for answer in answers if answer[0] == 200 and answer[2] <= deadline]
    refused = [answer for answer in answers if answer[0] == 503]
    return {
        "offered_per_second": len(answers) / offered,
        "goodput_per_second": len(good) / offered,
        "accepted": {f"p{p}": 1000 * percentile([a[2] for a in good], p / 100) for p in (50, 99, 99.9)},
        "refused": len(refused),
        "refused_ms": {f"p{p}": 1000 * percentile([a[3] for a in refused], p / 100) for p in (50, 99, 100)},
        "refused_without_retry_after": sum(not answer[1] for answer in refused),
        "other": sum(answer[0] not in (200, 503) for answer in answers),
        "probe_ms": {f"p{p}": 1000 * percentile([p_[1] for p_ in probes], p / 100) for p in (50, 99, 100)},
        "probes_failed": sum(status != 200 for status, _ in probes),
        "memory_mib": {"first": statistics.mean(memory[:5]), "last": statistics.mean(memory[-5:]), "peak": max(memory)},
    }


async def measure(server, options, data):
    client = Client(server.port)
    await closed_loop(client, data, 2, 2)
    best = {}
    for concurrency in (1, 2, 4):
        best[concurrency] = await closed_loop(client, data, concurrency, options.seconds / 3)
        print(f"closed loop, {concurrency} at a time: {best[concurrency]:.1f} answers a second", flush=True)
    capacity = max(best.values())
    results = {}
    for multiple in options.multiples:
        results[multiple] = result = await open_loop(
            server, client, data, multiple * capacity, options.seconds, options.deadline)
        print(
            f"{multiple:g} x: offered {result['offered_per_second']:.1f}/s, good {result['goodput_per_second']:.1f}/s "
            f"({100 * result['goodput_per_second'] / capacity:.0f} % of the best), p50/p99 {result['accepted']['p50']:.0f}/"
            f"{result['accepted']['p99']:.0f} ms; refused {result['refused']} (p50 {result['refused_ms']['p50']:.1f}, p99 "
            f"{result['refused_ms']['p99']:.1f} ms, {result['refused_without_retry_after']} without Retry-After); other "
            f"{result['other']}; health and metrics p99 {result['probe_ms']['p99']:.1f} ms, {result['probes_failed']} failed; "
            f"memory {result['memory_mib']['first']:.0f} -> {result['memory_mib']['last']:.0f} MiB", flush=True)
        await asyncio.sleep(1)
    return {"closed_loop": best, "open_loop": results}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("evssmd")
    parser.add_argument("plan")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--deadline", type=float, default=60, help="seconds within which an answer counts")
    parser.add_argument("--multiples", type=float, nargs="+", default=[0.5, 1, 2, 10])
    parser.add_argument("--json")
    parser.add_argument("server", nargs="*")
    options = parser.parse_args()
    body, headers = infer_body(floats(options.size, options.size, 1), options.size, options.size)
    name = options.plan.rsplit("/", 1)[-1].removesuffix(".plan")
    data = message("POST", f"/v2/models/{name}/infer", body, headers)
    with Server(options.evssmd, options.plan, "--log-level", "notice", *options.server) as server:
        idle = server.status("VmRSS") / 1024
        result = asyncio.run(measure(server, options, data))
        wait_until(lambda: server.metric("evssm_requests_accepted") == 0, 30)
        print(f"memory before any request {idle:.0f} MiB, at the end {server.status('VmRSS') / 1024:.0f} MiB")
        result["memory_before_mib"] = idle
        if server.stop() != 0:
            raise SystemExit("the server did not end in order")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(result, file, indent=1)


if __name__ == "__main__":
    main()
