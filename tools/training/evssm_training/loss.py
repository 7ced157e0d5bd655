"""The paper's loss."""

import torch

SPECTRAL_WEIGHT = 0.1


def restoration_loss(restored, sharp):
    """L1 of the pictures plus 0.1 times L1 of their 2-D spectra, real and imaginary parts alike; both are means.

    The spectra are not normalised, and of a real picture only half is kept: (N, C, H, W) gives (N, C, H, W/2 + 1).
    """
    difference = restored - sharp
    spectrum = torch.view_as_real(torch.fft.rfft2(difference))
    return difference.abs().mean() + SPECTRAL_WEIGHT * spectrum.abs().mean()
