"""From the records of a portion to scored documents, or to what is wrong with them."""

from collections.abc import Callable, Sequence
from urllib.parse import unquote_plus

from msgspec import Struct

from classifier.names import NOBODY, NameFinder
from classifier.privacy import masked
from classifier.scorer import Scored, Scorer, Stopped, Work
from classifier.scores import ScoredDocument, Span
from classifier.stories import story_signature
from ingest.canary import SOURCE
from ingest.decode import BadDocument, Decoder
from ingest.document import Document
from ingest.logs import Record

KEPT_CHARACTERS = 1_000  # of a text in the scores log
KEPT_ENTITIES = 50


class Bad(Struct, frozen=True):
    """What is wrong with a record: it becomes a dead letter."""

    reason: str  # one of `ingest.deadletters.REASONS`
    sentence: str


class Outcome(Struct, frozen=True):
    """What became of a record."""

    record: Record
    result: ScoredDocument | Bad

    @property
    def is_canary(self) -> bool:
        """Whether it is a document of our own, which counts nowhere."""
        return not isinstance(self.result, Bad) and self.result.source == SOURCE


KILLED = Bad("killed", "several processes in a row died while they worked on this record alone")


class Reading:
    """Decodes and scores. One text that cannot be scored does not cost the others their scores."""

    def __init__(self, scorer: Scorer, stop: Callable[[], bool], finder: NameFinder = NOBODY) -> None:
        self._scorer = scorer
        self._stop = stop
        self._finder = finder

    def outcomes(self, decoder: Decoder, records: Sequence[Record], work: Work) -> list[Outcome]:
        """What became of each record, in order; what it took is added to `work`.

        Raises:
            Stopped: it was asked to stop.
            ModelFails: the model fails whatever the text.
        """
        read = [_decoded(decoder, record) for record in records]
        texts = [document.text for document in read if isinstance(document, Document)]
        scores = iter(self.scores(texts, work))
        return [
            Outcome(
                record, self._together(record, document, next(scores)) if isinstance(document, Document) else document
            )
            for record, document in zip(records, read, strict=True)
        ]

    def scores(self, texts: Sequence[str], work: Work | None = None) -> list[Scored | Bad]:
        """What the model says of each text, in order, or why it cannot say anything. Raises as `outcomes` does."""
        tried = Work()  # of its own: a try that fails counts nothing
        try:
            scores: list[Scored | Bad] = [*self._scorer.score(texts, stop=self._stop, work=tried)]
        except Stopped:
            raise
        except Exception as error:  # noqa: BLE001 - tokenizer and runtime raise all kinds; who is to blame is found here
            if len(texts) > 1:
                half = len(texts) // 2
                return [*self.scores(texts[:half], work), *self.scores(texts[half:], work)]
            # One text is left. It is to blame only if the model can score another.
            self._scorer.check()
            return [Bad("unscorable", f"the model cannot score this text: {str(error).strip()[:300]}")]
        if work:
            work.add(tried)
        return scores

    def _together(self, record: Record, document: Document, scored: Scored | Bad) -> ScoredDocument | Bad:
        if isinstance(scored, Bad):
            return scored
        return ScoredDocument(
            offset=record.offset,
            id=document.id,
            source=document.source,
            published_at=document.published_at,
            event_at=document.event_at,
            appended_at=document.appended_at,
            language=document.language,
            kind=document.kind,
            sentiment=scored.sentiment,
            topics=scored.topics,
            labels=scored.labels,
            story=story_signature(document.text),
            entities=tuple(masked(name) for name in document.entities[:KEPT_ENTITIES]),
            spans=_within(scored.spans, KEPT_CHARACTERS),
            text=masked(document.text)[:KEPT_CHARACTERS],
            url=_impersonal(document.url),
            names=self._finder.find(document.text, document.entities),
        )


def _decoded(decoder: Decoder, record: Record) -> Document | Bad:
    try:
        return decoder.decode(record)
    except BadDocument as bad:
        return Bad(bad.reason, bad.sentence)


def _impersonal(url: str) -> str:
    """`url`, or nothing if it holds personal data, plain or percent-encoded (a link within a link is so twice)."""
    plain = url
    for _ in range(3):
        if masked(plain) != plain:
            return ""
        plain = unquote_plus(plain)
    return url


def _within(spans: Sequence[Span], end: int) -> tuple[Span, ...]:
    """Those parts of spans that lie before `end`."""
    return tuple(Span(span.start, min(span.end, end), span.weight) for span in spans if span.start < end)
