"""Which logs there are to open, to make and to check."""

from contextlib import closing
from pathlib import Path

import pytest

from bellwether.clock import now
from bellwether.opening import check_logs, kept_logs, open_logs, ready_logs
from bellwether.settings import read_settings
from ingest.embedded.logs import EmbeddedLogs
from ingest.feeds import FEEDS
from ingest.kafka.logs import KafkaLogs
from ingest.logs import LogUnfit
from tests.bellwether.test_roles import written


def test_without_kafka_logs_are_embedded_with_it_they_are_not(tmp_path: Path) -> None:
    embedded = open_logs(read_settings(written(tmp_path, "")), now)
    assert isinstance(embedded, EmbeddedLogs)
    assert (tmp_path / "bellwether.db").exists()
    kafka = open_logs(read_settings(written(tmp_path, "[kafka]\nbootstrap_servers = 'nowhere.invalid:1'")), now)
    assert isinstance(kafka, KafkaLogs)  # it connects when it is first asked


def test_every_input_and_every_log_of_ours_is_kept(tmp_path: Path) -> None:
    names = [kept.log for kept in kept_logs(read_settings(written(tmp_path, "[[input]]\nkafka_topic = 'wire'")))]
    ours = ("dead-letters", "scores", "windows", "alerts", "notices", "checkpoints", "feedback", "audit", "feeds")
    assert names == ["wire", *(f"bellwether.{name}" for name in ours)]


def test_a_process_starts_without_the_log_of_feeds_and_init_makes_it(tmp_path: Path) -> None:
    """In a Kafka of before, and for who has no rights on it."""
    settings = read_settings(written(tmp_path, ""))
    with closing(open_logs(settings, now)) as logs:
        ready_logs(settings, logs)
        check_logs(settings, logs)
        with pytest.raises(LogUnfit):
            logs.partitions(FEEDS.log)
        logs.ensure(kept_logs(settings))
        assert logs.partitions(FEEDS.log) == 1
