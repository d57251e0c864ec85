"""Alerts, made for tests of what happens to them."""

from msgspec.structs import replace

from alerting.alerts import Alert, Detection, Evidence, Subject
from ingest.instants import MINUTE, moment

OPENED = 1_772_357_400_000_000  # 2026-03-01 09:30 UTC


def told(name: str = "a1", revision: int = 1, **changes: object) -> Alert:
    """An alert about a bank run, opened at `OPENED`."""
    alert = Alert(
        id=name,
        revision=revision,
        incident=name,
        joined=False,
        subject=Subject("topic", "liquidity_run"),
        state="open",
        change="opened" if revision == 1 else "escalated",
        severity="critical",
        opened_at=moment(OPENED),
        updated_at=moment(OPENED),
        closed_at=None,
        first_seen_at=moment(OPENED - 5 * MINUTE),
        return_period_days=19.25,
        documents=40,
        negatives=31,
        share=0.75,
        usual_share=0.2,
        usual_documents=6.5,
        kind="both",
        stories=12,
        sources=7,
        languages={"en": 25, "zh": 15},
        top_documents=(
            Evidence(
                id="d7",
                source="wire",
                published_at=moment(OPENED - MINUTE),
                language="zh",
                text="青禾银行门前排起长队，储户要求提款",
                negative=0.97,
                spans=((0, 4, 0.4), (10, 12, 0.3)),
            ),
        ),
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
        scores_from=100,
        scores_to=180,
        artifact="0123456789ab",
        settings="ba9876543210",
        copies=28,
        story_negatives=9,
    )
    return replace(alert, **changes)
