"""One credible text is enough: at once, once a story, and within its own budget."""

import random

import pytest
from msgspec import msgpack
from msgspec.structs import replace

from alerting.alerts import Alert
from alerting.composing.flash import ALIKE, MOST_NAMES, MOST_STORIES, Flashes
from alerting.detection.rules import SpikeSettings
from alerting.policy import Policy, Rule
from classifier.stories import story_signature
from ingest.instants import DAY, HOUR, MINUTE, moment
from tests.alerting.composing.severe import BEFORE, SETTINGS, T, flashes, severe, told
from tests.alerting.made import START, ordinary, score_range, scored
from tests.alerting.runs import Run, in_ranges


def test_one_text_is_an_alert_on_its_name_at_once() -> None:
    (alert,) = told(severe(0))
    assert (str(alert.subject), alert.action, alert.severity) == ("entity/Northbank", "page", "critical")
    assert alert.opened_at == moment(T)
    assert (alert.documents, alert.negatives, alert.stories, alert.sources) == (1, 1, 1, 1)
    assert [each.id for each in alert.top_documents] == ["d144"]
    assert alert.flash is not None
    assert (alert.flash.topics, alert.flash.words, alert.flash.source_tier) == (("liquidity_run",), (), 1)
    assert not alert.joined
    assert alert.policy.startswith("1-")


@pytest.mark.parametrize(
    "changes",
    [
        {"names": ()},
        {"source": "forum"},
        {"sentiment": (7999, 2001, 0)},
        {"topics": (7999, 100, 100)},
        {"labels": (1,)},
        {"labels": (1,), "text": "储户安心"},
    ],
)
def test_what_lacks_one_condition_is_no_flash(changes: dict[str, object]) -> None:
    assert told(severe(0, **changes)) == []


def test_a_name_that_is_off_the_list_gets_no_flash_though_the_scores_still_carry_it() -> None:
    both = severe(0, names=("Northbank", "Orrin"))
    off = replace(SETTINGS, tiers={"Orrin": 2})
    assert [alert.subject.name for alert in told(both, settings=off, read_at=T)] == ["Orrin"]
    assert [alert.subject.name for alert in told(both, settings=SETTINGS, read_at=T)] == ["Northbank", "Orrin"]
    on_again = Run(off).take(*in_ranges(BEFORE, 50, read_at=T), *in_ranges([severe(0)], 1, read_at=T))
    on_again.settings = SETTINGS
    on_again.crash().take(*in_ranges([severe(1, story=severe(0).story)], 1, read_at=T))
    assert [alert.subject.name for alert in flashes(on_again)] == ["Northbank"], "its story was told to nobody"


@pytest.mark.parametrize("text", ["平台停兑，储户排队", "Exchange HALTS all Withdrawals"])
def test_a_listed_combination_of_words_is_severe_whatever_the_topic(text: str) -> None:
    (alert,) = told(severe(0, labels=(1,), text=text))
    assert alert.flash is not None
    assert len(alert.flash.words) == 2


def test_a_story_is_told_once_near_copies_included() -> None:
    first = severe(0)
    again = severe(1, T + 13 * HOUR, story=first.story)
    near = severe(2, T + 26 * HOUR, story=first.story ^ 0b1011)
    assert [alert.change for alert in told(first, again, near)] == ["opened", "closed"]


def test_a_copy_that_names_somebody_else_is_told_of_them_and_paged_once() -> None:
    first = severe(0)
    near = severe(1, T + HOUR, story=first.story ^ 0b1011, names=("Halden", "Northbank"))
    one, other = told(first, near)
    assert (one.subject.name, other.subject.name) == ("Northbank", "Halden")
    assert (other.joined, other.incident) == (True, one.incident)


def test_the_same_words_about_somebody_else_are_other_news() -> None:
    names = ("Northbank", "Halden", "Orrin", "Velmar Group", "Castell Energy")
    texts = [f"{name} defaults on dollar bond after missing coupon payment" for name in names]
    documents = [
        severe(n, T + n * HOUR, names=(name,), text=text, story=story_signature(text))
        for n, (name, text) in enumerate(zip(names, texts, strict=True))
    ]
    assert any((documents[0].story ^ each.story).bit_count() <= ALIKE for each in documents[1:])
    settings = replace(
        SETTINGS, tiers=dict.fromkeys(names, 1), flash=replace(SETTINGS.flash, budget_per_day=len(names))
    )
    alerts = told(*documents, settings=settings)
    assert [alert.subject.name for alert in alerts] == list(names)
    assert len({alert.incident for alert in alerts}) == len(names)
    assert {(alert.action, alert.joined) for alert in alerts} == {("page", False)}


def test_an_untrusted_source_first_does_not_silence_a_trusted_one() -> None:
    first = severe(0, source="forum")
    (alert,) = told(first, severe(1, T + HOUR, story=first.story))
    assert alert.opened_at == moment(T + HOUR)


