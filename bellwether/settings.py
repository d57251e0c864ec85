"""The settings: one TOML file, then `BELLWETHER_SECTION__KEY` variables, read once and frozen.

Every mistake is told at once, each as a line that says where it is and what to do.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import platformdirs
from pydantic import AfterValidator, BaseModel, Field, PrivateAttr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from alerting.tokens import SENDABLE, is_sendable
from bellwether.kinds import is_there, relative_to, secret_in
from bellwether.sections.alerts import AlertsSection, FlashSection, SourcesSection, WindowsSection
from bellwether.sections.canary import CanarySection
from bellwether.sections.console import ConsoleSection
from bellwether.sections.destinations import DestinationSection, default_destinations
from bellwether.sections.logs import InputSection, KafkaSection, LogSection, default_inputs
from bellwether.sections.process import HttpSection, LoggingSection
from bellwether.sections.scoring import ClassifierSection, WatchSection
from ingest.canary import canary_keys
from ingest.decode import field_mapping

VARIABLE = "BELLWETHER_CONFIG"
PREFIX = "BELLWETHER_"
BESIDE = "bellwether.toml"
LOG_FILE = "bellwether.db"


class WrongSettings(Exception):  # noqa: N818 - it is a state of the settings
    """The settings cannot be used; one line for each mistake."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)


def _some(inputs: tuple[InputSection, ...]) -> tuple[InputSection, ...]:
    if not inputs:
        raise ValueError("must name at least one log of documents")
    return inputs


