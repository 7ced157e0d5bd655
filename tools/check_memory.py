"""Runs evssm on files made to exhaust memory or time, each in a process of its own, and holds it to the contract:
exit code 65, no signal, peak memory within the baseline + 2 x file + 64 MiB, a second of processor time
(three here, as a shared machine may be that slow), nothing written.

    python3 tools/check_memory.py EVSSM PLAN

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
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + data + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def cases():
    yield "Z29 deflate bomb", archive(b"\x80\x02" + b"(" * 200_000_000, zipfile.ZIP_DEFLATED)
    yield "P09 memo flood", archive(b"\x80\x02}" + b"".join(b"r" + struct.pack("<I", i) for i in range(5_000_000)) + b".")
    yield "P27 nested tuples", archive(b"\x80\x02" + b")" + b"\x85" * 2_000_000 + b".")
    yield "P28 shared lists", archive(b"\x80\x02]q\x00" + b"".join(b"](h\x00h\x00e0" for _ in range(200_000)) + b".")
    yield "P29 a string of 4 GiB", archive(b"\x80\x02X\xff\xff\xff\xff.")
    header = json.dumps({f"{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(400_000)}).encode()
    yield "S19 empty entries", struct.pack("<Q", len(header)) + header
    yield "S04 deep header", struct.pack("<Q", 10_000_000) + b"[" * 10_000_000
    yield "S02 header of 2^63 bytes", struct.pack("<Q", 1 << 63) + b"{}"
    yield "L02 a plan cut in its header", bytes.fromhex("894556500d0a1a0a") + b"\x01\x00\x00\x00" * 10
    yield "L05 a plan of 2^32 sections", bytes.fromhex("894556500d0a1a0a") + b"\x01\x00\x00\x00\x04\x03\x02\x01" + b"\xff" * 200


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


def measure(command, directory):
    """Exit code, peak resident bytes, processor seconds."""
    result = subprocess.run([sys.executable, "-c", LAUNCHER] + command, cwd=directory, capture_output=True, check=True)
    code, memory, seconds = result.stdout.split()
    return int(code), int(memory), float(seconds)


def main():
    evssm = os.path.abspath(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    failed = passed = 0
    with tempfile.TemporaryDirectory() as directory:
        baseline = measure([evssm, "kernels"], directory)[1]

        def check(name, path, command):
            nonlocal failed, passed
            size = os.path.getsize(path)
            before = sorted(os.listdir(directory))
            code, memory, seconds = measure(command, directory)
            limit = baseline + 2 * os.stat(path).st_blocks * 512 + (64 << 20)
            fine = code == 65 and memory <= limit and seconds < 3 and sorted(os.listdir(directory)) == before
            passed, failed = passed + fine, failed + (not fine)
            print(f"{'passed' if fine else 'FAILED'}  {name}: {size} bytes, exit code {code}, {memory >> 20} MiB "
                  f"of {limit >> 20}, {seconds:.2f} s")
            os.unlink(path)

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
        for name, data in pictures():
            check(name, write(data), [evssm, "run", sys.argv[2], "hostile", "-o", "out.png"])
    print(f"hostile: {passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
