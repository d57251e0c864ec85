"""History through the daemon's own code: files into an embedded log, that through classify and aggregate, alerts out.

Documents are taken in the order of their times, whatever the order of files and lines. A log of scores that was kept needs
no model: it is aggregated anew, with other settings.
"""

import shutil
import signal
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import cast

import click
from msgspec import Struct, json
from prometheus_client import CollectorRegistry

from alerting.alerts import ALERTS, Alert, decode_alert
from alerting.counting.eventtime import FOREVER, NEVER, Verdict, counted
from alerting.counting.windows import WINDOWS, Window, decode_window
from bellwether.chronological import Chronological
from bellwether.clock import now
from bellwether.crew import Crew
from bellwether.logging import start_logging
from bellwether.loop import Loop
from bellwether.metrics import LoopMetrics
from bellwether.opening import open_logs, ready_logs
from bellwether.progress import progress_bar
from bellwether.publishing import FileOptions, FilePublisher, spare
from bellwether.rewatching import Last, through
from bellwether.roles import Surroundings, roles
from bellwether.sections.logs import InputSection, LogSection
from bellwether.settings import Settings
from bellwether.stopping import LeftBehind, stop_signals
from bellwether.writing import is_read
from classifier.scores import SCORES
from ingest.embedded.logs import EmbeddedLogs
from ingest.instants import DAY, instant
from ingest.logs import Logs, LogUnfit, Message, Writer

DOCUMENTS = "documents"
LOG_FILE = "replay.db"
ALERTS_FILE = "alerts.jsonl"
_FLUSH = 1_000  # messages between two flushes of a copy


class Outcome(Struct):
    """What a replay found, and in how much."""

    alerts: list[Alert] = []  # as they ended, in the order of their opening
    documents: int = 0  # of the period, as all that follows unless it says otherwise
    refused: int = 0  # lines and records that are no documents, before the period as well
    first_at: int = 0  # event times of the first and last document
    last_at: int = 0
    windows: int = 0
    history: list[Window] = []  # each at its newest revision, those before the period as well
    scored: bool = False  # by the model; else the scores were there
    read: int = 0  # documents, before the period as well
    seconds: float = 0.0  # from the documents in their log to the last alert
    unheard: tuple[str, ...] = ()  # inputs of the settings of which no scores are kept: it went on without them

    @property
    def weeks(self) -> float:
        """How long the history is; at least a day."""
        return max(self.last_at - self.first_at, DAY) / (7 * DAY)


class Period(Struct, frozen=True):
    """From when on alerts are told, and from when on nothing is read; microseconds.

    What lies before it is read all the same: without a past nothing can be rare.
    """

    start: int = NEVER
    end: int = FOREVER


