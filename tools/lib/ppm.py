"""Opaque 8-bit PNG and PPM, for tools that have numpy alone: see tools/checks/library."""

import struct
import sys
import zlib

import numpy as np


def read_png(path):
    """An 8-bit RGB picture without interlace, (H, W, 3)."""
    data = open(path, "rb").read()
    position, stream, width, height = 8, b"", 0, 0
    while position < len(data):
        length, kind = struct.unpack(">I4s", data[position : position + 8])
        body = data[position + 8 : position + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", body)
            assert (depth, colour, interlace) == (8, 2, 0), "only plain 8-bit RGB"
        elif kind == b"IDAT":
            stream += body
        position += 12 + length
    rows = np.frombuffer(zlib.decompress(stream), np.uint8).reshape(height, 1 + 3 * width)
    out = np.zeros((height, width * 3), np.uint8)
    for y in range(height):
        above = out[y - 1] if y else np.zeros(3 * width, np.uint8)
        unfilter(rows[y, 0], rows[y, 1:], above, out[y])
    return out.reshape(height, width, 3)


def unfilter(kind, row, above, out):
    if kind == 0:
        out[:] = row
    elif kind == 2:
        out[:] = row + above
    else:
        for i in range(len(row)):
            left = int(out[i - 3]) if i >= 3 else 0
            up, corner = int(above[i]), int(above[i - 3]) if i >= 3 else 0
            if kind == 1:
                guess = left
            elif kind == 3:
                guess = (left + up) // 2
            else:
                guess = min((left, up, corner), key=lambda value: abs(left + up - corner - value))
            out[i] = (int(row[i]) + guess) & 255


def read_ppm(path):
    data = open(path, "rb").read()
    kind, size, maximum, pixels = data.split(b"\n", 3)
    assert kind == b"P6" and maximum == b"255"
    width, height = map(int, size.split())
    return np.frombuffer(pixels, np.uint8).reshape(height, width, 3)


first, second, action = sys.argv[1:]
picture = read_png(first)
if action == "write":
    with open(second, "wb") as file:
        file.write(b"P6\n%d %d\n255\n" % (picture.shape[1], picture.shape[0]) + picture.tobytes())
else:
    difference = np.abs(picture.astype(int) - read_ppm(second).astype(int)).max()
    print(f"largest difference to evssm run: {difference} levels")
    sys.exit(1 if difference else 0)
