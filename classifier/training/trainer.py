"""transformers' Trainer for our network: our loss, our order of rows, hidden words, an adversary, and a guide."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Trainer, TrainingArguments

from classifier.training.adversary import against
from classifier.training.batches import MixedSampler, answers_of, targets_of
from classifier.training.guide import LIFT, Guide, distance
from classifier.training.hardware import has_fast_bf16
from classifier.training.loss import total_loss
from classifier.training.masking import with_hidden_words
from classifier.training.model import LabelAttention, Reading, word_rows
from classifier.training.settings import Settings


class LabelTrainer(Trainer):
    """The trainer of labels; with a guide its model has the map that `guide.add_lift` makes."""

    def __init__(
        self,
        *args: Any,
        sampler: MixedSampler,
        settings: Settings,
        mask_id: int,
        guide: Guide | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._mixed = sampler
        self._settings = settings
        self._mask_id = mask_id
        self._guide = guide
        if guide:
            guide.model.to(self.args.device)

    def training_step(
        self, model: nn.Module, inputs: dict[str, Tensor | Any], num_items_in_batch: Tensor | int | None = None
    ) -> Tensor:
        """Gradients of a batch, and with an adversary those of the batch as it is hardest, too."""
        loss = super().training_step(model, inputs, num_items_in_batch)
        if self._settings.adversarial:
            assert isinstance(model, LabelAttention)
            with against(word_rows(model.encoder), self._settings.adversarial):
                super().training_step(model, inputs, num_items_in_batch)
        return loss

    def _get_train_sampler(self, train_dataset: Any = None) -> MixedSampler:
        return self._mixed

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor | Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor | tuple[Tensor, Any]:
        """Loss of a batch; with `return_outputs` also the scores."""
        ids, smoothing = inputs["input_ids"], 0.0
        if model.training:
            ids, smoothing = with_hidden_words(ids, self._settings.masked, self._mask_id), self._settings.smoothing
        assert isinstance(model, LabelAttention)
        with self.accelerator.autocast():
            own = Reading.of(model, ids, inputs["attention_mask"])
            apart = self._apart_from_guide(model, own.hidden, inputs)
        scores = own.scores
        loss = total_loss(
            scores.topic_logits, scores.sentiment_logits, targets_of(inputs), answers_of(inputs), smoothing
        )
        loss = loss + apart / len(ids)
        return (loss, {"topics": scores.topic_logits}) if return_outputs else loss

    def _apart_from_guide(self, model: LabelAttention, hidden: Tensor, inputs: dict[str, Tensor | Any]) -> Tensor:
        """How far the rows' hidden states [B, L, d] are from the guide's, summed over those that it can read."""
        if self._guide is None or "guide_rows" not in inputs:
            return hidden.new_zeros(())
        lifted = model.get_submodule(LIFT)(hidden[inputs["guide_rows"]])  # [G, L, e]
        return distance(lifted, self._guide.states(inputs)).sum()


class OneDevice(TrainingArguments):
    """Of several GPUs the first: transformers would use all, through `nn.DataParallel`, which cannot gather `Scores`."""

    @property
    def n_gpu(self) -> int:
        """One, or none."""
        return 1 if super().n_gpu else 0


def trainer_arguments(settings: Settings, out: Path) -> TrainingArguments:
    """Our settings in the words of transformers."""
    return OneDevice(
        output_dir=str(out / "checkpoints"),
        per_device_train_batch_size=settings.batch,
        per_device_eval_batch_size=64,
        gradient_accumulation_steps=settings.accumulation,
        max_steps=settings.max_steps,
        bf16=has_fast_bf16(),
        fp16=torch.cuda.is_available() and not has_fast_bf16(),
        use_cpu=not torch.cuda.is_available(),
        max_grad_norm=1.0,
        eval_strategy="steps",
        eval_steps=settings.check_every,
        save_steps=settings.check_every,
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        label_names=["sentiment"],
        prediction_loss_only=True,
        remove_unused_columns=False,
        dataloader_num_workers=0,
        logging_steps=25,
        report_to=["tensorboard"],
        seed=settings.seed,
    )
