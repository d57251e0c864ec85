"""The trained network back out of an artifact, to go on from: what is served can be taught one's own labels.

The float16 graph holds every weight. The exporter keeps the names of all but the matrices, which it turns for `x @ W`: each is
the constant factor of the product that its bias is added to.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import onnx
import torch
from onnx import ModelProto, NodeProto, numpy_helper
from safetensors import SafetensorError
from torch import Tensor
from transformers import AutoConfig

from classifier.artifact import NETWORK_GPU, TOKENIZER, ArtifactError, read_artifact
from classifier.training.labels import TOPICS
from classifier.training.model import Card, LabelAttention, bare_encoder, load_model
from classifier.training.quantize import dequantized_rows
from classifier.training.settings import TrainingError

_PREFIX = "model."
_BIAS = ".bias"


class _Origin(msgspec.Struct, frozen=True):
    """What a manifest says of where the network comes from."""

    encoder: str
    encoder_config: dict[str, Any]
    licences: tuple[dict[str, Any], ...]
    teachers: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()


class Trained(NamedTuple):
    """A trained network with all that belongs to it."""

    model: LabelAttention
    card: Card
    tokenizer_json: str


def load_trained(folder: Path, *, attention: str | None = None) -> Trained:
    """Reads the folder of an artifact, or one that `model.save_model` wrote.

    Raises:
        TrainingError: there is none, it is damaged, or its network knows other topics than `TOPICS`.
    """
    load = thaw if (folder / "manifest.json").exists() else load_model
    try:
        trained = Trained(*load(folder, attention=attention), (folder / TOKENIZER).read_text("utf-8"))
    except (ArtifactError, OSError, ValueError, TypeError, LookupError, RuntimeError, SafetensorError) as error:
        raise TrainingError(f"{folder} does not hold a trained network that can be read: {error}") from error
    if trained.card.topics != TOPICS:
        raise TrainingError(f"the network of {folder} knows other topics: {', '.join(trained.card.topics)}")
    return trained


def thaw(folder: Path, *, attention: str | None = None) -> tuple[LabelAttention, Card]:
    """The network of an artifact, at float16's precision, its word rows at that of 8 bits.

    Args:
        folder: with manifest and graphs.
        attention: as in `model.load_model`.

    Raises:
        ArtifactError: the folder is damaged or has no float16 graph.
        ValueError, LookupError, RuntimeError: the graph's names are not those of a network of ours.
    """
    artifact = read_artifact(folder)
    graph = onnx.load(str(artifact.path(NETWORK_GPU)))
    origin = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=_Origin)
    kind, topics = origin.encoder_config.pop("model_type"), artifact.manifest.topics
    encoder = bare_encoder(AutoConfig.for_model(kind, **origin.encoder_config), attention)
    model = LabelAttention(encoder, len(topics))
    model.load_state_dict(dict(_weights(graph, len(topics) + 1)))
    came = origin.teachers, origin.languages, origin.licences
    return model.eval(), Card(topics, origin.encoder, artifact.manifest.max_tokens, *came)


def _weights(graph: ModelProto, labels: int) -> Iterator[tuple[str, Tensor]]:
    """Each weight by its name in `LabelAttention`."""
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.graph.initializer}
    products = {node.output[0]: node for node in graph.graph.node if node.op_type == "MatMul"}
    yield "encoder.embeddings.word_embeddings.weight", _floats(dequantized_rows(graph))
    yield "queries", _floats(constants[_queries(products, constants, labels)].T)
    for name, value in constants.items():
        if name.startswith(_PREFIX) and value.dtype == np.float16:
            yield name.removeprefix(_PREFIX), _floats(value)
    for node in graph.graph.node:
        bias = next((name for name in node.input if name.endswith(_BIAS)), None)
        product = next((products[name] for name in node.input if name in products), None)
        if node.op_type == "Add" and bias and product:
            matrix = f"{bias.removeprefix(_PREFIX).removesuffix(_BIAS)}.weight"
            yield matrix, _floats(constants[product.input[1]].T)


def _queries(products: dict[str, NodeProto], constants: dict[str, np.ndarray], labels: int) -> str:
    """Name of the constant [d, labels] that the last hidden states are multiplied by: the labels' queries."""
    factors: list[str] = [node.input[1] for node in products.values() if node.input[1] in constants]
    return next(name for name in factors if constants[name].shape[1:] == (labels,))


def _floats(value: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(value, np.float32))
