"""The gradient of a kernel, sooner: what AMX is slow at for small maps, it is quick at for large ones.

In bf16, with AMX, oneDNN convolves at nearly the speed of the processor's matrix unit, but finds the
gradient of a 3×3 kernel at a quarter of it where maps have 7×7 pixels, and at a tenth for 3×3
(`benchmarks/engine.py` times each layer).  A row of small maps with a column of zeros between
them is a large map with the same gradient: zeros are what the padding would have put there.
"""

import torch
from torch.autograd.function import once_differentiable
from torch.overrides import TorchFunctionMode

from helpers.train import machine

LARGEST_SIDE = 8  # of the maps that are laid side by side; larger ones gain less than the copy costs
ROW = 64  # columns of the large map, at most
PLAIN = ((1, 1), (1, 1), (1, 1), 1)  # stride, padding, dilation and groups that a 3×3 convolution must have


class MapsSideBySide(TorchFunctionMode):
    """While this lasts, each 3×3 convolution of small maps under bf16 autocast finds its kernel's gradient so.

    The output is that of `torch.nn.functional.conv2d`, and so are the gradients, but for bf16's
    rounding.  Where the processor has no AMX, nothing changes.
    """

    def __init__(self):
        super().__init__()
        self.gains = machine.has_amx()

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if self.gains and function is torch.conv2d and not kwargs and _is_plain(*args):
            return _Convolution.apply(*(tensor.to(torch.bfloat16) for tensor in args[:2]))
        return function(*args, **(kwargs or {}))


def _is_plain(x, kernels, bias=None, *how):
    """Whether these arguments of `conv2d` are a 3×3 convolution without bias, padded by 1, of small maps, that learns in bf16."""
    return (
        bias is None
        and how == PLAIN
        and kernels.requires_grad
        and torch.is_grad_enabled()
        and kernels.shape[2:] == (3, 3)
        and x.ndim == 4
        and max(x.shape[2:]) <= LARGEST_SIDE
        and torch.float64 not in (x.dtype, kernels.dtype)  # which autocast leaves as it is
        and x.device.type == "cpu"
        and torch.is_autocast_enabled("cpu")
        and torch.get_autocast_dtype("cpu") == torch.bfloat16
        and not torch.compiler.is_compiling()
    )


class _Convolution(torch.autograd.Function):
    """Maps (B, I, H, W) and kernels (O, I, 3, 3) to maps (B, O, H, W), all bf16."""

    @staticmethod
    def forward(ctx, x, kernels):
        ctx.save_for_backward(x, kernels)
        return torch.conv2d(x, kernels, padding=1)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        x, kernels = ctx.saved_tensors
        for_x = for_kernels = None
        if ctx.needs_input_grad[0]:
            for_x = gradients(gradient, x, kernels, of=0)
        if ctx.needs_input_grad[1]:
            for_kernels = gradients(side_by_side(gradient), side_by_side(x), kernels, of=1)
        return for_x, for_kernels


def gradients(gradient, x, kernels, of):
    """Of a plain convolution's input (of=0) or its kernels (of=1), by PyTorch's own function."""
    wanted = [number == of for number in range(3)]
    return torch.ops.aten.convolution_backward(
        gradient, x, kernels, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, wanted
    )[of]


def side_by_side(maps):
    """Maps (B, C, H, W) in rows of k: (B/k, C, H, k · (W + 1)), channels_last, each map with a column of zeros at its right.

    k: as many as B can be divided by and make no more than 64 columns.
    """
    count, channels, height, width = maps.shape
    k = max(k for k in range(1, ROW // (width + 1) + 1) if count % k == 0)
    rows = maps.new_empty(count // k, height, k, width + 1, channels)
    rows[:, :, :, :width] = maps.permute(0, 2, 3, 1).unflatten(0, (-1, k)).transpose(1, 2)
    rows[:, :, :, width] = 0
    return rows.flatten(2, 3).permute(0, 3, 1, 2)
