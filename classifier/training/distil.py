"""Trains a student of fewer layers to say what a trained model says, and to look where it looks.

    python -m classifier.training.distil --teacher DIR --data FILE... --weak FILE... --texts FILE... --out DIR --minutes 60

The student takes some of the teacher's layers, its heads and its embeddings; these stay as they are, so that both can be served
out of one table of word rows. It learns the teacher's probabilities, label attention and last hidden states, and a share of the
labels (Hinton et al., "Distilling the knowledge in a neural network", 2015; Sanh et al., "DistilBERT", 2019).

After the teacher has changed a little, `--start-from STUDENT` goes on from a student of before: its layers and heads, with the
embeddings of the teacher that is named. A few minutes and a lower rate are enough (`--minutes 8 --learning-rate 1e-4`).

An interrupted run goes on from its last checkpoint when started again with the same arguments. `python -m
classifier.training.artifact --small DIR/model` puts the student beside its teacher.
"""

import argparse
import json
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import set_seed

from classifier.training.batches import Balance, MixedSampler, TokenizedExamples, collate, draw_rates, targets_of
from classifier.training.checkpoints import last_checkpoint
from classifier.training.data import Example, every_example, split
from classifier.training.hardware import fastest_attention
from classifier.training.loss import answer_losses, total_loss
from classifier.training.masking import with_hidden_words
from classifier.training.model import (
    LabelAttention,
    Reading,
    load_model,
    load_served,
    round_word_rows,
    save_model,
)
from classifier.training.pace import Pace, PaceKeeper
from classifier.training.settings import Settings
from classifier.training.trainer import LabelTrainer, trainer_arguments
from classifier.training.vocabulary import read_tokenizer

LAYERS = (0, 2, 5)
INNER = 1152
_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Mix:
    """What a student learns from.

    Attributes:
        labels: share of the labels' own loss, 0 to 1; the rest is the teacher's.
        attention: weight of the label attention's divergence, against the cross-entropy of the answers.
        hidden: weight of the distance of the last hidden states. They say most: the heads of both read them.
    """

    labels: float = 0.2
    attention: float = 1.0
    hidden: float = 1.0


def teacher_loss(own: Reading, told: Reading, mask: Tensor, mix: Mix) -> Tensor:
    """How far a student is from its teacher, mean over the rows of a batch.

    Cross-entropy with the teacher's probabilities (the topics' summed and weighed as in `loss.total_loss`); the Kullback-Leibler
    divergence of where each label looks, mean over the labels; the squared distance of the hidden states as a share of the
    teacher's own square, mean over the tokens.
    """
    student, teacher = own.scores, told.scores
    topics, sentiment = teacher.topic_logits.float().sigmoid(), teacher.sentiment_logits.float().softmax(-1)
    answers = answer_losses(student.topic_logits, student.sentiment_logits, topics, sentiment)  # [B]
    looks, should = student.attention.float(), teacher.attention.float()  # [B, T + 1, L]
    divergence = (should * ((should + _TINY).log() - (looks + _TINY).log())).sum(-1)  # [B, T + 1]
    square = told.hidden.float().square().sum(-1)  # [B, L]
    distance = (own.hidden.float() - told.hidden.float()).square().sum(-1) / square  # [B, L]
    apart = (distance * mask).sum(1) / mask.sum(1)  # [B]
    return answers.mean() + mix.attention * divergence.mean() + mix.hidden * apart.mean()


