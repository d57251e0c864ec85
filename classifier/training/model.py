"""The network: an encoder, an attention query for each label, and a head on what each query gathered."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel


@dataclass(frozen=True, slots=True)
class Scores:
    """What the network says of a batch.

    Attributes:
        topic_logits: [B, T].
        sentiment_logits: [B, 3], in the order negative, neutral, positive.
        attention: [B, T + 1, L], rows sum to 1: the topics in order, then sentiment.
        log_mass: [B, T + 1], log of the sum of exp of the scores that `attention` is the softmax of; it weighs the chunks of a
            long text (`classifier.chunks`).
    """

    topic_logits: Tensor
    sentiment_logits: Tensor
    attention: Tensor
    log_mass: Tensor


@dataclass(frozen=True, slots=True)
class Card:
    """What else one needs to use the weights.

    Attributes:
        topics: names in logit order.
        encoder: where the encoder came from.
        max_tokens: the longest input, special tokens included.
        teachers: encoders of the models whose answers were learnt.
        languages: of the labelled rows, those of one in a hundred or more; empty if nobody noted them.
        licences: of what it was trained on, in earlier trainings too: `source`, `licence`, `rows`.
    """

    topics: tuple[str, ...]
    encoder: str
    max_tokens: int = 256
    teachers: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    licences: tuple[dict[str, Any], ...] = ()


_LEAST_GAIN = 1e-3


class LabelAttention(nn.Module):
    """Label-wise attention pooling over an encoder's last hidden states.

    Each label k has a query q_k of its own and reads the text by itself: a_k = softmax(H q_k / sqrt(d)), c_k = sum_i a_ki h_i.
    The weights a_k are the evidence for the label, and they cost nothing extra.
    """

    def __init__(self, encoder: PreTrainedModel, topics: int, dropout: float = 0.1) -> None:
        super().__init__()
        hidden: int = encoder.config.hidden_size
        self.encoder = encoder
        self.queries = nn.Parameter(torch.zeros(topics + 1, hidden))
        self.topic_weight = nn.Parameter(torch.randn(topics, hidden) * hidden**-0.5)
        self.topic_bias = nn.Parameter(torch.full((topics,), -2.5))
        self.sentiment = nn.Linear(hidden, 3)
        self.dropout = nn.Dropout(dropout)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Scores:
        """Scores a batch.

        Args:
            input_ids: int64 [B, L].
            attention_mask: int64 [B, L], 1 for tokens and 0 for padding.
        """
        H = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state  # [B, L, d]
        return self.pool(H, attention_mask)

    def pool(self, H: Tensor, attention_mask: Tensor) -> Scores:
        """Lets every label read the hidden states.

        Args:
            H: last hidden states, [B, L, d].
            attention_mask: int64 [B, L].
        """
        scores = (H @ self.queries.T).transpose(1, 2) * H.shape[-1] ** -0.5  # [B, T + 1, L]
        scores = scores.masked_fill(attention_mask[:, None, :] == 0, torch.finfo(scores.dtype).min)  # [B, T + 1, L]
        log_mass = scores.logsumexp(-1)  # [B, T + 1]
        attention = scores.softmax(-1)  # [B, T + 1, L], exactly 0 on padding
        gathered = self.dropout(attention @ H)  # [B, T + 1, d]
        # Products and sums, not matrix products: a matrix kernel may add in another order for another batch size.
        topic_logits = (gathered[:, :-1] * self.topic_weight).sum(-1) + self.topic_bias  # [B, T]
        sentiment = (gathered[:, -1:] * self.sentiment.weight).sum(-1) + self.sentiment.bias  # [B, 3]
        return Scores(topic_logits, sentiment, attention, log_mass)

    def evidence(self, H: Tensor, scores: Scores) -> Tensor:
        """How much each token spoke for each answer, [B, T + 1, L], rows sum to 1: the topics in order, then the sentiment.

        A topic is there or not, and where its query looks is what it hangs on. Sentiment has one query for three answers, so its
        attention points at words for and against alike. But the pooled logit is a sum over tokens, w · c = sum_i a_i (w · h_i):
        what a token adds to the leading class, against the mean of all tokens, is a_i w · (h_i - c), exact and free. Words that
        speak against the answer count 0.

        Args:
            H: last hidden states, [B, L, d].
            scores: what `pool` made of them.
        """
        weight = self.sentiment.weight - self.sentiment.weight.mean(0)  # [3, d]
        logits = scores.sentiment_logits  # [B, 3]
        leading = (logits == logits.amax(-1, keepdim=True)).to(H.dtype)  # [B, 3]
        lean = ((H @ weight.T) * leading[:, None, :]).sum(-1)  # [B, L], w · h_i
        attention = scores.attention[:, -1]  # [B, L]
        gain = (attention * (lean - (attention * lean).sum(-1, keepdim=True))).clamp_min(0)  # [B, L]
        gain = gain + _LEAST_GAIN * attention  # a text of one token has no gain
        return torch.cat([scores.attention[:, :-1], (gain / gain.sum(-1, keepdim=True))[:, None]], dim=1)

    @torch.no_grad()
    def start_from_descriptions(self, hidden: Tensor, mask: Tensor) -> None:
        """Starts each topic's query and weight from an encoding of its description, so that rare topics do not start blind.

        Args:
            hidden: last hidden states of the descriptions, [T, L, d].
            mask: their attention mask, [T, L].
        """
        weights = mask[:, :, None].to(hidden.dtype)  # [T, L, 1]
        means = (hidden * weights).sum(1) / weights.sum(1)  # [T, d]
        directions = nn.functional.normalize(means - means.mean(0), dim=-1)  # [T, d]
        norm = hidden[mask.bool()].norm(dim=-1).mean()
        # A random token then scores about N(0, 1) under a query; a text on the topic gains about 2 in its logit.
        self.queries[:-1] = directions * hidden.shape[-1] / norm
        self.topic_weight.copy_(directions * 4 / norm)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a network makes of a batch: last hidden states [B, L, d], and scores."""

    hidden: Tensor
    scores: Scores

    @classmethod
    def of(cls, model: LabelAttention, ids: Tensor, mask: Tensor) -> "Reading":
        """Reads ids and mask, int64 [B, L]."""
        H = model.encoder(input_ids=ids, attention_mask=mask).last_hidden_state  # [B, L, d]
        return cls(H, model.pool(H, mask))


