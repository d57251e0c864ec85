"""Windows close as the watermark passes, and each subject's detector learns from them; open ones are looked at early."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from alerting.alerts import Alert
from alerting.composing.book import Excess
from alerting.composing.compose import recounted
from alerting.composing.incidents import TOGETHER
from alerting.composing.telling import Moment, Teller
from alerting.counting.eventtime import FOREVER, NEVER
from alerting.counting.late import LateCount
from alerting.counting.windows import Tally, is_topic
from alerting.detection.scales import Counted
from alerting.detection.screening import ROUNDING, Headroom, Screen, Suspect
from alerting.detection.spikes import Detector, Footing, Residue, Spike
from alerting.state import AggregateSettings, Closing, State
from ingest.instants import DAY, HOUR, instant, microseconds

WATCHED_STORIES = 500
SETTLED = 7 * DAY  # what has been in the tail for so long is becoming the usual,
SETTLED_YOUNG = DAY // 2  # and so long, if it began in a subject's first days, before anything usual was known
NONE_LATE, NOTHING, NO_RESIDUE = LateCount(), Tally(), Residue()
MOST_OPEN = 240  # open bins an early look takes in: there are more only while a partition is far behind the others


class Watcher:
    """Holds the detectors of the state against its windows, and has told what they find."""

    def __init__(self, settings: AggregateSettings, state: State, teller: Teller) -> None:
        self._settings, self._state, self._teller = settings, state, teller
        self._screen = Screen(self._footing)
        self._mute = {topic for topic, rules in settings.spikes.topics.items() if not rules.alert}
        self._rules = {f"topic/{topic}": settings.spikes.of(topic) for topic in settings.spikes.topics}
        for subject in {*state.detectors, *state.candidates.held, *state.candidates.related}:
            if not self.is_watched(subject):  # what is running there ends by itself
                state.detectors.pop(subject, None)
                state.candidates.forget(subject)
        self._names = sum(not is_topic(subject) for subject in state.detectors)  # how many were heard of
        present = NEVER if state.listed is None else state.bins.closed_to or NEVER
        self._listed = {name: (state.listed or {}).get(name, present) for name in settings.tiers}
        state.listed = self._listed
        state.book.recall()
        state.incidents.recall(state.book.told.values())

    def forget(self) -> None:
        """What is usual has to be learned again, of whoever is heard of."""
        self._state.detectors.clear()
        self._names = 0
        self._state.began, self._state.pooled_stories, self._state.pooled_negatives = FOREVER, 0, 0

    def spikes(self) -> dict[str, Spike]:
        """What each topic's detector says of the present: where windows are closed to, of one that has fallen silent too."""
        present, detectors = [Counted(self._state.bins.closed_to or 0, 0, 0)], self._state.detectors
        return {
            subject: detectors[subject].look(present, self._footing(subject))
            for subject in detectors
            if is_topic(subject)
        }

    @property
    def alerting_topics(self) -> int:
        """How many topics share the budget: those that may alert."""
        return len(self._state.topics) - len(self._mute.intersection(self._state.topics))

    def is_watched(self, subject: str) -> bool:
        """Topics are, and the names on the list; in a replay, which may have none, those that the scores know."""
        return is_topic(subject) or subject.removeprefix("entity/") in self._settings.tiers or self._state.clock is None

    def look(self, subject: str, at: int) -> Spike:
        """What the detector of `subject` says at event time `at`, open windows included; one never heard of has a fresh one."""
        state, detector = self._state, self._state.detectors.get(subject) or self._fresh(subject, at)
        open_bins = [(start, state.bins.tallies[start]) for start in state.bins.open()[-MOST_OPEN:]]
        mine = [(start, tallies[subject]) for start, tallies in open_bins if subject in tallies]
        ends = [(min(start + state.bins.width, at), tally) for start, tally in mine]
        found = [Counted(end, tally.stories, tally.story_negatives) for end, tally in ends]
        return detector.look([*found, Counted(max(at, detector.at), 0, 0)], self._footing(subject))

    def close(self, watermark: int) -> Iterator[Closing | Alert]:
        """Close every window that `watermark` has passed, bin by bin in event time."""
        state = self._state
        if watermark == FOREVER:
            watermark = max((start + state.bins.width for start in state.bins.tallies), default=NEVER)
            watermark = max(watermark, state.bins.closed_to or NEVER)
        if watermark == NEVER:
            return
        for start, tallies in state.bins.close(watermark):
            end = start + state.bins.width
            self._pass_time(start, end)
            yield from self._quieten(start, end)
            late = state.late.pop(start, {})
            self._screen.clear()
            for subject in sorted(tallies.keys() | late.keys()):
                tally = tallies.get(subject)
                if tally is not None:
                    tally.revision += 1
                    yield Closing(subject, start, tally)
                alert = self._learn(subject, start, end, tally or Tally(), late.get(subject, LateCount()))
                if alert:
                    yield alert
            state.rhythms.hear(tallies, start, end)
        yield from self._quieten(state.bins.closed_to or watermark, watermark)
        self._forget(watermark)
        if state.clock is not None and not state.is_historical(watermark, self._settings.historical_after):
            untold = state.book.untold()
            self._recount(untold)
            yield from (self._teller.catch_up(subject, watermark) for subject in untold)

    def _pass_time(self, start: int, end: int) -> None:
        """The bin [start, end) is the next in which there was anything: what nobody watched before it is no silence."""
        state, per_week = self._state, self._settings.spikes.budget_per_week
        outage = state.budget.pass_time(end, per_week, self._ready_share(end), has_names=self._names > 0)
        state.began = min(state.began + outage, start)
        for detector in state.detectors.values() if outage else ():
            detector.pass_over(outage)
        for name in self._listed if outage else ():
            self._listed[name] += outage

    def _quieten(self, heard_to: int, now: int) -> list[Alert]:
        """End what has been quiet for long enough, but nothing whose sources are missing."""
        book, rhythms = self._state.book, self._state.rhythms
        rhythms.look(heard_to)
        if rhythms.missing:
            book.hold(rhythms.is_unknown, now)
        self._recount(book.ending(now))
        return book.quieten(now)

    def _forget(self, watermark: int) -> None:
        """Let go of the windows that are kept no longer, once alerts that begin there are counted: later nobody can."""
        before = watermark - microseconds(self._settings.windows.keep)
        bins, told = self._state.bins, self._state.book.told
        losing = range(bins.forgotten_to or NEVER, bins.start_of(before))
        losers = [
            subject
            for subject, each in told.items()
            if each.alert.state == "open" and instant(each.alert.first_seen_at) in losing
        ]
        self._recount(losers, bins.closed_to or NEVER)
        if losing.stop // HOUR > losing.start // HOUR:  # not of every bin: there may be thousands of names
            self._state.candidates.forget_before(bins.start_of(min(before, watermark - TOGETHER)))
        bins.forget(before)

    def _recount(self, subjects: Iterable[str], until: int = FOREVER) -> None:
        """What is told next of these subjects is the whole event: as it was told first, it had hardly begun."""
        state = self._state
        for subject in subjects:
            told, detector = state.book.told[subject], state.detectors.get(subject)
            if told.alert.kind != "flash" and told.alert.artifact == state.artifact:  # a flash counts as it goes on
                late, errors = state.book.excesses[subject].came_late, self._settings.errors
                told.alert = recounted(told.alert, min(told.above_at, until), state.bins, late, detector, errors)

    def look_early(self, touched: Collection[str]) -> Iterator[Alert]:
        """Look at the open windows of the subjects that have just got documents, so that an alert does not wait."""
        state = self._state
        detectors = {subject: state.detectors[subject] for subject in sorted(touched) if subject in state.detectors}
        if not detectors:
            return
        at = self._present(state.newest.event_at if state.newest else NEVER, detectors.values())
        bins = self._open_bins(at)
        tallies = [state.bins.tallies[start] for start, _ in bins]
        for subject, detector in detectors.items():
            if self._left(subject, self._screen.room(subject, detector, at), tallies) >= ROUNDING:
                continue
            spike = detector.look_at_tail(self._open(subject, bins, at), self._footing(subject))
            if spike and spike.fires:
                mine = (start for start, _ in bins if subject in state.bins.tallies[start])
                start = min(mine, default=at)
                change = state.book.consider(subject, spike, start, at)
                if change:
                    late = self._late(subject)
                    yield self._teller.tell(subject, spike, change, Moment(at, at + 1, late))

    def suspects(self, starts: Collection[int], newest: int, negatives: Mapping[str, int]) -> list[Suspect]:
        """Of the subjects in `negatives`, to which so many negative stories come, those that may come near to firing by them.

        `starts` are of the B open bins that the documents lie in, `newest` is the event time of the newest.
        """
        state, suspects = self._state, []
        known = [(subject, state.detectors[subject]) for subject in negatives if subject in state.detectors]
        at = self._present(newest, [detector for _, detector in known])
        others = [state.bins.tallies[each] for each, _ in self._open_bins(at) if each not in starts]
        begun = [state.bins.tallies.get(start, {}) for start in starts]
        for subject, detector in known:
            room, tallies = self._screen.room(subject, detector, at), [each.get(subject) or NOTHING for each in begun]
            found, left = [(each.stories, each.story_negatives) for each in tallies], self._left(subject, room, others)
            if room._replace(negatives=left).left(found) - negatives[subject] < ROUNDING:
                suspects.append(Suspect(subject, room.share, left, found))
        return suspects

    def _present(self, newest: int, detectors: Iterable[Detector]) -> int:
        """The instant of an early look: that of the newest it looks at, and never before the one that bins are closed to."""
        return max([newest, self._state.bins.closed_to or NEVER, *(detector.at for detector in detectors)])

    def _left(self, subject: str, room: Headroom, open_bins: Sequence[dict[str, Tally]]) -> float:
        """What is left of a subject's room after what came to it in open bins, and late."""
        mine = [tally for tallies in open_bins if (tally := tallies.get(subject))]
        found, late = [(tally.stories, tally.story_negatives) for tally in mine], self._waiting(subject)
        return room.left([*found, (late.stories, late.negatives)] if late.stories else found)

    def _open_bins(self, at: int) -> list[tuple[int, int]]:
        """The start of each open bin, and its end, or event time `at` if that is sooner; oldest first."""
        return [(start, min(start + self._state.bins.width, at)) for start in self._state.bins.open()[-MOST_OPEN:]]

    def _open(self, subject: str, bins: Sequence[tuple[int, int]], at: int) -> list[Counted]:
        """What came to `subject` in open bins, oldest first, and late at last."""
        tallies, late = self._state.bins.tallies, self._waiting(subject)
        mine = [(end, tally) for start, end in bins if (tally := tallies[start].get(subject))]
        found = [Counted(end, tally.stories, tally.story_negatives) for end, tally in mine]
        return [*found, Counted(at, late.stories, late.negatives)]

    def _late(self, subject: str) -> tuple[LateCount, ...]:
        """Late documents of a subject that no window has taken up yet."""
        return tuple([counts[subject] for counts in self._state.late.values() if subject in counts])

    def _waiting(self, subject: str) -> LateCount:
        """How many these are."""
        if not self._state.late:
            return NONE_LATE
        waiting = self._late(subject)
        return LateCount(sum([count.stories for count in waiting]), sum([count.negatives for count in waiting]))

    def _learn(self, subject: str, start: int, end: int, tally: Tally, late: LateCount) -> Alert | None:
        stories, negatives = tally.stories + late.stories, tally.story_negatives + late.negatives
        detector = self._state.detectors.get(subject)
        if detector is None:
            if not self.is_watched(subject):
                return None
            since = self._listed.get(subject.removeprefix("entity/"), NEVER)  # before it, nobody would have heard of it
            detector = self._state.detectors[subject] = self._fresh(subject, max(self._state.began, since))
            self._names += not is_topic(subject)
        footing = self._footing(subject)
        if footing.is_settled and not footing.is_unknown:
            detector.settle(end)
        spike = detector.update(Counted(end, stories, negatives), footing)
        if is_topic(subject):  # a document about a name has topics too
            self._pool(stories, negatives)
        change = spike and self._state.book.consider(subject, spike, start, end)
        self._state.book.add_late(subject, late, start, self._state.bins.forgotten_to)
        return self._teller.tell(subject, spike, change, Moment(end, end)) if spike and change else None

    def _fresh(self, subject: str, since: int) -> Detector:
        return Detector.fresh(self._settings.spikes, since, of_name=not is_topic(subject))

    def _footing(self, subject: str) -> Footing:
        state, spikes = self._state, self._settings.spikes
        of_name = not is_topic(subject)
        many = self._names if of_name else self.alerting_topics
        alarm = state.budget.alarm_days(spikes.budget_per_week, many, of_names=of_name)
        rules = spikes if of_name else self._rules.get(subject, spikes)
        is_unknown, excess = state.rhythms.is_unknown(subject), state.book.excesses.get(subject)
        is_settled = excess is not None and self._is_settled(subject, excess)
        residue = excess.residue if excess else NO_RESIDUE
        return Footing(
            rules, state.pooled_share(), alarm * rules.rarity, self._watched(), is_unknown, is_settled, residue
        )

    def _is_settled(self, subject: str, excess: Excess) -> bool:
        """Whether a subject has been in its tail for so long that this is becoming the usual."""
        detector = self._state.detectors.get(subject)
        if detector is None:
            return False
        is_young = excess.since - detector.since < microseconds(self._settings.spikes.ready_after)
        return excess.lasted >= (SETTLED_YOUNG if is_young else SETTLED)

    def _ready_share(self, at: int) -> float:
        """Of topics."""
        state, spikes, watched = self._state, self._settings.spikes, self._watched()
        mine = [state.detectors.get(f"topic/{topic}") for topic in state.topics]
        ready = sum(detector is not None and detector.is_ready(at, spikes, watched=watched) for detector in mine)
        return ready / max(len(mine), 1)

    def _watched(self) -> bool:
        """Whether enough was read to know that a topic of which nothing came is a rare one."""
        return self._state.pooled_stories >= WATCHED_STORIES

    def _pool(self, stories: int, negatives: int) -> None:
        self._state.pooled_stories += stories
        self._state.pooled_negatives += negatives
        if self._state.pooled_stories > 200_000:
            self._state.pooled_stories //= 2
            self._state.pooled_negatives //= 2
