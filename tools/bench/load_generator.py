"""HTTP/1.1 load from one thread, cheap enough to share a machine with the server that it loads: plain sockets and
epoll, no objects but a connection's own. Needs only Python's standard library.
"""

import collections
import resource
import select
import socket
import time

MAX_REQUESTS = 200_000
MAX_CONNECTIONS = 512


def message(method, path, body=b"", headers=None):
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: x",
        f"Content-Length: {len(body)}",
        *(f"{k}: {v}" for k, v in (headers or {}).items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Answer:
    """What came of a request: its kind, its status (0: the connection broke), whether it says Retry-After, and its
    times.
    """

    __slots__ = ("kind", "status", "retry_after", "due", "sent", "received")

    def __init__(self, kind, due):
        self.kind, self.due, self.status, self.retry_after, self.sent, self.received = kind, due, 0, False, 0.0, 0.0


class Connection:
    """One connection with one request at a time."""

    __slots__ = ("socket", "descriptor", "answer", "rest", "head", "left", "closes")

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.descriptor = self.socket.fileno()
        self.answer = None


class Generator:
    """Connections that are used again, and the answers that came."""

    def __init__(self, port):
        self.port = port
        self.poll = select.epoll()
        self.connections = {}
        self.idle = []
        self.answers = []
        self.waiting = collections.deque()

    def close(self):
        for connection in self.connections.values():
            connection.socket.close()
        self.poll.close()

    @property
    def busy(self):
        return len(self.connections) - len(self.idle)

    def send(self, data, kind, due):
        """Sends a request on an idle connection or a new one; when there are too many, as soon as one is idle."""
        if self.idle:
            connection = self.idle.pop()
        elif len(self.connections) < MAX_CONNECTIONS:
            connection = Connection(self.port)
            self.connections[connection.descriptor] = connection
            self.poll.register(connection.descriptor, select.EPOLLIN)
        else:
            self.waiting.append((data, kind, due))
            return
        connection.answer = Answer(kind, due)
        connection.head, connection.left, connection.closes = b"", -1, False
        connection.answer.sent = time.monotonic()
        connection.rest = memoryview(data)
        self._write(connection)

    def _write(self, connection):
        try:
            connection.rest = connection.rest[connection.socket.send(connection.rest) :]
        except BlockingIOError:
            pass
        except OSError:
            connection.rest = memoryview(b"")  # What comes back tells more.
        if connection.rest:
            self.poll.modify(connection.descriptor, select.EPOLLIN | select.EPOLLOUT)

    def step(self, timeout):
        """Waits for at most `timeout` seconds and handles what came."""
        for descriptor, event in self.poll.poll(timeout):
            connection = self.connections.get(descriptor)
            if connection is None:
                continue
            if event & select.EPOLLOUT:
                self._write(connection)
                if not connection.rest:
                    self.poll.modify(descriptor, select.EPOLLIN)
                    if connection.answer is None:
                        self._rest(connection)
            if event & ~select.EPOLLOUT:
                self._read(connection)

    def _read(self, connection):
        try:
            data = connection.socket.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(connection)
        elif connection.answer is not None:
            if connection.left < 0:
                data = self._head(connection, data)
            connection.left -= len(data)
            if connection.left == 0 and connection.answer.status:
                self._finish(connection)

    def _head(self, connection, data):
        """Reads the head once it is complete; returns what of the body came with it."""
        connection.head += data
        end = connection.head.find(b"\r\n\r\n")
        if end < 0:
            return b""
        head = connection.head[:end].lower()
        start = head.find(b"\r\ncontent-length: ")
        connection.left = int(head[start + 18 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
        connection.answer.status = int(head[9:12])
        connection.answer.retry_after = b"\r\nretry-after: " in head
        connection.closes = b"\r\nconnection: close" in head
        return connection.head[end + 4 :]

    def _finish(self, connection):
        answer, connection.answer = connection.answer, None
        answer.received = time.monotonic()
        self.answers.append(answer)
        if connection.closes:
            self._drop(connection)
        elif not connection.rest:
            self._rest(connection)

    def _rest(self, connection):
        """The answer is there and the request is all sent: the connection can be used again."""
        self.idle.append(connection)
        if self.waiting:
            self.send(*self.waiting.popleft())

    def _drop(self, connection):
        """Forgets a connection; a request that was on its way is an answer of status 0."""
        if connection.answer is not None:
            connection.answer.status, connection.answer.received = 0, time.monotonic()
            self.answers.append(connection.answer)
        del self.connections[connection.descriptor]
        if connection in self.idle:
            self.idle.remove(connection)
        self.poll.unregister(connection.descriptor)
        connection.socket.close()


def closed_loop(port, data, concurrency, seconds):
    """Answers of status 200 a second, with so many requests always on their way."""
    generator = Generator(port)
    start = time.monotonic()
    end = start + seconds
    for _ in range(concurrency):
        generator.send(data, "load", start)
    while generator.busy:
        before = len(generator.answers)
        generator.step(1)
        now = time.monotonic()
        for _ in generator.answers[before:]:
            if now < end:
                generator.send(data, "load", now)
    generator.close()
    good = [answer for answer in generator.answers if answer.status == 200 and answer.received <= end]
    return len(good) / seconds


def open_loop(port, data, rate, seconds, probes, every, sample):
    """Offers `rate` requests a second for so long, whether or not answers come, and each of the messages `probes` every
    `every` seconds; calls `sample` as often.

    Returns the answers, the seconds in which they were offered, and the processor seconds that this took.
    """
    generator, prober = Generator(port), Generator(port)
    count = min(int(rate * seconds), MAX_REQUESTS)
    used = resource.getrusage(resource.RUSAGE_SELF)
    start = time.monotonic()
    generator.poll.register(prober.poll.fileno(), select.EPOLLIN)
    generator.connections[prober.poll.fileno()] = None
    next_probe, sent = start, 0
    while sent < count:
        now = time.monotonic()
        while sent < count and start + sent / rate <= now:
            generator.send(data, "load", start + sent / rate)
            sent += 1
        if now >= next_probe:
            sample()
            for probe in probes:
                prober.send(probe, "probe", now)
            next_probe += every
        generator.step(max(0, min(start + sent / rate, next_probe) - time.monotonic()))
        prober.step(0)
    offered = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_SELF)
    limit = time.monotonic() + 60
    del generator.connections[prober.poll.fileno()]
    generator.poll.unregister(prober.poll.fileno())
    while (generator.busy or generator.waiting or prober.busy) and time.monotonic() < limit:
        generator.step(0.01)
        prober.step(0)
    generator.close()
    prober.close()
    seconds_used = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    return generator.answers + prober.answers, offered, seconds_used
