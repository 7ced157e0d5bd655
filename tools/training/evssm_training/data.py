"""Batches of training patches, and the held-out pictures. Each follows from the seed and its number alone."""

import numpy as np
import torch

from .blur import MARGIN, Strength, blurred_pair

HELD_OUT_SEED = 20_250_611


class Patches(torch.utils.data.Dataset):
    """Item n is the batch of step n: (blurred, sharp), float32 in [0, 1], (batch, 3, side, side)."""

    def __init__(self, pictures, stages, seed, strength=Strength(), share=(0, 1)):
        """share: (k, n) gives the k-th of every n pairs of a batch, for the k-th of n processes."""
        self.pictures, self.stages, self.seed, self.strength = list(pictures.values()), stages, seed, strength
        self.share = share

    def __len__(self):
        return self.stages[-1].end

    def __getitem__(self, step):
        stage = next(stage for stage in self.stages if step < stage.end)
        items = range(self.share[0], stage.batch, self.share[1])
        pairs = [self.pair(np.random.default_rng([self.seed, step, item]), stage.side) for item in items]
        return tuple(torch.stack(side).float() / 255 for side in zip(*pairs))

    def pair(self, rng, side):
        sharp, centre = self.crop(rng, side)
        texture, _ = self.crop(rng, side)
        return _turned(rng, *blurred_pair(rng, _recoloured(rng, sharp), centre, self.strength, texture))

    def crop(self, rng, side):
        """The busiest of three crops, with margins, of a random photograph at a random size, and its centre."""
        sizes = self.pictures[rng.integers(len(self.pictures))]
        picture = sizes[rng.integers(len(sizes))]
        length = side + 2 * MARGIN
        crops = []
        for _ in range(3):
            top, left = (rng.integers(available - length + 1) for available in picture.shape[1:])
            crops.append((picture[:, top : top + length, left : left + length], (top, left)))
        crop, (top, left) = max(crops, key=lambda found: _detail(found[0]))
        return crop, (picture.shape[1] / 2 - top, picture.shape[2] / 2 - left)


def held_out(pictures, height, width, per_photograph, seed=HELD_OUT_SEED, strength=Strength()):
    """Yields (name, blurred, sharp): uint8 (3, height, width), upright pictures turned to fit upright photographs."""
    textures = list(pictures.values())
    for index, (name, sizes) in enumerate(pictures.items()):
        for number in range(per_photograph):
            rng = np.random.default_rng([seed, index, number])
            picture = next((p for p in sizes if max(p.shape) <= 1120), sizes[-1])
            upright = picture.shape[1] > picture.shape[2]
            sharp, centre = _any_crop(rng, picture, *((width, height) if upright else (height, width)))
            other = textures[rng.integers(len(textures))][0]
            texture, _ = _any_crop(rng, other, *(length - 2 * MARGIN for length in sharp.shape[1:]))
            yield f"{name}-{number + 1}", *blurred_pair(rng, sharp, centre, strength, texture)


def _any_crop(rng, picture, height, width):
    """A crop with margins; a photograph that is too small is reflected at its edges."""
    needed = (height + 2 * MARGIN, width + 2 * MARGIN)
    grow = [max(0, need - have) for need, have in zip(needed, picture.shape[1:])]
    picture = np.pad(picture, ((0, 0), *((n // 2, n - n // 2) for n in grow)), mode="reflect")
    top, left = (rng.integers(have - need + 1) for have, need in zip(picture.shape[1:], needed))
    crop = picture[:, top : top + needed[0], left : left + needed[1]]
    return np.ascontiguousarray(crop), (picture.shape[1] / 2 - top, picture.shape[2] / 2 - left)


def _detail(crop):
    green = crop[1, ::2, ::2].astype(np.float32)
    return np.abs(np.diff(green, axis=0)).mean() + np.abs(np.diff(green, axis=1)).mean()


def _recoloured(rng, picture):
    """Now and then other colours: channels exchanged, and another brightness."""
    picture = picture[rng.permutation(3)] if rng.random() < 0.5 else picture
    scale = rng.uniform(0.6, 1.1)
    return np.clip(picture * scale + 0.5, 0, 255).astype(np.uint8)


def _turned(rng, *pictures):
    flip, turns = rng.random() < 0.5, int(rng.integers(4))
    return tuple(torch.rot90(p.flip(2) if flip else p, turns, (1, 2)) for p in pictures)
