"""Records put into a log."""

from ingest.logs import Logs, Message


def publish(logs: Logs, *messages: Message) -> None:
    """Publishes all of them, as a writer that ends then."""
    writer = logs.writer()
    for message in messages:
        writer.publish(message)
    writer.flush()
    writer.close()
