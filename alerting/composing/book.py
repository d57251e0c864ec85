"""The alert book: one event is one alert. It opens at the onset, escalates when it becomes rarer, closes when it was quiet."""

from collections.abc import Callable
from typing import Literal

from msgspec import Struct, field

from alerting.alerts import Alert, closed
from alerting.counting.late import LateCount
from alerting.detection.spikes import LONGEST, Residue, Spike
from ingest.instants import moment


class Excess(Struct):
    """A stretch of time in which a subject is in the tail of its own past."""

    since: int  # start of its first bin
    above_at: int  # the last instant in the tail
    quiet: int  # microseconds after which it is over
    lasted: int = 0  # microseconds of it that are known to have been in the tail
    came_late: LateCount = field(default_factory=LateCount)  # what took part
    residue: Residue = Residue()


class Told(Struct):
    """What was last told of a running excess."""

    alert: Alert
    days: float  # the return period then
    above_at: int  # the last instant in the tail of the scale that spoke, or of a faster one
    delivered: bool  # a revision of it was for delivery, so its end is too


class Change(Struct, frozen=True):
    """Something to tell: the onset of an excess, or that it has become much rarer."""

    kind: Literal["opened", "escalated"]
    excess: Excess
    before: Alert | None


class AlertBook(Struct):
    """Running excesses, and what was told of them, by subject. Part of the aggregator's state.

    An alert closes when the scale that spoke has been quiet; the excess ends when all have. Until then slower scales still see
    what was told: for them to tell anything it must be `escalation` times rarer. To the others whatever comes next is new.
    What was told to be as rare as can be said is told again only if it becomes critical.
    """

    excesses: dict[str, Excess] = {}
    told: dict[str, Told] = {}

    def consider(self, subject: str, spike: Spike, start: int, at: int) -> Change | None:
        """What there is to tell about `subject` after its detector spoke of the bin [start, at).

        The caller composes the alert and hands it to `tell`.
        """
        excess = self.excesses.get(subject)
        if spike.above:
            if excess is None:
                excess = self.excesses[subject] = Excess(start, at, spike.quiet)
            excess.lasted += max(at - excess.above_at, 0)
            excess.above_at, excess.quiet = max(excess.above_at, at), spike.quiet
        told = self.told.get(subject)
        if told and spike.above and min(spike.above) <= told.alert.detection.scale_s:
            told.above_at = max(told.above_at, at)
        if excess is None or not spike.fires:
            return None
        if told is None or told.alert.state == "closed":
            return Change("opened", excess, None)
        is_worse = told.days < LONGEST or (spike.critical and told.alert.severity != "critical")
        is_rarer = is_worse and spike.days >= told.days * spike.escalation
        return Change("escalated", excess, told.alert) if is_rarer else None

    def add_late(self, subject: str, late: LateCount, start: int, forgotten_to: int | None) -> None:
        """Late documents that were counted in the bin from `start` count in the alert of the running excess as well.

        It tells of no window that was forgotten.
        """
        excess = self.excesses.get(subject)
        if excess and late.stories:
            excess.came_late.take_up(late, start)
            if forgotten_to is not None:
                excess.came_late.fold(forgotten_to)

    def tell(self, subject: str, alert: Alert, days: float, at: int) -> None:
        """The alert was told at event time `at`, with a return period of `days`."""
        before = self.told.get(subject)
        delivered = before is not None and before.alert.id == alert.id and before.delivered
        self.told[subject] = Told(alert, days, at, delivered or alert.is_told)

    def hold(self, is_unknown: Callable[[str], bool], now: int) -> None:
        """Of subjects that are unknown at event time `now` nobody can say that they have become quiet."""
        for subject in filter(is_unknown, self.excesses):
            excess, told = self.excesses[subject], self.told.get(subject)
            excess.above_at = max(excess.above_at, now)
            if told and told.alert.state == "open":
                told.above_at = max(told.above_at, now)

    def quieten(self, now: int) -> list[Alert]:
        """Close what has been quiet long enough by event time `now`, at the instant when it had been."""
        ended = [self.close(subject) for subject in self.ending(now)]
        for subject in [s for s, excess in self.excesses.items() if excess.above_at + excess.quiet <= now]:
            del self.excesses[subject]
            self.told.pop(subject, None)
        return ended

    def ending(self, now: int) -> list[str]:
        """The subjects whose open alert has been quiet long enough by event time `now`."""
        told = [subject for subject, told in sorted(self.told.items()) if told.alert.state == "open"]
        return [subject for subject in told if self.quiet_from(subject) <= now]

    def untold(self) -> list[str]:
        """The subjects whose open alert was found too late to be delivered: what others have joined, and the rarest, first."""
        told = sorted(self.told.items(), key=lambda each: (each[1].alert.joined, -each[1].days, each[0]))
        return [subject for subject, told in told if told.alert.state == "open" and told.alert.historical]

    def recall(self) -> None:
        """Checkpoints of older versions do not hold what closed alerts have told of an excess that is not over."""
        for subject, told in self.told.items():
            if told.alert.state == "closed":
                self._leave_residue(subject)

    def _leave_residue(self, subject: str) -> None:
        told, excess = self.told[subject], self.excesses[subject]
        scale_s = min(excess.residue.scale_s, told.alert.detection.scale_s)
        excess.residue = Residue(scale_s, max(excess.residue.days, told.days))

    def quiet_from(self, subject: str) -> int:
        """The instant at which the alert that was told on `subject` has been quiet for long enough."""
        return self.told[subject].above_at + self.excesses[subject].quiet

    def close(self, subject: str) -> Alert:
        """Close the open alert on `subject` at that instant."""
        told, end = self.told[subject], moment(self.quiet_from(subject))
        self._leave_residue(subject)
        told.alert = closed(told.alert, end, was_told=told.delivered)
        return told.alert

    def running(self) -> int:
        """How many alerts are open."""
        return sum(told.alert.state == "open" for told in self.told.values())
