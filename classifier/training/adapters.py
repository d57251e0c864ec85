"""Low-rank adapters (LoRA): the encoder's matrices stand still, and small ones beside them learn; merged in the end."""

import warnings

from peft import LoraConfig, PeftModel, get_peft_model

from classifier.training.model import LabelAttention, word_rows


def add_adapters(model: LabelAttention, rank: int) -> None:
    """Puts adapters of a rank beside every matrix of the encoder. Word rows, queries and heads go on learning as they are."""
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        adapted = get_peft_model(model.encoder, config)
    setattr(model, "encoder", adapted)  # noqa: B010 - it does what the encoder does
    word_rows(model.encoder).requires_grad_(True)


def merge_adapters(model: LabelAttention) -> None:
    """Adds what the adapters learnt to the encoder's matrices, which are then as if trained themselves."""
    adapted = model.encoder
    if isinstance(adapted, PeftModel):
        model.encoder = adapted.merge_and_unload()
