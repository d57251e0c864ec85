"""Where documents come from and everything between two boxes is kept: the embedded log, Kafka, the inputs."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from importlib.util import find_spec
from ipaddress import ip_address
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
)
from pydantic_settings import NoDecode

from bellwether.kinds import Duration, File, ReadableFile, Zone, secret_in
from bellwether.sections.section import Section, twice
from ingest.decode import field_mapping
from ingest.logs import LogUnfit

WITH_A_SETTING = {
    "security_protocol", "sasl_mechanism", "sasl_plain_username", "sasl_plain_password", "ssl_cafile", "ssl_certfile",
    "ssl_keyfile", "ssl_password", "ssl_check_hostname", "session_timeout_ms",
}  # fmt: skip

BROKER = re.compile(r"(\w+://)?([\w.-]+|\[[\w.:%]+\])(:(?P<port>[0-9]{1,5}))?")
HIGHEST_PORT = 65_535
MOST = 2**31 - 1  # milliseconds and bytes are numbers of 32 bits in what Kafka is asked


def _split(value: object) -> object:
    if not isinstance(value, str):
        return value
    with suppress(ValueError):
        if isinstance(listed := json.loads(value), list):
            return listed
    return [part.strip() for part in value.split(",") if part.strip()]


def _brokers(values: tuple[str, ...]) -> tuple[str, ...]:
    values = tuple(each.strip() for each in values)
    if not values:
        raise ValueError("must name at least one")
    for each in values:
        if not _is_broker(each):
            raise ValueError(f"{each!r} is no address of a broker: write host:port, for example kafka-1:9092")
    return values


def _is_broker(address: str) -> bool:
    """Whether the client can read it. Without a port it takes Kafka's own."""
    match = BROKER.fullmatch(address)
    if match is not None:
        return match["port"] is None or 0 < int(match["port"]) <= HIGHEST_PORT
    with suppress(ValueError):
        return bool(ip_address(address))
    return False


def _log_name(name: str) -> str:
    if not re.fullmatch(r"[a-zA-Z0-9._-]{1,249}", name) or name in {".", ".."}:
        raise ValueError("the name of a log has letters, digits, '.', '_' and '-', at most 249")
    if name.startswith("bellwether."):
        raise ValueError("what begins with 'bellwether.' is a log of our own; name the one that holds the documents")
    return name


def _known_fields(fields: dict[str, str]) -> dict[str, str]:
    field_mapping(fields)
    return fields


def _known_options(options: dict[str, Any]) -> dict[str, Any]:
    from ingest.kafka.connection import KafkaConnection  # noqa: PLC0415 - the client is slow to load and rarely asked

    if twice := sorted(set(options) & WITH_A_SETTING):
        raise ValueError(f"cannot hold {', '.join(twice)}: [kafka] has a setting for it")
    try:
        KafkaConnection(bootstrap_servers=(), options=options)
    except LogUnfit as unfit:
        raise ValueError(str(unfit)) from None
    for name, value in options.items():
        counts = name.endswith(("_ms", "_bytes")) and value is not None
        if counts and not (isinstance(value, int) and value <= MOST):
            raise ValueError(f"the option {name} must be a whole number, {MOST} at most")
    return options


def _countable(timeout: timedelta) -> timedelta:
    if timeout > timedelta(days=24):  # the last whole day within `MOST`
        raise ValueError(
            "must be at most 24d; brokers allow 30m unless their group.max.session.timeout.ms says otherwise"
        )
    return timeout


class LogSection(Section):
    """Where the embedded log lies, if no Kafka is configured."""

    path: File | None = None


class KafkaSection(Section):
    """How to reach Kafka."""

    bootstrap_servers: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_brokers)]
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "GSSAPI"] | None = None
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    sasl_password_file: ReadableFile | None = None
    ssl_cafile: ReadableFile | None = None
    ssl_certfile: ReadableFile | None = None
    ssl_keyfile: ReadableFile | None = None
    ssl_password: SecretStr | None = None
    ssl_password_file: ReadableFile | None = None
    ssl_check_hostname: bool = True
    session_timeout: Annotated[Duration, AfterValidator(_countable)] = timedelta(seconds=15)
    replication_factor: Annotated[int, Field(ge=1)] | None = None
    options: Annotated[dict[str, Any], AfterValidator(_known_options)] = Field(default_factory=dict)

    @classmethod
    def clashes(cls, given: Mapping[str, Any]) -> Iterator[str]:
        """Half of an identity is none."""
        yield from twice(given, "sasl_password", "ssl_password")
        sasl, mechanism = str(given.get("security_protocol", "")).startswith("SASL"), given.get("sasl_mechanism")
        if sasl and not mechanism:
            yield f"security_protocol {given['security_protocol']} needs sasl_mechanism"
        if mechanism and not sasl:
            yield "sasl_mechanism needs security_protocol SASL_SSL or SASL_PLAINTEXT"
        if mechanism and mechanism != "GSSAPI":
            if "sasl_username" not in given:
                yield f"sasl_mechanism {mechanism} needs sasl_username"
            if "sasl_password" not in given and "sasl_password_file" not in given:
                yield f"sasl_mechanism {mechanism} needs sasl_password_file (or sasl_password)"
        if mechanism == "GSSAPI" and find_spec("gssapi") is None:
            yield "sasl_mechanism GSSAPI needs the package gssapi, which is not installed here"
        if ("ssl_certfile" in given) != ("ssl_keyfile" in given):
            yield "ssl_certfile and ssl_keyfile belong together; set both"

    @property
    def password(self) -> SecretStr | None:
        """The SASL password, wherever it stands."""
        return secret_in(self.sasl_password, self.sasl_password_file)

    @property
    def key_password(self) -> SecretStr | None:
        """The password of the client's key, wherever it stands."""
        return secret_in(self.ssl_password, self.ssl_password_file)


class InputSection(Section):
    """A log of documents, and where in its JSON each of our fields stands."""

    kafka_topic: Annotated[str, AfterValidator(_log_name)] = "documents"
    fields: Annotated[dict[str, str], AfterValidator(_known_fields)] = Field(default_factory=dict)
    timezone: Zone | None = None
    epoch: Literal["s", "ms", "us", "ns"] | None = None


def default_inputs() -> tuple[InputSection, ...]:
    """One log with documents as `docs/documents.md` describes them."""
    return (InputSection(),)
