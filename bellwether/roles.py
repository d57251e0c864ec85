"""From settings to what runs: the logs, and each role's box with all that it needs."""

import os
import socket
import threading
import uuid
from collections.abc import Collection, Mapping

import structlog
from msgspec import Struct
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from alerting.aggregate import Aggregate
from alerting.alerts import ALERTS
from alerting.composing.flash import FlashSettings
from alerting.counting.windows import WindowSettings
from alerting.detection.correction import Errors, errors_of
from alerting.detection.rules import SpikeSettings, TopicRules
from alerting.metrics import AggregateMetrics
from alerting.sources import Sources
from alerting.state import AggregateSettings
from bellwether.canaries import Aviary, Canaries, CanaryMetrics
from bellwether.clock import now
from bellwether.delivering import deliver_roles
from bellwether.loop import Role
from bellwether.settings import Settings, WrongSettings
from classifier.artifact import ArtifactError
from classifier.scores import SCORES
from ingest.canary import canary_keys
from ingest.decode import Decoder, field_mapping
from ingest.instants import microseconds
from ingest.logs import Logs

log = structlog.get_logger()

PARTS = ("classify", "aggregate", "deliver", "console")


class Surroundings(Struct, frozen=True):
    """What every role is given."""

    settings: Settings
    logs: Logs
    registry: CollectorRegistry
    stop: threading.Event
    done: Mapping[str, threading.Event]  # of "classify" and "aggregate": set when nothing more comes from it

    def after(self, part: str) -> threading.Event | None:
        """What ends a role behind `part`, once it has dealt with all there is: only in a replay does anything end."""
        return self.done[part] if self.settings.replay else None


def roles(parts: Collection[str], around: Surroundings) -> list[Role]:
    """The roles of `parts`, the model loaded. Raises `WrongSettings`, `ArtifactError` or `DeviceError`."""
    made: list[Role] = []
    if "deliver" in parts:
        behind = around.after("aggregate")
        made += [replace(role, after=behind) for role in deliver_roles(around.settings, around.logs, around.registry)]
    if "aggregate" in parts:
        made.append(_aggregate(around))
        made += _canaries(around)
    if "classify" in parts:
        made.append(_classify(around))
    return made


def loop_names(parts: Collection[str], settings: Settings) -> list[str]:
    """What the loops of `parts` are called: the label of their metrics."""
    names = [part for part in parts if part != "deliver"]
    if "aggregate" in parts and settings.canary.every and not settings.replay:
        names.append("canary")
    return names + ([f"deliver-{each.name}" for each in settings.destination] if "deliver" in parts else [])


def _classify(around: Surroundings) -> Role:
    # Loads the model's runtime, which the other roles do not need.
    from classifier.classify import Classify  # noqa: PLC0415
    from classifier.metrics import ClassifyMetrics  # noqa: PLC0415
    from classifier.names import NameFinder  # noqa: PLC0415
    from classifier.scorer import Scorer  # noqa: PLC0415

    settings, chosen = around.settings, around.settings.classifier
    scorer = Scorer.open(chosen.folder, model=chosen.model, device=chosen.device, threads=chosen.threads)
    metrics = ClassifyMetrics(around.registry, scorer)
    bound_us = microseconds(settings.windows.out_of_orderness)
    finder = NameFinder(settings.watch.list)

    def box() -> Classify:
        decoders = {
            each.kafka_topic: Decoder(
                field_mapping(each.fields, each.timezone, each.epoch),
                bound_us=bound_us,
                replay=settings.replay,
                clock=now,
            )
            for each in settings.input
        }
        return Classify(decoders, scorer, metrics, replay=settings.replay, stop=around.stop.is_set, finder=finder)

    reads = tuple(each.kafka_topic for each in settings.input)
    return Role("classify", "bellwether.classify", reads, box, limit=settings.classifier.poll)


def _aggregate(around: Surroundings) -> Role:
    check_topics(around.settings)
    settings = replace(aggregate_settings(around.settings), errors=model_errors(around.settings))
    metrics = AggregateMetrics(around.registry)
    owner = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"

    def box() -> Aggregate:
        return Aggregate(settings, around.logs, owner, metrics)

    return Role("aggregate", "bellwether.aggregate", (SCORES.log,), box, after=around.after("classify"))


def model_errors(settings: Settings) -> Errors | None:
    """How often the model errs; None where that is not known, since an aggregator alone may be without the model."""
    try:
        artifact = settings.classifier.verified()
    except ArtifactError:
        return None
    errors = errors_of(artifact.id, artifact.manifest.metrics.confusion)
    if errors is None:
        log.info("the model does not say how often it errs: no share is corrected", artifact=artifact.id)
    return errors


def _canaries(around: Surroundings) -> list[Role]:
    """Beside the aggregator, if they are asked for; a replay has no use for them."""
    every, inputs = around.settings.canary.every, around.settings.input
    if every is None or around.settings.replay:
        return []
    metrics = CanaryMetrics(around.registry, [each.kafka_topic for each in inputs], microseconds(every))

    def box() -> Canaries:
        aviaries = [
            Aviary(each.kafka_topic, around.logs.partitions(each.kafka_topic), canary_keys(field_mapping(each.fields)))
            for each in inputs
        ]
        return Canaries(aviaries, microseconds(every), metrics)

    return [Role("canary", "bellwether.canary", (ALERTS.log,), box)]


def check_topics(settings: Settings) -> None:
    """Whether the model knows each topic that the settings name. Raises `WrongSettings`.

    Raises `ArtifactError` if there is no model and what is found hangs on one of these topics. What a destination is told of
    does not: an aggregator alone may be without the model.
    """
    decisive = {
        "alerts.policy": settings.alerts.table.topics if settings.alerts.policy else set(),
        "alerts.topic": set(settings.alerts.topic),
        "flash.topics": set(settings.flash.topics) if "topics" in settings.flash.model_fields_set else set(),
    }
    named = decisive | {
        "destination.route.subjects": {
            pattern.removeprefix("topic/")
            for destination in settings.destination
            for pattern in destination.route.subjects
            if pattern.startswith("topic/") and not set(pattern) & set("*?[")
        },
    }
    if not any(named.values()):
        return  # the model need not be here
    try:
        known = settings.classifier.verified().manifest.topics
    except ArtifactError:
        if any(decisive.values()):
            raise
        return
    strange = {key: sorted(topics - set(known)) for key, topics in named.items()}
    if mistakes := [
        f"{key}: the model knows no topic {', '.join(topics)}; it knows {', '.join(known)}"
        for key, topics in strange.items()
        if topics
    ]:
        raise WrongSettings(mistakes)


def aggregate_settings(settings: Settings) -> AggregateSettings:
    """Those that decide what is found."""
    return AggregateSettings(
        inputs=tuple(each.kafka_topic for each in settings.input),
        windows=WindowSettings(**settings.windows.model_dump()),
        spikes=SpikeSettings(
            budget_per_week=settings.alerts.budget_per_week,
            topics={name: TopicRules(**rules.model_dump()) for name, rules in settings.alerts.topic.items()},
        ),
        historical_after=settings.alerts.historical_after,
        watch=settings.watch.list.hash,
        tiers=settings.watch.list.tiers,
        sources=Sources(**settings.sources.model_dump()),
        policy=settings.alerts.table,
        flash=FlashSettings(**settings.flash.model_dump()),
    )
