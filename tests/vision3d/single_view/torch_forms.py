"""What tests of networks of one picture share: the encoder and graph convolutions in torch."""

import jax
import numpy as np
import torch
from torch.nn import functional


def tensors(tree):
    return jax.tree.map(lambda v: torch.tensor(np.asarray(v, np.float64)), tree)


def conv(p, x, stride=1):
    kernel = p["kernel"].permute(3, 2, 0, 1)
    return functional.conv2d(x, kernel, p.get("bias"), stride, kernel.shape[-1] // 2)


def encoder_maps(variables, x):
    """With statistics of batch norm as they are: maps `(B, C, H, W)`, finest first."""
    params, stats = variables["params"], variables["batch_stats"]
    maps = []
    for i in range(len(params) // 2):
        for name, stride in ((f"down{i}", 2), (f"level{i}", 1)):
            x = conv(params[name]["conv"], x, stride)
            norm, seen = params[name]["norm"], stats[name]["norm"]
            x = functional.batch_norm(x, seen["mean"], seen["var"], norm["scale"], norm["bias"])
            x = torch.relu(x)
        maps.append(x)
    return maps


def aligned_map(p, maps):
    total = conv(p["whole"], maps[-1].mean(dim=(2, 3), keepdim=True))
    for i, one in enumerate(maps[-3:]):
        y = conv(p[f"map{i}"], one)
        total = total + functional.interpolate(y, maps[-3].shape[2:], mode="bilinear")
    return torch.relu(total)


def graph_conv(p, x, adjacency):
    own = x @ p["own"]["kernel"] + p["own"]["bias"]
    return own + adjacency @ x @ p["around"]["kernel"]


def sample_map(features, places):
    """`(B, C, H, W)`, `(B, N, 2)` in [0, 1] -> `(B, N, C)`."""
    grid = 2 * places[:, :, None] - 1
    got = functional.grid_sample(features, grid, padding_mode="border", align_corners=False)
    return got[..., 0].permute(0, 2, 1)


def adjacency_of(edges, count):
    matrix = torch.zeros((count, count), dtype=torch.float64)
    matrix[edges[:, 0], edges[:, 1]] = matrix[edges[:, 1], edges[:, 0]] = 1
    return matrix
