"""What others would run instead: our network in torch, and a BERT-base in a transformers pipeline.

Weights are random: no checkpoint of ours is shipped, and the time that a dense network takes does not depend on its weights.
Both read our tokens, at most as many as our model reads. BERT's own vocabulary cuts Chinese into more of them, so this
favours BERT.
"""

import time
from collections.abc import Sequence

import torch
import transformers
from numpy.typing import NDArray
from tokenizers import Tokenizer as FastTokenizer
from torch import Tensor
from transformers import (
    AutoModel,
    BertConfig,
    BertForSequenceClassification,
    PreTrainedTokenizerFast,
    TextClassificationPipeline,
)

from benchmarks.network import Network, padded
from classifier.training.model import LabelAttention, Scores

BATCH = 32
LAYERS, HIDDEN, HEADS, INNER = 6, 384, 12, 1536  # MiniLM-L6, the encoder of the shipped artifact


class TorchNetwork:
    """Our network in float32, from the training code."""

    def __init__(self, network: Network) -> None:
        torch.set_num_threads(network.threads)
        self._network = network
        words = FastTokenizer.from_file(str(network.tokenizer_file)).get_vocab_size()
        config = BertConfig(
            vocab_size=words,
            hidden_size=HIDDEN,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            intermediate_size=INNER,
        )
        encoder = AutoModel.from_config(config, attn_implementation="sdpa")
        self._model = LabelAttention(encoder, len(network.manifest.topics)).eval()

    def same_batches(self, texts: Sequence[str]) -> float:
        """Seconds for tokens, the daemon's batches, the network and its probabilities."""
        began = time.perf_counter()
        for group, members in self._network.groups(texts):
            self._answer(*padded(members, group.shape.length, self._network.tokenizer.padding))
        return time.perf_counter() - began

    def pipeline_batches(self, texts: Sequence[str]) -> float:
        """The same in batches of 32 in the order of the texts, as a transformers pipeline makes them."""
        began = time.perf_counter()
        for first in range(0, len(texts), BATCH):
            rows = [ids for text in self._network.tokenizer.encode(texts[first : first + BATCH]) for ids in text.chunks]
            self._answer(*padded(rows, max(map(len, rows)), self._network.tokenizer.padding))
        return time.perf_counter() - began

    @torch.inference_mode()
    def _answer(self, ids: NDArray, mask: NDArray) -> list[dict[str, float]]:
        scores: Scores = self._model(torch.from_numpy(ids), torch.from_numpy(mask))
        told: Tensor = torch.cat([scores.sentiment_logits.softmax(-1), scores.topic_logits.sigmoid()], -1)
        names = [*self._network.manifest.sentiments, *self._network.manifest.topics]
        return [dict(zip(names, row, strict=True)) for row in told.tolist()]


class BertBase:
    """A classifier of BERT-base's size in a transformers pipeline, batches of 32."""

    def __init__(self, network: Network) -> None:
        torch.set_num_threads(network.threads)
        transformers.logging.set_verbosity_error()
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_file=str(network.tokenizer_file),
            model_max_length=network.manifest.max_tokens,
            pad_token="[PAD]",  # noqa: S106 - a token, not a secret
        )
        model = BertForSequenceClassification(BertConfig(vocab_size=len(tokenizer), num_labels=3)).eval()
        self._pipeline = TextClassificationPipeline(model=model, tokenizer=tokenizer, batch_size=BATCH, device=-1)

    def run(self, texts: Sequence[str]) -> float:
        """Seconds for the whole pipeline."""
        began = time.perf_counter()
        self._pipeline(list(texts), truncation=True, top_k=None)
        return time.perf_counter() - began
