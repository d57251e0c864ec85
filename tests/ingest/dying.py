from ingest.logs import LogAway, Message, Writer


class Dying:
    """A writer whose process dies after so many flushes."""

    def __init__(self, writer: Writer, flushes: int) -> None:
        self._writer, self._left = writer, flushes

    def publish(self, message: Message) -> None:
        self._writer.publish(message)

    def flush(self) -> None:
        if self._left == 0:
            raise LogAway("killed")
        self._left -= 1
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()
