"""Grad-CAM by automatic differentiation: the reference for the one without gradients."""

import numpy as np
import torch
from numpy.typing import NDArray

from carina.models.network import Network


def grad_cam(
    network: Network, prepared: NDArray[np.float32], *, class_index: int
) -> NDArray[np.float32]:
    """Return where the network looked when it scored a class.

    Args:
        network: left as it was, training mode included.
        prepared: float32 `[channels, height, width]` in `[0, 1]`.
        class_index: the class whose logit is explained.

    Returns:
        float32 `[map height, map width]` in `[0, 1]`, the largest value 1; all 0 where
        nothing speaks for the class.

    References:
        Selvaraju et al., ICCV 2017: each map is weighted by the mean of the logit's
        gradient over it; negative sums are cut off.
    """
    was_training = network.training
    network.eval()
    try:
        with torch.no_grad():
            maps = network.maps(torch.from_numpy(prepared).unsqueeze(0))
        maps.requires_grad_()
        logit = network.classify(network.embed(maps))[0, class_index]
        (gradient,) = torch.autograd.grad(logit, maps)
    finally:
        network.train(was_training)
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    heat = (weights * maps).sum(dim=1)[0].relu().detach()
    largest = heat.max()
    normalised: NDArray[np.float32] = (heat / largest if largest > 0 else heat).numpy()
    return normalised