class DistilTrainer(LabelTrainer):
    """The trainer of labels, with a teacher, which reads every batch too, with the same words hidden."""

    def __init__(self, *args: Any, teacher: LabelAttention, mix: Mix, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._teacher = teacher.to(self.args.device).eval()
        self._mix = mix

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor | Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor | tuple[Tensor, Any]:
        """Loss of a batch; with `return_outputs` also the scores."""
        ids, mask = inputs["input_ids"], inputs["attention_mask"]
        if model.training:
            ids = with_hidden_words(ids, self._settings.masked, self._mask_id)
        assert isinstance(model, LabelAttention)
        with self.accelerator.autocast():
            with torch.no_grad():
                told = Reading.of(self._teacher, ids, mask)
            own = Reading.of(model, ids, mask)
        labels = total_loss(own.scores.topic_logits, own.scores.sentiment_logits, targets_of(inputs))
        share = self._mix.labels
        loss = (1 - share) * teacher_loss(own, told, mask, self._mix) + share * labels
        return (loss, {"topics": own.scores.topic_logits}) if return_outputs else loss


def make_student(
    teacher: Path, layers: Sequence[int], start_from: Path | None = None, *, inner: int = INNER
) -> LabelAttention:
    """An untrained student: some of the teacher's layers, all else the teacher's, embeddings rounded and frozen.

    Args:
        teacher: folder of the trained model.
        layers: their numbers, from 0.
        start_from: folder of a student whose layers and heads are taken instead.
        inner: the most neurons that a layer's feed-forward part keeps.

    Raises:
        ValueError: the teacher has no such layers, or the student has another vocabulary.
    """
    student, _ = load_served(teacher, attention=fastest_attention())
    stack = student.encoder.get_submodule("encoder.layer")
    assert isinstance(stack, nn.ModuleList)
    if not layers or max(layers) >= len(stack):
        raise ValueError(f"{teacher} has {len(stack)} layers: choose from 0 to {len(stack) - 1}")
    if start_from is None:
        student.encoder.set_submodule("encoder.layer", nn.ModuleList(stack[number] for number in layers))
        student.encoder.config.num_hidden_layers = len(layers)
        for number in layers:
            narrow(stack[number], inner)
        student.encoder.config.intermediate_size = min(inner, student.encoder.config.intermediate_size)
    else:
        if (start_from / "tokenizer.json").read_bytes() != (teacher / "tokenizer.json").read_bytes():
            raise ValueError(f"{start_from} has another vocabulary than {teacher}: it was the student of another model")
        student = with_embeddings_of(teacher, load_model(start_from, attention=fastest_attention())[0])
        round_word_rows(student.encoder)
    for p in student.encoder.get_submodule("embeddings").parameters():
        p.requires_grad = False
    for module in student.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0  # a teacher says more of a text than noise would take away
    return student


@torch.no_grad()
def narrow(layer: nn.Module, inner: int) -> None:
    """Leaves a BERT layer's feed-forward part those neurons whose weights, in times out, are longest."""
    rise, fall = layer.get_submodule("intermediate.dense"), layer.get_submodule("output.dense")
    assert isinstance(rise, nn.Linear)  # [F, d]
    assert isinstance(fall, nn.Linear)  # [d, F]
    weighs = rise.weight.norm(dim=1) * fall.weight.norm(dim=0)  # [F]
    kept = weighs.topk(min(inner, len(weighs))).indices.sort().values
    rise.weight, rise.bias = nn.Parameter(rise.weight[kept]), nn.Parameter(rise.bias[kept])
    fall.weight = nn.Parameter(fall.weight[:, kept])
    rise.out_features = fall.in_features = len(kept)


def with_embeddings_of(teacher: Path, student: LabelAttention) -> LabelAttention:
    """The student with the teacher's own embeddings, to the last bit: only so can both be served out of one table."""
    model, _ = load_model(teacher)
    own = student.encoder.get_submodule("embeddings")
    own.load_state_dict(model.encoder.get_submodule("embeddings").state_dict())
    return student


def distil(
    settings: Settings,
    mix: Mix,
    teacher: Path,
    student: LabelAttention,
    examples: Sequence[Example],
    out: Path,
) -> Path:
    """Runs or resumes a distillation; returns the folder of the trained student.

    Args:
        settings: of the run.
        mix: what is learnt from.
        teacher: folder of the trained model.
        student: what `make_student` made of it.
        examples: all of them; those that `split` holds out are only looked at.
        out: folder for checkpoints, logs and the student.
    """
    learnt, held_out = split(examples)
    warnings.filterwarnings("ignore", message=".*pin_memory.*")
    set_seed(settings.seed)
    out.mkdir(parents=True, exist_ok=True)
    (out / "settings.json").write_text(json.dumps(asdict(settings) | asdict(mix), indent=1), "utf-8")
    tokenizer_json = (teacher / "tokenizer.json").read_text("utf-8")
    tokenizer = read_tokenizer(teacher / "tokenizer.json")
    model, card = load_served(teacher)
    dataset = TokenizedExamples(learnt, tokenizer, settings.max_tokens, settings.augmented)
    kept = sorted(held_out, key=lambda e: e.id[::-1])[: settings.checked_rows]
    total = settings.max_steps * settings.batch
    rates = draw_rates(learnt, Balance())
    sampler = MixedSampler(dataset.lengths, rates, total=total, batch=settings.batch, seed=settings.seed)
    learning = [p for p in student.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        learning, lr=settings.learning_rate, weight_decay=settings.weight_decay, betas=(0.9, 0.98), fused=True
    )
    pace = Pace(settings.max_steps, settings.minutes, settings.warmup)
    trainer = DistilTrainer(
        model=student,
        args=trainer_arguments(settings, out),
        data_collator=collate,
        train_dataset=dataset,
        eval_dataset=TokenizedExamples(kept, tokenizer, settings.max_tokens),
        optimizers=(optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, pace.rate)),
        callbacks=[PaceKeeper(pace, out)],
        sampler=sampler,
        settings=settings,
        mask_id=tokenizer.token_to_id("[MASK]") or 0,
        teacher=model,
        mix=mix,
    )
    trainer.train(resume_from_checkpoint=last_checkpoint(out / "checkpoints"))
    save_model(with_embeddings_of(teacher, student), card, tokenizer_json, out / "model")
    return out / "model"


