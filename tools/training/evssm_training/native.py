"""The kernels in C++, compiled at the first call by the compiler named in CXX (g++ unless set)."""

import ctypes
import hashlib
import os
import subprocess
from functools import cache
from pathlib import Path

import torch

HERE = Path(__file__).parent
SOURCES = ("scan.cpp", "layers.cpp")
HEADERS = ("lanes.h",)
FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-std=c++17", "-fPIC", "-shared", "-pthread", "-Wno-psabi")


def call(name, tensors, *sizes):
    """Calls a kernel with the tensors' addresses, the sizes and the number of threads that torch uses.

    The tensors have to be contiguous float32; nothing checks that they are as large as the sizes say.
    """
    for tensor in tensors:
        assert tensor.dtype == torch.float32 and tensor.is_contiguous(), name
    pointers = [ctypes.c_void_p(tensor.data_ptr()) for tensor in tensors]
    function = getattr(_library(), name)
    function.restype = None
    function(*pointers, *map(ctypes.c_int64, sizes), ctypes.c_int(torch.get_num_threads()))


def size(name, *sizes):
    """The result of a kernel that only computes a size."""
    function = getattr(_library(), name)
    function.restype = ctypes.c_int64
    return function(*map(ctypes.c_int64, sizes))


@cache
def _library():
    """Built at the first call and after a change of a source."""
    texts = [(HERE / name).read_bytes() for name in SOURCES + HEADERS]
    digest = hashlib.sha256(b"".join(texts) + " ".join(FLAGS).encode()).hexdigest()[:16]
    path = cache_folder() / f"kernels-{digest}.so"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}")
        compiler = os.environ.get("CXX", "g++")
        subprocess.run([compiler, *FLAGS, *(HERE / name for name in SOURCES), "-o", partial], check=True)
        partial.rename(path)
    return ctypes.CDLL(str(path))


def cache_folder():
    """Where everything goes that can be made again: EVSSM_TRAINING_CACHE, or .build/training of the checkout."""
    return Path(os.environ.get("EVSSM_TRAINING_CACHE", HERE.parents[2] / ".build" / "training"))
