"""Blurred photographs from sharp ones: camera shake and moving objects, over several exposures in linear light.

A camera held by hand moves while the shutter is open. Its path is a random walk with inertia, from nearly straight to
curled, sometimes with a jolt, plus a small roll about the picture's centre. The exposures along the path are averaged
in linear light; then come shot and read noise, the transfer curve, rounding to 8 bits and, now and then, JPEG. The
sharp picture lies at the path's mean, so that the pair is aligned. Everything follows from the generator handed in.
"""

import io
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

MARGIN = 20  # pixels around a crop that its blur may draw from


@dataclass(frozen=True)
class Strength:
    """How strongly pictures are blurred: lengths in pixels, the roll in radians."""

    shortest: float = 2.0
    longest: float = 20.0
    roll: float = 0.006
    objects: float = 0.25  # share of pictures with a moving object
    jpeg: float = 0.25  # share of pictures that go through JPEG


def to_linear(x):
    """sRGB values in [0, 1] to linear light."""
    return torch.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def from_linear(x):
    """Linear light to sRGB values; clips to [0, 1]."""
    x = x.clamp(0, 1)
    return torch.where(x <= 0.0031308, x * 12.92, 1.055 * x.clamp_min(1e-8) ** (1 / 2.4) - 0.055)


def path(rng, extent, frames):
    """(frames, 2): positions in pixels along a path with mean 0 whose two farthest points lie `extent` apart."""
    steps = 48
    unrest = np.exp(rng.uniform(np.log(0.005), np.log(0.2)))
    velocity = rng.standard_normal(2)
    velocity /= np.linalg.norm(velocity)
    positions = np.zeros((steps, 2))
    for step in range(1, steps):
        velocity = 0.98 * velocity + unrest * rng.standard_normal(2)
        if rng.random() < 0.01:
            velocity = -1.5 * velocity + 0.5 * rng.standard_normal(2)
        positions[step] = positions[step - 1] + velocity
    differences = positions[:, None] - positions[None]
    positions *= extent / max(np.sqrt((differences**2).sum(2)).max(), 1e-6)
    at = np.linspace(0, steps - 1, frames)
    positions = np.stack([np.interp(at, np.arange(steps), positions[:, axis]) for axis in range(2)], axis=1)
    return positions - positions.mean(0)


def extent(rng, strength):
    """How far a path reaches: mostly a few pixels, at times many; the mean lies at a quarter of the range."""
    return strength.shortest + (strength.longest - strength.shortest) * rng.beta(1.2, 3.6)


def blurred_pair(rng, sharp, centre, strength=Strength(), texture=None):
    """(blurred, sharp), uint8 tensors without the margin.

    sharp: uint8 (3, H + 2 MARGIN, W + 2 MARGIN); centre: (y, x) of the photograph's centre in its coordinates;
    texture: another picture of that size, for an object that moves across.
    """
    length = extent(rng, strength)
    frames = int(np.clip(np.ceil(1.5 * length), 8, 32))
    shake = path(rng, length, frames)
    roll = path(rng, 1.0, frames)[:, 0] * strength.roll * rng.uniform(0, 1)
    scene = to_linear(torch.from_numpy(sharp).float() / 255)
    moving = texture is not None and rng.random() < strength.objects
    if moving:
        cover = _cover(rng, *scene.shape[1:])
        front = to_linear(torch.from_numpy(texture).float() / 255)
        own = path(rng, extent(rng, strength), frames)
    total = torch.zeros_like(scene)
    for frame in range(frames):
        seen = _moved(scene, shake[frame], roll[frame], centre)
        if moving:
            layer = torch.cat([front * cover, cover])
            layer = _moved(layer, shake[frame] + own[frame], roll[frame], centre)
            seen = seen * (1 - layer[3:]) + layer[:3]
        total += seen
    still = scene * (1 - cover) + front * cover if moving else scene
    light = _noisy(rng, _inner(total / frames))
    return _jpeg(rng, _bytes(from_linear(light)), strength), _bytes(from_linear(_inner(still)))


def _moved(x, shift, angle, centre):
    """x seen from a camera shifted by (y, x) pixels and turned about the centre."""
    _, height, width = x.shape
    cos, sin = np.cos(angle), np.sin(angle)
    cy, cx = centre
    # In pixels: the source of (px, py). Then the same map between the normalised coordinates of affine_grid.
    matrix = np.array(
        [[cos, -sin, cx - cos * cx + sin * cy + shift[1]], [sin, cos, cy - sin * cx - cos * cy + shift[0]], [0, 0, 1]]
    )
    half_x, half_y = (width - 1) / 2, (height - 1) / 2
    to_pixels = np.array([[half_x, 0, half_x], [0, half_y, half_y], [0, 0, 1]])
    theta = torch.from_numpy((np.linalg.inv(to_pixels) @ matrix @ to_pixels)[None, :2]).float()
    grid = F.affine_grid(theta, (1, 1, height, width), align_corners=True)
    return F.grid_sample(x[None], grid, mode="bilinear", padding_mode="reflection", align_corners=True)[0]


def _cover(rng, height, width):
    """(1, height, width): a soft-edged blob or polygon, 1 inside."""
    y, x = torch.meshgrid(torch.arange(height) * 1.0, torch.arange(width) * 1.0, indexing="ij")
    size = min(height, width)
    cy, cx = rng.uniform(0.15, 0.85) * height, rng.uniform(0.15, 0.85) * width
    radius = size * rng.uniform(0.1, 0.3)
    corners = int(rng.integers(3, 9))
    angle = torch.atan2(y - cy, x - cx)
    distance = torch.hypot(y - cy, x - cx)
    if rng.random() < 0.5:
        edge = torch.zeros_like(angle)
        for wave in range(1, 4):
            edge += rng.normal(0, 0.15 / wave) * torch.cos(wave * angle + rng.uniform(0, 2 * np.pi))
        inside = radius * (1 + edge) - distance
    else:
        start = rng.uniform(0, 2 * np.pi)
        sector = torch.remainder(angle - start, 2 * np.pi / corners) - np.pi / corners
        inside = radius * np.cos(np.pi / corners) - distance * torch.cos(sector)
    return (inside + 0.5).clamp(0, 1)[None]


def _noisy(rng, light):
    """Shot noise, whose variance grows with the light, and read noise."""
    gain = np.exp(rng.uniform(np.log(2e-6), np.log(6e-5)))
    noise = torch.from_numpy(rng.standard_normal(light.shape).astype(np.float32))
    return light + noise * (gain * light.clamp_min(0) + 0.1 * gain**1.5 + gain**2).sqrt()


def _jpeg(rng, picture, strength):
    if rng.random() >= strength.jpeg:
        return picture
    buffer = io.BytesIO()
    Image.fromarray(picture.permute(1, 2, 0).numpy()).save(buffer, "JPEG", quality=int(rng.integers(88, 98)))
    return torch.from_numpy(np.array(Image.open(buffer))).permute(2, 0, 1).contiguous()


def _inner(x):
    return x[:, MARGIN:-MARGIN, MARGIN:-MARGIN]


def _bytes(x):
    return (x * 255 + 0.5).floor().clamp(0, 255).to(torch.uint8)
