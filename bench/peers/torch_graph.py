"""An exported .onnx file as a PyTorch module, for the few operators that an export has."""

from typing import Any, Callable

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn import functional as F


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def _padding(pads: list[int]) -> tuple[int, int]:
    top, left, bottom, right = pads
    if (top, left) != (bottom, right):
        raise ValueError(f"Expected the same padding on both sides but found {pads}")
    return top, left


def _conv(module: nn.Module, node: onnx.NodeProto, weights: dict[str, np.ndarray]) -> Callable:
    how = _attributes(node)
    kernel = weights[node.input[1]]
    conv = nn.Conv2d(
        kernel.shape[1],
        kernel.shape[0],
        tuple(how["kernel_shape"]),
        stride=tuple(how["strides"]),
        padding=_padding(how["pads"]),
    )
    conv.weight.data = torch.from_numpy(kernel.copy())
    conv.bias.data = torch.from_numpy(weights[node.input[2]].copy())
    module.add_module(node.output[0].replace(".", "_"), conv)
    return conv


def _gemm(module: nn.Module, node: onnx.NodeProto, weights: dict[str, np.ndarray]) -> Callable:
    if len(node.attribute) > 0:
        raise ValueError("Expected a Gemm without attributes")
    kernel = weights[node.input[1]]
    linear = nn.Linear(*kernel.shape)
    linear.weight.data = torch.from_numpy(kernel.T.copy())
    linear.bias.data = torch.from_numpy(weights[node.input[2]].copy())
    module.add_module(node.output[0].replace(".", "_"), linear)
    return linear


def _operation(module: nn.Module, node: onnx.NodeProto, weights: dict[str, np.ndarray]) -> Callable:
    how = _attributes(node)
    match node.op_type:
        case "Conv":
            return _conv(module, node, weights)
        case "Gemm":
            return _gemm(module, node, weights)
        case "Relu":
            return lambda x: F.relu(x, inplace=False)
        case "Concat":
            return lambda *xs: torch.cat(xs, dim=how["axis"])
        case "MaxPool":
            pads = _padding(how["pads"])
            return lambda x: F.max_pool2d(x, how["kernel_shape"], how["strides"], pads)
        case "AveragePool":
            pads, whole = _padding(how["pads"]), bool(how.get("count_include_pad", 0))
            return lambda x: F.avg_pool2d(
                x, how["kernel_shape"], how["strides"], pads, count_include_pad=whole
            )
        case "GlobalAveragePool":
            return lambda x: x.mean((2, 3), keepdim=True)
        case "Transpose":
            return lambda x: x.permute(how["perm"])
        case "Flatten":
            return lambda x: torch.flatten(x, how["axis"])
        case "Cast":
            return lambda x: x.float()
        case "Softmax":
            return lambda x: torch.softmax(x, how["axis"])
        case other:
            raise ValueError(f"Expected no operator {other}")


class TorchGraph(nn.Module):
    """(n, S, S, 3) uint8 in, probabilities (n, classes) out; only what these need is computed."""

    def __init__(self, path: str) -> None:
        super().__init__()
        graph = onnx.load(path).graph
        weights = {own.name: numpy_helper.to_array(own) for own in graph.initializer}
        self._input = graph.input[0].name
        self._output = "probabilities"
        wanted, nodes = {self._output}, []
        for node in reversed(graph.node):
            if node.output[0] in wanted:
                wanted.update(node.input)
                nodes.append(node)
        self._steps = []
        for node in reversed(nodes):
            inputs = [name for name in node.input if name not in weights]
            self._steps.append((node.output[0], inputs, _operation(self, node, weights)))

    def forward(self, tiles: torch.Tensor) -> torch.Tensor:
        values = {self._input: tiles}
        for output, inputs, operation in self._steps:
            values[output] = operation(*(values[name] for name in inputs))
        return values[self._output]
