"""The network in ONNX Runtime: where it runs is proven, not assumed, and it takes no more of the machine than it may."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from classifier.artifact import NETWORK_GPU, SENTIMENTS, Artifact, ArtifactError
from classifier.device import DeviceError, usable_cores

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"

_INPUTS = {"input_ids", "attention_mask"}
_FATAL = 4  # the runtime's own log: what goes wrong is raised as well


class Outputs(NamedTuple):
    """What the network says of a batch, float32."""

    topic_logits: NDArray[np.float32]  # [B, T]
    sentiment_logits: NDArray[np.float32]  # [B, 3]
    attention: NDArray[np.float32]  # [B, T + 1, L], evidence: the topics in order, then sentiment; 0 on padding
    log_mass: NDArray[np.float32]  # [B, T + 1], how much the text drew each query: log of the sum of exp of its scores


class Session:
    """One loaded network, which several threads may run at once.

    On a CPU each run stays on its caller's thread. Runs side by side keep the cores busier than one run spread over them, which
    waits at the end of each of its some 400 operations for the slowest part; and then no sum depends on how many cores there are.

    Attributes:
        threads: how many cores the network may use.
        runs: how many callers at once make use of them.
    """

    def __init__(self, artifact: Artifact, *, device: str = "auto", threads: int = 0) -> None:
        """Load the network.

        Args:
            artifact: a verified artifact.
            device: "cpu", "cuda" (or refuse), or "auto" (CUDA if it can be had).
            threads: 0 means as many as this process may use.

        Raises:
            ArtifactError: the network cannot be loaded, or is not one of ours.
            DeviceError: `device` cannot be had.
        """
        self.threads = threads or usable_cores()
        self.asked: str = _wanted(device, artifact)
        network = artifact.path(NETWORK_GPU if self.asked == CUDA else artifact.network)
        self._session = _load(network, self.asked, self.threads)
        # The runtime falls back to the CPU without a word; only this list tells where it runs.
        self.provider: str = self._session.get_providers()[0]
        if self.provider != self.asked:
            if device == "cuda":
                raise DeviceError(
                    f"classifier.device = cuda was asked for, but the model got {self.provider}: "
                    "check the NVIDIA driver and the `gpu` extra, or set classifier.device = auto."
                )
            network = artifact.path(artifact.network)  # a GPU's network is slow on a CPU
            self._session = _load(network, CPU, self.threads)
        self.runs = self.threads if self.provider == CPU else 1
        self._check(artifact, network)

    def run(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> Outputs:
        """Outputs for ids and mask, each [B, L]."""
        return Outputs(*self._session.run(list(Outputs._fields), {"input_ids": ids, "attention_mask": mask}))

    def _check(self, artifact: Artifact, network: Path) -> None:
        outputs = {output.name: output.shape for output in self._session.get_outputs()}
        inputs = {put.name for put in self._session.get_inputs()}
        topics = len(artifact.manifest.topics)
        if inputs != _INPUTS or set(outputs) != set(Outputs._fields):
            raise ArtifactError(f"{network} is not a network of this version's kind: export the model again.")
        given = outputs["topic_logits"][-1], outputs["sentiment_logits"][-1]
        if given != (topics, len(SENTIMENTS)):
            raise ArtifactError(
                f"{network} gives {given[0]} topics and {given[1]} sentiments, but manifest.json names {topics} topics, "
                f"and there are {len(SENTIMENTS)} sentiments: export the model again."
            )


def _wanted(device: str, artifact: Artifact) -> str:
    if device not in {"auto", "cpu", "cuda"}:
        raise DeviceError(f"classifier.device = {device} is not known: set it to auto, cpu or cuda.")
    has_network = NETWORK_GPU in artifact and not artifact.is_small
    if device == "cuda":
        if artifact.is_small:
            raise DeviceError(
                "classifier.model = small runs on CPUs alone: set classifier.device = auto, or classifier.model = default."
            )
        if not has_network:
            raise DeviceError(
                f"classifier.device = cuda needs {NETWORK_GPU}, which the model in {artifact.folder} lacks: "
                "export it, or set classifier.device = auto."
            )
        if CUDA not in ort.get_available_providers():
            raise DeviceError(
                "classifier.device = cuda needs ONNX Runtime for CUDA, and this is the one for CPUs: install the `gpu` extra "
                "in place of `cpu`, or set classifier.device = auto."
            )
        return CUDA
    can_cuda = device == "auto" and has_network and CUDA in ort.get_available_providers()
    return CUDA if can_cuda else CPU


def _load(network: Path, provider: str, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1 if provider == CPU else threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL
    # A daemon waits most of the time: its threads must not burn the cores meanwhile.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.use_deterministic_compute = True
    if provider == CUDA:
        ort.preload_dlls()
    providers = [provider] if provider == CPU else [(CUDA, {"arena_extend_strategy": "kSameAsRequested"}), CPU]
    try:
        # Gelu by itself and the bias before it are faster on a CPU than ONNX Runtime's kernel for both.
        apart = ["BiasGeluFusion"] if provider == CPU else []
        session = ort.InferenceSession(str(network), options, providers=providers, disabled_optimizers=apart)
    except Exception as error:
        raise ArtifactError(f"{network} cannot be loaded ({_first_line(error)}): export the model again.") from error
    session.disable_fallback()  # a GPU that fails is an error: the CPU must not take its place unseen
    return session


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", maxsplit=1)[0]
