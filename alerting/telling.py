"""From what a detector found to the alert that is told of it, and to the incident it belongs to."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from alerting.alerts import Alert
from alerting.book import Change
from alerting.compose import Circumstances, alert_id, compose, first_bin
from alerting.evidence import Candidate
from alerting.judging import Judge
from alerting.late import LateCount
from alerting.policy import is_louder
from alerting.spikes import Spike
from alerting.state import AggregateSettings, State
from alerting.windows import is_topic


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
        stories = state.candidates.stories(subject, since, when.until)
        began = change.before.incident if change.before else self._incident(subject, stories, when.at)
        incident = began or alert_id(subject, when.at)
        late = [change.excess.came_late, *when.late]
        around = Circumstances(
            at=when.at,
            until=when.until,
            late_stories=sum(each.across(since)[0] for each in late),
            late_negatives=sum(each.across(since)[1] for each in late),
            late=any(each.is_since(since) for each in late),
            offset=state.position,
            artifact=state.artifact,
            settings=self._settings_hash,
            incident=incident,
            joined=began is not None,
            historical=state.is_historical(when.at, self._settings.historical_after),
            newest=state.newest if state.clock is not None else None,
            classified_at=state.classified_at,
            errors=self._settings.errors,
            silent=state.rhythms.of(subject),
        )
        alert = compose(subject, spike, change, around, state.bins, state.candidates)
        alert = self._judged(alert, spike, change, state.candidates.best(subject, since, when.until))
        state.book.tell(subject, alert, spike.days, when.at)
        state.incidents.tell(incident, stories, when.at, spike.days, alert.action)
        if began is None:
            state.budget.spend(of_name=alert.subject.kind == "entity")
        return alert

    def _incident(self, subject: str, stories: set[int], at: int) -> str | None:
        """That of a flash on the same name, or of alerts that share these stories."""
        flash = self._state.book.told.get(f"flash/{subject.removeprefix('entity/')}")
        if flash and flash.alert.state == "open" and not is_topic(subject):
            return flash.alert.incident
        return self._state.incidents.place(stories, at)

    def _judged(self, alert: Alert, spike: Spike, change: Change, evidence: Sequence[Candidate]) -> Alert:
        """How loudly it is told, never less than before; and whether its incident was told so, and is no rarer."""
        action = self._judge.action(alert, evidence)
        if change.before and is_louder(change.before.action, action):
            action = change.before.action
        is_new = self._state.incidents.is_new(alert.incident, spike.days / spike.escalation, action)
        return replace(alert, action=action, policy=self._judge.label, joined=alert.joined and not is_new)
