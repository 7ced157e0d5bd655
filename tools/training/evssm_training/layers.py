"""The layers of a block with gradients in C++, and a network that uses them.

PyTorch on a processor spends most of a training step in the gradients of depthwise convolutions and in passes over
memory between small operations. These are the same functions, fused; the tests compare them with PyTorch's.
"""

import torch
import torch.nn.functional as F
from evssm_torch import EVSSM
from evssm_torch.network import ChannelNorm, FeedForward, SelectiveScan2D

from . import native
from .scan import STATES, selective_scan

SIDE = 8


class _ConvolveGELU(torch.autograd.Function):
    @staticmethod
    def forward(context, x, kernel):
        x = x.contiguous()
        y = torch.empty_like(x)
        native.call("evssm_convolve_gelu_forward", (x, kernel, y), *x.shape)
        context.save_for_backward(x, kernel)
        return y

    @staticmethod
    def backward(context, dy):
        x, kernel = context.saved_tensors
        dx, dkernel = torch.empty_like(x), x.new_empty(x.shape[0], *kernel.shape)
        native.call("evssm_convolve_gelu_backward", (x, kernel, dy.contiguous(), dx, dkernel), *x.shape)
        return dx, dkernel.sum(0)


class _ConvolveGate(torch.autograd.Function):
    @staticmethod
    def forward(context, x, kernel):
        x = x.contiguous()
        batch, channels, height, width = x.shape
        y = x.new_empty(batch, channels // 2, height, width)
        native.call("evssm_convolve_gate_forward", (x, kernel, y), *y.shape)
        context.save_for_backward(x, kernel)
        return y

    @staticmethod
    def backward(context, dy):
        x, kernel = context.saved_tensors
        dx, dkernel = torch.empty_like(x), x.new_empty(x.shape[0], x.shape[1], 10)
        native.call("evssm_convolve_gate_backward", (x, kernel, dy.contiguous(), dx, dkernel), *dy.shape)
        return dx, dkernel[..., :9].sum(0)


class _ConvolveRow(torch.autograd.Function):
    @staticmethod
    def forward(context, x, kernel):
        x = x.contiguous()
        y = torch.empty_like(x)
        native.call("evssm_convolve_row_forward", (x, kernel, y), *x.shape)
        context.save_for_backward(x, kernel)
        return y

    @staticmethod
    def backward(context, dy):
        x, kernel = context.saved_tensors
        dx, dkernel = torch.empty_like(x), x.new_empty(x.shape[0], *kernel.shape)
        native.call("evssm_convolve_row_backward", (x, kernel, dy.contiguous(), dx, dkernel), *x.shape)
        return dx, dkernel.sum(0)


class _ChannelNorm(torch.autograd.Function):
    @staticmethod
    def forward(context, x, weight, bias):
        x = x.contiguous()
        y = torch.empty_like(x)
        native.call("evssm_channel_norm_forward", (x, weight, bias, y), *_rows(x))
        context.save_for_backward(x, weight)
        return y

    @staticmethod
    def backward(context, dy):
        x, weight = context.saved_tensors
        dx, (dweight, dbias) = torch.empty_like(x), (x.new_empty(x.shape[:2]) for _ in range(2))
        native.call("evssm_channel_norm_backward", (x, weight, dy.contiguous(), dx, dweight, dbias), *_rows(x))
        return dx, dweight.sum(0), dbias.sum(0)


class _NormGate(torch.autograd.Function):
    @staticmethod
    def forward(context, y, z, weight, bias):
        y, z = y.contiguous(), z.contiguous()
        out = torch.empty_like(y)
        native.call("evssm_norm_gate_forward", (y, z, weight, bias, out), *_rows(y))
        context.save_for_backward(y, z, weight, bias)
        return out

    @staticmethod
    def backward(context, dout):
        y, z, weight, bias = context.saved_tensors
        dy, dz = torch.empty_like(y), torch.empty_like(z)
        dweight, dbias = (y.new_empty(y.shape[:2]) for _ in range(2))
        tensors = (y, z, weight, bias, dout.contiguous(), dy, dz, dweight, dbias)
        native.call("evssm_norm_gate_backward", tensors, *_rows(y))
        return dy, dz, dweight.sum(0), dbias.sum(0)


class _FilterPatches(torch.autograd.Function):
    @staticmethod
    def forward(context, x, matrices):
        x, matrices = x.contiguous(), matrices.contiguous()
        y = torch.empty_like(x)
        native.call("evssm_filter_patches", (x, matrices, y), *x.shape)
        context.save_for_backward(x, matrices)
        return y

    @staticmethod
    def backward(context, dy):
        x, matrices = context.saved_tensors
        dy = dy.contiguous()
        dx, dmatrices = torch.empty_like(x), torch.empty_like(matrices)
        native.call("evssm_filter_patches", (dy, matrices.transpose(1, 2).contiguous(), dx), *x.shape)
        native.call("evssm_filter_patches_weigh", (x, dy, dmatrices), *x.shape)
        return dx, dmatrices


class _Circulant(torch.autograd.Function):
    """The 64×64 matrices of circular 8×8 kernels: (channels, 64) to (channels, 64, 64)."""

    @staticmethod
    def forward(context, kernels, indices):
        context.order = indices.flatten().argsort(stable=True)
        return kernels[:, indices]

    @staticmethod
    def backward(context, dmatrices):
        grouped = dmatrices.flatten(1).index_select(1, context.order)
        return grouped.unflatten(1, (SIDE * SIDE, SIDE * SIDE)).sum(2), None


def _mix(weight, x):
    """weight (m, k) times every sample of x (batch, k, length). `torch.matmul` would copy x to fold the samples."""
    return torch.bmm(weight.expand(x.shape[0], -1, -1), x)


def _rows(x):
    """(batch, channels, length) of a map."""
    return x.shape[0], x.shape[1], x[0, 0].numel()


def _circulant_indices():
    """Which of a circular 8×8 kernel's values takes pixel p (row) to pixel q (column)."""
    pixels = torch.arange(SIDE * SIDE)
    rows, columns = pixels // SIDE, pixels % SIDE
    return (rows[None] - rows[:, None]) % SIDE * SIDE + (columns[None] - columns[:, None]) % SIDE


class FastChannelNorm(ChannelNorm):
    def forward(self, x):
        return _ChannelNorm.apply(x, self.body.weight, self.body.bias)


class FastSelectiveScan2D(SelectiveScan2D):
    def forward(self, x):
        batch, channels, height, width = x.shape
        x = x.flatten(2)
        into, gate = (_mix(weight, x) for weight in self.in_proj.weight.chunk(2))
        kernel = torch.cat([self.conv2d.weight.flatten(1), self.conv2d.bias[:, None]], dim=1)
        u = _ConvolveGELU.apply(into.unflatten(2, (height, width)), kernel).flatten(2)
        kernel = torch.cat([self.x_conv.weight.flatten(1), self.x_conv.bias[:, None]], dim=1)
        parameters = _ConvolveRow.apply(_mix(self.x_proj_weight[0], u), kernel)
        rank, B, C = parameters.split([self.rank, STATES, STATES], dim=1)
        delta = F.softplus(_mix(self.dt_projs_weight[0], rank) + self.dt_projs_bias[0, :, None])
        y = selective_scan(u, delta, -torch.exp(self.A_logs), B, C, self.Ds)
        y = _NormGate.apply(y, gate, self.out_norm.weight, self.out_norm.bias)
        return _mix(self.out_proj.weight, y).unflatten(2, (height, width))


class FastFeedForward(FeedForward):
    def forward(self, x):
        height, width = x.shape[2:]
        x = _mix(self.project_in.weight.flatten(1), x.flatten(2)).unflatten(2, (height, width))
        x = _ConvolveGate.apply(x, self.dwconv.weight.flatten(1))
        x = _mix(self.project_out.weight.flatten(1), x.flatten(2)).unflatten(2, (height, width))
        if height % SIDE or width % SIDE:
            return self.filter(x)
        kernels = torch.fft.irfft2(self.fft[:, 0, 0], s=(SIDE, SIDE)).flatten(1)
        return _FilterPatches.apply(x, _Circulant.apply(kernels, self.circulant))


FAST = {ChannelNorm: FastChannelNorm, SelectiveScan2D: FastSelectiveScan2D, FeedForward: FastFeedForward}


def fast_network(windows="whole", **sizes):
    """An `EVSSM` of the same parameters and function, whose blocks run the kernels above. Float32 only."""
    network = EVSSM(windows=windows, scan=selective_scan, **sizes)
    for module in network.modules():
        if type(module) in FAST:
            module.__class__ = FAST[type(module)]
        if isinstance(module, FeedForward):
            module.circulant = _circulant_indices()
    return network