_SWITCHES = (
    "augmented",
    "batch",
    "check_every",
    "checked_rows",
    "learning_rate",
    "masked",
    "max_steps",
    "max_tokens",
    "minutes",
    "seed",
    "warmup",
)
_USUAL = Settings(learning_rate=3e-4)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Train a student of fewer layers on what a trained model says.")
    parser.add_argument("--teacher", type=Path, required=True, help="the folder `model` that training wrote")
    parser.add_argument("--data", nargs="+", type=Path, required=True, help="labelled rows, JSONL or CSV")
    parser.add_argument("--weak", nargs="*", type=Path, default=[], help="rows whose topics come from a rule")
    parser.add_argument("--texts", nargs="*", type=Path, default=[], help="unlabelled rows")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints, logs and the student")
    parser.add_argument("--start-from", type=Path, help="the folder `model` of a student of before")
    parser.add_argument("--layers", nargs="+", type=int, default=LAYERS, help="of the teacher, from 0")
    parser.add_argument("--inner", type=int, default=INNER, help="neurons that each feed-forward part keeps at most")
    for field in fields(Mix):
        parser.add_argument(f"--{field.name}", type=float, default=field.default, help="see `Mix`")
    for name in _SWITCHES:
        kind = float if name == "minutes" else type(getattr(_USUAL, name))
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, type=kind, default=getattr(_USUAL, name), help="see `settings.Settings`")
    given = parser.parse_args(arguments)
    settings = Settings(**{name: getattr(given, name) for name in _SWITCHES})
    mix = Mix(given.labels, given.attention, given.hidden)
    examples = every_example(given.data, given.weak, given.texts)
    student = make_student(given.teacher, given.layers, given.start_from, inner=given.inner)
    where = distil(settings, mix, given.teacher, student, examples, given.out)
    print(f"{len(examples)} rows; the student is in {where}")


if __name__ == "__main__":
    main()
