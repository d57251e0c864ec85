"""The settings of a training run. Loads nothing heavy."""

from dataclasses import dataclass


class TrainingError(ValueError):
    """What was asked for cannot be trained; the message is one sentence that says why."""


@dataclass(frozen=True, slots=True)
class Settings:
    """A training run.

    Attributes:
        encoder: name or path of a BERT-like encoder with a fast WordPiece tokenizer; empty for the packaged MiniLM-L6.
        start_from: folder of a trained model or of an artifact to go on from, with its vocabulary; empty: from the encoder.
        max_tokens: texts are cut here in training; the model itself reads up to 256 tokens.
        teachers: folders of trained models whose answers are learnt too (see `teachers`).
        guide: folder of a trained model whose hidden states are followed too, in texts of its languages (see `guide`).
        told: of a labelled text's loss, the share that is its teacher's; of an unlabelled text's it is all.
        accumulation: batches that share one step.
        max_steps: end of the run in steps.
        minutes: end of the run in minutes, whichever comes first; None for steps only.
        warmup: share of the run in which the learning rate rises.
        warm_up_minutes: before it, guess masked tokens of all texts for so long, so that new word rows come to mean something.
        learning_rate: of the encoder; its word rows learn twice, queries and heads five times as fast.
        lora: rank of the low-rank adapters that learn instead of the encoder's matrices; 0 for full training.
        augmented: share of the texts that are disturbed, each time that they are drawn (see `augment`).
        masked: the most of a text's tokens that are hidden in training; in each text a share is drawn evenly up to it.
        smoothing: share of the sentiment's target that is spread evenly over the classes.
        adversarial: length of the step against the model in the space of its word rows (FGM); 0 for none.
        checked_rows: validation rows looked at during training; the full figures come from `evaluate`.
        patience: checks without improvement after which the run ends.
    """

    encoder: str = ""
    start_from: str = ""
    teachers: tuple[str, ...] = ()
    told: float = 0.5
    guide: str = ""
    max_tokens: int = 128
    batch: int = 48
    accumulation: int = 1
    max_steps: int = 8000
    minutes: float | None = None
    warmup: float = 0.06
    warm_up_minutes: float = 0.0
    learning_rate: float = 1e-4
    weight_decay: float = 0.01
    dropout: float = 0.1
    lora: int = 0
    augmented: float = 0.0
    masked: float = 0.0
    smoothing: float = 0.0
    adversarial: float = 0.0
    check_every: int = 500
    checked_rows: int = 1500
    patience: int = 6
    seed: int = 20
