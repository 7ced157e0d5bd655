"""ONNX graphs of one small EVSSM network as different exporters and hands write them.

    python tools/onnx_variants.py OUT_DIR [NAME…]

Each variant is NAME.onnx with NAME.in.npy and NAME.out.npy, an input and PyTorch's output. Needs torch, onnx, onnxscript,
numpy; onnxsim and onnxruntime for the optimised ones. `evssm compile NAME.onnx --explain` says
what of one is recognised, `evssm run` on NAME.in.npy how near it comes to NAME.out.npy.
"""

import math
import sys
from pathlib import Path
from typing import List

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parent))
from evssm_torch import network as reference  # noqa: E402

STATES = 8
reflect_pad = reference._reflect_pad


class Style:
    """How parts of the network are spelt; every field has several ways."""

    def __init__(self, **options):
        self.norm = "rsqrt"  # rsqrt, sqrt, pow, manual_sum
        self.gelu = "op"  # op, erf, erf_half_last, tanh
        self.softplus = "op"  # op, log, stable
        self.layer_norm = "op"  # op, pieces
        self.readout = "sum"  # sum, einsum, matmul
        self.skip = "outside"  # outside, inside
        self.decay = "inside"  # inside, outside
        self.product = "inside"  # inside, outside
        self.states = "inside"  # inside: y in the scan; outside: y from stacked states
        self.linear = "linear"  # linear, conv, einsum
        self.flip = "flip"  # flip, index
        self.conv1d_pad = False
        self.chunks = "chunk"  # chunk, slice
        self.layout = "first"  # first, last: residual stream
        self.filter = "rfft2"  # rfft2, matrices
        self.half = "interpolate"  # interpolate, pool
        self.unrolled_form = "stack"  # stack, assign, mamba: how a loop over positions is written
        self.loop = "operator"  # operator, scripted, scripted_list: torch's scan, or a loop that torch.jit.script keeps
        self.near_miss = None
        self.__dict__.update(options)


def gelu(x, style):
    if style.gelu == "erf":
        return 0.5 * x * (1.0 + torch.erf(x / math.sqrt(2.0)))
    if style.gelu == "erf_half_last":
        return x * (torch.erf(x * 0.7071067811865476) + 1) * 0.5
    if style.gelu == "tanh":
        return F.gelu(x, approximate="tanh")
    return F.gelu(x)


def rms_norm(x, weight, bias, style, dim):
    if style.near_miss == "mean":
        x = x - x.mean(dim, keepdim=True)
    view = [1] * x.dim()
    view[dim] = -1
    w, b = weight.view(view), bias.view(view)
    if style.norm == "sqrt":
        return x / torch.sqrt((x * x).mean(dim, keepdim=True) + 1e-6) * w + b
    if style.norm == "pow":
        return w * (x * (x.pow(2).mean(dim, keepdim=True) + 1e-6).pow(-0.5)) + b
    if style.norm == "manual_sum":
        return x * torch.rsqrt(x.square().sum(dim, keepdim=True) / x.shape[dim] + 1e-6) * w + b
    return x * torch.rsqrt(x.square().mean(dim, keepdim=True) + 1e-6) * w + b


def softplus(x, style):
    if style.softplus == "log":
        return torch.log(1 + torch.exp(x))
    if style.softplus == "stable":
        return torch.relu(x) + torch.log(1 + torch.exp(-torch.abs(x)))
    return F.softplus(x)


