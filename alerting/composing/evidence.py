"""Which documents stand behind an alert."""

from bisect import insort
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from math import exp

from msgspec import Struct

from alerting.alerts import Evidence
from alerting.counting.windows import is_topic
from classifier.scores import WHOLE, Details, ScoredDocument, decode_details
from ingest.instants import moment

SHOWN = 5  # documents an alert carries
HELD, HELD_NAME = 128, 8  # candidates that a topic holds, and a name: there may be thousands of them
HELD_STORIES, HELD_STORIES_NAME = 1024, 64  # stories that a topic holds, and a name
HELD_STORIES_BIN = 256  # of one bin


class Candidate(Struct, frozen=True, array_like=True, order=True):
    """A negative document that an alert might show. The most telling comes first."""

    positivity: int  # 1/10,000 that it is not negative
    event_at: int
    offset: int
    story: int
    details: bytes  # as `decode_details` reads them

    @property
    def shown(self) -> Details:
        """What is shown of it."""
        return decode_details(self.details)

    @property
    def source(self) -> str:
        """Who published it."""
        return self.shown.source

    @property
    def topics(self) -> tuple[str, ...]:
        """Those that it is labelled with."""
        return self.shown.topics


def weight(counted_at: int, at: int, scale: float) -> float:
    """What counts for 1 at instant `counted_at` counts for at instant `at` on a detector's `scale`, in microseconds."""
    return exp(min(counted_at - at, 0) / scale)


class Held(Struct):
    """The candidates of one subject, by the start of their bin; at most SHOWN of each."""

    many: int = 0
    bins: dict[int, list[Candidate]] = {}


class Related(Struct):
    """The negative stories that have something to do with one subject, by the start of their bin."""

    many: int = 0
    bins: dict[int, list[int]] = {}


class Candidates(Struct):
    """The most telling negative documents of the latest bins, by subject. Part of the aggregator's state.

    They are held by bin because a range may bring documents later than the window that an alert is about.
    """

    held: dict[str, Held] = {}
    related: dict[str, Related] = {}  # stories that have at least faintly to do with a subject

    def takes_in_any_order(self, subject: str, many: Mapping[int, int]) -> bool:
        """Whether so many documents of some bins, by start, change the same in whatever order and portions they come.

        They do where what makes room for them is older than all of them, and where they are of one bin, the newest.
        """
        held, related = self.held.get(subject) or Held(), self.related.get(subject) or Related()
        most, most_stories = (HELD, HELD_STORIES) if is_topic(subject) else (HELD_NAME, HELD_STORIES_NAME)
        oldest = min(many)
        shown = sum([min(each, SHOWN) for each in many.values()])
        shown += sum([len(telling) for start, telling in held.bins.items() if start >= oldest])
        stories = sum(many.values()) + sum([len(stories) for start, stories in related.bins.items() if start >= oldest])
        if shown <= most and stories <= most_stories:
            return True
        return len(many) == 1 and oldest >= max(chain(held.bins, related.bins), default=oldest)

    def offer(
        self, subject: str, start: int, telling: Iterable[tuple[int, int]], candidate: Callable[[int], Candidate]
    ) -> None:
        """Hold of negative documents of the bin from `start` those that are among the most telling there.

        Of each, the most negative first, `telling` has the positivity and its row; `candidate` makes the document of a row,
        which few of them become.
        """
        held, most = self.held.get(subject) or Held(), HELD if is_topic(subject) else HELD_NAME
        best = held.bins.get(start, [])
        for positivity, row in telling:
            if len(best) < SHOWN:
                best = held.bins.setdefault(start, best)
                insort(best, candidate(row))
                held.many += 1
                if held.many > most:
                    held.many -= len(held.bins.pop(min(held.bins)))
                    best = held.bins.get(start, [])
            elif positivity <= best[-1].positivity:
                insort(best, candidate(row))
                del best[SHOWN:]
            else:
                break
        if held.bins:
            self.held[subject] = held

    def relate(self, subject: str, start: int, stories: Iterable[int]) -> None:
        """Remember that these negative stories of the bin from `start` have something to do with `subject`."""
        related = self.related.get(subject) or self.related.setdefault(subject, Related())
        known = related.bins.setdefault(start, [])
        before = len(known)
        known.extend(stories)
        del known[HELD_STORIES_BIN:]
        related.many += len(known) - before
        most = HELD_STORIES if is_topic(subject) else HELD_STORIES_NAME
        while related.many > most and len(related.bins) > 1:
            related.many -= len(related.bins.pop(min(related.bins)))

    def forget(self, subject: str) -> None:
        """Nothing is known of `subject` any more."""
        self.held.pop(subject, None)
        self.related.pop(subject, None)

    def forget_before(self, instant: int) -> None:
        """Let go of the bins that start before `instant`, and of subjects of which nothing is left."""
        for held in self.held.values():
            held.bins = {start: telling for start, telling in held.bins.items() if start >= instant}
            held.many = sum(map(len, held.bins.values()))
        for related in self.related.values():
            related.bins = {start: stories for start, stories in related.bins.items() if start >= instant}
            related.many = sum(map(len, related.bins.values()))
        self.held = {subject: held for subject, held in self.held.items() if held.bins}
        self.related = {subject: related for subject, related in self.related.items() if related.bins}

    def best(self, subject: str, since: int, until: int, scale: float) -> list[Candidate]:
        """At most SHOWN documents of bins that start in [since, until), the most telling first, each story once.

        That is the most negative, each weighed as on the detector's `scale`, in microseconds: what came before an event may
        be as negative, but did not make it. Of equals the newer one.
        """
        held = self.held.get(subject) or Held()
        ranked = []
        for start, telling in held.bins.items():
            if since <= start < until:
                for one in telling:
                    counted_at = max(one.event_at, start)  # a late one counts where the watermark stood
                    weighed = (WHOLE - one.positivity) * weight(counted_at, until, scale)
                    ranked.append((-weighed, -counted_at, one))
        best: dict[int, Candidate] = {}
        for _, _, candidate in sorted(ranked):
            best.setdefault(candidate.story, candidate)
        return list(best.values())[:SHOWN]

    def stories(self, subject: str, since: int, until: int) -> set[int]:
        """Negative stories of bins that start in [since, until) that have something to do with `subject`."""
        related = self.related.get(subject) or Related()
        return {story for start, stories in related.bins.items() if since <= start < until for story in stories}


def evidence(of: Candidate | ScoredDocument) -> Evidence:
    """The document as an alert shows it."""
    shown: Details | ScoredDocument = of.shown if isinstance(of, Candidate) else of
    negative = WHOLE - of.positivity if isinstance(of, Candidate) else of.sentiment[0]
    return Evidence(
        id=shown.id,
        source=shown.source,
        published_at=moment(shown.published_at),
        language=shown.language,
        text=shown.text,
        negative=negative / WHOLE,
        url=shown.url,
        spans=tuple((span.start, span.end, span.weight / WHOLE) for span in shown.spans),
    )
