"""Layers of our parameters, computed by PyTorch: channels first, norms in evaluation."""

import numpy as np


def tensor(value):
    import torch

    return torch.tensor(np.asarray(value))


def channels_first(x):
    return tensor(np.moveaxis(np.asarray(x), -1, 1))


def conv(x, params, stride=1, padding=0):
    """Over two or three axes, as the kernel has."""
    import torch

    kernel = np.asarray(params["kernel"])
    kernel = np.moveaxis(kernel, (-1, -2), (0, 1)).copy()
    bias = tensor(params["bias"]) if "bias" in params else None
    layer = torch.nn.functional.conv2d if kernel.ndim == 4 else torch.nn.functional.conv3d
    return layer(x, tensor(kernel), bias, stride=stride, padding=padding)


def norm(x, params, stats, eps=1e-5):
    import torch

    parts = (stats["mean"], stats["var"], params["scale"], params["bias"])
    return torch.nn.functional.batch_norm(x, *map(tensor, parts), eps=eps)


def conv_norm(x, params, stats, stride=1, act=True):
    """`ConvNorm` that keeps the size at stride 1."""
    import torch

    window = np.shape(params["conv"]["kernel"])[:-2]
    y = conv(x, params["conv"], stride, tuple(k // 2 for k in window))
    y = norm(y, params["norm"], stats["norm"])
    return torch.relu(y) if act else y


def stack(x, params, stats, pools):
    """`ConvStack`."""
    import torch

    pool = {4: torch.nn.functional.max_pool2d, 5: torch.nn.functional.max_pool3d}[x.ndim]
    for name, window in zip(sorted(params), pools, strict=True):
        x = pool(conv_norm(x, params[name], stats[name]), window)
    return x


def dense(x, params):
    return x @ tensor(params["kernel"]) + tensor(params["bias"])
