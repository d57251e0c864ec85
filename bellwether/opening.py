"""The logs of the settings: opened, made, checked. Light, so that small commands start at once."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from pydantic import SecretStr

from alerting.alerts import ALERTS
from alerting.audit import AUDIT
from alerting.cases import FEEDBACK
from alerting.checkpoints import CHECKPOINTS
from alerting.counting.windows import WINDOWS
from alerting.notices import NOTICES
from bellwether.clock import now
from bellwether.settings import Settings
from classifier.scores import SCORES
from ingest.deadletters import DEAD_LETTERS
from ingest.logs import Kept, Logs, LogUnfit


def open_logs(settings: Settings, clock: Callable[[], int]) -> Logs:
    """Kafka, if it is configured, else the embedded log. Raises `LogUnfit` or `LogAway`."""
    kafka = settings.kafka
    if kafka is None:
        from ingest.embedded.logs import EmbeddedLogs  # noqa: PLC0415 - only one of the two is ever needed

        return EmbeddedLogs(settings.log_path, clock)
    from ingest.kafka.connection import KafkaConnection  # noqa: PLC0415
    from ingest.kafka.logs import KafkaLogs  # noqa: PLC0415

    return KafkaLogs(
        KafkaConnection(
            bootstrap_servers=kafka.bootstrap_servers,
            security_protocol=kafka.security_protocol,
            sasl_mechanism=kafka.sasl_mechanism,
            sasl_username=kafka.sasl_username,
            sasl_password=_revealed(kafka.password),
            ssl_cafile=kafka.ssl_cafile,
            ssl_certfile=kafka.ssl_certfile,
            ssl_keyfile=kafka.ssl_keyfile,
            ssl_password=_revealed(kafka.key_password),
            ssl_check_hostname=kafka.ssl_check_hostname,
            session_timeout_s=kafka.session_timeout.total_seconds(),
            replication_factor=kafka.replication_factor,
            options=kafka.options,
        )
    )


def _revealed(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def kept_logs(settings: Settings) -> list[Kept]:
    """Every log that `init` makes: those that a process needs, and what is remembered of feeds."""
    from ingest.feeds import FEEDS  # noqa: PLC0415 - only who publishes feeds reads any

    return [*_needed_logs(settings), FEEDS]


def _needed_logs(settings: Settings) -> list[Kept]:
    inputs = [Kept(each.kafka_topic) for each in settings.input]
    return [*inputs, DEAD_LETTERS, SCORES, WINDOWS, ALERTS, NOTICES, CHECKPOINTS, FEEDBACK, AUDIT]


def ready_logs(settings: Settings, logs: Logs) -> list[str]:
    """Before anything runs: make the embedded logs, or check those in Kafka; says what was made. See `check_logs`."""
    if settings.kafka is None:
        return logs.ensure(_needed_logs(settings))
    check_logs(settings, logs)
    return []


def check_logs(settings: Settings, logs: Logs) -> None:
    """Whether every log is there that a process needs, with as many partitions as it must have.

    Raises `LogUnfit`, `LogAway`.
    """
    needed = _needed_logs(settings)
    found = {kept.log: logs.partitions(kept.log) for kept in needed}
    misfits = [
        f"{kept.log} has {found[kept.log]} partitions and must have {kept.partitions}"
        for kept in needed
        if kept.partitions not in {None, found[kept.log]}
    ]
    if misfits:
        raise LogUnfit("; ".join(misfits))


@contextmanager
def logs_with(settings: Settings, log: str) -> Iterator[Logs]:
    """The logs, once `log` is known to be there; an embedded one is made. Raises `LogUnfit` or `LogAway`.

    In Kafka nothing else is looked at: who publishes need not have rights on more.
    """
    with closing(open_logs(settings, now)) as logs:
        if settings.kafka is None:
            ready_logs(settings, logs)
        logs.partitions(log)
        yield logs


@contextmanager
def logs_there(settings: Settings, log: str) -> Iterator[Logs]:
    """The logs, for who makes none: `log` has to be there. Raises `LogUnfit` or `LogAway`."""
    if settings.kafka is None and not os.path.isfile(settings.log_path):  # noqa: PTH113 - a path's own may raise
        raise LogUnfit(
            f"there is no embedded log {settings.log_path}: name its settings with --config, or make it with `bellwether init`"
        )
    with closing(open_logs(settings, now)) as logs:
        logs.partitions(log)
        yield logs
