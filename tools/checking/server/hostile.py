"""Sends evssmd what no client should (group H: HTTP, group G: HTTP/2 and gRPC), each entry followed by a good request
that must succeed, and looks at the process: alive, memory and descriptors back where they were.

    python3 tools/checking/server/hostile.py EVSSMD PLAN

Entries by their ids; everything is made here, from nothing. Needs only Python's standard library.
"""

import email.utils
import gzip
import json
import os
import re
import signal
import socket
import struct
import sys
import threading
import time
import zlib

from http2 import PREFACE, SETTINGS, call, frame, headers_block, literal, message
from running import Checks, Server, floats, infer, infer_body, wait_until

MODEL = "small"
HEIGHT, WIDTH = 24, 32
GOOD = floats(HEIGHT, WIDTH, 1)
LIMIT = 4 << 20
check = Checks()


def raw(server, data, seconds=5, port=None, half_close=False):
    """Sends bytes on a connection of its own; what comes back until the server closes or `seconds` are over."""
    out = b""
    with socket.create_connection(("127.0.0.1", port or server.port), timeout=seconds) as connection:
        try:
            connection.sendall(data)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            while True:
                part = connection.recv(65536)
                if not part:
                    break
                out += part
        except OSError:
            pass
    return out


def status(reply):
    try:
        return int(reply.split(b" ", 2)[1])
    except (IndexError, ValueError):
        return None


def head(method, path, *lines):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", *lines, "", ""]).encode("latin-1")


def post(*lines, path=f"/v2/models/{MODEL}/infer"):
    return head("POST", path, *lines)


def document(**changes):
    tensor = {"name": "input", "datatype": "FP32", "shape": [1, 3, HEIGHT, WIDTH], "data": [0.5] * (3 * HEIGHT * WIDTH)}
    tensor.update(changes.pop("tensor", {}))
    tensor = {key: value for key, value in tensor.items() if value is not ...}
    return json.dumps({"inputs": [tensor], **changes}).encode()


