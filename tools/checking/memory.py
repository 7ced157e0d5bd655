"""Runs evssm on files made to exhaust memory or time, each in a process of its own, and holds it to the contract:
exit code 65, no signal, peak memory within the baseline + 2 x file + 64 MiB, a second of processor time
(three here, as a shared machine may be that slow), nothing written.

    python3 tools/checks/memory EVSSM PLAN

Catalogue entries by their ids; the files are made here, from nothing.
"""

import io
import json
import os
import resource
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib


def archive(pickle, method=zipfile.ZIP_STORED, extra=()):
    """A PyTorch zip container around a pickle."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        file.writestr("archive/data.pkl", pickle)
        file.writestr("archive/byteorder", "little")
        for name, data in extra:
            file.writestr(name, data)
        file.writestr("archive/version", "3\n")
    return out.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, data=b""):
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + data + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )


def cases():
    yield "Z29 deflate bomb", archive(b"\x80\x02" + b"(" * 200_000_000, zipfile.ZIP_DEFLATED)
    yield (
        "P09 memo flood",
        archive(b"\x80\x02}" + b"".join(b"r" + struct.pack("<I", i) for i in range(5_000_000)) + b"."),
    )
    yield "P27 nested tuples", archive(b"\x80\x02" + b")" + b"\x85" * 2_000_000 + b".")
    yield "P28 shared lists", archive(b"\x80\x02]q\x00" + b"".join(b"](h\x00h\x00e0" for _ in range(200_000)) + b".")
    yield "P29 a string of 4 GiB", archive(b"\x80\x02X\xff\xff\xff\xff.")
    header = json.dumps(
        {f"{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(400_000)}
    ).encode()
    yield "S19 empty entries", struct.pack("<Q", len(header)) + header
    yield "S04 deep header", struct.pack("<Q", 10_000_000) + b"[" * 10_000_000
    yield "S02 header of 2^63 bytes", struct.pack("<Q", 1 << 63) + b"{}"
    yield "L02 a plan cut in its header", bytes.fromhex("894556500d0a1a0a") + b"\x01\x00\x00\x00" * 10
    yield (
        "L05 a plan of 2^32 sections",
        bytes.fromhex("894556500d0a1a0a") + b"\x01\x00\x00\x00\x04\x03\x02\x01" + b"\xff" * 200,
    )


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytearray([value]))


def field(number, value):
    """A field of a protobuf message: a number, or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value & (1 << 64) - 1)
    return varint(number << 3 | 2) + varint(len(value)) + value


def node(kind, inputs, outputs, *attributes):
    texts = [field(1, name.encode()) for name in inputs] + [field(2, name.encode()) for name in outputs]
    return field(1, b"".join(texts) + field(4, kind.encode()) + b"".join(field(5, a) for a in attributes))


def integer(name, value):
    return field(1, name.encode()) + field(3, value) + field(20, 2)


def integers(name, values):
    return field(1, name.encode()) + field(8, b"".join(varint(v & (1 << 64) - 1) for v in values)) + field(20, 7)


def initializer(name, values, dims=None):
    """An int64 tensor."""
    sizes = [len(values)] if dims is None else dims
    data = struct.pack(f"<{len(values)}q", *values)
    return field(5, field(1, b"".join(map(varint, sizes))) + field(2, 7) + field(8, name.encode()) + field(9, data))


def value(name, sizes, kind=1):
    shape = b"".join(field(1, field(2, s.encode()) if isinstance(s, str) else field(1, s)) for s in sizes)
    return field(1, name.encode()) + field(2, field(1, field(1, kind) + field(2, shape)))


def model(*parts, inputs=(), outputs=("y",), opset=18):
    graph = b"".join(parts) + field(2, b"g")
    graph += b"".join(field(11, i) for i in inputs) + b"".join(field(12, field(1, o.encode())) for o in outputs)
    return field(1, 8) + field(7, graph) + field(8, field(1, b"") + field(2, opset))


PICTURE = (value("x", [1, 3, "h", "w"]),)


