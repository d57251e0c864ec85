"""float16 for GPUs, by surgery on an ONNX graph.

More than half of a small bilingual network are its word rows, and the int8 file holds them already: the float16 file points
there (ONNX's external data, by offset) instead of keeping them a second time, so the two files belong in one folder. All else
becomes float16; inputs and outputs stay what they are.
"""

from pathlib import Path

import onnx
from onnx.external_data_helper import set_external_data
from onnxruntime.transformers.float16 import convert_float_to_float16

from classifier.training.quantize import operate, word_table

_LARGEST = 1e4
"""Beyond it constants are cut: what masks a token must not become infinite."""


def halve(source: Path, quantized: Path, out: Path) -> None:
    """Writes the float16 form of a float32 graph.

    Args:
        source: the `.onnx` file of `export.export_fp32`.
        quantized: its int8 form, which will always lie in the same folder as `out`.
        out: the `.onnx` file to write.

    Raises:
        ValueError: the two are not forms of one network.
    """
    model = onnx.load(str(source))
    operate(model, products=False)
    rows = word_table(model).raw_data
    place = quantized.read_bytes().find(rows)
    if place < 0:
        raise ValueError(f"{quantized} does not hold the word rows of {source}")
    halved = convert_float_to_float16(model, max_finite_val=_LARGEST, keep_io_types=True, disable_shape_infer=True)
    table = word_table(halved)
    set_external_data(table, location=quantized.name, offset=place, length=len(rows))
    table.ClearField("raw_data")
    onnx.save(halved, str(out))
