"""The parameters of an EVSSM network: names and shapes, as the authors' checkpoints have them.

The one list of them in Python. The network in PyTorch (evssm_torch) names its modules so that it has the same; the step
`network` of tools/check compares. The list in Swift is a second one on purpose: each is checked against the other.
"""

import math

STATES = 8  # of the scan, for each channel
TAPS = 7  # of the convolution along a row of the scan's parameters
PATCH = 8  # the side of the patches that the feed-forward stage filters


def parameters(dim=48, blocks=(6, 6, 12), expansion=3.0):
    """(name, shape) of every parameter, in the order of the forward pass. `blocks` at levels 1, 2 and 3."""
    yield "patch_embed.proj.weight", (dim, 3, 3, 3)
    yield from _level("encoder", 0, dim, blocks, expansion)
    yield _resampling("down1_2", dim, 2 * dim)
    yield from _level("encoder", 1, dim, blocks, expansion)
    yield _resampling("down2_3", 2 * dim, 4 * dim)
    yield from _level("encoder", 2, dim, blocks, expansion)
    yield from _level("decoder", 2, dim, blocks, expansion)
    yield _resampling("up3_2", 4 * dim, 2 * dim)
    yield from _level("decoder", 1, dim, blocks, expansion)
    yield _resampling("up2_1", 2 * dim, dim)
    yield from _level("decoder", 0, dim, blocks, expansion)
    yield "output.weight", (3, dim, 3, 3)


def _level(name, index, dim, blocks, expansion):
    channels = dim << index
    for block in range(blocks[index]):
        prefix = f"{name}_level{index + 1}.block{block}."
        yield from _norm(prefix + "norm1.body", channels)
        yield from _scan_stage(prefix + "attn.", channels)
        yield from _norm(prefix + "norm2.body", channels)
        yield from _feed_forward_stage(prefix + "ffn.", channels, int(channels * expansion))


def _norm(name, channels):
    yield name + ".weight", (channels,)
    yield name + ".bias", (channels,)


def _scan_stage(prefix, channels):
    inner, rank = 2 * channels, math.ceil(channels / 16)
    rows = rank + 2 * STATES
    yield prefix + "x_proj_weight", (1, rows, inner)
    yield prefix + "dt_projs_weight", (1, inner, rank)
    yield prefix + "dt_projs_bias", (1, inner)
    yield prefix + "A_logs", (inner, STATES)
    yield prefix + "Ds", (inner,)
    yield prefix + "in_proj.weight", (2 * inner, channels)
    yield prefix + "conv2d.weight", (inner, 1, 3, 3)
    yield prefix + "conv2d.bias", (inner,)
    yield prefix + "x_conv.weight", (rows, 1, TAPS)
    yield prefix + "x_conv.bias", (rows,)
    yield from _norm(prefix + "out_norm", inner)
    yield prefix + "out_proj.weight", (channels, inner)


def _feed_forward_stage(prefix, channels, hidden):
    yield prefix + "fft", (channels, 1, 1, PATCH, PATCH // 2 + 1)
    yield prefix + "project_in.weight", (2 * hidden, channels, 1, 1)
    yield prefix + "dwconv.weight", (2 * hidden, 1, 3, 3)
    yield prefix + "project_out.weight", (channels, hidden, 1, 1)


def _resampling(name, source, target):
    return name + ".body.1.weight", (target, source, 3, 3)