def graphs():
    """Group O: ONNX models that must be refused when they are read."""
    nested = b""
    for _ in range(3000):
        nested = field(7, nested) if len(nested) % 3 == 0 else field(1, nested)
    yield "O08 nested messages", field(1, 8) + field(7, nested)
    yield "O11 empty initializers", field(1, 8) + field(7, b"\x2a\x00" * (2 << 20))
    yield "O12 empty nodes", field(1, 8) + field(7, b"\x0a\x00" * 2_000_001)
    yield "O13 packed integers", field(1, 8) + field(7, field(5, field(7, b"\x01" * (16 << 20))))
    relu = node("Relu", ["x"], ["y"])
    yield (
        "O53 ConstantOfShape of 4 GiB",
        model(
            initializer("s", [1 << 30]), relu, node("ConstantOfShape", ["s"], ["z"]), inputs=PICTURE, outputs=["y", "z"]
        ),
    )
    yield (
        "O53 ConstantOfShape of 2^60",
        model(
            initializer("s", [1 << 30, 1 << 30]),
            relu,
            node("ConstantOfShape", ["s"], ["z"]),
            inputs=PICTURE,
            outputs=["y", "z"],
        ),
    )
    yield (
        "O53 Tile",
        model(
            initializer("w", [1, 2]),
            initializer("r", [1 << 31]),
            relu,
            node("Tile", ["w", "r"], ["z"]),
            inputs=PICTURE,
            outputs=["y", "z"],
        ),
    )
    yield (
        "O53 Expand",
        model(
            initializer("w", [1]),
            initializer("s", [1 << 16, 1 << 16]),
            relu,
            node("Expand", ["w", "s"], ["z"]),
            inputs=PICTURE,
            outputs=["y", "z"],
        ),
    )
    chain = [node("Concat", [f"w{i}", f"w{i}"], [f"w{i + 1}"], integer("axis", 0)) for i in range(40)]
    yield "O53 40 doublings", model(initializer("w0", [1, 2]), relu, *chain, inputs=PICTURE, outputs=["y", "w40"])
    many = [node("ConstantOfShape", ["s"], [f"c{i}"]) for i in range(64)]
    yield (
        "O53 64 times 128 MiB",
        model(
            initializer("s", [1 << 25]),
            relu,
            *many,
            node("Sum", [f"c{i}" for i in range(64)], ["z"]),
            inputs=PICTURE,
            outputs=["y", "z"],
        ),
    )
    yield (
        "O49 a window of 2^46 places",
        model(
            node(
                "MaxPool", ["x"], ["y"], integers("kernel_shape", [1 << 23, 1 << 23]), integers("pads", [1 << 23] * 4)
            ),
            inputs=(value("x", [1, 3, 8, 8]),),
        ),
    )
    yield (
        "O51 a Slice with a step of 0",
        model(
            initializer("s", [0]),
            initializer("e", [1]),
            initializer("a", [0]),
            initializer("t", [0]),
            node("Slice", ["x", "s", "e", "a", "t"], ["y"]),
            inputs=PICTURE,
        ),
    )


def runs():
    """Group O: graphs that only a run can refuse, with a picture of 64 x 64 as their input."""
    yield (
        "O53 a picture tiled to 2^60",
        model(initializer("r", [1, 1, 1 << 24, 1 << 24]), node("Tile", ["x", "r"], ["y"]), inputs=PICTURE),
    )
    yield (
        "O53 a picture tiled to 48 GiB",
        model(initializer("r", [1, 1, 1 << 10, 1 << 10]), node("Tile", ["x", "r"], ["y"]), inputs=PICTURE),
    )
    yield (
        "O53 sizes from the picture's values",
        model(
            node("Cast", ["x"], ["i"], integer("to", 7)),
            node("ReduceSum", ["i"], ["n"], integer("keepdims", 0)),
            initializer("one", [1 << 40]),
            node("Add", ["n", "one"], ["s"]),
            node("ConstantOfShape", ["s"], ["y"]),
            inputs=PICTURE,
        ),
    )
    yield (
        "O53 a loop without end",
        model(
            initializer("m", [(1 << 63) - 1], []),
            node("Cast", ["x"], ["b"], integer("to", 9)),
            node("ReduceMax", ["b"], ["c"], integer("keepdims", 0)),
            node("Loop", ["m", "", "x"], ["v", "y"], loop_body()),
            inputs=PICTURE,
            outputs=["y"],
        ),
    )


