"""What a consumer group has committed, and how far partitions reach."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from kafka import OffsetAndMetadata, TopicPartition
from kafka import errors as kafka_errors
from msgspec import DecodeError, Struct, ValidationError, json

from ingest.instants import instant
from ingest.kafka.connection import KafkaConnection, explain
from ingest.logs import LogAway, Place, Position, Record

GIVEN_UP = (  # the group went on without us: what we held is somebody else's, who reads it again
    kafka_errors.CommitFailedError,
    kafka_errors.IllegalGenerationError,
    kafka_errors.UnknownMemberIdError,
)
# Time stamps before and after these years are of a producer that counts in another unit.
_OLDEST, _NEWEST = (instant(datetime(year, 1, 1, tzinfo=UTC)) // 1000 for year in (1980, 9000))


class _Note(Struct, frozen=True):
    """What stands in a commit's metadata: the box's note, and which log the position is about."""

    log: str = ""
    note: str = ""


class Positions:
    """Asks and tells the brokers about the positions of `consumer`'s group. Raises `LogAway` or `LogUnfit`."""

    def __init__(self, consumer: Any, connection: KafkaConnection) -> None:
        self._consumer = consumer
        self._connection = connection
        self._timeout_ms = round(connection.request_timeout_s * 1000)

    def commit(self, positions: Mapping[Place, tuple[str, Position]]) -> bool:
        """Keep positions, each with its log's id. False: the group is just sharing out anew, try again after that."""
        offsets = {}
        for place, (log_id, position) in positions.items():
            metadata = json.encode(_Note(log_id, position.note)).decode()
            offsets[at(place)] = OffsetAndMetadata(position.offset, metadata, -1)
        try:
            self._consumer.commit(offsets, timeout_ms=self._timeout_ms)
        except kafka_errors.RebalanceInProgressError:
            return False
        except GIVEN_UP as error:
            return not (error.args and isinstance(error.args[0], kafka_errors.RebalanceInProgressError))
        except kafka_errors.KafkaError as error:
            raise explain(error, self._connection) from error
        return True

    def committed(self, place: Place) -> tuple[str, Position] | None:
        """The id of the log that the group's position is about ("" if an operator set it), and the position."""
        try:
            found = self._consumer.committed(at(place), metadata=True, timeout_ms=self._timeout_ms)
        except kafka_errors.KafkaError as error:
            raise explain(error, self._connection, place.log) from error
        if found is None:
            return None
        try:
            note = json.decode(found.metadata or "{}", type=_Note)
        except (DecodeError, ValidationError):
            note = _Note(note=found.metadata)
        return note.log, Position(found.offset, note.note)

    def following(self, place: Place) -> int:
        """The offset of the next fetch of a place that is held; 0 where the consumer cannot tell: the next poll says why."""
        try:
            return self._consumer.position(at(place), timeout_ms=0) or 0
        except kafka_errors.KafkaError:
            return 0

    def starts(self, places: Sequence[Place]) -> dict[Place, int]:
        """The oldest offset that each still keeps."""
        return self._offsets("beginning_offsets", places)

    def ends(self, places: Sequence[Place]) -> dict[Place, int]:
        """One past the newest record of each."""
        return self._offsets("end_offsets", places)

    def _offsets(self, method: str, places: Sequence[Place]) -> dict[Place, int]:
        if not places:
            return {}
        try:
            found = getattr(self._consumer, method)([at(place) for place in places], timeout_ms=self._timeout_ms)
        except kafka_errors.KafkaError as error:
            raise explain(error, self._connection) from error
        except KeyError as error:  # how kafka-python says that it got no answer for one of them
            raise LogAway(f"Kafka at {self._connection.servers} tells no offsets of {error.args[0]} now") from error
        return {Place(each.topic, each.partition): offset for each, offset in found.items()}


def at(place: Place) -> Any:
    """A place as kafka-python names it."""
    return TopicPartition(place.log, place.partition)


def record(found: Any) -> Record:
    """A record of kafka-python's, whose timestamps are milliseconds. One that cannot be is as good as none: 0."""
    stamp = found.timestamp if _OLDEST <= found.timestamp < _NEWEST else 0
    return Record(found.offset, stamp * 1000, found.key, found.value, tuple(found.headers))