def scan_loop(u, delta, A, B, C, D, style):
    """The recurrence as torch's scan operator, which exporters write as ONNX's Scan."""
    from torch._higher_order_ops.scan import scan

    def positions(x):
        return x.permute(2, 0, 1)

    first = u.new_zeros(u.shape[0], A.shape[0], A.shape[1])
    xs = [positions(delta), positions(u), positions(B), positions(C)]
    if style.product == "outside":
        xs[1] = positions(delta * u)
    if style.decay == "outside":
        xs[0] = torch.exp(positions(delta)[..., None] * A)

    def body(h, x):
        step, v, b, c = x
        if style.decay == "outside":
            decay = step
        else:
            decay = torch.exp(step[:, :, None] * A)
        driven = v if style.product == "outside" else step * v
        h = decay * h + driven[:, :, None] * b[:, None, :]
        if style.states == "outside":
            return h, h.clone()
        if style.readout == "einsum":
            y = torch.einsum("bdn,bn->bd", h, c)
        elif style.readout == "matmul":
            y = torch.matmul(h, c[:, :, None]).squeeze(-1)
        else:
            y = (h * c[:, None, :]).sum(-1)
        if style.skip == "inside":
            y = y + D * v
        return h, y

    if style.decay == "outside" and style.product == "inside":
        xs[1] = positions(delta * u)
        style = Style(**{**style.__dict__, "product": "outside"})
    _, ys = scan(body, first, tuple(xs), dim=0)
    if style.states == "outside":
        ys = (ys * positions(C)[:, :, None, :]).sum(-1)
    y = ys.permute(1, 2, 0)
    return y if style.skip == "inside" else y + D[:, None] * u


@torch.jit.script
def scan_scripted(u, delta, A, B, C, D):
    """A loop that the exporter keeps, with each result written into its place."""
    h = torch.zeros(u.shape[0], A.shape[0], A.shape[1])
    y = torch.zeros_like(u)
    for position in range(u.shape[2]):
        decay = torch.exp(delta[:, :, position].unsqueeze(2) * A)
        driven = (delta[:, :, position] * u[:, :, position]).unsqueeze(2) * B[:, :, position].unsqueeze(1)
        h = decay * h + driven
        y[:, :, position] = (h * C[:, :, position].unsqueeze(1)).sum(-1)
    return y + D.view(1, -1, 1) * u


@torch.jit.script
def scan_scripted_list(u, delta, A, B, C, D):
    """A loop that the exporter keeps, with the results in a list."""
    h = torch.zeros(u.shape[0], A.shape[0], A.shape[1])
    outputs: List[torch.Tensor] = []
    for position in range(u.shape[2]):
        decay = torch.exp(delta[:, :, position].unsqueeze(2) * A)
        driven = (delta[:, :, position] * u[:, :, position]).unsqueeze(2) * B[:, :, position].unsqueeze(1)
        h = decay * h + driven
        outputs.append((h * C[:, :, position].unsqueeze(1)).sum(-1))
    return torch.stack(outputs, 2) + D.view(1, -1, 1) * u


class Attention(nn.Module):
    def __init__(self, source, style):
        super().__init__()
        self.source, self.style = source, style

    def forward(self, x):
        s, style = self.source, self.style
        batch, channels, height, width = x.shape
        if style.linear == "conv":
            xz = F.conv2d(x, s.in_proj.weight[:, :, None, None])
            u, z = xz.chunk(2, dim=1)
            z = z.permute(0, 2, 3, 1)
        elif style.linear == "einsum":
            u, z = torch.einsum("bchw,dc->bdhw", x, s.in_proj.weight).chunk(2, dim=1)
            z = z.permute(0, 2, 3, 1)
        else:
            xz = s.in_proj(x.permute(0, 2, 3, 1))
            if style.chunks == "slice":
                half = xz.shape[3] // 2
                u, z = xz[..., :half], xz[..., half:]
            else:
                u, z = xz.chunk(2, dim=3)
            u = u.permute(0, 3, 1, 2)
        u = gelu(s.conv2d(u), style).reshape(batch, -1, height * width)
        parameters = torch.matmul(s.x_proj_weight[0], u)
        if style.conv1d_pad:
            parameters = F.conv1d(F.pad(parameters, (3, 3)), s.x_conv.weight, s.x_conv.bias, groups=parameters.shape[1])
        else:
            parameters = s.x_conv(parameters)
        rank, B, C = parameters.split([s.rank, STATES, STATES], dim=1)
        if style.linear == "einsum":
            step = torch.einsum("brl,dr->bdl", rank, s.dt_projs_weight[0])
        else:
            step = torch.matmul(s.dt_projs_weight[0], rank)
        delta = softplus(step + s.dt_projs_bias[0][:, None], style)
        A = -torch.exp(s.A_logs)
        y = self.scan(u, delta, A, B, C, s.Ds)
        y = y.transpose(1, 2)
        if style.layer_norm == "pieces":
            mean = y.mean(-1, keepdim=True)
            centred = y - mean
            variance = (centred * centred).mean(-1, keepdim=True)
            y = centred / torch.sqrt(variance + 1e-5) * s.out_norm.weight + s.out_norm.bias
        else:
            y = s.out_norm(y)
        y = y.view(batch, height, width, -1) * gelu(z, style)
        return s.out_proj(y).permute(0, 3, 1, 2)

    def scan(self, *operands):
        if self.style.loop == "scripted":
            return scan_scripted(*operands)
        if self.style.loop == "scripted_list":
            return scan_scripted_list(*operands)
        return scan_loop(*operands, self.style)


