"""The network: names, shapes and arithmetic of the authors' released code (CVPR 2025, arXiv 2405.14343).

A feature map is (N, C, h, w); C is `dim`, 2 dim, 4 dim at levels 1, 2, 3. Parameters carry the names of the authors'
checkpoints, so that a state dict loads without translation.
"""

import math

import torch
import torch.nn.functional as F
from evssm_layout import PATCH, STATES, TAPS
from torch import nn

from .checkpoint import hyper_parameters
from .scan import selective_scan

WINDOW_SIDES = (384, 192, 96)


class ChannelNorm(nn.Module):
    """x / sqrt(mean of squares + 1e-6) over channels, times a weight, plus a bias; no mean is subtracted."""

    def __init__(self, channels):
        super().__init__()
        self.body = nn.Module()
        self.body.weight = nn.Parameter(torch.ones(channels))
        self.body.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        scale = torch.rsqrt(x.square().mean(dim=1, keepdim=True) + 1e-6)
        return x * scale * self.body.weight[:, None, None] + self.body.bias[:, None, None]


class SelectiveScan2D(nn.Module):
    """The scan along the rows of a map, gated: a state-space model of one direction."""

    def __init__(self, channels, scan):
        super().__init__()
        inner = 2 * channels
        self.rank = math.ceil(channels / 16)
        self.scan = scan
        parameters = self.rank + 2 * STATES
        self.in_proj = nn.Linear(channels, 2 * inner, bias=False)
        self.conv2d = nn.Conv2d(inner, inner, 3, padding=1, groups=inner)
        self.x_proj_weight = nn.Parameter(_uniform(1, parameters, inner, bound=inner**-0.5))
        self.x_conv = nn.Conv1d(parameters, parameters, TAPS, padding=TAPS // 2, groups=parameters)
        self.dt_projs_weight = nn.Parameter(_uniform(1, inner, self.rank, bound=self.rank**-0.5))
        self.dt_projs_bias = nn.Parameter(_time_step_bias(inner)[None])
        self.A_logs = nn.Parameter(torch.log(torch.arange(1.0, STATES + 1)).repeat(inner, 1))
        self.Ds = nn.Parameter(torch.ones(inner))
        self.out_norm = nn.LayerNorm(inner)
        self.out_proj = nn.Linear(inner, channels, bias=False)

    def forward(self, x):
        batch, _, height, width = x.shape
        x, gate = self.in_proj(x.permute(0, 2, 3, 1)).chunk(2, dim=3)
        u = F.gelu(self.conv2d(x.permute(0, 3, 1, 2))).flatten(2)
        parameters = self.x_conv(F.linear(u.transpose(1, 2), self.x_proj_weight[0]).transpose(1, 2))
        rank, B, C = parameters.split([self.rank, STATES, STATES], dim=1)
        delta = F.softplus(F.linear(rank.transpose(1, 2), self.dt_projs_weight[0], self.dt_projs_bias[0]))
        y = self.scan(u, delta.transpose(1, 2), -torch.exp(self.A_logs), B, C, self.Ds)
        y = self.out_norm(y.transpose(1, 2)).view(batch, height, width, -1)
        return self.out_proj(y * F.gelu(gate)).permute(0, 3, 1, 2)


class FeedForward(nn.Module):
    """A gated convolution between two linear maps, then a filter of each 8×8 patch's spectrum."""

    def __init__(self, channels, hidden):
        super().__init__()
        self.project_in = nn.Conv2d(channels, 2 * hidden, 1, bias=False)
        self.dwconv = nn.Conv2d(2 * hidden, 2 * hidden, 3, padding=1, groups=2 * hidden, bias=False)
        self.project_out = nn.Conv2d(hidden, channels, 1, bias=False)
        self.fft = nn.Parameter(torch.ones(channels, 1, 1, PATCH, PATCH // 2 + 1))

    def forward(self, x):
        a, b = self.dwconv(self.project_in(x)).chunk(2, dim=1)
        return self.filter(self.project_out(F.gelu(a) * b))

    def filter(self, x):
        batch, channels, height, width = x.shape
        x = _reflect_pad(x, PATCH)
        patches = x.unflatten(3, (-1, PATCH)).unflatten(2, (-1, PATCH)).transpose(3, 4)
        spectrum = torch.fft.rfft2(patches) * self.fft
        patches = torch.fft.irfft2(spectrum, s=(PATCH, PATCH))
        return patches.transpose(3, 4).flatten(4, 5).flatten(2, 3)[:, :, :height, :width]


class Block(nn.Module):
    """A change of frame, which is not undone, then the two stages, each added to what it was given."""

    def __init__(self, index, channels, hidden, window_side, scan):
        super().__init__()
        self.transposes = index % 2 == 0
        self.window_side = window_side
        self.norm1 = ChannelNorm(channels)
        self.attn = SelectiveScan2D(channels, scan)
        self.norm2 = ChannelNorm(channels)
        self.ffn = FeedForward(channels, hidden)

    def forward(self, x):
        x = x.transpose(2, 3) if self.transposes else x.flip(2, 3)
        x = x + self.scan_windows(self.norm1(x))
        return x + self.ffn(self.norm2(x))

    def scan_windows(self, x):
        """The scan stage of every window; where windows overlap, their mean."""
        side = self.window_side or max(x.shape[2:])
        rows, columns = window_ranges(x.shape[2], side), window_ranges(x.shape[3], side)
        if len(rows) == len(columns) == 1:
            return self.attn(x)
        total, count = torch.zeros_like(x), torch.zeros_like(x[:1, :1])
        for row in rows:
            for column in columns:
                total[:, :, row, column] += self.attn(x[:, :, row, column])
                count[:, :, row, column] += 1
        return total / count


class Level(nn.Module):
    """The blocks of one level of the encoder or decoder, numbered from 0: `block0`, `block1`, …"""

    def __init__(self, count, *arguments):
        super().__init__()
        for index in range(count):
            self.add_module(f"block{index}", Block(index, *arguments))

    def forward(self, x):
        for block in self.children():
            x = block(x)
        return x


class Resampling(nn.Module):
    """Bilinear resampling by a factor, then a convolution without bias."""

    def __init__(self, source, target, factor, kernel_side=3):
        super().__init__()
        interpolation = nn.Upsample(scale_factor=factor, mode="bilinear", align_corners=False)
        convolution = nn.Conv2d(source, target, kernel_side, padding=kernel_side // 2, bias=False)
        self.body = nn.Sequential(interpolation, convolution)

    def forward(self, x):
        return self.body(x)


class EVSSM(nn.Module):
    """The whole network: (N, 3, H, W) to the same shape; a sum with its input, not clamped.

    `windows` is "released" (overlapping windows of 384, 192 and 96 pixels, averaged: what the authors test with) or
    "whole" (one window as large as the map: what they train). `scan` has the signature of `selective_scan`.
    """

    def __init__(
        self,
        dim=48,
        blocks=(6, 6, 12),
        expansion=3.0,
        hidden=None,
        kernel_sides=(3, 3, 3, 3),
        windows="released",
        scan=selective_scan,
    ):
        super().__init__()
        if windows not in ("released", "whole"):
            raise ValueError(f"windows are 'released' or 'whole', not {windows!r}")
        sides = WINDOW_SIDES if windows == "released" else (None, None, None)
        hidden = hidden or tuple(int((dim << level) * expansion) for level in range(3))

        def level(index):
            return Level(blocks[index], dim << index, hidden[index], sides[index], scan)

        self.patch_embed = nn.Module()
        self.patch_embed.proj = nn.Conv2d(3, dim, 3, padding=1, bias=False)
        self.encoder_level1 = level(0)
        self.down1_2 = Resampling(dim, 2 * dim, 0.5, kernel_sides[0])
        self.encoder_level2 = level(1)
        self.down2_3 = Resampling(2 * dim, 4 * dim, 0.5, kernel_sides[1])
        self.encoder_level3 = level(2)
        self.decoder_level3 = level(2)
        self.up3_2 = Resampling(4 * dim, 2 * dim, 2.0, kernel_sides[2])
        self.decoder_level2 = level(1)
        self.up2_1 = Resampling(2 * dim, dim, 2.0, kernel_sides[3])
        self.decoder_level1 = level(0)
        self.output = nn.Conv2d(dim, 3, 3, padding=1, bias=False)

    @classmethod
    def from_state_dict(cls, state_dict, **options):
        """A network of the sizes that the shapes of the state dict tell, with its weights in float32."""
        network = cls(**hyper_parameters(state_dict), **options)
        network.load_state_dict({name: tensor.float() for name, tensor in state_dict.items()})
        return network

    def forward(self, image):
        height, width = image.shape[2:]
        image = _reflect_pad(image, 4)
        x1 = self.encoder_level1(self.patch_embed.proj(image))
        x2 = self.encoder_level2(self.down1_2(x1))
        x3 = self.decoder_level3(self.encoder_level3(self.down2_3(x2)))
        x2 = self.decoder_level2(self.up3_2(x3) + x2)
        x1 = self.decoder_level1(self.up2_1(x2) + x1)
        return (self.output(x1) + image)[:, :, :height, :width]


def window_ranges(size, side):
    """The windows along an axis, as slices of at most `side`, a constant step apart, the last moved back to the end."""
    length = min(size, side)
    count = (size - 1) // length + 1
    if count == 1:
        return [slice(0, length)]
    step = math.ceil((size - length) / (count - 1) - 1e-8)
    starts = [*range(0, size - length, step), size - length]
    return [slice(start, start + length) for start in starts]


def _reflect_pad(x, multiple):
    """Grows right and bottom to a multiple by reflection; a map that fits already is returned as it is."""
    bottom, right = -x.shape[2] % multiple, -x.shape[3] % multiple
    return F.pad(x, (0, right, 0, bottom), mode="reflect") if bottom or right else x


def _uniform(*shape, bound):
    return torch.empty(shape).uniform_(-bound, bound)


def _time_step_bias(channels, smallest=1e-3, largest=1e-1):
    """The inverse of softplus of time steps that are uniform in the logarithm."""
    steps = torch.exp(torch.empty(channels).uniform_(math.log(smallest), math.log(largest))).clamp(min=1e-4)
    return steps + torch.log(-torch.expm1(-steps))
