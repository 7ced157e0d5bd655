"""Compares two pictures or arrays and prints how far they lie apart. Needs numpy only.

    tools/lib/python tools/lib/compare.py EXPECTED FOUND [--within 2e-5]

.npy files by the largest absolute difference; .png files (8-bit RGB) by levels, at most one level with at most 0.1 % of
the bytes different. Exit code 1 when they lie further apart.
"""

import argparse
import struct
import sys
import zlib

import numpy as np


def paeth(a, b, c):
    p = a + b - c
    pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
    return a if pa <= pb and pa <= pc else b if pb <= pc else c


def unfilter(kind, row, above):
    """One row of a PNG with three bytes a pixel (PNG specification, section 9)."""
    if kind == 0:
        return row
    if kind == 2:
        return (row + above) & 255
    left = [0, 0, 0]
    corner = [0, 0, 0]
    out = row.copy()
    for i in range(len(row)):
        c = i % 3
        guess = {1: left[c], 3: (left[c] + int(above[i])) // 2}.get(kind)
        if guess is None:
            guess = paeth(left[c], int(above[i]), corner[c])
        left[c] = (int(row[i]) + guess) & 255
        corner[c] = int(above[i])
        out[i] = left[c]
    return out


def read_png(path):
    """(H, W, 3) bytes of an 8-bit RGB PNG without interlacing."""
    with open(path, "rb") as file:
        data = file.read()
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        sys.exit(f"{path}: not a PNG file")
    position, compressed, size = 8, b"", None
    while position < len(data):
        length, kind = struct.unpack(">I4s", data[position : position + 8])
        body = data[position + 8 : position + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
            if (depth, colour, interlaced) != (8, 2, 0):
                sys.exit(f"{path}: not 8-bit RGB without interlacing")
            size = (height, width)
        elif kind == b"IDAT":
            compressed += body
        position += length + 12
    height, width = size
    rows = np.frombuffer(zlib.decompress(compressed), np.uint8).reshape(height, 1 + 3 * width).astype(np.int64)
    out = np.zeros((height, 3 * width), np.int64)
    above = np.zeros(3 * width, np.int64)
    for y in range(height):
        above = out[y] = unfilter(int(rows[y, 0]), rows[y, 1:], above)
    return out.reshape(height, width, 3)


def compare_arrays(expected, found, within):
    if expected.shape != found.shape or expected.dtype != found.dtype:
        print(f"shape {found.shape} {found.dtype}, expected {expected.shape} {expected.dtype}")
        return False
    largest = float(np.max(np.abs(expected.astype(np.float64) - found.astype(np.float64))))
    print(f"largest difference {largest:.2e}, allowed {within:.0e}")
    return largest <= within


def compare_pictures(expected, found):
    if expected.shape != found.shape:
        print(f"{found.shape[1]}x{found.shape[0]} pixels, expected {expected.shape[1]}x{expected.shape[0]}")
        return False
    difference = np.abs(expected - found)
    different = np.count_nonzero(difference)
    print(f"largest difference {difference.max()} levels, {different} of {difference.size} bytes differ")
    return bool(difference.max() <= 1 and different <= difference.size // 1000)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("expected")
    parser.add_argument("found")
    parser.add_argument("--within", type=float, default=2e-5)
    options = parser.parse_args()
    if options.expected.endswith(".npy"):
        same = compare_arrays(np.load(options.expected), np.load(options.found), options.within)
    else:
        same = compare_pictures(read_png(options.expected), read_png(options.found))
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
