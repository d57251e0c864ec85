"""What a process tells on standard error: short fixed phrases with fields, for people on a terminal, else as JSON lines."""

import logging
import sys
from typing import Any

import structlog

from bellwether.sections.process import LoggingSection

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


SPARING_S = 60.0


class Sparing(logging.Filter):
    """Lets a library say the same thing once a minute: a client without its broker says it several times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this has not been said lately; what differs only in its arguments is the same."""
        key = (record.name, str(record.msg))
        if 0 <= record.created - self._said.get(key, -SPARING_S) < SPARING_S:
            return False
        if len(self._said) > 1000:  # texts put together without arguments: each is another
            self._said.clear()
        self._said[key] = record.created
        return True


def start_logging(settings: LoggingSection) -> None:
    """Set up our own logs, and those of libraries from warnings up."""
    console = settings.format == "console" or (settings.format == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=not console),
    ]
    # Tracebacks are plain: those with local variables would show passwords.
    last: list[Any] = (
        [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)]
        if console
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    )
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[settings.level]),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Sparing())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(logging.WARNING, LEVELS[settings.level]))
    logging.captureWarnings(capture=True)
