"""Two processes deliver from one Kafka, and the one that works dies: the other goes on, and nobody goes without."""

import signal
from collections import Counter

import pytest

from alerting.alerts import alert_message
from bellwether.clock import now
from ingest.instants import moment
from tests.alerting.told import told
from tests.e2e.listener import listening
from tests.promises.conftest import Deployments
from tests.servers import Kafka
from tests.waiting import until

ALERTS = 400
OWED = 25  # told, and not yet committed, when a process dies


@pytest.mark.timeout(240)
def test_when_the_process_that_delivers_is_killed_another_tells_the_rest(deploy: Deployments, broker: Kafka) -> None:
    with listening() as listener:
        desk = f'type = "webhook"\nurl = "http://127.0.0.1:{listener.server_port}/desk"\nsecret = "once upon a time"\n'
        deployment = deploy(broker, more=f'[[destination]]\nname = "desk"\n{desk}')
        first = deployment.start_whole("deliver")
        until(lambda: deployment.said().count("partition opened") >= 4, within_s=60, state=deployment.said)
        deployment.start_whole("deliver")
        logs = deployment.logs()
        writer = logs.writer()
        for number in range(ALERTS):
            writer.publish(alert_message(told(f"a{number}", opened_at=moment(now()), updated_at=moment(now()))))
        writer.flush()
        writer.close()
        logs.close()
        heard = listener.heard["/desk"]
        until(lambda: len(heard) >= ALERTS // 8, within_s=60, state=deployment.said)
        first.send_signal(signal.SIGKILL)
        before = len(heard)
        until(lambda: len({body["alert"]["id"] for body in heard}) == ALERTS, within_s=90, state=lambda: len(heard))
    assert before < ALERTS
    times = Counter(body["alert"]["id"] for body in heard)
    assert max(times.values()) <= 2
    assert sum(times.values()) - ALERTS <= OWED
