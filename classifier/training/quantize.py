"""int8 weights with one activation scale a row, by plain surgery on an ONNX graph.

Dynamic quantisation as it comes takes one activation scale for a whole batch, so a text's score depends on its batch-mates.
Here every row of activations (one token) has a scale of its own: as fast, more exact, blind to the company. In front of each
matrix product with a constant weight:

    scale = max(max(x), -min(x)) / 127         [B, L, 1], along the last axis
    q     = QuantizeLinear(x, scale, 128)      uint8 [B, L, K]
    y     = MatMulIntegerToFloat(q, W8, 1, column scales, 128, 0) * scale

Products that share an input (query, key, value) share `q`. Weights keep 7 bits a column: on AVX2 without VNNI the instruction
that multiplies unsigned by signed bytes adds two products in 16 bits, and 2 * 255 * 64 is the most that it holds.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnx.external_data_helper import set_external_data

_WEIGHT_LIMIT = 63
_ACTIVATION_LIMIT = 127
_TINY = 1e-12
_MICROSOFT = "com.microsoft"
_TABLE, _SCALES = ".int8.rows", ".int8.scales"
_WORTH_SHARING = 1 << 14
"""Bytes of a constant that make it worth looking for in another file."""


@dataclass(frozen=True, slots=True)
class QuantizedColumns:
    """A weight matrix in 7 bits.

    Attributes:
        values: int8 [K, N], in [-63, 63].
        scales: float32 [N].
    """

    values: np.ndarray
    scales: np.ndarray


def quantize_columns(weight: np.ndarray) -> QuantizedColumns:
    """Rounds each column of a float32 [K, N] matrix to 7 bits, symmetric."""
    scales = np.maximum(np.abs(weight).max(0) / _WEIGHT_LIMIT, _TINY).astype(np.float32)  # [N]
    return QuantizedColumns(np.rint(weight / scales).astype(np.int8), scales)


def quantize(source: Path, out: Path, teacher: Path | None = None) -> None:
    """Writes the int8 form of a float32 graph.

    Args:
        source: the `.onnx` file of `export.export_fp32`.
        out: the `.onnx` file to write.
        teacher: the int8 form of a network with the same embeddings, which will always lie in the same folder as `out`: they are
            read out of it instead of kept a second time.

    Raises:
        ValueError: the teacher has other word rows.
    """
    model = onnx.load(str(source))
    operate(model)
    model.opset_import.append(helper.make_opsetid(_MICROSOFT, 1))
    if teacher:
        content = teacher.read_bytes()
        large = [tensor for tensor in model.graph.initializer if len(tensor.raw_data) >= _WORTH_SHARING]
        borrowed = [tensor.name for tensor in large if borrow(tensor, content, teacher.name)]
        if word_table(model).name not in borrowed:
            raise ValueError(f"{teacher} does not hold the word rows of {source}")
    onnx.save(model, str(out))


def borrow(tensor: TensorProto, content: bytes, file: str) -> bool:
    """Makes a constant point to where its bytes stand in another file (ONNX's external data), if they do; says whether."""
    place = content.find(tensor.raw_data)
    if place < 0:
        return False
    set_external_data(tensor, location=file, offset=place, length=len(tensor.raw_data))
    tensor.ClearField("raw_data")
    return True


def operate(model: ModelProto, *, products: bool = True) -> None:
    """Brings the word rows of a float32 graph, and with `products` its matrix products, into 8 bits."""
    surgery = _Surgery(model.graph)
    for node in list(model.graph.node):
        surgery.replace(node, products=products)
    surgery.finish()
    _forget_shapes(model)


def word_table(model: ModelProto) -> TensorProto:
    """The int8 word rows of a graph that was operated on."""
    tables: list[TensorProto] = [tensor for tensor in model.graph.initializer if tensor.name.endswith(_TABLE)]
    return tables[0]


def dequantized_rows(model: ModelProto) -> np.ndarray:
    """The word rows of a graph that was operated on, float32 [V, d]."""
    table = word_table(model)
    named = {tensor.name: tensor for tensor in model.graph.initializer}
    scales = numpy_helper.to_array(named[table.name.removesuffix(_TABLE) + _SCALES])  # [V, 1]
    return numpy_helper.to_array(table).astype(np.float32) * scales.astype(np.float32)


def _forget_shapes(model: ModelProto) -> None:
    """Drops inferred shapes of values that no longer exist."""
    del model.graph.value_info[:]
    model.doc_string = model.graph.doc_string = ""
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""


class _Surgery:
    """Collects the nodes and constants of the new graph."""

    def __init__(self, graph: GraphProto) -> None:
        self._graph = graph
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        self._nodes: list[NodeProto] = []
        self._quantized_inputs: dict[str, tuple[str, str]] = {}
        self._add_scalars()

    def _add_scalars(self) -> None:
        scalars = {
            "one": np.float32(1),
            "smallest": np.float32(_TINY),
            "per_step": np.float32(1 / _ACTIVATION_LIMIT),
            "middle": np.uint8(128),
            "last_axis": np.array([-1], np.int64),
        }
        for name, value in scalars.items():
            self._add_constant(f"int8.{name}", np.asarray(value))

    def _add_constant(self, name: str, value: np.ndarray) -> str:
        self._constants[name] = numpy_helper.from_array(value, name)
        return name

    def _add(self, kind: str, inputs: list[str], output: str, domain: str = "", **attributes: int) -> str:
        node = helper.make_node(kind, inputs, [output], f"{output}.{kind}", domain=domain)
        node.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
        self._nodes.append(node)
        return output

    def replace(self, node: NodeProto, *, products: bool) -> None:
        """Takes over a node, in int8 where it multiplies by (if `products`), or gathers from, a big constant matrix."""
        if products and node.op_type == "MatMul" and self._is_matrix(node.input[1]):
            self._replace_product(node)
        elif node.op_type == "Gather" and self._is_matrix(node.input[0]) and self._rows(node.input[0]) > 1024:
            self._replace_rows(node)
        else:
            self._nodes.append(node)

    def _is_matrix(self, name: str) -> bool:
        tensor = self._constants.get(name)
        return tensor is not None and tensor.data_type == TensorProto.FLOAT and len(tensor.dims) == 2

    def _rows(self, name: str) -> int:
        return int(self._constants[name].dims[0])

    def _replace_product(self, node: NodeProto) -> None:
        weight = quantize_columns(numpy_helper.to_array(self._constants[node.input[1]]))
        output, prefix = node.output[0], f"{node.output[0]}.int8"
        quantized, scale = self._quantized_input(node.input[0], len(weight.values))
        inputs = [
            quantized,
            self._add_constant(f"{prefix}.weight", weight.values),
            "int8.one",
            self._add_constant(f"{prefix}.scales", weight.scales),
            "int8.middle",
            self._add_constant(f"{prefix}.zeros", np.zeros(len(weight.scales), np.int8)),
        ]
        product = self._add("MatMulIntegerToFloat", inputs, f"{prefix}.product", domain=_MICROSOFT)
        self._add("Mul", [product, scale], output)

    def _quantized_input(self, name: str, width: int) -> tuple[str, str]:
        """Quantised activations [B, L, width] and their row scales [B, L, 1], made once for all products that read them."""
        if name not in self._quantized_inputs:
            prefix = f"{name}.int8"
            most = self._add("ReduceMax", [name, "int8.last_axis"], f"{prefix}.most", keepdims=1)
            least = self._add("ReduceMin", [name, "int8.last_axis"], f"{prefix}.least", keepdims=1)
            below = self._add("Neg", [least], f"{prefix}.below")
            largest = self._add("Max", [most, below, "int8.smallest"], f"{prefix}.largest")
            scale = self._add("Mul", [largest, "int8.per_step"], f"{prefix}.scale")
            # A scale for each row is one for each index of an axis: the rows of all texts are laid under each other for it.
            wide = self._add_constant(f"int8.rows_of_{width}", np.array([-1, width], np.int64))
            rows = self._add("Reshape", [name, wide], f"{prefix}.rows")
            scales = self._add("Reshape", [scale, "int8.last_axis"], f"{prefix}.scales")
            middles = self._add(
                "Expand", ["int8.middle", self._add("Shape", [scales], f"{prefix}.count")], f"{prefix}.middles"
            )
            quantized = self._add("QuantizeLinear", [rows, scales, middles], f"{prefix}.quantized.rows", axis=0)
            shape = self._add("Shape", [name], f"{prefix}.shape")
            self._quantized_inputs[name] = self._add("Reshape", [quantized, shape], f"{prefix}.quantized"), scale
        return self._quantized_inputs[name]

    def _replace_rows(self, node: NodeProto) -> None:
        """Embedding rows as int8 with a scale for each row."""
        rows = numpy_helper.to_array(self._constants[node.input[0]])  # [V, d]
        scales = np.maximum(np.abs(rows).max(1, keepdims=True) / _ACTIVATION_LIMIT, _TINY).astype(np.float32)  # [V, 1]
        output, ids = node.output[0], node.input[1]
        prefix = f"{output}.int8"
        table = self._add_constant(output + _TABLE, np.rint(rows / scales).astype(np.int8))
        values = self._add("Gather", [table, ids], f"{prefix}.values", axis=0)
        floats = self._add("Cast", [values], f"{prefix}.floats", to=TensorProto.FLOAT)
        scale = self._add("Gather", [self._add_constant(output + _SCALES, scales), ids], f"{prefix}.scale", axis=0)
        self._add("Mul", [floats, scale], output)

    def finish(self) -> None:
        """Puts the new nodes and the constants that are still read into the graph."""
        read = {name for node in self._nodes for name in node.input}
        del self._graph.node[:]
        del self._graph.initializer[:]
        self._graph.node.extend(self._nodes)
        self._graph.initializer.extend(tensor for name, tensor in self._constants.items() if name in read)
