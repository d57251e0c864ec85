"""What the cores could do: a bare product of bytes, and how many multiply-adds the network needs of it."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from benchmarks.rivals import HIDDEN, INNER, LAYERS

M, K, N = 512, 1024, 1024  # of the bare product: large enough to be at its pace, small enough for the caches


def multiply_adds(tokens: Sequence[int], topics: int) -> int:
    """What texts with these token counts need, padding and fill apart: encoder, attention, and pooling by label."""
    dense = LAYERS * (4 * HIDDEN * HIDDEN + 2 * HIDDEN * INNER)
    return sum(
        count * dense + 2 * LAYERS * count * count * HIDDEN + 2 * (topics + 1) * count * HIDDEN for count in tokens
    )


def ceiling(threads: int, seconds: float = 2.0) -> float:
    """Multiply-adds a second of unsigned by signed bytes, a product on each thread at once."""
    session = _product()
    left = np.random.default_rng(1).integers(0, 255, (M, K), np.uint8)

    def work(until: float) -> int:
        done = 0
        while time.perf_counter() < until:
            session.run(None, {"left": left})
            done += 1
        return done

    work(time.perf_counter() + seconds / 10)
    began = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        done = sum(pool.map(work, [began + seconds] * threads))
    return done * M * K * N / (time.perf_counter() - began)


def _product() -> ort.InferenceSession:
    right = np.random.default_rng(2).integers(-63, 63, (K, N), np.int8)
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["left", "right"], ["product"])],
        "product",
        [helper.make_tensor_value_info("left", TensorProto.UINT8, [M, K])],
        [helper.make_tensor_value_info("product", TensorProto.INT32, [M, N])],
        [numpy_helper.from_array(right, "right")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
