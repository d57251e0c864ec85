"""From a trained model to ONNX.

The graph keeps the names of the contract with the serving side: inputs `input_ids` and `attention_mask`, int64 [B, L]; outputs
`topic_logits` [B, T], `sentiment_logits` [B, 3], `attention` [B, T + 1, L] and `log_mass` [B, T + 1], float32; B and L are free.
`attention` is `LabelAttention.evidence`: where each topic's query looked, then what each token added to the leading sentiment.

`python -m classifier.training.artifact` writes the whole folder that the serving side loads; then write the float32 answers that
tests compare the int8 graph with: `python -m classifier.training.reference` (its own page tells the arguments).
"""

import warnings
from pathlib import Path

import onnx
import onnx_ir
import torch
from onnx_ir.passes import Sequential, common
from onnxscript.optimizer import fold_constants_ir
from onnxscript.rewriter import rewrite
from torch import Tensor, nn

from classifier.training.model import LabelAttention, load_served

OPSET = 21
OUTPUTS = ("topic_logits", "sentiment_logits", "attention", "log_mass")


class _Outputs(nn.Module):
    """The network with its scores as a plain tuple, which is what the exporter takes."""

    def __init__(self, model: LabelAttention) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        # The finished additive mask, [B, 1, 1, L]: the encoder's own way to it costs a [B, 1, L, L] gather.
        lowest = torch.finfo(torch.float32).min
        additive = (1.0 - attention_mask[:, None, None, :].float()) * lowest
        H = self.model.encoder(input_ids=input_ids, attention_mask=additive).last_hidden_state  # [B, L, d]
        scores = self.model.pool(H, attention_mask)
        return scores.topic_logits, scores.sentiment_logits, self.model.evidence(H, scores), scores.log_mass


def export_fp32(folder: Path, out: Path) -> None:
    """Writes the float32 graph of a trained model, with word rows of 8 bits.

    Args:
        folder: what `model.save_model` wrote.
        out: the `.onnx` file to write.
    """
    model, _ = load_served(folder, attention="eager")
    ids = torch.ones(2, 16, dtype=torch.long)
    mask = torch.ones_like(ids)
    mask[1, 9:] = 0
    free = {0: torch.export.Dim("batch", min=1, max=4096), 1: torch.export.Dim("length", min=2, max=256)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            _Outputs(model).eval(),
            (ids, mask),
            input_names=["input_ids", "attention_mask"],
            output_names=list(OUTPUTS),
            dynamic_shapes={"input_ids": free, "attention_mask": free},
            opset_version=OPSET,
            dynamo=True,
            optimize=False,
            verbose=False,
        )
    if program is None:
        raise RuntimeError("the exporter made no program")
    _simplify(program.model)
    program.save(str(out))
    onnx.checker.check_model(str(out))


def _simplify(model: onnx_ir.Model) -> None:
    """The exporter's own optimisation without its last step, which makes one weight of equal ones: `thaw` goes by their names."""
    common.InlinePass()(model)
    for _ in range(2):
        fold_constants_ir(model, onnx_shape_inference=True)
        rewrite(model)
    tidy = (
        common.CommonSubexpressionEliminationPass(),
        common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
        common.RemoveUnusedNodesPass(),
        common.OutputFixPass(),
        common.NameFixPass(),
    )
    Sequential(*tidy)(model)
