"""The selective scan: what every scan function given to the network has to compute."""

import torch


def selective_scan(u, delta, A, B, C, D):
    """h[l] = exp(delta[l] A) h[l-1] + delta[l] u[l] B[l], from h = 0;  y[l] = C[l] · h[l] + D u[l].

    u, delta: (batch, channels, length); A: (channels, states), negative; B, C: (batch, states, length); D: (channels,).
    Returns y, shaped as u. One step of Python a position: the plainest form, and a slow one.
    """
    state = u.new_zeros(u.shape[0], *A.shape)
    driven = delta * u
    outputs = []
    for position in range(u.shape[2]):
        decay = torch.exp(delta[:, :, position, None] * A)
        state = decay * state + driven[:, :, position, None] * B[:, None, :, position]
        outputs.append(torch.einsum("bcn,bn->bc", state, C[:, :, position]))
    return torch.stack(outputs, dim=2) + D[:, None] * u
