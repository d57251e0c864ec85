"""While the usual sources of a topic are silent: it is unknown, not calm."""

from msgspec import msgpack
from msgspec.structs import replace

from classifier.scores import ScoredDocument
from ingest.instants import DAY, HOUR, moment
from tests.alerting.made import START, crisis, ordinary
from tests.alerting.runs import EARLY_LOOK, Run, in_ranges


class Outage:
    """Three weeks of `main` and `minor` on one topic; a crisis; then `main` is silent for two days, while others speak on."""

    def __init__(self) -> None:
        self.began, self.days = START + 21 * DAY, 21
        self.documents = [replace(d, source="main") for d in ordinary(21)]
        self._add(crisis(0, self.began), "main")
        self.silent_from = self.began + HOUR
        self._add(ordinary(2, every=2 * HOUR, start=self.silent_from), "minor")
        self.back = self.silent_from + 2 * DAY
        self.before = len(self.documents)
        self._add(ordinary(2, start=self.back), "main")

    def _add(self, more: list[ScoredDocument], source: str) -> None:
        first = len(self.documents)
        self.documents += [replace(d, offset=first + n, source=source) for n, d in enumerate(more)]


def test_while_its_sources_are_silent_a_topic_is_unknown_and_no_alert_on_it_closes():
    outage = Outage()
    run = Run().take(*in_ranges(outage.documents[: outage.before - 12], 20))
    usual = run.keeper.state.detectors["topic/liquidity_run"].documents
    run.take(*in_ranges(outage.documents[outage.before - 12 : outage.before], 20))  # a day more
    assert run.keeper.state.rhythms.silent == ["main"]
    assert run.keeper.state.rhythms.is_unknown("topic/liquidity_run")
    assert run.keeper.state.detectors["topic/liquidity_run"].documents == usual
    assert run.alerts[-1].change != "closed"
    run.crash().take(*in_ranges(outage.documents[outage.before :], 20))
    last = run.alerts[-1]
    assert last.change == "closed"
    assert last.closed_at is not None
    assert last.closed_at >= moment(outage.back + 6 * HOUR)
    assert run.keeper.state.rhythms.silent == []
    assert run.keeper.state.detectors["topic/liquidity_run"].documents != usual


def test_an_alert_names_the_usual_sources_that_are_silent():
    usual, end = [replace(d, source="main") for d in ordinary(21)], START + 21 * DAY
    others = ordinary(1, every=2 * HOUR, first=len(usual), start=end)
    storm = crisis(len(usual) + len(others), end + DAY)
    minor = [replace(d, source="minor") for d in others + storm]
    first = Run().take(*in_ranges(usual + minor, 20)).alerts[0]
    assert first.opened_at > moment(end + DAY)
    assert first.silent is not None
    assert first.silent.sources == ("main",)
    assert 0.9 < first.silent.missing < 1
    known = [replace(d, source="main") for d in others]
    assert Run().take(*in_ranges(usual + known + storm, 20)).alerts[0].silent is None


def test_an_outage_changes_nothing_by_where_it_is_cut_or_crashes():
    documents = Outage().documents
    straight, broken = Run(EARLY_LOOK).take(*in_ranges(documents, 20)), Run(EARLY_LOOK)
    for number, scores in enumerate(in_ranges(documents, 20)):
        broken.take(scores)
        if number % 7 == 0:
            broken.crash()
    assert msgpack.encode(broken.found) == msgpack.encode(straight.found)


def test_a_source_whose_documents_all_come_late_is_not_silent():
    before = [replace(d, source="main") for d in ordinary(21)]
    end = START + 21 * DAY
    late = [replace(d, event_at=d.event_at - DAY, source="main") for d in ordinary(2, first=len(before), start=end)]
    other = ordinary(2, first=len(before), start=end)
    both = [
        replace(d, offset=len(before) + n)
        for n, d in enumerate(x for pair in zip(other, late, strict=True) for x in pair)
    ]
    run = Run().take(*in_ranges(before + both, 20))
    assert "main" not in run.keeper.state.rhythms.silent
