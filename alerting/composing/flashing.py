"""From a flash to the alert that is told of it: at once, once a story, within the day's budget, and one event is one page."""

from collections.abc import Iterator

from msgspec.structs import replace

from alerting.alerts import Alert, Flash, Handled, Subject
from alerting.composing.book import Excess, Told
from alerting.composing.compose import alert_id, revised
from alerting.composing.evidence import SHOWN, evidence
from alerting.composing.flash import KEY, QUIET, Severe
from alerting.composing.incidents import TOGETHER
from alerting.composing.judging import Judge
from alerting.counting.windows import total
from alerting.detection.spikes import LONGEST
from alerting.policy import is_louder
from alerting.state import AggregateSettings, State
from alerting.watching import Watcher
from classifier.scores import Columns, ScoredDocument
from ingest.instants import DAY, instant, moment


class FlashLane:
    """Looks at each text by itself. A flash stands in the alert book beside the name's other alert, as `flash/NAME`.

    While it is open, further severe texts on the name go on with it; `QUIET` after the last one it is closed. Nothing is
    rarer than a flash, so whatever joins its incident is told only if it is to be told more loudly.
    """

    def __init__(self, settings: AggregateSettings, settings_hash: str, state: State, watcher: Watcher) -> None:
        self._settings, self._settings_hash, self._state, self._watcher = settings, settings_hash, state, watcher
        self._judge = Judge(settings)
        self._severe = Severe(settings.flash, self._judge.trust)

    def has(self, columns: Columns) -> bool:
        """Whether a text of a range may be enough."""
        return next(self._severe.among(columns), None) is not None

    def look(self, columns: Columns) -> Iterator[Alert]:
        """What the texts of a range are enough for, once they are counted."""
        read_at = columns.range.read_at
        for document, flash in self._severe.among(columns):
            at = max(document.event_at, self._state.bins.closed_to or document.event_at)
            came_at = at if read_at is None else min(at, read_at)  # windows close too soon where a clock was ahead once
            if came_at - document.event_at > QUIET:
                continue
            watched = [name for name in document.names if self._watcher.is_watched(f"entity/{name}")]
            for name in sorted(watched, key=lambda name: (self._judge.name_tier(name), name)):
                if self._state.flashes.is_told(name, document.story, document.event_at):
                    continue
                yield from self._close(KEY + name, at)
                alert = self._take(name, document, flash, at)
                if alert:
                    yield alert

    def _close(self, key: str, at: int) -> Iterator[Alert]:
        """End a flash that has been quiet for long enough, though no window has closed since."""
        book = self._state.book
        if key in book.told and book.told[key].alert.state == "open" and book.quiet_from(key) <= at:
            yield book.close(key)
            del book.told[key], book.excesses[key]

    def _take(self, name: str, document: ScoredDocument, flash: Flash, at: int) -> Alert | None:
        """The alert to tell on `name`; None: it goes on with one that was told as loudly."""
        state, key = self._state, KEY + name
        told = state.book.told.get(key)
        before = told.alert if told and told.alert.state == "open" else None
        stories = state.candidates.stories(f"entity/{name}", at - TOGETHER, at + 1) | {document.story}
        began = before.incident if before else self._incident(name, document, stories, at)
        alert = self._composed(name, document, at, began or alert_id(key, at), before)
        alert = replace(alert, action=self._judge.action_on(alert, flash.topics, [document.source]), flash=flash)
        caught_up = before is not None and before.historical and not alert.historical
        if before is None or caught_up or is_louder(alert.action, before.action):
            alert = self._afforded(alert, began, document.event_at)
        if told and before and not (caught_up or is_louder(alert.action, before.action)):
            told.alert = replace(
                alert, revision=before.revision, change=before.change, updated_at=before.updated_at,
                action=before.action, policy=before.policy, joined=before.joined, flash=before.flash,
                historical=before.historical,
                top_documents=(*before.top_documents[:1], *alert.top_documents[:1], *before.top_documents[1:])[:SHOWN],
            )  # fmt: skip
            self._go_on(key, told, at)
            state.incidents.tell(before, stories, at, 0.0)
            return None
        state.book.excesses.setdefault(key, Excess(instant(alert.first_seen_at), at, QUIET))
        state.book.tell(key, alert, 0.0, at)
        self._go_on(key, state.book.told[key], at)
        state.incidents.tell(alert, stories, at, 0.0)
        return alert

    def _incident(self, name: str, document: ScoredDocument, stories: set[int], at: int) -> str | None:
        """That of the name's open alert, or of alerts that share the text or else the name's stories.

        Not that of flashes on others alone, whom the text does not name: agencies tell of every default in one form.
        """
        told, place = self._state.book.told, self._state.incidents.place
        own = told.get(f"entity/{name}")
        if own and own.alert.state == "open":
            return own.alert.incident
        began = place({document.story}, at) or place(stories, at)
        flashed = {key for key in told if key.startswith(KEY) and told[key].alert.incident == began}
        return None if flashed and flashed.isdisjoint(KEY + each for each in document.names) else began

    def _go_on(self, key: str, told: Told, at: int) -> None:
        excess = self._state.book.excesses[key]
        excess.above_at = told.above_at = max(excess.above_at, told.above_at, at)

    def _afforded(self, alert: Alert, began: str | None, at: int) -> Alert:
        """As loudly as the day's budget allows; what joins an incident that was told so costs nothing."""

        def placed(alert: Alert) -> Alert:
            is_new = began is None or self._state.incidents.is_new(alert, 0.0)
            return replace(alert, joined=not is_new)

        return placed(self._state.flashes.afforded(placed(alert), at, self._settings.flash.budget_per_day))

    def _composed(self, name: str, document: ScoredDocument, at: int, incident: str, before: Alert | None) -> Alert:
        """The alert at its next revision; how loudly it is told is not yet decided."""
        state = self._state
        began = instant(before.first_seen_at) if before else state.bins.start_of(document.event_at)
        since = state.bins.held_since(began)
        counts = total(state.bins.between(f"entity/{name}", since, at + 1))
        spike = self._watcher.look(f"entity/{name}", at)
        stories, story_negatives = max(counts.stories, 1), max(counts.story_negatives, 1)
        mine, revision = revised(KEY + name, before, at)
        historical = state.is_historical(document.event_at, self._settings.historical_after, f"{mine}/{revision}")
        return Alert(
            id=mine,
            revision=revision,
            incident=incident,
            joined=False,
            subject=Subject("entity", name),
            state="open",
            change="opened" if before is None else "caught_up" if before.historical and not historical else "escalated",
            severity="critical",
            opened_at=before.opened_at if before else moment(at),
            updated_at=moment(at),
            closed_at=None,
            first_seen_at=moment(since),
            return_period_days=round(min(spike.days, LONGEST), 3),
            documents=max(counts.documents, 1),
            negatives=max(counts.negatives, 1),
            share=round(story_negatives / stories, 4),
            usual_share=round(spike.usual_share(since, at), 4),
            usual_documents=round(spike.usual_per_day * (at - since) / DAY, 2),
            kind="flash",
            stories=stories,
            story_negatives=story_negatives,
            sources=max(len(counts.sources), 1),
            languages=dict(sorted(counts.languages.items())) or {document.language: 1},
            top_documents=(evidence(document), *(before.top_documents if before else ()))[:SHOWN],
            detection=spike.detection,
            ready=spike.ready,
            late=state.bins.is_closed(state.bins.start_of(document.event_at)),
            historical=historical,
            scores_from=before.scores_from if before else state.position,
            scores_to=state.position + 1,
            artifact=state.artifact,
            settings=self._settings_hash,
            handled=self._handled(document),
            policy=self._judge.label,
            copies=max(counts.documents - counts.stories, 0),
        )

    def _handled(self, document: ScoredDocument) -> Handled | None:
        state = self._state
        if state.clock is None:
            return None
        classified_at = moment(state.classified_at) if state.classified_at else None
        return Handled(moment(document.published_at), moment(document.appended_at), classified_at)