class Replay:
    """One run over a history. Its log lies in `out` while it runs, and after it if it is to be kept."""

    def __init__(self, settings: Settings, out: Path, *, keep: bool, period: Period | None = None) -> None:
        self._settings, self._out, self._keep, self._period = settings, out, keep, period or Period()
        self._outcome = Outcome()

    def of_files(self, names: Sequence[str], options: FileOptions) -> Outcome:
        """Score and watch the documents in these files.

        Raises `ArtifactError`, `BrokenFile`, `KeyboardInterrupt`, or what classify and aggregate die of.
        """
        rejects = [self._out / f"{_named(name, names[:number])}.rejects.jsonl" for number, name in enumerate(names)]
        spare(names, rejects, "--out")
        for name in names:
            if is_read(self._out / ALERTS_FILE, name):
                raise click.UsageError(f"{name} would be replaced by the alerts: name another --out")
        self._settings.classifier.verified()  # what is wrong with it is told at once
        with _stopped_alike(), self._logs() as (settings, logs):
            with closing(logs.writer()) as writer, closing(Chronological(self._out)) as ordered:
                for name, kept in zip(names, rejects, strict=True):
                    told = FileOptions(options.mapping, options.form, options.encoding, rejects=kept, history=True)
                    count = FilePublisher(settings, DOCUMENTS, ordered, told).publish(name)
                    self._outcome.refused += count.rejected.total()
                end = self._period.end
                total = _write(writer, (m for m in ordered.messages() if (m.created_at or 0) < end))
            self._outcome.scored = True
            self._run(settings, logs, ("classify", "aggregate"), total)
        return self._outcome

    def of_scores(self, kept: Path) -> Outcome:
        """Watch the scores in the log that an earlier replay has kept. Raises as `of_logs` does."""
        self._spare(kept)
        with closing(EmbeddedLogs(kept.absolute(), now)) as before:
            return self.of_logs(before)

    def of_logs(self, before: Logs, inputs: Sequence[str] = ()) -> Outcome:
        """Watch the scores that a log still keeps, of these logs of documents; of whichever there are if none is named.

        Raises `LogUnfit`, `KeyboardInterrupt`, or what aggregate dies of.
        """
        last: Last = {}
        with _stopped_alike(), self._logs() as (settings, logs):
            with closing(logs.writer()) as writer:
                total = _write(writer, through(before.scan(SCORES.log), self._period.end, last))
            if not total:
                raise LogUnfit(
                    f"{SCORES.log} holds no scores: name the {LOG_FILE} that `bellwether replay --keep` has left"
                )
            kept = sorted({scores.log for scores in last.values()})
            heard = [name for name in inputs or kept if name in kept]
            if not heard:
                raise LogUnfit(
                    f"{SCORES.log} holds scores of {', '.join(kept)}, and of no input in the settings: {', '.join(inputs)}"
                )
            self._outcome.unheard = tuple(name for name in inputs if name not in kept)
            self._run(_reading(settings, heard), logs, ("aggregate",), total)
        return self._outcome

    def _spare(self, log: Path) -> None:
        """See that what is kept does not replace this log. Raises `click.UsageError`."""
        if self._keep and is_read(self._out / LOG_FILE, log):
            raise click.UsageError(f"{log} would be replaced by what --keep leaves: name another --out")

    @contextmanager
    def _logs(self) -> Iterator[tuple[Settings, Logs]]:
        """The settings of a replay, and its log; what it leaves behind is in place when all went well."""
        if self._settings.kafka is None:
            self._spare(self._settings.log_path)
        try:
            self._out.mkdir(parents=True, exist_ok=True)
            # A loop that was left behind may write there while it is removed.
            while_it_runs = tempfile.TemporaryDirectory(prefix=".replay-", dir=self._out, ignore_cleanup_errors=True)
        except OSError as error:
            raise click.UsageError(f"--out {self._out} cannot be written: {error.strerror}") from None
        with while_it_runs as folder:
            path = Path(folder).absolute() / LOG_FILE
            settings = _reading(self._settings, [DOCUMENTS]).model_copy(
                update={
                    "clock": "replay",
                    "kafka": None,
                    "log": LogSection(path=path),
                    "logging": self._settings.logging.model_copy(update={"level": "warning"}),
                }
            )
            start_logging(settings.logging)
            with closing(open_logs(settings, now)) as logs:
                ready_logs(settings, logs)
                yield settings, logs
                self._collect(logs)
            lines = Path(folder) / ALERTS_FILE
            lines.write_bytes(json.Encoder().encode_lines(self._outcome.alerts))
            lines.replace(self._out / ALERTS_FILE)
            if self._keep:
                shutil.move(path, self._out / LOG_FILE)

    def _run(self, settings: Settings, logs: Logs, parts: tuple[str, ...], total: int) -> None:
        """Run these parts over what is in the log. Raises `KeyboardInterrupt` when it was stopped before the end."""
        registry, crew = CollectorRegistry(), Crew()
        done = {"classify": Event(), "aggregate": Event()}
        if "classify" not in parts:
            done["classify"].set()
        metrics = LoopMetrics(registry, parts)
        around = Surroundings(settings, logs, registry, crew.stop, done)
        with _signals_as_before():
            crew.listen()  # already here: within the loading of a compiled library a `KeyboardInterrupt` is an `ImportError`
            loops = [Loop(role, logs, now, metrics) for role in roles(parts, around)]
            began = monotonic()
            with _watched(registry, parts[0], total):
                left = crew.run(loops, done)
        if left:
            raise LeftBehind
        if not all(loop.done for loop in loops):
            raise KeyboardInterrupt
        self._outcome.seconds = monotonic() - began

    def _collect(self, logs: Logs) -> None:
        outcome, start = self._outcome, self._period.start
        alerts: dict[str, Alert] = {}
        for record in logs.scan(ALERTS.log):
            alert = decode_alert(record.value or b"")
            alerts[alert.id] = alert
        told = [alert for alert in alerts.values() if instant(alert.opened_at) >= start]
        outcome.alerts = sorted(told, key=lambda alert: (alert.opened_at, str(alert.subject)))
        windows: dict[bytes, Window] = {}
        for record in logs.scan(WINDOWS.log):
            windows[record.key or b""] = decode_window(record.value or b"")
        outcome.history = list(windows.values())
        outcome.windows = sum(instant(each.start) >= start and not each.additive for each in outcome.history)
        times: list[int] = []
        for fresh, verdict in counted(logs.scan(SCORES.log)):
            at = fresh.rows["event_at"]
            outcome.read += len(fresh)
            outcome.documents += int((at >= start).sum())
            outcome.refused += 0 if verdict is Verdict.REPEATED else fresh.range.dead
            times += [int(at.min()), int(at.max())] if len(fresh) else []
        outcome.first_at = max(min(times, default=0), start)
        outcome.last_at = max(max(times, default=0), outcome.first_at)


def _reading(settings: Settings, inputs: Sequence[str]) -> Settings:
    """These settings with other inputs, of documents as they are."""
    return settings.model_copy(update={"input": tuple(InputSection(kafka_topic=name) for name in inputs)})


def _write(writer: Writer, messages: Iterable[Message]) -> int:
    """Write all of `messages`, some at a time; says how many."""
    total = 0
    for message in messages:
        writer.publish(message)
        total += 1
        if total % _FLUSH == 0:
            writer.flush()
    writer.flush()
    return total


@contextmanager
def _stopped_alike() -> Iterator[None]:
    """Every stop ends what is done here as SIGINT does, by a `KeyboardInterrupt`, so that nothing stays behind."""
    with _signals_as_before():
        for number in stop_signals():
            signal.signal(number, signal.default_int_handler)
        yield


@contextmanager
def _signals_as_before() -> Iterator[None]:
    earlier = {number: signal.getsignal(number) for number in stop_signals()}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _named(name: str, before: Sequence[str]) -> str:
    """What a file's rejected lines are called after: several files of one name in different folders have a number."""
    short = "standard-input" if name == "-" else Path(name).name
    same = sum(Path(other).name == short for other in before)
    return f"{short}-{same + 1}" if same else short


@contextmanager
def _watched(registry: CollectorRegistry, loop: str, total: int) -> Iterator[None]:
    """A progress bar of what `loop` has read."""
    over = Event()
    with progress_bar("replay", total or None) as advance:

        def watch() -> None:
            while not over.wait(0.5):
                behind = registry.get_sample_value("bellwether_loop_behind_records", {"loop": loop})
                turned = registry.get_sample_value("bellwether_loop_turns_total", {"loop": loop})
                done = total - int(cast("float", behind)) if turned else 0
                advance(done, f"{done:,} of {total:,}")

        thread = Thread(target=watch, name="watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