def test_further_texts_go_on_with_the_flash_which_closes_when_it_was_quiet() -> None:
    late = T + 8 * HOUR
    run = Run(SETTINGS).take(*in_ranges([*BEFORE, severe(0), severe(1, late)], 1))
    run.take(*in_ranges([severe(2, late + 13 * HOUR), scored(147, late + 48 * HOUR)], 1))
    assert [(each.change, each.revision) for each in flashes(run)] == [
        ("opened", 1), ("closed", 2), ("opened", 1), ("closed", 2),
    ]  # fmt: skip
    closed = flashes(run)[1]
    assert closed.closed_at == moment(late + 12 * HOUR)
    assert len(closed.top_documents) == closed.documents == 2


def test_the_text_that_was_enough_is_shown_first_and_those_after_it_from_the_newest_on() -> None:
    rules = (Rule("page", topics=("liquidity_run",)), Rule("digest"))
    topics = replace(SETTINGS.flash, topics=("market_moves", "liquidity_run"))
    settings = replace(SETTINGS, policy=Policy("1", rules), flash=topics)
    quiet = [severe(number, T + number * MINUTE, labels=(1,), topics=(100, 9000, 100)) for number in range(7)]
    opened, louder = told(*quiet, severe(7, T + HOUR), settings=settings)
    assert (opened.action, louder.action, louder.change) == ("digest", "page", "escalated")
    assert [each.id for each in louder.top_documents] == ["d151", "d144", "d150", "d149", "d148"]


def test_a_flash_counts_its_share_of_stories_as_other_alerts_do() -> None:
    copied = severe(0)
    copies = [severe(number, T, story=copied.story) for number in range(1, 4)]
    run = Run(SETTINGS).take(*in_ranges([*BEFORE, copied, *copies], 1))
    run.take(*in_ranges([severe(4, T + MINUTE, sentiment=(500, 9000, 500)), severe(5, T + HOUR)], 1))
    told_of = run.keeper.state.book.told["flash/Northbank"].alert
    assert (told_of.documents, told_of.negatives) == (6, 5)
    assert (told_of.stories, told_of.story_negatives, told_of.share) == (3, 2, 0.6667)


def test_more_than_the_days_budget_go_into_the_digest() -> None:
    names = ("Northbank", "Halden", "Orrin")
    first = [severe(number, T + number * MINUTE, names=(name,)) for number, name in enumerate(names)]
    run = Run(SETTINGS).take(*in_ranges([*BEFORE, *first], 1), *in_ranges([severe(3, T + 25 * HOUR)], 1))
    opened = [each for each in flashes(run) if each.change == "opened"]
    assert [each.action for each in opened] == ["page", "page", "digest", "page"]
    assert [each.flash is not None and each.flash.over_budget for each in opened] == [False, False, True, False]


def test_a_flash_that_went_into_the_digest_goes_on_as_any_other() -> None:
    texts = [severe(0, names=("Halden",)), *(severe(n, T + hours * HOUR) for n, hours in enumerate((1, 6, 12), 1))]
    ends = []
    for budget in (1, 3):
        settings = replace(SETTINGS, flash=replace(SETTINGS.flash, budget_per_day=budget))
        _, opened, *_, ended = told(*texts, scored(148, T + 48 * HOUR), settings=settings)
        assert opened.action == ("digest" if budget == 1 else "page")
        assert (ended.change, ended.action) == ("closed", opened.action)
        ends.append((ended.closed_at, ended.stories, [each.id for each in ended.top_documents]))
    assert ends[0] == ends[1]
    assert ends[0][:2] == (moment(T + 24 * HOUR), 3)


def test_what_is_found_too_late_is_historical_and_told_once_caught_up() -> None:
    run = Run(SETTINGS).take(*in_ranges(BEFORE, 50), *in_ranges([severe(0)], 1, read_at=T + 4 * HOUR))
    assert [each.historical for each in flashes(run)] == [True]
    run.take(*in_ranges([scored(145, T + 4 * HOUR)], 1, read_at=T + 4 * HOUR + MINUTE, end=146))
    assert [(each.change, each.historical) for each in flashes(run)] == [("opened", True), ("caught_up", False)]


def test_a_fresh_text_wakes_a_flash_that_was_historical() -> None:
    run = Run(SETTINGS).take(*in_ranges(BEFORE, 50), *in_ranges([severe(0)], 1, read_at=T + 4 * HOUR))
    run.take(*in_ranges([severe(1, T + 4 * HOUR)], 1, read_at=T + 4 * HOUR))
    assert [(each.change, each.historical) for each in flashes(run)] == [("opened", True), ("caught_up", False)]


