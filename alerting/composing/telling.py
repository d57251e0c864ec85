"""From what a detector found to the alert that is told of it, and to the incident it belongs to."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from alerting.alerts import Alert
from alerting.composing.book import Change
from alerting.composing.compose import Circumstances, alert_id, compose, first_bin, revised, speaking_scale
from alerting.composing.evidence import Candidate, weight
from alerting.composing.flash import KEY
from alerting.composing.incidents import TOGETHER
from alerting.composing.judging import Judge
from alerting.counting.late import LateCount
from alerting.detection.spikes import Spike
from alerting.detection.statistic import expected_negatives
from alerting.policy import is_louder
from alerting.state import AggregateSettings, State
from ingest.instants import moment


class Moment(Struct, frozen=True):
    """When something was found, up to where windows were looked at, and late documents not yet in the alert book."""

    at: int
    until: int
    late: tuple[LateCount, ...] = ()


class Teller:
    """Composes alerts out of the state, and remembers there what was told."""

    def __init__(self, settings: AggregateSettings, settings_hash: str, state: State) -> None:
        self._settings, self._settings_hash, self._state = settings, settings_hash, state
        self._judge = Judge(settings)

    def tell(self, subject: str, spike: Spike, change: Change, when: Moment) -> Alert:
        """The alert at its next revision, on the incident that its stories belong to."""
        state = self._state
        since = first_bin(change, spike, state.bins, when.at)
        stories = self._standing_out(subject, spike, since, when)
        began = change.before.incident if change.before else self._incident(subject, stories, when)
        mine, revision = revised(subject, change.before, when.at)
        incident = began or alert_id(subject, when.at)
        late = (change.excess.came_late, *when.late)
        around = Circumstances(
            at=when.at,
            until=when.until,
            came_since=tuple(each.across(since) for each in late),
            late=any(each.is_since(since) for each in late),
            offset=state.position,
            artifact=state.artifact,
            settings=self._settings_hash,
            incident=incident,
            joined=began is not None,
            historical=state.is_historical(when.at, self._settings.historical_after, f"{mine}/{revision}"),
            newest=state.newest if state.clock is not None else None,
            classified_at=state.classified_at,
            errors=self._settings.errors,
            silent=state.rhythms.of(subject),
        )
        telling = state.candidates.best(subject, since, when.until, speaking_scale(spike))
        alert = compose(subject, spike, change, around, state.bins, telling)
        alert = self._judged(alert, spike, change, telling)
        self._remember(subject, alert, spike.days, stories, when.at)
        if began is None:
            state.budget.spend(of_name=alert.subject.kind == "entity")
        return alert

    def catch_up(self, subject: str, now: int) -> Alert:
        """Tell at event time `now` of the open alert on `subject`, which was found too late: of one event once.

        A flash is told as loudly as the day's budget allows.
        """
        state, told = self._state, self._state.book.told[subject]
        alert = replace(
            told.alert, revision=told.alert.revision + 1, change="caught_up", updated_at=moment(now), historical=False
        )
        is_new = state.incidents.is_new(alert, told.days / self._settings.spikes.escalation)
        alert = state.flashes.afforded(replace(alert, joined=not is_new), now, self._settings.flash.budget_per_day)
        state.incidents.tell(alert, set(), now, told.days if is_new else 0.0)
        told.alert, told.delivered = alert, told.delivered or is_new
        return alert

    def _remember(self, subject: str, alert: Alert, days: float, stories: set[int], at: int) -> None:
        """What was told; the rarity of what joined was not, and raises no bar for what comes."""
        book, incidents = self._state.book, self._state.incidents
        if alert.joined:
            book.tell(subject, alert, min(days, incidents.told_days(alert.incident)), at)
        else:
            book.tell(subject, alert, days, at)
        told = 0.0 if alert.joined else days
        incidents.tell(alert, stories, at, told)

    def _standing_out(self, subject: str, spike: Spike, since: int, when: Moment) -> set[int]:
        """Of its negative stories from `since` on the newest: as large a part of them as is more than usual.

        The usual stories of two topics may be the same though nothing else is. What is new is told by the scale that spoke.
        """
        seen, related = spike.detection, self._state.candidates.related.get(subject)
        usual = expected_negatives(seen.documents, seen.usual_share, seen.usual_documents, seen.beyond_share)
        newest = sorted(related.bins.items(), reverse=True) if related else []
        weighed = [
            (stories, len(stories) * weight(start, when.at, speaking_scale(spike)))
            for start, stories in newest
            if since <= start < when.until
        ]
        left = (1.0 - usual / seen.negatives) * sum(each for _, each in weighed)
        found: set[int] = set()
        for stories, each in weighed:
            if found and left < each / 2:
                break
            found.update(stories)
            left -= each
        return found

    def _incident(self, subject: str, stories: set[int], when: Moment) -> str | None:
        """That of a flash on the same name, or of alerts that share these stories."""
        state, began = self._state, {}
        for key, told in state.book.told.items():
            if key.startswith(KEY) and told.alert.state == "open":
                began[f"entity/{key.removeprefix(KEY)}"] = told.alert.incident
        for name, incident in began.items():  # a text began it: what else was told of the name is of it as well
            state.incidents.relate(incident, state.candidates.stories(name, when.at - TOGETHER, when.until))
        return began.get(subject) or state.incidents.place(stories, when.at)

    def _judged(self, alert: Alert, spike: Spike, change: Change, evidence: Sequence[Candidate]) -> Alert:
        """How loudly it is told, never less than before; and whether its incident was told so, and is no rarer."""
        action = self._judge.action(alert, evidence)
        if change.before and is_louder(change.before.action, action):
            action = change.before.action
        alert = replace(alert, action=action, policy=self._judge.label)
        is_new = self._state.incidents.is_new(alert, spike.days / spike.escalation)
        return replace(alert, joined=alert.joined and not is_new)
