"""An alert that says of itself that it is a test, in the very shape of a real one."""

from alerting.alerts import Alert, Detection, Evidence, Severity, Subject
from ingest.instants import MINUTE, moment

MARK = "test-"  # ids of real alerts are hexadecimal
TEXT = "TEST 测试: this is a test of delivery, nothing has happened. 这是一次投递测试，并未发生任何事件。"


def rehearsal(severity: Severity, now: int) -> Alert:
    """A test alert, opened at instant `now`."""
    text = Evidence("test", "bellwether", moment(now - MINUTE), "en", TEXT, 0.97, spans=((0, 7, 1.0),))
    name = f"{MARK}{now // 1000}"
    return Alert(
        id=name,
        revision=1,
        incident=name,
        joined=False,
        subject=Subject("topic", "other"),
        state="open",
        change="opened",
        severity=severity,
        opened_at=moment(now),
        updated_at=moment(now),
        closed_at=None,
        first_seen_at=moment(now - 5 * MINUTE),
        return_period_days=19.0,
        documents=40,
        negatives=31,
        share=0.75,
        usual_share=0.2,
        usual_documents=6.5,
        kind="both",
        stories=12,
        sources=7,
        languages={"en": 25, "zh": 15},
        top_documents=(text,),
        detection=Detection(
            scale_s=600.0,
            statistic=8.5,
            usual_share=0.2,
            threshold=3.0,
            mean_excess=0.8,
            clusters_per_day=1.5,
            scales=3,
            alarm_days=7.0,
        ),
        ready=True,
        late=False,
        historical=False,
        scores_from=0,
        scores_to=0,
        artifact="test",
        settings="test",
        copies=28,
        story_negatives=9,
    )
