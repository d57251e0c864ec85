"""What the aggregator finds is in the audit log, once, and the log holds after restarts and a checkpoint that was lost."""

from alerting.alerts import ALERTS, decode_alert
from alerting.audit import AUDIT, entries
from alerting.checkpoints import CHECKPOINTS
from classifier.packing import encode_range
from classifier.scores import SCORES
from ingest.logs import Message
from tests.alerting.made import DAY, START, crisis, ordinary, score_range
from tests.promises.conftest import Deployments


def test_every_revision_of_an_alert_is_audited_once_over_restarts_and_verify_finds_no_fault(deploy: Deployments):
    deployment = deploy()
    before = ordinary(12)
    story = before + crisis(len(before), START + 12 * DAY)
    logs = deployment.logs()
    writer = logs.writer()
    ranges = [score_range(story[i : i + 50]) for i in range(0, len(story), 50)]
    for scores in [*ranges, score_range([], start=len(story), next=len(story), final=True)]:
        writer.publish(Message(SCORES.log, encode_range(scores)))
    writer.flush()
    assert deployment.command("aggregate", "--replay").returncode == 0
    assert deployment.command("aggregate", "--replay").returncode == 0
    for record in list(logs.scan(CHECKPOINTS.log)):
        writer.publish(Message(CHECKPOINTS.log, None, key=record.key))
    writer.flush()
    writer.close()
    assert deployment.command("aggregate", "--replay").returncode == 0
    told = [decode_alert(record.value).key for record in logs.scan(ALERTS.log) if record.value]
    written = [entry for entry in entries(logs.scan(AUDIT.log)) if entry.act == "alert"]
    logs.close()
    assert len(told) == 2 * len(set(told)) > 0
    assert sorted(entry.about for entry in written) == sorted(set(told))
    verified = deployment.command("audit", "verify")
    assert verified.returncode == 0, verified.stderr
