"""Starts an evssmd on free ports of the loopback, and ends it; a picture, and what `evssm run` makes of it.

Needs nothing but Python's standard library.
"""

import http.client
import json
import os
import random
import re
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time


class Server:
    """An evssmd as a process of its own. `log` has what it wrote so far; `timeout` is for its answers, in seconds."""

    timeout = 300

    def __init__(self, evssmd, *arguments, environment=None, ready=True):
        self.log = ""
        self.ports = {}
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [evssmd, *arguments, "--port", "0", "--grpc-port", "0"],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
            text=True,
            errors="replace",
        )
        threading.Thread(target=self._read, daemon=True).start()
        wait_until(lambda: len(self.ports) == 2 or self.process.poll() is not None, 20)
        if len(self.ports) < 2:
            raise SystemExit(f"evssmd did not start:\n{self.log}")
        if ready:
            wait_until(lambda: self.get("/v2/health/ready")[0] == 200, 20)
        self.seconds_to_ready = time.monotonic() - self.started

    def _read(self):
        for line in self.process.stderr:
            self.log = (self.log + line)[-100_000:]
            found = re.search(
                r"listening for (HTTP|gRPC).*?port[\"=:]+(\d+)|port=(\d+).*listening for (HTTP|gRPC)", line
            )
            if found:
                self.ports[found[1] or found[4]] = int(found[2] or found[3])

    @property
    def port(self):
        return self.ports["HTTP"]

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def grpc_address(self):
        return f"127.0.0.1:{self.ports['gRPC']}"

    def request(self, method, path, body=None, headers=None):
        """Status, headers and body of one request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
        try:
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            return reply.status, reply.headers, reply.read()
        finally:
            connection.close()

    def get(self, path):
        try:
            return self.request("GET", path)
        except OSError:
            return None, {}, b""

    def metric(self, name, **labels):
        """The sum of a metric's samples that have these labels."""
        total = 0.0
        for line in self.get("/metrics")[2].decode().splitlines():
            if line.startswith(name + "{") or line.startswith(name + " "):
                if all(f'{key}="{value}"' in line for key, value in labels.items()):
                    total += float(line.rsplit(" ", 1)[1])
        return total

    def status(self, key):
        """A figure of /proc/PID/status in KiB, such as VmRSS."""
        with open(f"/proc/{self.process.pid}/status") as file:
            return int(re.search(rf"{key}:\s+(\d+)", file.read())[1])

    def cpu_seconds(self):
        """Processor time of the process so far."""
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def stop(self, how=signal.SIGTERM, timeout=40):
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def wait_until(condition, seconds, pause=0.02):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(pause)
    return False


def floats(height, width, seed):
    """A picture (3, height, width) in [0, 1) as little-endian float32."""
    generator = random.Random(seed)
    return struct.pack(f"<{3 * height * width}f", *(generator.random() for _ in range(3 * height * width)))


def npy(data, height, width):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': (3, {height}, {width}), }}"
    header += " " * (63 - (10 + len(header)) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


def evssm_run(evssm, plan, data, height, width):
    """What the command-line tool makes of a picture, as float32 bytes."""
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/in.npy", "wb") as file:
            file.write(npy(data, height, width))
        subprocess.run(
            [evssm, "run", plan, f"{folder}/in.npy", "-o", f"{folder}/out.npy"], check=True, capture_output=True
        )
        with open(f"{folder}/out.npy", "rb") as file:
            content = file.read()
    return content[10 + struct.unpack("<H", content[8:10])[0] :]


def infer_body(data, height, width, **request):
    """A binary inference request: its body and headers."""
    document = {
        "inputs": [
            {
                "name": "input",
                "datatype": "FP32",
                "shape": [1, 3, height, width],
                "parameters": {"binary_data_size": len(data)},
            }
        ],
        "parameters": {"binary_data_output": True},
    }
    document.update(request)
    text = json.dumps(document).encode()
    return text + data, {"Inference-Header-Content-Length": str(len(text)), "Content-Type": "application/octet-stream"}


def infer(server, model, data, height, width, more_headers=(), **request):
    """Status, headers and the output's bytes (or the error's)."""
    body, headers = infer_body(data, height, width, **request)
    headers.update(more_headers)
    status, headers, reply = server.request("POST", f"/v2/models/{model}/infer", body, headers)
    return status, headers, reply[int(headers.get("Inference-Header-Content-Length", 0)) :]


def swallow_all(body):
    try:
        body()
    except Exception:  # noqa: BLE001 – whatever a client makes of being cancelled
        pass


class Checks:
    """Counts checks, and says which failed."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def __call__(self, condition, name, detail=""):
        if condition:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {name} {detail}"[:600], flush=True)
        return condition

    def finish(self):
        print(f"{self.passed} passed, {self.failed} failed")
        sys.exit(1 if self.failed else 0)
