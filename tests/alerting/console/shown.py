"""A console as a process serves it, over embedded logs that a test has filled."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import json
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from alerting.alerts import Alert, Detection, Evidence, Subject, alert_message
from alerting.counting.windows import WINDOWS, Window
from bellwether.clock import now
from bellwether.health import PageServer
from bellwether.loop import Loop
from bellwether.metrics import LoopMetrics
from bellwether.opening import kept_logs, open_logs
from bellwether.settings import read_settings
from bellwether.showing import Showing
from classifier.ranges import range_message
from ingest.instants import MINUTE, moment
from ingest.logs import Logs, Message
from tests.alerting.made import TOPICS, score_range, scored
from tests.alerting.told import OPENED, told
from tests.publishing import publish
from tests.waiting import until

ANN, BO = "ann-has-a-token-of-her-own", "bo-has-another-one-for-himself"
TOKENS = f"# who may look\nann:{ANN}\n\nbo:{BO}\n"
SCRIPT = "<script>document.title='owned'</script>"
TURNED = "\u202eevil\u202c"
HOSTILE = Evidence(
    id="d1",
    source='"><img src=x onerror=alert(1)>',
    published_at=moment(OPENED - MINUTE),
    language="en",
    text=f"{SCRIPT} \"quoted' & {TURNED} bank run",
    negative=0.99,
    url="javascript:alert(1)",
    spans=((0, 8, 0.5), (2, 20, 0.4), (900, 999, 0.1)),
)
FAIR = Evidence(
    id="d2",
    source="wire",
    published_at=moment(OPENED - MINUTE),
    language="zh",
    text="青禾银行门前排起长队",
    negative=0.97,
    url="https://news.example/a?b=1&c=2",
    spans=((0, 4, 0.4),),
)
NAMED = Subject("entity", "<b>Bank & \"Sons'</b>")
DETECTION = Detection(
    scale_s=600.0,
    statistic=8.5,
    usual_share=0.2,
    threshold=2.0,
    mean_excess=0.8,
    clusters_per_day=1.5,
    scales=3,
    alarm_days=7.0,
    documents=40.0,
    negatives=31.0,
    squares=40.0,
    usual_documents=6.0,
    dispersion=1.0,
)


def alerts() -> list[Alert]:
    """One incident of two alerts, and another one on a name; evidence that means no good."""
    return [
        told("a1", top_documents=(HOSTILE, FAIR), detection=DETECTION, scores_from=0, scores_to=1, copies=3),
        told("a1", 2, return_period_days=40.0, top_documents=(HOSTILE, FAIR), detection=DETECTION, scores_from=0,
             scores_to=1),
        told("a2", incident="a1", joined=True, subject=Subject("topic", "market_moves"), severity="warning"),
        told("a3", subject=NAMED, state="closed", change="closed", closed_at=moment(OPENED + MINUTE)),
    ]  # fmt: skip


def windows(count: int = 60) -> list[Message]:
    """A window a minute up to where the alert opened."""
    made = []
    for n in range(count):
        start = OPENED - (count - n) * MINUTE
        window = Window(
            subject=Subject("topic", "liquidity_run"), start=moment(start), end=moment(start + MINUTE), revision=1,
            documents=4, negatives=n % 4, negative_mass=0, stories=4, story_negatives=n % 4, late=0,
            languages={"en": 4}, sources=2, artifact="a1",
        )  # fmt: skip
        made.append(Message(WINDOWS.log, json.encode(window), key=str(start).encode()))
    return made


def scores() -> Message:
    """The 40 texts of the first alert: 25 negative ones of one source, 6 of another, 9 that are not."""
    documents = [
        scored(n, OPENED - 1, negative=n < 31, source="loud" if n < 25 else "quiet", text=f"text {n}")
        for n in range(40)
    ]
    return range_message(score_range(documents, topics=TOPICS))


class Shown:
    """A running console."""

    def __init__(self, url: str, logs: Logs, registry: CollectorRegistry, showing: Showing) -> None:
        self.url, self.logs, self.registry, self.showing = url, logs, registry, showing


@contextmanager
def showing(folder: Path, settings: str, *, with_tokens: bool = True) -> Iterator[Shown]:
    """Serve what `alerts`, `windows` and `scores` hold, with `settings` of the section [console]."""
    if with_tokens:
        (folder / "tokens").write_text(TOKENS)
        settings = f'tokens_file = "tokens"\n{settings}'
    (folder / "bellwether.toml").write_text(f"[console]\n{settings}\n")
    read = read_settings(folder / "bellwether.toml")
    logs = open_logs(read, now)
    logs.ensure(kept_logs(read))
    publish(logs, scores(), *windows(), *map(alert_message, alerts()))
    registry, stop = CollectorRegistry(), threading.Event()
    made = Showing(read, registry)
    loop = Loop(made.role(logs), logs, now, LoopMetrics(registry, ["console"]))
    thread = threading.Thread(target=loop.run, args=(stop,))
    server = PageServer(Starlette(routes=made.routes()), "127.0.0.1", 0)
    thread.start()
    try:
        until(lambda: made._view.is_read)
        yield Shown(f"http://127.0.0.1:{server.port}", logs, registry, made)
    finally:
        stop.set()
        thread.join(10)
        server.close()
        logs.close()
