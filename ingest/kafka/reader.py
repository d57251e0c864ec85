"""Reading Kafka as a member of a consumer group.

What kafka-python does by itself is kept small: it joins the group, shares out the partitions (cooperatively) and fetches.
Where to begin, what to commit and what to do about lost records is decided here, and told as events.
"""

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kafka import KafkaConsumer
from kafka import errors as kafka_errors
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from msgspec import Struct

from ingest.kafka.changes import Changes
from ingest.kafka.connection import KafkaConnection, connect, explain
from ingest.kafka.positions import Positions, at, record
from ingest.kafka.topics import Topic, Topics
from ingest.logs import Batch, Closed, Event, LogAway, LogError, Opened, Place, Position, Skipped

SLICE_MS = 100  # a poll looks this often for partitions that came or went
TAILS_S = 1.0  # a busy one looks this often for offsets that hold no record
LOOK_AROUND_S = 5.0  # an idle reader asks this often whether Kafka and the logs are still there
PARTITION_FETCH_BYTES = 4 << 20


class _Held(Struct):
    log_id: str
    partitions: int
    position: int
    fresh: bool = True  # opened by the last poll: its records come with the next
    paused: bool = False


class KafkaReader:
    """One member of a consumer group. See `ingest.logs.Reader`."""

    def __init__(self, connection: KafkaConnection, group: str, logs: Sequence[str], limit: int) -> None:
        self._connection = connection
        self._logs = sorted(set(logs))
        self._limit = limit
        self._held: dict[Place, _Held] = {}
        self._unopened: set[Place] = set()
        self._events: list[Event] = []
        self._looked_at = self._tails_looked_at = time.monotonic()
        self._topics = Topics(connection)
        try:
            self._topics.existing(self._logs)
            self._consumer = connect(
                KafkaConsumer,
                connection,
                group_id=group,
                enable_auto_commit=False,
                auto_offset_reset="none",
                isolation_level="read_committed",
                max_poll_records=limit,
                max_partition_fetch_bytes=PARTITION_FETCH_BYTES,
                partition_assignment_strategy=(CooperativeStickyAssignor,),
                session_timeout_ms=round(connection.session_timeout_s * 1000),
                heartbeat_interval_ms=round(connection.session_timeout_s * 1000 / 5),
            )
        except BaseException:
            self._topics.close()
            raise
        self._positions = Positions(self._consumer, connection)
        self._changes = Changes(self._consumer)
        try:
            self._consumer.subscribe(self._logs, listener=self._changes)
            for log in self._logs:
                # kafka-python may miss the subscription while it asks for metadata; the group would then share out
                # nothing until it asks again, long after.
                self._consumer.partitions_for_topic(log)
        except kafka_errors.KafkaError as error:
            self.close()
            raise explain(error, connection) from error

    def poll(self, timeout_s: float) -> list[Event]:
        """What has come since the last poll; [] if nothing."""
        deadline = time.monotonic() + timeout_s
        try:
            if not self._events:  # else a poll failed half-way: what it knew already comes first, and alone
                self._let_flow()
                self._turn(deadline)
            while not self._events and time.monotonic() < deadline:
                self._turn(deadline)
        except LogAway:
            self._looked_at = -math.inf  # kafka-python may bring nothing, without a word: that it is back must be seen
            raise
        events, self._events = self._events, []
        return events

    def commit(self, positions: Mapping[Place, Position]) -> None:
        """Keep exactly these positions; a place that is not ours any more is passed over."""
        deadline = time.monotonic() + self._connection.request_timeout_s
        while True:
            changed = {each for _, each in self._changes.seen}  # known to kafka-python, not yet told
            ours = {
                place: (self._held[place].log_id, position)
                for place, position in positions.items()
                if place in self._held and at(place) not in changed
            }
            if not ours or self._positions.commit(ours) or time.monotonic() > deadline:
                break
            self._take_part()
        if self._changes.is_overdue:
            self._take_part()

    def seek(self, place: Place, offset: int) -> None:
        """Go on at `offset` with the next poll."""
        for held in self._ours([place]).values():
            held.position = offset
            self._consumer.seek(at(place), offset)

    def pause(self, places: Sequence[Place]) -> None:
        """Deliver no records of these places until `resume`."""
        for place, held in self._ours(places).items():
            held.paused = True
            self._consumer.pause(at(place))

    def resume(self, places: Sequence[Place]) -> None:
        """Undo `pause`."""
        for place, held in self._ours(places).items():
            held.paused = False
            if not held.fresh:
                self._consumer.resume(at(place))

    def ends(self) -> dict[Place, int]:
        """One past the newest record of each place held, asked of the brokers now."""
        # Not over the consumer's connection: there the broker answers only after the fetch that waits for records.
        return self._topics.ends(list(self._held))

    def close(self) -> None:
        """Leave the group. Nothing is committed."""
        try:
            self._consumer.close(autocommit=False, timeout_ms=3000)
        except (kafka_errors.KafkaError, RuntimeError):
            pass  # the group finds out by itself
        finally:
            self._held.clear()
            self._topics.close()

    def _take_part(self) -> None:
        """Help a rebalance along without fetching: what it gives or takes is told by the next `poll`."""
        flowing = {at(place) for place, held in self._ours(self._held).items() if not held.paused and not held.fresh}
        self._consumer.pause(*flowing)
        try:
            self._changes.poll(timeout_ms=SLICE_MS)
        except kafka_errors.KafkaError as error:
            raise explain(error, self._connection) from error
        finally:
            self._consumer.resume(*(flowing & self._consumer.assignment()))

    def _ours(self, places: Iterable[Place]) -> dict[Place, _Held]:
        assigned = self._consumer.assignment()
        return {place: self._held[place] for place in places if place in self._held and at(place) in assigned}

    def _let_flow(self) -> None:
        for place, held in self._ours(self._held).items():
            if held.fresh:
                held.fresh = False
                if not held.paused:
                    self._consumer.resume(at(place))

    def _turn(self, deadline: float) -> None:
        """One look at Kafka. What it finds is in `_events`, also when it raises."""
        left_ms = max(0, min(SLICE_MS, round((deadline - time.monotonic()) * 1000)))
        polled, lost = {}, self._changes.lost
        try:
            if not lost:  # else found since the last turn, and nothing may be fetched from there
                polled = self._changes.poll(timeout_ms=left_ms, max_records=self._limit)
        except kafka_errors.KafkaError as error:
            raise explain(error, self._connection) from error
        self._take_changes()
        self._skip([Place(each.topic, each.partition) for each in lost], lost)
        lost.clear()  # only now: Kafka may not have been there to say where to go on
        self._check(self._batches(polled))
        try:
            self._open()
        except LogAway:
            if not self._events:
                raise
        if not self._events and time.monotonic() - self._looked_at > LOOK_AROUND_S:
            self._look_around()

    def _take_changes(self) -> None:
        while self._changes.seen:
            ours, each = self._changes.seen.popleft()
            place = Place(each.topic, each.partition)
            if ours:
                self._unopened.add(place)
            elif self._held.pop(place, None):
                self._events.append(Closed(place))
            else:
                self._unopened.discard(place)

    def _open(self) -> None:
        """Tell of partitions that became ours; if Kafka cannot be asked, with a later poll."""
        if not self._unopened:
            return
        topics = self._topics_of(self._unopened)
        places = [place for place in sorted(self._unopened) if place.partition < topics[place.log].partitions]
        starts, ends = self._positions.starts(places), self._positions.ends(places)
        for place in places:
            self._events += self._opened(place, topics[place.log], starts[place], ends[place])

    def _opened(self, place: Place, topic: Topic, start: int, end: int) -> list[Event]:
        found = self._positions.committed(place)
        remade = found is not None and found[0] not in {"", topic.id}
        committed = None if found is None or remade else found[1]
        position = start if committed is None else committed.offset
        self._consumer.seek(at(place), position)
        self._held[place] = _Held(topic.id, topic.partitions, position)
        self._unopened.discard(place)
        opened = Opened(place, topic.id, topic.partitions, committed, start, end)
        if found is not None and remade:
            return [opened, Skipped(place, found[1].offset, start, topic.id, topic.partitions, remade=True)]
        return [opened]

    def _batches(self, polled: Mapping[Any, Sequence[Any]]) -> list[Batch]:
        batches = []
        # Without records a position moves where compaction or a transaction left offsets that hold none; that is rare and
        # costly to ask, so it is looked for when there is nothing else, and else now and then.
        tails = not polled or time.monotonic() - self._tails_looked_at > TAILS_S
        if tails:
            self._tails_looked_at = time.monotonic()
        for place, held in self._held.items():
            found = polled.get(at(place), ())
            if held.fresh or not (found or tails):
                continue
            following = max(self._positions.following(place), found[-1].offset + 1 if found else 0)
            if following <= held.position:
                continue
            end = max(following, self._consumer.highwater(at(place)) or 0)
            batches.append(Batch(place, held.position, following, end, tuple(map(record, found))))
        return batches

    def _check(self, batches: list[Batch]) -> None:
        """Deliver batches that are from the logs we think: only an answer from after the fetch can tell.

        Kafka fetches by name. Of a log that was deleted and made again it would go on in the middle without a word.
        """
        if not batches:
            return
        try:
            topics = self._topics_of({batch.place for batch in batches})
        except LogError:
            for batch in batches:
                self._consumer.seek(at(batch.place), batch.start)
            raise
        remade = self._remade(topics)
        for batch in batches:
            if batch.place not in remade:
                self._held[batch.place].position = batch.next
                self._events.append(batch)
        self._looked_at = time.monotonic()
        self._skip(remade, {})

    def _look_around(self) -> None:
        topics = self._topics_of([Place(log, 0) for log in self._logs])
        self._looked_at = time.monotonic()
        self._skip(self._remade(topics), {})

    def _skip(self, lost: Sequence[Place], divergent: Mapping[Any, Any]) -> None:
        """Go on where there is something: at the oldest, where a log has become another, at the end if it lost its tail."""
        places = [place for place in lost if place in self._held]
        topics = self._topics_of(places)
        places = [place for place in places if place.partition < topics[place.log].partitions]
        starts, ends = self._positions.starts(places), self._positions.ends(places)
        for place in places:
            held, topic = self._held[place], topics[place.log]
            before, remade, known = held.position, held.log_id != topic.id, divergent.get(at(place))
            if remade or before < starts[place]:
                held.position = starts[place]
            elif known is not None:
                held.position = min(before, max(starts[place], known.offset))
            elif before > ends[place]:
                held.position = ends[place]
            self._consumer.seek(at(place), held.position)
            held.log_id, held.partitions = topic.id, topic.partitions
            if remade:
                self._consumer.topics()  # it asks for metadata: with other partitions the group has to share out anew
            if remade or held.position != before:
                self._events.append(Skipped(place, before, held.position, topic.id, topic.partitions, remade))

    def _remade(self, topics: Mapping[str, Topic]) -> list[Place]:
        return [p for p, held in self._held.items() if p.log in topics and held.log_id != topics[p.log].id]

    def _topics_of(self, places: Iterable[Place]) -> dict[str, Topic]:
        """The logs of these places. One that is missing was there before, so it may be made again: `LogAway`."""
        logs = sorted({place.log for place in places})
        topics = self._topics.describe(logs) if logs else {}
        if missing := sorted(set(logs) - set(topics)):
            names = ", ".join(missing)
            raise LogAway(f"the log {names} is gone from Kafka at {self._connection.servers}: waiting for it")
        return topics
