"""EVSSM as a plain, differentiable PyTorch module, for the tools that train it and that compare with PyTorch.

Needs torch. The project itself neither needs nor imports it.

    from evssm_torch import EVSSM, read_state_dict

    network = EVSSM.from_state_dict(read_state_dict("deblurring.pth"), windows="released").eval()
    sharp = network(blurred)        # (N, 3, H, W) float32, values in [0, 1]; any H and W from 20

What the network computes is written down in `network.py`. The recurrence is a function that the caller may replace
(`scan.py`), such as by one written in C++.
"""

from .checkpoint import hyper_parameters, read_state_dict
from .network import EVSSM
from .scan import selective_scan

__all__ = ["EVSSM", "hyper_parameters", "read_state_dict", "selective_scan"]