def bodies():
    """Name, body, headers, and the statuses that are right."""
    good, headers = infer_body(GOOD, HEIGHT, WIDTH)

    def with_length(value, body=good):
        return body, {**headers, "Inference-Header-Content-Length": value}

    for value in ["-1", "99999999999", "12abc", "+12", "0x10", "", " ", "1e2", str(len(good) + 1), "0", "9" * 40]:
        yield f"H01 header length {value[:12]!r}", *with_length(value), {400}
    for change in [-1, 1, -len(GOOD)]:
        body = good[:change] if change < 0 else good + b"\0"
        yield f"H03 {change} bytes of tensor", body, headers, {400}
    for value in ["-1", "9223372036854775808", '"9216"', "9216.0", "null", "9215", "1e4"]:
        text = json.dumps(
            {
                "inputs": [
                    {
                        "name": "input",
                        "datatype": "FP32",
                        "shape": [1, 3, HEIGHT, WIDTH],
                        "parameters": {"binary_data_size": "@"},
                    }
                ]
            }
        )
        text = text.replace('"@"', value).encode()
        yield f"H04 size {value}", text + GOOD, {"Inference-Header-Content-Length": str(len(text))}, {400}
    yield "H05 data and size", document(tensor={"parameters": {"binary_data_size": 4}}), {}, {400}
    yield "H06 neither", document(tensor={"data": ...}), {}, {400}
    yield "H07 data too short", document(tensor={"data": [1.0]}), {}, {400}
    for shape in [
        [16, 2**60 + 2],
        [4, 2**60 + 2],
        [1, 3, 2**62, 2**62],
        [1, 3, -1, 32],
        [1, 3, 1.5, 32],
        [1, 3, "24", 32],
        [1, 3, 1e30, 32],
        [[1], 3, 24, 32],
        [1] * 10_000,
        [],
        [1, 3, 0, 32],
        [1, 3, 2**40, 1],
        None,
    ]:
        yield f"H08-H10 shape {str(shape)[:30]}", document(tensor={"shape": shape}), {}, {400, 413}
    for datatype in ["fp32", "FP16", "BF16", "FP64", "BYTES", "INT8", "", "FLOAT", 7, None]:
        yield f"H11-H12 datatype {datatype}", document(tensor={"datatype": datatype}), {}, {400}
    for number in ["NaN", "Infinity", "-Infinity", "1e400", "1e39"]:
        text = document(tensor={"data": ["@"]}).replace(b'"@"', number.encode())
        yield f"H13 {number}", text, {}, {400}
    for depth in [100, 120, 250_000]:
        yield f"H14 depth {depth}", b"[" * depth, {}, {400}
        yield f"H14 data of depth {depth}", document(tensor={"data": "@"}).replace(b'"@"', b"[" * depth), {}, {400}
    yield "H15 duplicate keys", b'{"inputs":[],"inputs":[]}', {}, {400}
    once = json.loads(document())["inputs"][0]
    yield "H15 duplicate inputs", json.dumps({"inputs": [once, once]}).encode(), {}, {400}
    yield "H15 duplicate outputs", document(outputs=[{"name": "output"}, {"name": "output"}]), {}, {400}
    yield "H16 unknown output", document(outputs=[{"name": "nothing"}]), {}, {400}
    yield "H16 unknown input", document(tensor={"name": "nothing"}), {}, {400}
    for value in [[], None, {}, 1, "x"]:
        yield f"H17 inputs {value}", json.dumps({"inputs": value}).encode(), {}, {400}
    for value in ["x" * (1 << 20), "a\0b", "a\nb", 7, None, []]:
        yield f"H18 id {str(value)[:10]!r}", document(id=value), {}, {400}
    for value in [{"a": {}}, {"a": []}, {"a": None}, [], 1]:
        yield f"H19 parameters {value}", document(parameters=value), {}, {400}
    for text in [
        b'{"id":"\xff"}',
        b"\xef\xbb\xbf" + document(),
        document().decode().encode("utf-16"),
        b'{"id":"\xc0\xaf"}',
    ]:
        yield f"H20 text {text[:8]!r}", text, {}, {400}
    yield "H21 a string over the limit", b'{"id":"' + b"x" * LIMIT + b'"}', {}, {413}
    yield "H21 a string under it", b'{"id":"' + b"x" * (LIMIT // 2) + b'"}', {}, {400}
    bomb = gzip.compress(b"\0" * (64 << 20))
    yield "H23 bomb", bomb, {"Content-Encoding": "gzip"}, {413}
    packed = gzip.compress(document())
    yield "H23 truncated", packed[:-9], {"Content-Encoding": "gzip"}, {400}
    yield "H23 gzip twice", gzip.compress(packed), {"Content-Encoding": "gzip"}, {400}
    yield "H23 trailing member", packed + packed, {"Content-Encoding": "gzip"}, {400}
    yield "H23 not gzip", document(), {"Content-Encoding": "gzip"}, {400}
    yield "H23 raw deflate", zlib.compress(document())[2:-4], {"Content-Encoding": "deflate"}, {400}
    yield "H23 br", document(), {"Content-Encoding": "br"}, {415}
    yield "H23 gzip, gzip", gzip.compress(packed), {"Content-Encoding": "gzip, gzip"}, {415}
    yield "H23 a picture of another type", document(), {"Content-Type": "text/html"}, {415}
    for value in ["-1", '"1"', "1.5", "18446744073709551616", "null", "[]"]:
        text = document(parameters={"timeout": "@"}).replace(b'"@"', value.encode())
        yield f"H37 timeout {value}", text, {}, {400}
        text = document(parameters={"priority": "@"}).replace(b'"@"', value.encode())
        yield f"H38 priority {value}", text, {}, {400}
    yield "H37 timeout 1", document(parameters={"timeout": 1}), {}, {504}
    for value in [0, 1, 2, 2**64 - 1]:
        yield f"H38 priority {value}", document(parameters={"priority": value}), {}, {200}
    yield "H37 timeout 2^63", document(parameters={"timeout": 2**63}), {}, {200}
    yield "H02 gzip and a header", gzip.compress(good), {**headers, "Content-Encoding": "gzip"}, {200}
    yield "H02 deflate and a header", zlib.compress(good), {**headers, "Content-Encoding": "deflate"}, {200}
    yield "H22 one byte over", b" " * (LIMIT + 1), {}, {413}
    yield "H22 the limit", document() + b" " * (LIMIT - len(document())), {}, {200}
    yield (
        "H22 gzip of the limit",
        gzip.compress(document() + b" " * (LIMIT - len(document()))),
        {"Content-Encoding": "gzip"},
        {200},
    )
    yield (
        "H22 gzip over it",
        gzip.compress(document() + b" " * (LIMIT + 1 - len(document()))),
        {"Content-Encoding": "gzip"},
        {413},
    )


def frames():
    """Name, bytes of a whole connection, and the statuses that are right (None: closed without a word)."""
    body = document()
    length = f"Content-Length: {len(body)}"
    close = "Connection: close"
    bad = {400, None}
    yield "H24 no length, no body", post(close), {400, 411}
    yield "H24 negative length", post("Content-Length: -1", close) + body, bad
    yield "H24 a length of words", post("Content-Length: abc", close) + body, bad
    yield "H24 two lengths", post(length, "Content-Length: 3", close) + body, bad
    yield "H24 length and chunks", post(length, "Transfer-Encoding: chunked", close) + b"0\r\n\r\n", bad
    for coding in ["chunked, identity", "xchunked", "identity, chunked, x"]:
        yield f"H25 {coding}", post(f"Transfer-Encoding: {coding}", close) + b"0\r\n\r\n", bad | {415, 501}
    chunked = post("Transfer-Encoding: chunked", close)
    yield "H26 chunk overflow", chunked + b"FFFFFFFFFFFFFFFFF\r\nx", bad
    yield "H26 chunk of words", chunked + b"xyz\r\nx\r\n0\r\n\r\n", bad
    yield (
        "H26 good chunks",
        chunked
        + b"".join(b"%x\r\n%s\r\n" % (len(body[i : i + 4000]), body[i : i + 4000]) for i in range(0, len(body), 4000))
        + b"0\r\n\r\n",
        {200},
    )
    yield "H26 long trailers", chunked + b"2\r\n{}\r\n0\r\nX: " + b"y" * (1 << 20) + b"\r\n\r\n", bad | {431}
    yield (
        "H26 over the limit in chunks",
        chunked + b"%x\r\n" % (LIMIT + 1) + b" " * (LIMIT + 1) + b"\r\n0\r\n\r\n",
        {413, None},
    )
    yield "H27 a NUL in a header", head("GET", "/v2", "X: a\0b", close), bad
    yield "H27 folded header", head("GET", "/v2", "X: a\r\n b", close), bad | {200}
    yield "H27 space before the colon", head("GET", "/v2", "X : a", close), bad
    yield "H27 257 headers", head("GET", "/v2", *[f"X{i}: a" for i in range(257)], close), bad | {431}
    yield "H27 81 KiB of header", head("GET", "/v2", "X: " + "a" * (81 << 10), close), bad | {431}
    yield "H27 a path of 1 MiB", head("GET", "/" + "a" * (1 << 20), close), bad | {414, 431}
    yield "H27 a path of 10 KiB", head("GET", "/" + "a" * (10 << 10), close), {414}
    yield "H28 HTTP/0.9", b"GET /v2\r\n\r\n", bad
    yield "H28 HTTP/1.0", b"GET /v2/health/live HTTP/1.0\r\n\r\n", {200}
    yield "H28 HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0", bad | {404, 405, 505}
    yield "H28 HTTP/3.7", b"GET /v2 HTTP/3.7\r\nHost: x\r\n\r\n", bad | {200, 505}
    paths = [
        "http://x/v3",
        "*",
        "//v2//health//live",
        "/v2/../metrics",
        "/v2/%2e%2e/metrics",
        "/v2/models/%00",
        "/v2/models/..",
        "/v2/models/%c0%ae",
        "/v2/models/%",
        "/v2/models/%zz",
        "/v2/models/a%20b",
        "/v2/models/" + "a" * 300,
        "/v2/models/x/versions/0",
        f"/v2/models/{MODEL}/versions/01",
        f"/v2/models/{MODEL}/versions/-1",
        "/v2/",
        "/v2/models",
        f"/v2/models/{MODEL}/",
        "/v2/models/%2e%2e%2fetc",
        "/v2/models/stats/infer",
        "/v3",
    ]
    for path in paths:
        yield f"H29 {path[:40]}", head("GET", path, close), {404, 400, 405}
    yield "H29 CONNECT", head("CONNECT", "x:80", close), bad | {404, 405}
    for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "FOO"]:
        for path in [
            "/",
            "/v2",
            "/v2/health/live",
            "/v2/health/ready",
            "/metrics",
            f"/v2/models/{MODEL}",
            f"/v2/models/{MODEL}/ready",
            f"/v2/models/{MODEL}/infer",
            f"/v2/models/{MODEL}/stats",
            "/v2/models/stats",
            "/v2/repository/index",
            "/v1/restore",
            "/nothing",
            f"/v2/models/{MODEL}/versions/1",
            f"/v2/models/{MODEL}/versions/7",
            "/v2/models/nothing",
            "/favicon.ico",
            f"/v2/models/{MODEL}/config",
            "/v2/models/nothing/infer",
            "/v1",
        ]:
            yield f"H30 {method} {path}", head(method, path, "Content-Length: 0", close), {200, 204, 400, 404, 405, 422}
    yield "H31 expect, over the limit", post(f"Content-Length: {LIMIT + 1}", "Expect: 100-continue"), {413}
    yield "H32 1,000 in a row", head("GET", "/v2/health/live") * 999 + head("GET", "/v2/health/live", close), {200}
    for value in ["a b", "x" * 5000, "\u00ff"]:
        yield (
            f"H44 id {value[:6]!r}",
            head("GET", "/v2", f"X-Request-Id: {value}", "traceparent: 00-zz-1", close),
            bad | {200},
        )


