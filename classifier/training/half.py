"""float16 for GPUs, by surgery on an ONNX graph.

More than half of a small bilingual network are its word rows, and the int8 file holds them already: the float16 file points
there (ONNX's external data, by offset) instead of keeping them a second time, so the two files belong in one folder. All else
becomes float16; inputs and outputs stay what they are.
"""

from pathlib import Path

import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16

from classifier.training.quantize import borrow, operate, word_table

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
    halved = convert_float_to_float16(model, max_finite_val=_LARGEST, keep_io_types=True, disable_shape_infer=True)
    if not borrow(word_table(halved), quantized.read_bytes(), quantized.name):
        raise ValueError(f"{quantized} does not hold the word rows of {source}")
    onnx.save(halved, str(out))
