# SPDX-License-Identifier: GPL-3.0-or-later
# export_onnx.py -- writes networks as ONNX in f32 and in int8 (QDQ: quantize-dequantize
# pairs that ONNX Runtime turns into integer operators), each with its parameters for
# lathe, an input and PyTorch's output beside it.
# usage: export_onnx.py FOLDER [NAME...]
import json
import os
import subprocess
import sys

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from models import ZOO, make

# The operators that ONNX Runtime's own static quantizer wraps.
QUANTIZABLE = {'Conv', 'Gemm', 'Add', 'Mul', 'MaxPool', 'Concat', 'Resize', 'Relu',
               'GlobalAveragePool', 'Flatten', 'Reshape', 'ReduceMean'}
HERE = os.path.dirname(os.path.abspath(__file__))


def activations(graph):
    """What flows from one quantizable operator to another."""
    nodes = [n for n in graph.node if n.op_type in QUANTIZABLE]
    return sorted({o for n in nodes for o in n.output} &
                  {i for n in nodes for i in n.input})


def observe(path):
    """The least and largest value of each activation, as ONNX Runtime computes them."""
    model = onnx.load(path + '.onnx')
    kinds = {v.name: v.type.tensor_type.elem_type
             for v in onnx.shape_inference.infer_shapes(model).graph.value_info}
    for name in activations(model.graph):
        if kinds.get(name) == TensorProto.FLOAT:
            model.graph.output.append(
                helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    onnx.save(model, path + '.all.onnx')
    answer = subprocess.check_output(['node', os.path.join(HERE, 'ort_ranges.js'), path])
    os.remove(path + '.all.onnx')
    return json.loads(answer)


class Quantizer:
    """Per-channel symmetric s8 weights, per-tensor u8 activations."""

    def __init__(self, model, ranges):
        self.graph = model.graph
        self.ranges = ranges
        self.weights = {i.name: i for i in self.graph.initializer}
        self.nodes = []
        self.renamed = {}
        self.readers = {}
        for node in self.graph.node:
            for name in node.input:
                self.readers.setdefault(name, []).append(node)

    def constant(self, name, value):
        self.graph.initializer.append(numpy_helper.from_array(value, name))
        return name

    def activation(self, name):
        low, high = min(0.0, self.ranges[name][0]), max(0.0, self.ranges[name][1])
        scale = max((high - low) / 255, 1e-8)
        zero = int(np.clip(round(-low / scale), 0, 255))
        pair = [self.constant(name + '_scale', np.float32(scale)),
                self.constant(name + '_zero', np.uint8(zero))]
        self.nodes.append(helper.make_node('QuantizeLinear', [name] + pair,
                                           [name + '_codes']))
        self.nodes.append(helper.make_node('DequantizeLinear', [name + '_codes'] + pair,
                                           [name + '_real']))
        self.renamed[name] = name + '_real'

    def weight(self, node):
        name = node.input[1]
        w = numpy_helper.to_array(self.weights[name])
        scale = np.maximum(np.abs(w).reshape(w.shape[0], -1).max(1) / 127, 1e-8)
        scale = scale.astype(np.float32)
        codes = np.round(w / scale.reshape(-1, *[1] * (w.ndim - 1)))
        inputs = [self.constant(name + '_codes', np.clip(codes, -127, 127).astype(np.int8)),
                  self.constant(name + '_scale', scale),
                  self.constant(name + '_zero', np.zeros_like(scale, dtype=np.int8))]
        self.nodes.append(helper.make_node('DequantizeLinear', inputs, [name + '_real'],
                                           axis=0))
        node.input[1] = name + '_real'

    def stays_fused(self, node, name):
        """A ReLU behind it is fused: there is nothing to round between the two."""
        readers = self.readers.get(name, [])
        return (len(readers) == 1 and readers[0].op_type == 'Relu' and
                node.op_type in ('Conv', 'Gemm', 'Add'))

    def run(self):
        self.activation('input')
        for node in list(self.graph.node):
            for k, name in enumerate(node.input):
                node.input[k] = self.renamed.get(name, name)
            if node.op_type in ('Conv', 'Gemm') and node.input[1] in self.weights:
                self.weight(node)
            self.nodes.append(node)
            for name in node.output:
                if name in self.ranges and not self.stays_fused(node, name):
                    self.activation(name)
        del self.graph.node[:]
        self.graph.node.extend(self.nodes)
        used = {i for node in self.nodes for i in node.input}
        for unused in [i for i in self.graph.initializer if i.name not in used]:
            self.graph.initializer.remove(unused)


def export(folder, name):
    model, shape = make(name)
    path = os.path.join(folder, name)
    with torch.no_grad():
        model.train()  # so that the statistics of batch norm are those of such inputs
        for _ in range(10):
            model(torch.rand(4, *shape))
        model.eval()
        x = torch.rand(1, *shape)
        y = model(x)
    axes = {'input': {0: 'N'}, 'output': {0: 'N'}}
    torch.onnx.export(model, x, path + '.onnx', opset_version=13, input_names=['input'],
                      output_names=['output'], dynamic_axes=axes)
    x.numpy().astype('<f4').tofile(path + '.in')
    y.numpy().astype('<f4').tofile(path + '.out')
    with open(path + '.shape', 'w') as file:
        file.write(' '.join(map(str, shape)))
    np.savez(path + '.weights.npz',
             **{key: value.numpy() for key, value in model.state_dict().items()
                if not key.endswith('num_batches_tracked')})
    try:
        ranges = observe(path)
    except (OSError, subprocess.CalledProcessError):
        return  # no ONNX Runtime: then nobody asks for its int8 either
    ranges['input'] = [float(x.min()), float(x.max())]
    quantized = onnx.load(path + '.onnx')
    Quantizer(quantized, ranges).run()
    onnx.save(quantized, path + '.int8.onnx')


torch.set_num_threads(1)
os.makedirs(sys.argv[1], exist_ok=True)
for each in sys.argv[2:] or ZOO:
    export(sys.argv[1], each)