def load_encoder(name: str, *, attention: str | None = None) -> PreTrainedModel:
    """Loads a BERT-like encoder by name or path, without its pooler, which nothing here uses; `attention` as in `load_model`."""
    config = _with_whole_attention(AutoConfig.from_pretrained(name))
    return _without_pooler(
        AutoModel.from_pretrained(name, config=config, dtype=torch.float32, attn_implementation=attention)
    )


def bare_encoder(config: PreTrainedConfig, attention: str | None) -> PreTrainedModel:
    """An encoder whose weights have yet to be read; `attention` as in `load_model`."""
    whole = _with_whole_attention(config)
    return _without_pooler(AutoModel.from_config(whole, attn_implementation=attention))  # type: ignore[no-untyped-call]


def _with_whole_attention(config: PreTrainedConfig) -> PreTrainedConfig:
    """Without dropout inside attention: on a CPU drawing a number for each pair of tokens slows every training step."""
    if hasattr(config, "attention_probs_dropout_prob"):
        config.attention_probs_dropout_prob = 0.0
    return config


def _without_pooler(encoder: PreTrainedModel) -> PreTrainedModel:
    if hasattr(encoder, "pooler"):
        setattr(encoder, "pooler", None)  # noqa: B010 - not every encoder declares one
    return encoder


def word_rows(encoder: PreTrainedModel) -> Tensor:
    """The encoder's word embedding, [rows, d]."""
    embedding = encoder.get_input_embeddings()
    assert isinstance(embedding, nn.Embedding)
    return embedding.weight


def replace_embedding(encoder: PreTrainedModel, rows: Tensor) -> None:
    """Puts another word embedding [rows, d] into an encoder; row 0 is padding."""
    encoder.set_input_embeddings(nn.Embedding(len(rows), rows.shape[1], padding_idx=0, _weight=rows.clone()))
    encoder.config.vocab_size = len(rows)


@torch.no_grad()
def round_word_rows(encoder: PreTrainedModel) -> None:
    """Rounds each word row to 8 bits, which is how exported graphs keep them: what is served has no finer ones."""
    rows = word_rows(encoder)
    scales = rows.abs().amax(1, keepdim=True).clamp_min(1e-12) / 127  # [rows, 1]
    rows.copy_((rows / scales).round() * scales)


def save_model(model: LabelAttention, card: Card, tokenizer_json: str, folder: Path) -> None:
    """Writes `weights.safetensors`, `encoder.json`, `card.json` and `tokenizer.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, folder / "weights.safetensors")
    model.encoder.config.to_json_file(folder / "encoder.json", use_diff=False)
    (folder / "card.json").write_text(json.dumps(asdict(card), indent=1), "utf-8")
    (folder / "tokenizer.json").write_text(tokenizer_json, "utf-8")


def load_served(folder: Path, *, attention: str | None = None) -> tuple[LabelAttention, Card]:
    """Reads a model as it will be served: its word rows rounded to 8 bits."""
    model, card = load_model(folder, attention=attention)
    round_word_rows(model.encoder)
    return model, card


def load_model(folder: Path, *, attention: str | None = None) -> tuple[LabelAttention, Card]:
    """Reads what `save_model` wrote; `attention` is the encoder's attention implementation, None for transformers' choice."""
    fields = json.loads((folder / "card.json").read_text("utf-8"))
    tuples = {key: tuple(fields.get(key, ())) for key in ("topics", "teachers", "languages", "licences")}
    card = Card(**(fields | tuples))
    model = LabelAttention(
        bare_encoder(AutoConfig.from_pretrained(folder / "encoder.json"), attention), len(card.topics)
    )
    model.load_state_dict(load_file(folder / "weights.safetensors"))
    return model.eval(), card