def scan_assign(u, delta, A, B, C, D):
    """A position at a time, each result written into its place."""
    h = u.new_zeros(u.shape[0], A.shape[0], A.shape[1])
    y = torch.zeros_like(u)
    for position in range(u.shape[2]):
        decay = torch.exp(delta[:, :, position, None] * A)
        h = decay * h + (delta[:, :, position] * u[:, :, position])[:, :, None] * B[:, None, :, position]
        y[:, :, position] = (h * C[:, None, :, position]).sum(-1)
    return y + D.view(1, -1, 1) * u


def scan_mamba(u, delta, A, B, C, D):
    """Decays and inputs of all positions first, as in Mamba's plain form (arXiv 2312.00752)."""
    decays = torch.exp(torch.einsum("bdl,dn->bdln", delta, A))
    driven = torch.einsum("bdl,bnl,bdl->bdln", delta, B, u)
    h = u.new_zeros(u.shape[0], A.shape[0], A.shape[1])
    outputs = []
    for position in range(u.shape[2]):
        h = decays[:, :, position] * h + driven[:, :, position]
        outputs.append(torch.einsum("bdn,bn->bd", h, C[:, :, position]))
    y = torch.stack(outputs, dim=2)
    return y + u * D[:, None]


class UnrolledAttention(Attention):
    def scan(self, u, delta, A, B, C, D):
        from evssm_torch.scan import selective_scan

        form = {"stack": selective_scan, "assign": scan_assign, "mamba": scan_mamba}[self.style.unrolled_form]
        return form(u, delta, A, B, C, D)


class FeedForward(nn.Module):
    def __init__(self, source, style):
        super().__init__()
        self.source, self.style = source, style
        spectrum = torch.fft.rfft2(torch.eye(64).view(64, 8, 8)).reshape(64, 40)
        unit = torch.eye(40).view(40, 8, 5)
        real = torch.fft.irfft2(unit.to(torch.complex64), s=(8, 8)).reshape(40, 64)
        imaginary = torch.fft.irfft2(1j * unit, s=(8, 8)).reshape(40, 64)
        self.register_buffer("there", torch.cat([spectrum.real, spectrum.imag], 1))
        self.register_buffer("back", torch.cat([real, imaginary], 0))

    def forward(self, x):
        s = self.source
        a, b = s.dwconv(s.project_in(x)).chunk(2, dim=1)
        x = s.project_out(gelu(a, self.style) * b)
        if self.style.filter == "matrices":
            return self.matrices(x)
        return s.filter(x)

    def matrices(self, x):
        """The spectrum by products with cosines and sines."""
        batch, channels, height, width = x.shape
        x = F.pad(x, (0, -width % 8, 0, -height % 8), mode="reflect")
        rows, columns = x.shape[2] // 8, x.shape[3] // 8
        patches = x.reshape(channels, rows, 8, columns, 8).permute(0, 1, 3, 2, 4).reshape(channels, rows * columns, 64)
        gains = self.source.fft.reshape(channels, 1, 40).repeat(1, 1, 2)
        out = torch.matmul(torch.matmul(patches, self.there) * gains, self.back)
        out = out.reshape(channels, rows, columns, 8, 8).permute(0, 1, 3, 2, 4)
        return out.reshape(batch, channels, rows * 8, columns * 8)[:, :, :height, :width]