def good(server, name):
    code, _, _ = infer(server, MODEL, GOOD, HEIGHT, WIDTH)
    check(code == 200, f"{name}: the good request after it", code)
    check(server.process.poll() is None, f"{name}: the server lives", server.log[-300:])


def group_h(server):
    for name, body, headers, allowed in bodies():
        try:
            code, _, reply = server.request("POST", f"/v2/models/{MODEL}/infer", body, headers)
        except OSError as error:
            code, reply = (413 if 413 in allowed else None), repr(error).encode()
        check(code in allowed, name, f"{code} {reply[:200]}")
        if code and code >= 400 and reply.startswith(b"{"):
            text = json.loads(reply)
            check(
                list(text) == ["error"] and "/" not in text["error"].replace("application/", ""),
                f"{name}: its error",
                reply[:200],
            )
        good(server, name)
    for name, data, allowed in frames():
        reply = raw(server, data)
        check(status(reply) in allowed, name, reply[:200])
        if status(reply) == 405:
            check(b"allow:" in reply.lower(), f"{name}: Allow", reply[:200])
        if name.startswith("H32"):
            check(reply.count(b"HTTP/1.1 200") == 1000, name, reply.count(b"HTTP/1.1 200"))
        if name.startswith("H31"):
            check(b"100 Continue" not in reply, name, reply[:100])
        if not name.startswith("H30"):
            good(server, name)
    good(server, "H30")


