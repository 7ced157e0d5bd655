"""Frames of HTTP/2 and messages of gRPC, made byte by byte, right or wrong as the caller says."""

import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name, value):
    """A header in HPACK, without index or Huffman code."""

    def text(data):
        if len(data) < 127:
            return bytes([len(data)]) + data
        rest, out = len(data) - 127, b"\x7f"
        while rest >= 128:
            out += bytes([rest % 128 + 128])
            rest //= 128
        return out + bytes([rest]) + data

    return b"\0" + text(name) + text(value)


def headers_block(method=b"ModelInfer", service=b"inference.GRPCInferenceService", kind=b"application/grpc", more=()):
    block = b"".join(
        literal(*pair)
        for pair in [
            (b":method", b"POST"),
            (b":scheme", b"http"),
            (b":path", b"/" + service + b"/" + method),
            (b":authority", b"x"),
            (b"content-type", kind),
            (b"te", b"trailers"),
            *more,
        ]
    )
    return block


SETTINGS = frame(4, 0, 0)


def call(stream, message, method=b"ServerLive", more=(), kind=b"application/grpc"):
    return frame(1, 4, stream, headers_block(method, kind=kind, more=more)) + frame(0, 1, stream, message)


def message(data, flag=0, length=None):
    return bytes([flag]) + struct.pack(">I", len(data) if length is None else length) + data