class Variant(nn.Module):
    """The network with its parts spelt as `style` says."""

    def __init__(self, network, style, unrolled=False):
        super().__init__()
        self.network, self.style = network, style
        for level in network.modules():
            if isinstance(level, reference.Block):
                level.attn = (UnrolledAttention if unrolled else Attention)(level.attn, style)
                level.ffn = FeedForward(level.ffn, style)
                level.forward = self.block(level)

    def block(self, block):
        style = self.style

        def forward(x):
            if block.transposes:
                x = x.transpose(2, 3)
            elif style.flip == "index":
                x = x[:, :, torch.arange(x.shape[2] - 1, -1, -1)][:, :, :, torch.arange(x.shape[3] - 1, -1, -1)]
            else:
                x = x.flip(2, 3)
            if style.layout == "last":
                n1 = rms_norm(x.permute(0, 2, 3, 1), block.norm1.body.weight, block.norm1.body.bias, style, 3)
                x = x + block.scan_windows(n1.permute(0, 3, 1, 2))
                n2 = rms_norm(x.permute(0, 2, 3, 1), block.norm2.body.weight, block.norm2.body.bias, style, 3)
                return x + block.ffn(n2.permute(0, 3, 1, 2))
            x = x + block.scan_windows(rms_norm(x, block.norm1.body.weight, block.norm1.body.bias, style, 1))
            return x + block.ffn(rms_norm(x, block.norm2.body.weight, block.norm2.body.bias, style, 1))

        return forward

    def forward(self, image):
        return self.network(image)


class Authors(Variant):
    """Windows around norm and residual, as the released network has them."""

    def block(self, block):
        style = self.style

        def windowed(x):
            side = block.window_side or max(x.shape[2:])
            rows, columns = reference.window_ranges(x.shape[2], side), reference.window_ranges(x.shape[3], side)
            total, count = torch.zeros_like(x), torch.zeros_like(x[:, :1])
            for row in rows:
                for column in columns:
                    part = x[:, :, row, column]
                    n = rms_norm(part, block.norm1.body.weight, block.norm1.body.bias, style, 1)
                    total[:, :, row, column] += part + block.attn(n)
                    count[:, :, row, column] += 1
            return total / count

        def forward(x):
            x = windowed(x.transpose(2, 3) if block.transposes else x.flip(2, 3))
            return x + block.ffn(rms_norm(x, block.norm2.body.weight, block.norm2.body.bias, style, 1))

        return forward


def weights(network, seed):
    """Weights of a network at work, so that every mistake shows."""
    generator = torch.Generator().manual_seed(seed)

    def normal(shape, scale, mean=0.0):
        return torch.randn(shape, generator=generator) * scale + mean

    state = {}
    for name, tensor in network.state_dict().items():
        fan_in = max(tensor[0].numel(), 1) ** 0.5
        if name.endswith("A_logs"):
            state[name] = torch.log(torch.arange(1.0, STATES + 1)).repeat(tensor.shape[0], 1) + normal(tensor.shape, 0.1)
        elif name.endswith("dt_projs_bias"):
            state[name] = normal(tensor.shape, 1.0, -3.0)
        elif name.endswith(("body.weight", "out_norm.weight", "Ds")) and tensor.dim() == 1:
            state[name] = normal(tensor.shape, 0.2, 1.0)
        elif name.endswith("bias"):
            state[name] = normal(tensor.shape, 0.1)
        elif name.endswith("fft"):
            state[name] = normal(tensor.shape, 0.3, 1.0)
        else:
            state[name] = normal(tensor.shape, 1 / fan_in)
    network.load_state_dict(state)
    return network.eval()


def always_pad(x, multiple):
    """The padding to a multiple where an exporter sees it at any size."""
    return F.pad(x, (0, -x.shape[3] % multiple, 0, -x.shape[2] % multiple), mode="reflect")


def build(dim=4, blocks=(1, 1, 1), expansion=2.0, sides=None, seed=0, unrolled=False, kind=Variant, **style):
    network = weights(reference.EVSSM(dim=dim, blocks=blocks, expansion=expansion), seed)
    if sides:
        for level, side in zip(("encoder_level1", "encoder_level2", "encoder_level3"), sides):
            for name in (level, level.replace("encoder", "decoder")):
                for block in getattr(network, name).children():
                    block.window_side = side
    return kind(network, Style(**style), unrolled).eval()