def tiny_chunks(server):
    """H26: many one-byte chunks are refused, without memory for each."""
    before = server.status("VmRSS")
    for count, allowed in [(65_536, {400, 413}), (70_000, {413, 400, None}), (1_000_000, {413, 400, None})]:
        reply = raw(
            server,
            post("Transfer-Encoding: chunked", "Connection: close") + b"1\r\n \r\n" * count + b"0\r\n\r\n",
            seconds=20,
        )
        check(status(reply) in allowed, f"H26 {count} chunks", reply[:100])
        good(server, f"H26 {count} chunks")
    grown = server.status("VmRSS") - before
    check(grown < 48 << 10, "H26 memory", f"{grown} KiB more")


def slow(server):
    """H33: heads and bodies that do not come. The limits are ten seconds."""
    connections = []
    for data in [b"GET /v2", b"", post("Content-Length: 100000") + b"{"]:
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        connection.sendall(data)
        connections.append((data[:8], connection, time.monotonic()))
    for name, connection, start in connections:
        reply = b""
        try:
            while part := connection.recv(4096):
                reply += part
        except OSError:
            pass
        seconds = time.monotonic() - start
        check(seconds < 15 and status(reply) in (408, None), f"H33 {name}", f"{seconds:.1f} s, {reply[:60]}")
        connection.close()
    good(server, "H33")


