"""Scan functions of the peers: in C++, in the manner of the authors' fallback, and for export to ONNX."""

import hashlib
import os
from pathlib import Path

import torch

SOURCE = Path(__file__).resolve().parent / "scan.cpp"


def compiled_scan(build):
    """The operator of scan.cpp, built under `build` if it is not there, on PyTorch's own threads."""
    digest = hashlib.sha256(SOURCE.read_bytes() + torch.__version__.encode()).hexdigest()[:12]
    directory = Path(build) / f"scan-{digest}"
    library = directory / "evssm_peers_scan.so"
    if not library.exists():
        from torch.utils.cpp_extension import load

        directory.mkdir(parents=True, exist_ok=True)
        os.environ.setdefault("CXX", "g++")
        load(
            "evssm_peers_scan",
            [str(SOURCE)],
            build_directory=str(directory),
            is_python_module=False,
            extra_cflags=["-O3", "-march=native", "-fopenmp", "-Wno-psabi"],
            extra_ldflags=["-fopenmp"],
        )
    else:
        torch.ops.load_library(library)

    @torch.library.register_fake("evssm_peers::selective_scan")
    def _(u, delta, A, B, C, D):
        return u.new_empty(u.shape[0], u.shape[2], u.shape[1]).transpose(1, 2)

    return torch.ops.evssm_peers.selective_scan.default


def fallback_scan(u, delta, A, B, C, D):
    """The usual fallback where there is no GPU: decays and inputs for all positions at once, then a loop over them."""
    decays = torch.exp(torch.einsum("bdl,dn->bdln", delta, A))
    inputs = torch.einsum("bdl,bnl,bdl->bdln", delta, B, u)
    state = u.new_zeros(u.shape[0], *A.shape)
    outputs = []
    for position in range(u.shape[2]):
        state = decays[:, :, position] * state + inputs[:, :, position]
        outputs.append(torch.einsum("bdn,bn->bd", state, C[:, :, position]))
    return torch.stack(outputs, dim=2) + u * D[:, None]


def exported_scan(u, delta, A, B, C, D):
    """The same as one higher-order operator, which torch.onnx writes as an ONNX Scan."""
    from torch._higher_order_ops.scan import scan

    def step(state, position):
        u, delta, B, C = position
        state = torch.exp(delta[:, :, None] * A) * state + (delta * u)[:, :, None] * B[:, None, :]
        return state.clone(), (state * C[:, None, :]).sum(dim=2)

    positions = tuple(tensor.permute(2, 0, 1) for tensor in (u, delta, B, C))
    _, y = scan(step, u.new_zeros(u.shape[0], *A.shape), positions)
    return y.permute(1, 2, 0) + D[:, None] * u