def export(model, image, path, dynamo=True, opset=18, dynamic=False, optimize=True, tool=None):
    shapes = {"image": {2: torch.export.Dim.AUTO, 3: torch.export.Dim.AUTO}} if dynamic else None
    with torch.no_grad():
        if dynamo:
            program = torch.onnx.export(model, (image,), dynamo=True, opset_version=opset, optimize=optimize, verbose=False,
                                        dynamic_shapes=shapes)
            program.save(str(path), external_data=False)
        else:
            axes = {"image": {2: "height", 3: "width"}, "result": {2: "height", 3: "width"}} if dynamic else None
            torch.onnx.export(model, (image,), str(path), dynamo=False, opset_version=opset, input_names=["image"],
                              output_names=["result"], dynamic_axes=axes)
    if tool:
        with_tool(path, tool)


def with_tool(path, tool):
    """The file as an optimiser writes it anew."""
    model = onnx.load(str(path))
    if tool == "onnxsim":
        import onnxsim

        model, same = onnxsim.simplify(model)
        assert same
    elif tool == "onnxslim":
        import onnxslim

        model = onnxslim.slim(model)
    elif tool == "float16":
        from onnxruntime.transformers.float16 import convert_float_to_float16

        model = convert_float_to_float16(model, keep_io_types=True)
    else:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        levels = {"ort-basic": "ORT_ENABLE_BASIC", "ort-extended": "ORT_ENABLE_EXTENDED", "ort-all": "ORT_ENABLE_ALL"}
        options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, levels[tool])
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return
    onnx.save(model, str(path))