def gone(server):
    """H34: clients that go, with a request in the queue, running, or on its way. A run must stop long before it would
    end.
    """
    side = 1280
    large = floats(side, side, 2)
    body, headers = infer_body(large, side, side)
    start = time.monotonic()
    check(infer(server, MODEL, large, side, side)[0] == 200, "H34 the whole run")
    whole = time.monotonic() - start
    lines = [f"{key}: {value}" for key, value in headers.items()]

    def send(part, reset):
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        connection.sendall(post(f"Content-Length: {len(body)}", *lines) + body[:part])
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return connection

    for reset in (False, True):
        send(len(body) // 2, reset).close()
        good(server, "H34 mid-body")
        running = send(len(body), reset)
        wait_until(lambda: server.metric("evssm_requests_running") >= 1, 10)
        waiting = [send(len(body), reset) for _ in range(4)]
        check(wait_until(lambda: server.metric("evssm_requests_accepted") >= 5, 10), "H34 the queue fills")
        for connection in waiting:
            connection.close()
        emptied = wait_until(lambda: server.metric("evssm_requests_accepted") <= 1, 1, 0.005)
        check(emptied, "H34 waiting requests go with their clients", server.metric("evssm_requests_accepted"))
        running.close()
        wait_until(lambda: server.metric("evssm_requests_accepted") == 0, 10)
        running = send(len(body), reset)
        wait_until(lambda: server.metric("evssm_requests_running") >= 1, 10)
        cancelled = server.metric("nv_inference_request_failure", reason="CANCELED")
        running.close()
        start = time.monotonic()
        wait_until(lambda: server.metric("evssm_requests_accepted") == 0, 10, 0.005)
        seconds = time.monotonic() - start
        check(
            seconds < 0.3 * whole,
            "H34 a run stops with its client",
            f"{seconds:.3f} s, the whole run takes {whole:.3f} s",
        )
        check(
            server.metric("nv_inference_request_failure", reason="CANCELED") == cancelled + 1,
            "H34 it is counted as cancelled",
        )
        good(server, f"H34 reset {reset}")
    raw(server, head("GET", "/v2/health/live"), half_close=True)
    good(server, "H34 half-close")


def many_connections(server):
    """H35: more idle connections than the server keeps, which then go; the others are served."""
    connections = []
    for _ in range(900):
        connections.append(socket.create_connection(("127.0.0.1", server.port), timeout=5))
    good(server, "H35 900 idle connections")
    for connection in connections:
        connection.close()
    good(server, "H35 closed")


def full_queue(server):
    """H36, H41: a full queue refuses with Retry-After, and health and metrics answer."""
    side = 1280
    large = floats(side, side, 3)
    answers = []

    def ask():
        answers.append(infer(server, MODEL, large, side, side))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    wait_until(lambda: server.metric("evssm_requests_accepted") >= 8, 10)
    for _ in range(10):
        start = time.monotonic()
        check(server.get("/v2/health/ready")[0] == 200, "H41 health of a busy server")
        check(time.monotonic() - start < 1, "H41 health is quick", time.monotonic() - start)
    refused_by_head(server)
    for thread in threads:
        thread.join()
    codes = sorted(code for code, _, _ in answers)
    check(codes.count(200) == 8 and codes.count(503) == 8, "H36 eight are accepted, eight refused", codes)
    for code, headers, _ in answers:
        if code == 503:
            check(
                headers.get("Retry-After", "").isdigit() and int(headers["Retry-After"]) >= 1,
                "H36 Retry-After",
                headers.get("Retry-After"),
            )
    good(server, "H36")


def answer(connection):
    """Head and body of the next answer on a connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return data, b""
        data += part
    top, rest = data.split(b"\r\n\r\n", 1)
    length = int(top.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(rest) < length:
        rest += connection.recv(65536)
    return top, rest


def refused_by_head(server):
    """H36: a request is refused when its head is read; its body is skipped, and the connection goes on."""
    before = server.metric("nv_inference_request_failure", reason="REJECTED")
    for path in (f"/v2/models/{MODEL}/infer", "/v1/restore"):
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
            connection.sendall(post("Content-Length: 3000000", "X-Request-Id: early", path=path))
            top, text = answer(connection)
            check(status(top) == 503 and b"retry-after: " in top.lower(), f"H36 refused by its head, {path}", top)
            dates = re.findall(rb"date: (\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT)\r\n", top.lower() + b"\r\n", re.I)
            seconds = [email.utils.parsedate_to_datetime(date.decode()).timestamp() for date in dates]
            check(len(seconds) == 1 and abs(seconds[0] - time.time()) < 5, f"H36 refused with a date, {path}", top)
            check(
                b"x-request-id: early" in top.lower() and list(json.loads(text)) == ["error"],
                f"H36 its answer, {path}",
                top + text,
            )
            connection.sendall(b"{" * 3_000_000 + head("GET", "/v2/health/live"))
            check(status(answer(connection)[0]) == 200, f"H36 the connection goes on, {path}")
    check(server.metric("nv_inference_request_failure", reason="REJECTED") >= before + 2, "H36 they are counted")
    for lines in (["Content-Length: 10", "Connection: close"], ["Content-Length: 3000000", "Expect: 100-continue"]):
        reply = raw(server, post(*lines))
        check(status(reply) == 503 and b"100 Continue" not in reply, f"H36 {lines[1]}", reply[:100])
    reply = raw(server, post("Content-Length: 2") + b"{}" + head("GET", "/v2/health/live", "Connection: close"))
    check(reply.count(b"HTTP/1.1 503") == 1 and reply.count(b"HTTP/1.1 200") == 1, "H36 pipelined", reply[:300])


def reload_under_load(server):
    """H40: the model is loaded anew while requests run; none fails."""
    stop = threading.Event()
    answers = []

    def ask():
        while not stop.is_set():
            answers.append(infer(server, MODEL, GOOD, HEIGHT, WIDTH)[0::2])

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        code, _, reply = server.request("POST", f"/v2/repository/models/{MODEL}/load", b"")
        check(code == 200, "H40 load", reply[:200])
        time.sleep(0.05)
    stop.set()
    for thread in threads:
        thread.join()
    check({code for code, _ in answers} == {200}, "H40 answers", {code for code, _ in answers})
    check(len({reply for _, reply in answers}) == 1, "H40 all alike")


# HTTP/2, by hand.


def group_g(server):
    port = server.ports["gRPC"]

    def good_call(name):
        reply = raw(server, PREFACE + SETTINGS + frame(4, 1, 0) + call(1, message(b"")), seconds=1, port=port)
        check(b"\x08\x01" in reply, f"{name}: the good call after it", reply[:80])
        good(server, name)

    good_call("G00")
    opening = PREFACE + SETTINGS
    entries = {
        "G04 unknown compression": call(1, message(b"", flag=1), more=[(b"grpc-encoding", b"nonsense")]),
        "G04 compressed without an encoding": call(1, message(b"xyz", flag=1)),
        "G04 damaged gzip": call(1, message(b"xyz", flag=1), more=[(b"grpc-encoding", b"gzip")]),
        "G04 flag 7": call(1, message(b"", flag=7)),
        "G05 message longer than its stream": call(1, message(b"ab", length=100)),
        "G05 message over the limit": call(1, message(b"ab", length=0xFFFFFFFF)),
        "G05 message that is no message": call(1, message(b"\xff" * 50), method=b"ModelInfer"),
        "G06 no time": call(1, message(b""), method=b"ModelInfer", more=[(b"grpc-timeout", b"0n")]),
        "G06 a nanosecond": call(1, message(b""), method=b"ModelInfer", more=[(b"grpc-timeout", b"1n")]),
        "G06 99999999H": call(1, message(b""), more=[(b"grpc-timeout", b"99999999H")]),
        "G06 nonsense": call(1, message(b""), more=[(b"grpc-timeout", b"soon")]),
        "G09 unknown method": call(1, message(b""), method=b"Nothing"),
        "G09 unknown service": frame(1, 5, 1, headers_block(b"X", b"no.Service")),
        "G09 wrong content type": call(1, message(b""), kind=b"text/plain"),
        "G09 no headers": frame(1, 5, 1, b""),
        "G09 data on an idle stream": frame(0, 1, 3, b"x"),
        "G09 even stream": call(2, message(b"")),
        "G08 window overflow": frame(1, 4, 1, headers_block()) + frame(8, 0, 1, struct.pack(">I", 2**31 - 1)) * 2,
        "G08 window of 0": frame(8, 0, 0, struct.pack(">I", 0)),
        "G08 CONTINUATION flood": frame(1, 0, 1, headers_block()) + frame(9, 0, 1, literal(b"x", b"y" * 1000)) * 20_000,
        "G08 HPACK bomb": frame(1, 5, 1, headers_block() + b"\x40\x01x\x7f\x81\x1f" + b"y" * 4096 + b"\xbe" * 16_000),
        "G08 SETTINGS flood": SETTINGS * 100_000,
        "G08 PING flood": frame(6, 0, 0, b"12345678") * 100_000,
        "G08 frame over the size": frame(0, 0, 1, b"x" * 20_000),
        "G08 bad settings": frame(4, 0, 0, b"12345"),
        "G07 rapid reset": b"".join(
            frame(1, 5, stream, headers_block()) + frame(3, 0, stream, struct.pack(">I", 8))
            for stream in range(1, 40_001, 2)
        ),
        "G10 a million tiny messages": frame(1, 4, 1, headers_block()) + frame(0, 0, 1, message(b"") * 3000) * 300,
    }
    for name, data in entries.items():
        before = server.status("VmRSS")
        raw(server, opening + data, seconds=2, port=port)
        grown = server.status("VmRSS") - before
        check(grown < 96 << 10, f"{name}: memory", f"{grown} KiB more")
        good_call(name)
    for name, data in {"G09 HTTP/1.1": head("GET", "/v2"), "G09 noise": bytes(range(256)) * 100}.items():
        raw(server, data, seconds=2, port=port)
        good_call(name)


def message_budget(evssmd, plan):
    """G11: a message is charged while it arrives, not when it is complete."""
    with Server(evssmd, plan, "--max-buffered", "2MiB") as server:
        port = server.ports["gRPC"]
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(PREFACE + SETTINGS + frame(4, 1, 0) + frame(1, 4, 1, headers_block(b"ModelInfer")))
            sent, ended = send_without_end(connection, message(b"", length=64 << 20), 8 << 20)
            check(ended, "G11 a message over the budget ends its call", f"after {sent} bytes")
            check(sent < 8 << 20, "G11 before all of it has come", sent)
        check(wait_until(lambda: server.metric("evssm_buffered_bytes") == 0, 5), "G11 the bytes are given back")
        good(server, "G11")


def send_without_end(connection, start, limit):
    """Sends a call's message within the windows that the server gives, for as long as it does not end the stream; bytes
    that went, and whether it did."""
    windows = {0: 65_535, 1: 65_535}
    buffer, sent, data = b"", 0, start
    connection.settimeout(3)
    while sent < limit:
        room = min(16_384, windows[0], windows[1])
        if room >= 8_192:
            part = (data + b"\0" * room)[:room]
            data = b""
            try:
                connection.sendall(frame(0, 0, 1, part))
            except OSError:
                return sent, True
            sent += room
            windows = {key: value - room for key, value in windows.items()}
            connection.setblocking(False)
        else:
            connection.settimeout(3)
        try:
            buffer += connection.recv(65_536)
        except (BlockingIOError, TimeoutError):
            if room < 8_192:
                return sent, False
        connection.settimeout(3)
        while len(buffer) >= 9 and len(buffer) >= 9 + int.from_bytes(buffer[:3], "big"):
            length = int.from_bytes(buffer[:3], "big")
            kind, flags, stream = buffer[3], buffer[4], int.from_bytes(buffer[5:9], "big")
            payload, buffer = buffer[9 : 9 + length], buffer[9 + length :]
            if stream == 1 and (kind == 3 or kind == 1 and flags & 1):
                return sent, True
            if kind == 8:
                windows[stream] = windows.get(stream, 0) + int.from_bytes(payload, "big")
            if kind == 4 and not flags & 1:
                for at in range(0, length, 6):
                    if payload[at : at + 2] == b"\0\4":
                        windows[1] += int.from_bytes(payload[at + 2 : at + 6], "big") - 65_535
    return sent, False


def ends(evssmd, plan):
    """H39: SIGTERM with requests in flight, queued, on their way and idle; twice; SIGKILL and again."""
    large = floats(384, 384, 5)
    answers = []
    with Server(evssmd, plan, "--queue", "8") as server:
        idle = socket.create_connection(("127.0.0.1", server.port))
        threads = [
            threading.Thread(target=lambda: answers.append(infer(server, MODEL, large, 384, 384)[0])) for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        wait_until(lambda: server.metric("evssm_requests_accepted") >= 6, 10)
        server.process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join()
        check(answers == [200] * 6, "H39 none is lost", answers)
        check(server.process.wait(20) == 0, "H39 ends in order", server.process.returncode)
        idle.close()
    with Server(evssmd, plan) as server:
        thread = threading.Thread(
            target=lambda: swallow(lambda: infer(server, MODEL, floats(1024, 1024, 6), 1024, 1024))
        )
        thread.start()
        wait_until(lambda: server.metric("evssm_requests_running") >= 1, 10)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        start = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(10)
        check(time.monotonic() - start < 1, "H39 a second signal ends it at once", time.monotonic() - start)
        thread.join()
    with Server(evssmd, plan) as server:
        server.stop(signal.SIGKILL)
        with Server(evssmd, plan) as again:
            check(again.seconds_to_ready < 1, "ready within a second of a kill", again.seconds_to_ready)
            good(again, "after a kill")
            check(again.stop() == 0, "an idle server ends in order")
    with Server(evssmd, plan, "--drain-delay", "1") as server:
        server.process.send_signal(signal.SIGTERM)
        check(wait_until(lambda: server.get("/v2/health/ready")[0] == 503, 0.8), "not ready while it drains")
        check(infer(server, MODEL, GOOD, HEIGHT, WIDTH)[0] == 200, "but it still accepts")
        check(server.process.wait(10) == 0, "and then ends")


def memory_limit(evssmd, plan):
    """A picture that cannot fit is refused at once, with the figure."""
    with Server(evssmd, plan, "--max-memory", "8MiB") as server:
        start = time.monotonic()
        code, _, reply = infer(server, MODEL, floats(512, 512, 1), 512, 512)
        check(code == 413 and b"MiB" in reply and b"max_memory" in reply, "H43 over the memory", reply[:300])
        check(time.monotonic() - start < 2, "H43 at once")
        good(server, "H43")


def token(evssmd, plan):
    secret = "correct-horse-battery-staple"
    with Server(evssmd, plan, "--queue", "2", environment={"EVSSMD_TOKEN": secret}) as server:
        for value in [None, "", "Bearer", "Bearer wrong", f"Basic {secret}", f"bearer{secret}", f"Bearer {secret}x"]:
            headers = {} if value is None else {"Authorization": value}
            code, reply_headers, reply = server.request("GET", "/v2", headers=headers)
            check(code == 401 and reply_headers.get("WWW-Authenticate") == "Bearer", f"token {value}", code)
            check(secret.encode() not in reply, "the token is not told")
        check(server.request("GET", "/v2", headers={"Authorization": f"Bearer {secret}"})[0] == 200, "the right token")
        check(server.get("/v2/health/ready")[0] == 200, "health needs none")
        full_queue_with_token(server, secret)
        check(secret not in server.log, "the token is not logged")


def full_queue_with_token(server, secret):
    """A full queue tells those without the token nothing but that they need one."""
    side = 1280
    large, right = floats(side, side, 3), {"Authorization": f"Bearer {secret}"}
    answers = []

    def ask():
        answers.append(infer(server, MODEL, large, side, side, more_headers=right)[0])

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    metrics = lambda: server.request("GET", "/metrics", headers=right)[2]
    check(wait_until(lambda: b"evssm_requests_accepted 2" in metrics(), 10), "a queue of two is full", metrics()[-800:])
    for value, expected in ((None, 401), ("Bearer wrong", 401), (right["Authorization"], 503)):
        headers = {} if value is None else {"Authorization": value}
        code, reply_headers, _ = infer(server, MODEL, large, side, side, more_headers=headers)
        check(code == expected, f"a full queue and the token {value is not None}: {expected}", code)
        check((reply_headers.get("Retry-After") is None) == (code == 401), "only those who may wait are told how long")
    for thread in threads:
        thread.join()
    check(sorted(answers) == [200, 200, 503], "two are accepted, with the token", answers)


def swallow(body):
    try:
        body()
    except OSError:
        pass


def main():
    evssmd, plan = sys.argv[1:3]
    folder = os.path.dirname(os.path.abspath(plan))
    named = os.path.join(folder, f"{MODEL}.plan")
    assert os.path.abspath(plan) == named, f"the plan's file must be called {MODEL}.plan"
    with Server(evssmd, plan, "--max-body", str(LIMIT), "--queue", "8", "--log-level", "notice") as server:
        good(server, "start")
        group_h(server)
        group_g(server)
        tiny_chunks(server)
        slow(server)
        many_connections(server)
        baseline = server.descriptors()
        reload_under_load(server)
        wait_until(lambda: server.descriptors() <= baseline, 5)
        check(server.descriptors() <= baseline + 2, "descriptors", (baseline, server.descriptors()))
        check(
            " error" not in server.log and '"error"' not in server.log, "nothing went wrong inside", server.log[-500:]
        )
    with Server(evssmd, plan, "--queue", "8", "--log-level", "notice") as server:
        gone(server)
        full_queue(server)
    message_budget(evssmd, plan)
    ends(evssmd, plan)
    memory_limit(evssmd, plan)
    token(evssmd, plan)
    check.finish()


if __name__ == "__main__":
    main()