def loop_body():
    """Stacks a picture that grows by itself each turn."""
    body = node("Identity", ["cin"], ["cout"]) + node("Concat", ["vin", "vin"], ["vout"], integer("axis", 2))
    body += node("Identity", ["vin"], ["scan"]) + field(2, b"b")
    body += field(11, value("it", [], 7)) + field(11, value("cin", [], 9)) + field(11, value("vin", [1, 3, "a", "b"]))
    body += b"".join(field(12, field(1, name)) for name in (b"cout", b"vout", b"scan"))
    return field(1, b"body") + field(6, body) + field(20, 5)


def npy(height, width):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': (3, {height}, {width}), }}".encode()
    header += b" " * (-(11 + len(header)) % 64) + b"\n"
    return (
        b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + struct.pack("<f", 0.5) * (3 * height * width)
    )


def pictures():
    yield "I01 a row of 2^31 - 1 pixels", png(2**31 - 1, 1)
    yield "I01 65,535 x 65,535 pixels", png(65_535, 65_535)
    yield "I03 ancillary chunks", png(8, 8, chunk(b"abCd", b"") * 1_000_000)


# A new process starts with the peak of the one that forked it, so the command is started by a small one.
LAUNCHER = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss * 1024, usage.ru_utime + usage.ru_stime)
"""


# What a process may map: less than the bombs of group O would take.
ADDRESS_SPACE = 4 << 30


def measure(command, directory, addresses=None):
    """Exit code, peak resident bytes, processor seconds."""

    def limit():
        if addresses:
            resource.setrlimit(resource.RLIMIT_AS, (addresses, addresses))

    result = subprocess.run(
        [sys.executable, "-c", LAUNCHER] + command, cwd=directory, capture_output=True, check=True, preexec_fn=limit
    )
    code, memory, seconds = result.stdout.split()
    return int(code), int(memory), float(seconds)


def main():
    evssm = os.path.abspath(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    failed = passed = 0
    with tempfile.TemporaryDirectory() as directory:
        baseline = measure([evssm, "kernels"], directory)[1]

        def check(name, path, command, addresses=None):
            nonlocal failed, passed
            size = os.path.getsize(path)
            before = sorted(os.listdir(directory))
            code, memory, seconds = measure(command, directory, addresses)
            limit = baseline + 2 * os.stat(path).st_blocks * 512 + (64 << 20)
            fine = code == 65 and memory <= limit and seconds < 3 and sorted(os.listdir(directory)) == before
            passed, failed = passed + fine, failed + (not fine)
            print(
                f"{'passed' if fine else 'FAILED'}  {name}: {size} bytes, exit code {code}, {memory >> 20} MiB "
                f"of {limit >> 20}, {seconds:.2f} s"
            )

        def write(data):
            path = os.path.join(directory, "hostile")
            with open(path, "wb") as file:
                file.write(data)
            return path

        for name, data in cases():
            check(name, write(data), [evssm, "inspect", "hostile"])
        plan = os.path.join(directory, "hostile")
        with open(plan, "wb") as file:
            file.write(bytes.fromhex("894556500d0a1a0a"))
            file.truncate(1 << 40)
        check("L24 a sparse plan of 1 TiB", plan, [evssm, "inspect", "hostile"])
        model = os.path.join(directory, "hostile.onnx")
        with open(os.path.join(directory, "in.npy"), "wb") as file:
            file.write(npy(64, 64))
        commands = {
            "inspect": [evssm, "inspect", "hostile.onnx"],
            "compile": [evssm, "compile", "hostile.onnx", "-o", "out.plan"],
            "run": [evssm, "run", "hostile.onnx", "in.npy", "-o", "out.npy"],
        }
        for (name, data), kinds in [(case, commands) for case in graphs()] + [(case, ["run"]) for case in runs()]:
            with open(model, "wb") as file:
                file.write(data)
            for kind in kinds:
                check(f"{name}, {kind}", model, commands[kind])
                check(f"{name}, {kind} within {ADDRESS_SPACE >> 30} GiB", model, commands[kind], ADDRESS_SPACE)
        os.unlink(model)
        for name, data in pictures():
            check(name, write(data), [evssm, "run", sys.argv[2], "hostile", "-o", "out.png"])
    print(f"hostile: {passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