# name: (size, options of build, options of export). Sizes are those of the example; axes of size 1 in it stay so in torch.export's
# graphs, so that graphs for any size need two patches at every level.
VARIANTS = {
    "plain": ((32, 40), {}, {}),
    "opset20": ((40, 32), {}, {"opset": 20}),
    "opset23": ((40, 32), {}, {"opset": 23}),
    "unoptimised": ((32, 40), {}, {"optimize": False}),
    "small": ((20, 24), {"blocks": (1, 2, 1)}, {}),
    "odd-size": ((45, 30), {"dim": 3, "expansion": 2.66}, {}),
    "wide": ((24, 64), {"dim": 16, "blocks": (2, 1, 3)}, {}),
    "norm-sqrt": ((32, 40), {"norm": "sqrt"}, {}),
    "norm-pow": ((32, 40), {"norm": "pow"}, {}),
    "norm-sum": ((32, 40), {"norm": "manual_sum"}, {}),
    "gelu-erf": ((32, 40), {"gelu": "erf"}, {}),
    "gelu-erf-half-last": ((32, 40), {"gelu": "erf_half_last"}, {"opset": 20}),
    "softplus-log": ((32, 40), {"softplus": "log"}, {}),
    "softplus-stable": ((32, 40), {"softplus": "stable"}, {}),
    "layer-norm-pieces": ((32, 40), {"layer_norm": "pieces"}, {}),
    "readout-einsum": ((32, 40), {"readout": "einsum"}, {}),
    "readout-matmul": ((32, 40), {"readout": "matmul"}, {}),
    "skip-inside": ((32, 40), {"skip": "inside"}, {}),
    "product-outside": ((32, 40), {"product": "outside"}, {}),
    "decay-outside": ((32, 40), {"decay": "outside"}, {}),
    "states-outside": ((32, 40), {"states": "outside"}, {}),
    "linear-conv": ((32, 40), {"linear": "conv"}, {}),
    "linear-einsum": ((32, 40), {"linear": "einsum"}, {}),
    "flip-index": ((32, 40), {"flip": "index", "blocks": (2, 1, 1)}, {}),
    "conv1d-pad": ((32, 40), {"conv1d_pad": True}, {}),
    "chunks-slice": ((32, 40), {"chunks": "slice"}, {}),
    "layout-last": ((32, 40), {"layout": "last"}, {}),
    "filter-matrices": ((32, 40), {"filter": "matrices"}, {}),
    "windows": ((44, 36), {"sides": (20, 12, 6), "blocks": (2, 1, 1)}, {}),
    "windows-authors": ((44, 36), {"sides": (20, 12, 6), "blocks": (2, 1, 1), "kind": Authors}, {}),
    "authors": ((36, 48), {"kind": Authors}, {}),
    "unrolled": ((20, 24), {"unrolled": True}, {}),
    "unrolled-assign": ((20, 24), {"unrolled": True, "unrolled_form": "assign"}, {}),
    "unrolled-mamba": ((20, 24), {"unrolled": True, "unrolled_form": "mamba"}, {}),
    "torchscript": ((20, 24), {"unrolled": True, "filter": "matrices"}, {"dynamo": False, "opset": 17}),
    "torchscript-assign": ((20, 24), {"unrolled": True, "unrolled_form": "assign", "filter": "matrices"}, {"dynamo": False, "opset": 17}),
    "torchscript-mamba": ((20, 24), {"unrolled": True, "unrolled_form": "mamba", "filter": "matrices"}, {"dynamo": False, "opset": 13}),
    "scripted": ((32, 40), {"loop": "scripted", "filter": "matrices"}, {"dynamo": False, "opset": 17}),
    "scripted-dynamic": ((72, 88), {"loop": "scripted", "filter": "matrices"}, {"dynamo": False, "opset": 17, "dynamic": True}),
    "scripted-list": ((32, 40), {"loop": "scripted_list", "filter": "matrices"}, {"dynamo": False, "opset": 17}),
    "dynamic": ((72, 88), {}, {"dynamic": True}),
    "dynamic-opset23": ((72, 88), {"filter": "matrices"}, {"dynamic": True, "opset": 23}),
    "dynamic-last": ((72, 88), {"layout": "last", "norm": "sqrt", "gelu": "erf"}, {"dynamic": True, "opset": 20}),
    "onnxsim": ((32, 40), {}, {"tool": "onnxsim"}),
    "onnxsim-windows": ((44, 36), {"sides": (20, 12, 6), "kind": Authors}, {"tool": "onnxsim"}),
    "onnxsim-dynamic": ((72, 88), {}, {"tool": "onnxsim", "dynamic": True}),
    "onnxsim-unrolled": ((20, 24), {"unrolled": True}, {"tool": "onnxsim"}),
    "onnxslim": ((32, 40), {}, {"tool": "onnxslim"}),
    "onnxslim-windows": ((44, 36), {"sides": (20, 12, 6), "kind": Authors}, {"tool": "onnxslim"}),
    "onnxslim-dynamic": ((72, 88), {}, {"tool": "onnxslim", "dynamic": True}),
    "ort-basic": ((32, 40), {}, {"tool": "ort-basic"}),
    "ort-basic-windows": ((44, 36), {"sides": (20, 12, 6), "kind": Authors}, {"tool": "ort-basic"}),
    "ort-basic-dynamic": ((72, 88), {}, {"tool": "ort-basic", "dynamic": True}),
    "ort-extended": ((32, 40), {}, {"tool": "ort-extended"}),
    "ort-extended-sqrt": ((32, 40), {"norm": "sqrt"}, {"tool": "ort-extended"}),
    "ort-extended-last": ((32, 40), {"layout": "last"}, {"tool": "ort-extended"}),
    "ort-extended-wide": ((24, 64), {"dim": 16, "blocks": (2, 1, 3)}, {"tool": "ort-extended"}),
    "ort-all": ((32, 40), {}, {"tool": "ort-all"}),
    "float16": ((32, 40), {"filter": "matrices"}, {"tool": "float16"}),
    "NOT-mean": ((32, 40), {"near_miss": "mean"}, {}),
    "NOT-tanh": ((32, 40), {"gelu": "tanh"}, {}),
}


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or VARIANTS:
        size, options, how = VARIANTS[name]
        reference._reflect_pad = always_pad if how.get("dynamic") else reflect_pad
        try:
            model = build(**options)
            image = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(9))
            export(model, image, out / f"{name}.onnx", **how)
            with torch.no_grad():
                expected = model(image)
            np.save(out / f"{name}.in.npy", image.numpy())
            np.save(out / f"{name}.out.npy", expected.numpy())
            print(name, len(onnx.load(str(out / f"{name}.onnx")).graph.node), flush=True)
        except Exception as error:  # an exporter that cannot is not the subject
            print(name, "NOT EXPORTED:", type(error).__name__, str(error)[:300].replace("\n", " "), flush=True)


if __name__ == "__main__":
    main()
