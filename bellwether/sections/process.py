"""What a process shows and tells of itself."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from bellwether.kinds import Duration, ReadableFile, web_address
from bellwether.sections.section import Section, twice


def _web_address(address: str) -> str:
    web_address(SecretStr(address))
    if "@" in urlsplit(address).netloc:
        raise ValueError("must hold no user name and no password: everybody sees it in links")
    return address


class HttpSection(Section):
    """Where /metrics, /healthz, /readyz and /alertmanager are."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8700
    address: Annotated[str, AfterValidator(_web_address)] | None = None
    alertmanager_token: SecretStr | None = None
    alertmanager_token_file: ReadableFile | None = None
    healthy_within: Duration = timedelta(minutes=5)

    @classmethod
    def clashes(cls, given: Mapping[str, Any]) -> Iterator[str]:
        """One token."""
        yield from twice(given, "alertmanager_token")


class LoggingSection(Section):
    """How the process tells what it does, on standard error."""

    format: Literal["auto", "console", "json"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"
