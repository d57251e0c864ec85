from structlog.testing import capture_logs

from alerting.destinations.answers import Delivered
from alerting.destinations.log import EXCERPT, Log
from tests.alerting.told import OPENED, told


def test_an_alert_is_one_line_with_its_figures_and_its_first_document() -> None:
    with capture_logs() as lines:
        assert isinstance(Log().deliver(told("a1", 2), OPENED), Delivered)
    assert len(lines) == 1
    wanted = {
        "event": "alert",
        "log_level": "warning",
        "alert": "a1",
        "revision": 2,
        "change": "escalated",
        "subject": "topic/liquidity_run",
        "severity": "critical",
        "opened_at": "2026-03-01T09:30:00Z",
        "return_period_days": 19.2,
        "documents": 40,
        "stories": 12,
        "story_negatives": 9,
        "share": 0.75,
        "document": "d7",
        "text": "青禾银行门前排起长队，储户要求提款",
    }
    assert wanted.items() <= lines[0].items()


def test_a_long_text_is_cut_and_none_is_no_trouble() -> None:
    first = told().top_documents[0]
    long = told(top_documents=(type(first)("d1", "wire", first.published_at, "en", "x" * 5000, 0.9),))
    with capture_logs() as lines:
        Log().deliver(long, OPENED)
        Log().deliver(told(top_documents=()), OPENED)
    assert [line["text"] for line in lines] == ["x" * EXCERPT, None]
