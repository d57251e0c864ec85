"""Any answers, any restarts, in its real loop too: nothing is lost, nothing storms, nothing holds up the end."""

import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from alerting.alerts import ALERTS
from alerting.deliver import Deliver, DeliverSettings, group_of
from alerting.destinations.metrics import DeliverMetrics
from alerting.destinations.webhook import Webhook
from bellwether.loop import Loop, Role
from bellwether.metrics import LoopMetrics
from ingest.instants import HOUR
from tests.alerting.destinations import receiver
from tests.alerting.destinations.receiver import Receiver, receiving
from tests.alerting.told import told
from tests.alerting.turns import Clock, Killed, Outbox, Turning, kill, turning, webhook

ANSWERS = st.sampled_from(
    [200, 200, 204, 400, 404, 302, 500, 503, (429, {"Retry-After": "7"}), receiver.garbage, receiver.torn]
)
DOING = st.sampled_from(["turn", "turn", "turn", "restart", "kill", "append", "append twice"])
SETTINGS = DeliverSettings(waiting=5, deadline=HOUR)


def live(outbox: Outbox, there: Receiver, script: list[str]) -> int:
    """Do what `script` says; returns how many alerts there are."""
    appended = 0
    held = Turning(outbox, webhook(there.url), SETTINGS)
    try:
        for doing in script:
            if doing.startswith("append"):
                alerts = [told(f"a{appended + i}") for i in range(3)]
                outbox.append(*alerts, *(alerts if doing == "append twice" else ()))
                appended += len(alerts)
            try:
                held.turn(2, seconds=20, before_commit=kill if doing == "kill" else None)
            except Killed:
                doing = "restart"  # noqa: PLW2901 - what follows from it
            if doing == "restart":
                held.close()
                held = Turning(outbox, webhook(there.url), SETTINGS)
    finally:
        held.close()
    return appended


@settings(max_examples=25, deadline=None, derandomize=True)
@given(answers=st.lists(ANSWERS, max_size=25), script=st.lists(DOING, max_size=15))
def test_every_alert_is_delivered_or_a_dead_letter_and_in_order(
    answers: list[receiver.Answer], script: list[str]
) -> None:
    with TemporaryDirectory() as folder, receiving(*answers) as there:
        outbox = Outbox(Path(folder), Clock())
        appended = live(outbox, there, script)
        there.answers.clear()
        with turning(outbox, webhook(there.url), SETTINGS) as turns:
            turns.turn(20, seconds=20)
            assert turns.value("waiting_alerts") == 0
        expected = [f"a{i}/1" for i in range(appended)]
        assert set(there.taken) | set(outbox.dead_keys()) == set(expected)
        assert list(dict.fromkeys(there.keys)) == expected
        if "kill" not in script:
            assert sorted([*there.taken, *outbox.dead_keys()]) == sorted(expected)


def looping(outbox: Outbox, destination: Webhook, registry: CollectorRegistry) -> Loop:
    metrics = DeliverMetrics(registry, [destination.name])

    def box() -> Deliver:
        return Deliver(destination, outbox.logs, metrics)

    role = Role("deliver-desk", group_of(destination.name), (ALERTS.log,), box)
    return Loop(role, outbox.logs, outbox.clock, LoopMetrics(registry, [role.name]))


def until(happened: threading.Event, condition: object, within_s: float = 30) -> None:
    assert callable(condition)
    end = time.monotonic() + within_s
    while not condition() and time.monotonic() < end:
        happened.wait(0.02)
    assert condition()


def test_in_its_loop_alerts_are_delivered_through_two_failures(tmp_path: Path) -> None:
    outbox, stop, registry = Outbox(tmp_path, RealClock()), threading.Event(), CollectorRegistry()
    with receiving(503, receiver.torn) as there:
        loop = looping(outbox, webhook(there.url), registry)
        thread = threading.Thread(target=loop.run, args=(stop,))
        thread.start()
        try:
            outbox.append(told("a1"), told("a2"))
            until(stop, lambda: len(there.requests) == 4)
        finally:
            stop.set()
            thread.join(20)
    assert there.keys == ["a1/1", "a1/1", "a1/1", "a2/1"]
    assert not thread.is_alive()


def test_a_receiver_that_never_answers_does_not_keep_the_loop_from_stopping(tmp_path: Path) -> None:
    outbox, stop = Outbox(tmp_path, RealClock()), threading.Event()
    with receiving() as there:
        there.otherwise = receiver.silence
        loop = looping(outbox, webhook(there.url), CollectorRegistry())
        thread = threading.Thread(target=loop.run, args=(stop,))
        thread.start()
        outbox.append(told("a1"), told("a2"))
        until(stop, lambda: len(there.requests) == 1)
        stop.set()
        thread.join(8)
        assert not thread.is_alive()
        assert there.keys == ["a1/1"]


class RealClock(Clock):
    """The loop's own waits are real, so its clock is."""

    def __call__(self) -> int:
        return time.time_ns() // 1000
