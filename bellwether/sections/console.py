"""What the web console is and who may use it."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from alerting.console.access import networks
from bellwether.kinds import Duration, ReadableFile, Zone
from bellwether.sections.section import Section


def _networks(names: tuple[str, ...]) -> tuple[str, ...]:
    networks(names)
    return names


class ConsoleSection(Section):
    """The console: pages, people and deadlines."""

    enabled: bool = True
    tokens_file: ReadableFile | None = None
    trusted_proxies: Annotated[tuple[str, ...], AfterValidator(_networks)] = ()
    user_header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")] = "X-Forwarded-User"
    session: Duration = timedelta(hours=12)
    timezone: Zone = "UTC"
    acknowledge_critical: Duration = timedelta(minutes=15)
    acknowledge_warning: Duration = timedelta(hours=4)
    escalate: bool = False

    @classmethod
    def clashes(cls, given: Mapping[str, Any]) -> Iterator[str]:
        """A header that nobody is trusted to set means nothing."""
        usual = cls.model_fields["user_header"].default
        if given.get("user_header", usual) != usual and not given.get("trusted_proxies"):
            yield "user_header needs trusted_proxies: from anyone else it is not believed"