class _Variables(EnvSettingsSource):
    """Variables; what is not JSON where it should be is left as it is, to be told with the other mistakes."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value


class Settings(BaseSettings):
    """Everything that can be set. Sections are described in `bellwether.sections` and `docs/settings.md`."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        hide_input_in_errors=True,
        validate_default=True,
    )

    clock: Literal["live", "replay"] = "live"
    log: LogSection = LogSection()
    kafka: KafkaSection | None = None
    input: Annotated[tuple[InputSection, ...], AfterValidator(_some)] = Field(default_factory=default_inputs)
    classifier: ClassifierSection = ClassifierSection()
    watch: WatchSection = WatchSection()
    windows: WindowsSection = WindowsSection()
    alerts: AlertsSection = AlertsSection()
    sources: SourcesSection = SourcesSection()
    flash: FlashSection = FlashSection()
    destination: tuple[DestinationSection, ...] = Field(default_factory=default_destinations)
    canary: CanarySection = CanarySection()
    console: ConsoleSection = ConsoleSection()
    http: HttpSection = HttpSection()
    logging: LoggingSection = LoggingSection()

    _file: Path | None = PrivateAttr(None)

    @property
    def file(self) -> Path | None:
        """The settings file that was read, if there was one."""
        return self._file

    @property
    def replay(self) -> bool:
        """Whether time is the replay's."""
        return self.clock == "replay"

    @property
    def log_path(self) -> Path:
        """The embedded log's file, absolute: as set, beside the settings file, or in the user's data folder."""
        if self.log.path is not None:
            return self.log.path
        if self._file is not None:
            return self._file.parent / LOG_FILE
        return platformdirs.user_data_path("bellwether", appauthor=False) / LOG_FILE

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - ours takes its place
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Variables win over the file, which comes as arguments."""
        return _Variables(settings_cls), init_settings


TABLES: dict[str, type[Any]] = {
    "log": LogSection, "kafka": KafkaSection, "input": InputSection, "classifier": ClassifierSection, "watch": WatchSection,
    "sources": SourcesSection, "flash": FlashSection,
    "windows": WindowsSection, "alerts": AlertsSection, "destination": DestinationSection,
    "canary": CanarySection, "console": ConsoleSection, "http": HttpSection, "logging": LoggingSection,
}  # fmt: skip


def read_settings(config: Path | None = None) -> Settings:
    """The settings in force: of `config`, else $BELLWETHER_CONFIG, else ./bellwether.toml if there, else defaults.

    Raises `WrongSettings` with every mistake.
    """
    file = settings_file(config)
    folder = Path.cwd() if file is None else file.parent
    mistakes = [*_unknown_variables(os.environ), *_run_together(os.environ)]
    try:
        given = _parse(file)
    except WrongSettings as broken:
        raise WrongSettings([*mistakes, *broken.mistakes, *_wrong_variables(folder)]) from None
    try:
        with relative_to(folder):
            settings = Settings(**given)
    except ValidationError as error:
        mistakes += [_sentence(detail) for detail in error.errors(include_url=False, include_input=False)]
    else:
        mistakes += [*_repeated(settings), *_without_canaries(settings), *_without_secrets(settings)]
    if mistakes:
        raise WrongSettings(mistakes)
    settings._file = file  # noqa: SLF001 - our own
    return settings


def settings_file(config: Path | None) -> Path | None:
    """The absolute path of the file to read, or None for defaults. Raises `WrongSettings`."""
    named = config or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
    try:
        file = (named or Path(BESIDE)).expanduser().absolute()
    except RuntimeError:
        raise WrongSettings([f"{named}: there is no such user here; write the whole path"]) from None
    except OSError:
        raise WrongSettings(["the current folder is gone: go to another, or name a whole path with --config"]) from None
    return file if named or is_there(file) else None


def _parse(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        return tomllib.loads(file.read_text("utf-8-sig"))
    except OSError as error:
        raise WrongSettings([f"{file} cannot be read ({error.strerror}): name a settings file with --config"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WrongSettings([f"{file} is not TOML ({error}): mend that place"]) from None


def _wrong_variables(folder: Path) -> list[str]:
    """What is wrong with variables whatever stands in the file, which cannot be read."""
    try:
        with relative_to(folder):
            Settings()
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        return [_sentence(detail) for detail in details if _variable(detail) in os.environ]
    return []


def _unknown_variables(environ: Mapping[str, str]) -> Iterator[str]:
    """A misspelt variable would be passed over without a word: name it."""
    for name in sorted(environ):
        if not (name.upper().startswith(PREFIX) and "__" in name):
            continue
        section = name.upper()[len(PREFIX) :].split("__")[0].lower()
        if section not in Settings.model_fields:
            yield f"{name}: there is no such section; sections are {', '.join(Settings.model_fields)}"
        elif section not in TABLES:
            yield f"{name}: {section} is no table; set {PREFIX}{section.upper()}"


def _run_together(environ: Mapping[str, str]) -> list[str]:
    """And so would one with a single underscore between section and key. Lists of tables stand in the file alone."""
    pairs = [(section, key) for section in TABLES.keys() - {"input", "destination"} for key in _known((section,))]
    meant = {f"{PREFIX}{section}_{key}".upper(): f"{PREFIX}{section}__{key}".upper() for section, key in pairs}
    return [
        f"{name}: there is no such variable; write {meant[name.upper()]}, with two underscores"
        for name in sorted(environ)
        if name.upper() in meant
    ]


def _repeated(settings: Settings) -> list[str]:
    names = [destination.name for destination in settings.destination]
    topics = [each.kafka_topic for each in settings.input]
    return [
        f"{key}: {name} stands there twice; give each its own"
        for key, values in (("destination.name", names), ("input.kafka_topic", topics))
        for name in dict.fromkeys(value for value in values if values.count(value) > 1)
    ]


def _without_canaries(settings: Settings) -> Iterator[str]:
    """Inputs into which no canary can be put, though they are asked for."""
    for each in settings.input if settings.canary.every else ():
        try:
            canary_keys(field_mapping(each.fields))
        except ValueError as error:
            yield f"canary.every: {each.kafka_topic} takes no canaries ({error}); leave it away, or read plain keys"


def _without_secrets(settings: Settings) -> Iterator[str]:
    """Secrets that hold nothing, or what nobody could send: what they guard would stand open, or closed to all."""
    for place, section in _sections(settings):
        for name in sorted(type(section).model_fields):
            file = getattr(section, f"{name}_file", None)
            if f"{name}_file" not in type(section).model_fields or (file is not None and not file.is_file()):
                continue  # what is no regular file, a pipe for one, can be read only once: by who needs the secret
            where = f"{place}.{name if file is None else f'{name}_file'}"
            try:
                secret = secret_in(getattr(section, name), file)
            except (ValueError, OSError) as error:
                yield f"{where}: {error}"
            else:
                if secret and name == "alertmanager_token" and not is_sendable(secret.get_secret_value()):
                    yield f"{where}: must be {SENDABLE}"


def _sections(settings: Settings) -> Iterator[tuple[str, BaseModel]]:
    """Each table, and where it stands."""
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            yield name, value
        elif isinstance(value, tuple):
            yield from ((f"{name}.{number}", each) for number, each in enumerate(value) if isinstance(each, BaseModel))


def _sentence(detail: ErrorDetails) -> str:
    """One mistake as a line: where, what, and what to do."""
    message = detail["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if detail["type"] == "extra_forbidden":
        known = _known(detail["loc"][:-1])
        close = get_close_matches(str(detail["loc"][-1]), known, n=1)
        message = "there is no such setting; " + (
            f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
        )
    elif detail["type"] == "missing":
        message = "is missing; set it"
    elif detail["type"] in {"model_type", "dict_type"}:
        message = "must be a table (in a variable: a JSON object)"
    elif detail["type"] == "tuple_type":
        message = "must be a list (in a variable: a JSON array)"
    variable = _variable(detail)
    place = ".".join(str(part) for part in detail["loc"])
    return f"{place}{f' (from {variable})' if variable in os.environ else ''}: {message}"


def _variable(detail: ErrorDetails) -> str:
    return PREFIX + "__".join(str(part).upper() for part in detail["loc"])


def _known(loc: tuple[int | str, ...]) -> list[str]:
    """The keys that exist in the table at `loc`."""
    if not loc:
        return list(Settings.model_fields)
    kind = TABLES[str(loc[0])]
    for name in loc[1:]:  # a table within: [destination.route]
        within = [kind.model_fields[name].annotation] if isinstance(name, str) and name in kind.model_fields else []
        tables = [each for some in within for each in (some, *get_args(some)) if hasattr(each, "model_fields")]
        kind = tables[0] if tables else kind
    return list(kind.model_fields)
