"""Windows as the console holds them: what is added to them is added once."""

from alerting.alerts import Subject
from alerting.console.view import View
from alerting.counting.windows import Tally, amendment_message, window_message
from ingest.instants import MINUTE
from ingest.logs import Message, Record
from tests.alerting.told import OPENED

SUBJECT = Subject("topic", "liquidity_run")


def test_late_documents_that_were_written_twice_count_once() -> None:
    """An aggregator that died after it had written them writes them again when it starts, under the same keys."""
    closed, late = (Tally(documents=documents, late=documents, revision=1) for documents in (4, 3))
    base = window_message(str(SUBJECT), OPENED, MINUTE, closed, "m1")
    first, second = (amendment_message(str(SUBJECT), OPENED, MINUTE, late, "m1", offset) for offset in (500, 501))
    view = View()

    def documents(*messages: Message) -> int:
        for offset, message in enumerate(messages):
            view.take(message.log, Record(offset, OPENED, message.key, message.value))
        return view.windows.sum(SUBJECT, OPENED, OPENED + MINUTE).documents

    assert [documents(each) for each in (base, first, first, second, first, base)] == [4, 7, 7, 10, 10, 10]
