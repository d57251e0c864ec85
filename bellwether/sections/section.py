"""What every section of the settings file is: unchangeable, strict, and telling all its mistakes at once."""

from collections.abc import Iterator, Mapping
from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError


class Section(BaseModel):
    """A table of the settings file: unchangeable once read, and only known keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True)

    @classmethod
    def clashes(cls, given: Mapping[str, Any]) -> Iterator[str]:  # noqa: ARG003 - for those that have rules
        """What does not fit together in a table as it was written, a sentence each."""
        yield from ()

    def look_up(self) -> Iterator[str]:
        """Read what the table names, once it is read itself; what is wrong there, a sentence each."""
        yield from ()

    @model_validator(mode="wrap")
    @classmethod
    def _all_at_once(cls, given: Any, read: ModelWrapValidatorHandler[Self]) -> Self:
        clashes = list(cls.clashes(given)) if isinstance(given, dict) else []
        mistakes = [_mistake("clash", (), clash) for clash in clashes]
        try:
            section = read(given)
        except ValidationError as error:
            each = error.errors(include_url=False, include_input=False)
            mistakes = [_mistake(e["type"], e["loc"], e["msg"]) for e in each] + mistakes
        else:
            mistakes += [_mistake("named", (), sentence) for sentence in section.look_up()]
        if mistakes:
            raise ValidationError.from_exception_data(cls.__name__, mistakes)
        return section


def _mistake(kind: str, loc: tuple[int | str, ...], sentence: str) -> InitErrorDetails:
    return InitErrorDetails(type=PydanticCustomError(kind, "{sentence}", {"sentence": sentence}), loc=loc, input=None)


def twice(given: Mapping[str, Any], *names: str) -> Iterator[str]:
    """Secrets that are given both as they are and in a file, a sentence each."""
    for name in names:
        if name in given and f"{name}_file" in given:
            yield f"{name} and {name}_file are both set; keep one"
