"""Workloads as ONNX models, for onnxruntime as an oracle of values and of speed."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnxruntime as ort
from networks import TestWeights
from onnx import NodeProto, TensorProto, helper, numpy_helper

from workloads import Layer, Workload

OPERATORS = {
    "conv": "Conv",
    "dense": "Gemm",
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "local_response_norm": "LRN",
    "max_pool": "MaxPool",
    "dropout": "Dropout",
    "flatten": "Flatten",
    "softmax": "Softmax",
}


def dense_weights(net: Workload, seed: int = 5) -> dict[str, TestWeights]:
    """Normally distributed, scaled so that values neither grow nor fade; no factors."""
    random, none = np.random.default_rng(seed), np.zeros((0, 0, 0), np.float32)
    found = {}
    for stage in net.stages:
        shape = (stage.groups, stage.weight.rows, stage.weight.columns)
        matrix = random.standard_normal(shape, dtype=np.float32)
        matrix *= np.float32((2 / stage.weight.columns) ** 0.5)
        bias = random.standard_normal(stage.units, dtype=np.float32)
        found[stage.name] = TestWeights(matrix, bias, none, none)
    return found


def chain_model(
    net: Workload, weights: Mapping[str, TestWeights], frames: int, *, outputs: Sequence[str]
) -> bytes:
    """A chain with square kernels; `outputs` are layers whose values the model gives."""
    nodes: list[NodeProto] = []
    constants, now = [], "input"
    for name, node in net.graph.nodes.items():
        layer: Layer = node["layer"]
        inputs = [now]
        if layer.kind in ("conv", "dense"):
            inputs += [f"{name}_weight", f"{name}_bias"]
            matrix = weights[name].matrix.reshape(_weight_shape(layer))
            constants.append(numpy_helper.from_array(matrix, inputs[1]))
            constants.append(numpy_helper.from_array(weights[name].bias, inputs[2]))
        operator = OPERATORS[layer.kind]
        nodes.append(helper.make_node(operator, inputs, [name], **_attributes(layer)))
        now = name
    shapes = {name: [frames, *node["layer"].output_shape] for name, node in net.graph.nodes.items()}
    graph = helper.make_graph(
        nodes,
        net.name,
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [frames, *net.input_shape])],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, shapes[n]) for n in outputs],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


def _weight_shape(layer: Layer) -> tuple[int, ...]:
    spec: Any = layer.spec
    if layer.kind == "dense":
        return (spec.units, layer.input_shape[0])
    return (spec.units, layer.input_shape[0] // spec.groups, spec.kernel, spec.kernel)


def _attributes(layer: Layer) -> dict[str, Any]:
    spec: Any = layer.spec
    match layer.kind:
        case "conv":
            square = {"strides": [spec.stride] * 2, "pads": [spec.padding] * 4}
            return {**square, "group": spec.groups}
        case "dense":
            return {"transB": 1}
        case "max_pool":
            return {"kernel_shape": [spec.kernel] * 2, "strides": [spec.stride] * 2}
        case "local_response_norm":
            return {"size": spec.size, "alpha": spec.alpha, "beta": spec.beta, "bias": spec.k}
    return {}


def onnx_session(model: bytes) -> ort.InferenceSession:
    """One thread: more of them and numpy's in one process ruin each other."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
