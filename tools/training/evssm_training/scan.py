"""The scan with a gradient, in C++: what `evssm_torch.EVSSM` takes for `scan`."""

import torch

from . import native

STATES = 8


def selective_scan(u, delta, A, B, C, D):
    """h_l = exp(delta_l A) h_(l-1) + delta_l B_l u_l;  y_l = C_l . h_l + D u_l.

    u, delta: (batch, d, L);  A: (d, 8), negative;  B, C: (batch, 8, L);  D: (d,).  h_(-1) = 0. Float32 only.
    """
    if A.shape[1] != STATES:
        raise ValueError(f"the scan has {STATES} states, not {A.shape[1]}")
    return _Scan.apply(u, delta, A, B, C, D)


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(context, *arguments):
        arguments = tuple(x.contiguous() for x in arguments)
        u = arguments[0]
        y = torch.empty_like(u)
        kept = torch.empty(native.size("evssm_scan_kept", *u.shape))
        native.call("evssm_scan_forward", (*arguments, y, kept), *u.shape)
        context.save_for_backward(*arguments, kept)
        return y

    @staticmethod
    def backward(context, dy):
        *arguments, kept = context.saved_tensors
        u, delta, A, B, C, D = arguments
        batch = u.shape[0]
        dA, dD = A.new_empty(batch, *A.shape), D.new_empty(batch, *D.shape)
        du, ddelta, dB, dC = map(torch.empty_like, (u, delta, B, C))
        gradients = (du, ddelta, dA, dB, dC, dD)
        native.call("evssm_scan_backward", (*arguments, dy.contiguous(), kept, *gradients), *u.shape)
        return du, ddelta, dA.sum(0), dB, dC, dD.sum(0)