def after_an_outage(*, gone_on: int) -> list[Alert]:
    """Two flashes that were read four hours late; one on Orrin that was not, and new texts on `gone_on` of the others."""
    names = ("Northbank", "Halden")
    late = [severe(number, T + number * MINUTE, names=(name,)) for number, name in enumerate(names)]
    back = T + 4 * HOUR
    run = Run(SETTINGS).take(*in_ranges(BEFORE, 50), *in_ranges(late, 1, read_at=back))
    fresh = [severe(2 + n, back + n * MINUTE, names=(name,)) for n, name in enumerate(("Orrin", *names[:gone_on]))]
    run.take(*in_ranges(fresh, 1, read_at=back + MINUTE))
    run.take(score_range([], start=run.keeper.state.inputs.known["L1/0"].position, read_at=back + HOUR))
    return flashes(run)


def test_flashes_that_nobody_was_told_of_are_not_of_the_days_budget() -> None:
    alerts = after_an_outage(gone_on=0)
    assert [(each.historical, each.action) for each in alerts[:3]] == [(True, "page"), (True, "page"), (False, "page")]


@pytest.mark.parametrize("gone_on", [0, 2])
def test_those_that_are_caught_up_with_are(gone_on: int) -> None:
    alerts = after_an_outage(gone_on=gone_on)
    told = [each for each in alerts if not each.historical]
    assert [(each.change, each.action) for each in told] == [
        ("opened", "page"), ("caught_up", "page"), ("caught_up", "digest"),
    ]  # fmt: skip
    assert [each.flash is not None and each.flash.over_budget for each in told] == [False, False, True]


def test_a_flash_says_no_more_days_than_any_alert() -> None:
    before = [replace(each, names=("Northbank",) if each.offset == 0 else ()) for each in ordinary(30)]
    settings = replace(SETTINGS, spikes=SpikeSettings(budget_per_week=0.1))
    at = START + 30 * DAY
    texts = [severe(n, at + n * MINUTE, offset=len(before) + n, id=f"e{n}", source="forum") for n in range(40)]
    texts[-1] = replace(texts[-1], source="wire")
    run = Run(settings).take(*in_ranges(before, 50), *in_ranges(texts, 1))
    (flash,) = flashes(run)
    assert run.keeper.state.detectors["entity/Northbank"]
    assert flash.return_period_days == 1000


def test_a_text_from_long_ago_is_no_flash() -> None:
    run = Run(SETTINGS).take(*in_ranges([*BEFORE, scored(144, T)], 50))
    run.take(*in_ranges([severe(1, T - 13 * HOUR)], 1))
    assert flashes(run) == []


def test_a_flash_that_goes_on_for_days_tells_of_the_windows_that_are_held() -> None:
    texts = [severe(number, T + number * 6 * HOUR) for number in range(14)]
    run = Run(SETTINGS).take(*in_ranges([*BEFORE, *texts], 1))
    (ended,) = flashes(run.take(*in_ranges([scored(158, T + 5 * DAY)], 1)))[1:]
    assert ended.opened_at == moment(T)
    assert ended.first_seen_at > moment(texts[-1].event_at - 3 * DAY)
    assert ended.documents == sum(moment(each.event_at) >= ended.first_seen_at for each in texts)


def test_what_was_told_by_an_older_version_is_read_and_its_budget_still_spent() -> None:
    older = msgpack.encode({"stories": {1 << 63: T}, "spent": [T, T]})
    assert not msgpack.decode(older, type=Flashes).spend(T, 2)


def test_restarts_in_the_midst_change_nothing_byte_for_byte() -> None:
    chance = random.Random(11)
    names = ("Northbank", "Halden", "Orrin")
    documents = [
        severe(n, T + n * 45 * MINUTE, names=(chance.choice(names),), labels=(chance.choice([0, 0, 1]),))
        for n in range(150)
    ]
    straight = Run(SETTINGS).take(*in_ranges([*BEFORE, *documents], 3))
    broken = Run(SETTINGS)
    for scores in in_ranges([*BEFORE, *documents], 3):
        broken.take(scores)
        if chance.random() < 0.3:
            broken.crash()
    assert len(flashes(straight)) > 5
    assert msgpack.encode(broken.found) == msgpack.encode(straight.found)


def test_what_is_remembered_is_bounded() -> None:
    state, chance = Flashes(), random.Random(2)
    for at in range(3 * MOST_STORIES):
        state.is_told("Northbank", chance.getrandbits(64), at)
        state.spend(at, 10_000)
    assert len(state.told["Northbank"]) == MOST_STORIES
    for number in range(MOST_NAMES):
        state.is_told(str(number), 1, 0)
    assert len(state.told) == MOST_NAMES
    assert "Northbank" not in state.told
    state.spend(10 * DAY, 10_000)
    assert state.spent == [10 * DAY]


def test_a_flash_is_told_though_some_clock_was_a_month_ahead_once() -> None:
    run = Run(SETTINGS).take(*in_ranges(BEFORE, 50, read_at=T))
    run.take(score_range([severe(0, names=())], read_at=T + 30 * DAY, end=len(BEFORE) + 1))
    run.take(score_range([severe(1, T + HOUR)], read_at=T + HOUR))
    assert [alert.change for alert in flashes(run)] == ["opened", "caught_up"]
    assert not flashes(run)[-1].historical
