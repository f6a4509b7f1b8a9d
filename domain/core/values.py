"""The base of every value in the core."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

_set = object.__setattr__


class Frozen(BaseModel):
    """An immutable value.

    Unknown keys are ignored, not refused: during a rolling deploy an older worker reads what a newer one wrote.
    Fields are only ever added, with defaults; the stored name of a field is never changed (see `stored_as`).
    What does not fit is not repeated in the error, which may end in a log.
    """

    model_config = ConfigDict(
        frozen=True, hide_input_in_errors=True, validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
    )

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a changed copy, not validated. It is what pydantic returns, in a quarter of the time: every event of a
        ticket makes some copies."""
        if deep or self.__pydantic_extra__ is not None or self.__pydantic_private__ is not None:
            return super().model_copy(update=update, deep=deep)
        copied = object.__new__(type(self))
        changed = update or {}
        _set(copied, "__dict__", {**self.__dict__, **changed})
        _set(copied, "__pydantic_fields_set__", {*self.__pydantic_fields_set__, *changed})
        _set(copied, "__pydantic_extra__", None)
        _set(copied, "__pydantic_private__", None)
        return copied


V = TypeVar("V", bound=Frozen)


def built(kind: type[V], facts: dict[str, Any]) -> V:
    """Make a value out of all of its fields, without looking whether they fit: for what the core itself has decided,
    many times for each ticket. Whatever comes from outside is validated."""
    value = object.__new__(kind)
    _set(value, "__dict__", facts)
    _set(value, "__pydantic_fields_set__", set(facts))
    _set(value, "__pydantic_extra__", None)
    _set(value, "__pydantic_private__", None)
    return value


def stored_as(name: str) -> Any:
    """Name the key under which a field is stored, where the code has another name for the field.

    `pending_effects: Annotated[tuple[Effect, ...], stored_as("undone")] = ()` is `{"undone": [...]}` in every history,
    journal and digest. A field of a command must not have a stored name of its own: people would have two spellings.
    """
    return Field(alias=name)


class Row(BaseModel):
    """A table of the policy file: immutable, and every key in it is known. A misspelt promise is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _to_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:  # the first and the last day that Python knows, seen from another zone
        raise ValueError("this instant is out of range") from None


def as_instant(at: datetime) -> datetime:
    """Return an instant in UTC, as a field of the type `Instant` has it. Raises ValueError for one without a zone."""
    if at.tzinfo is UTC:
        return at
    if at.utcoffset() is None:
        raise ValueError(f"{at.isoformat()} has no UTC offset")
    return _to_utc(at)


Instant = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""A point in absolute time, always kept in UTC."""
