"""The base of every value in the core."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field


class Frozen(BaseModel):
    """An immutable value.

    Unknown keys are ignored, not refused: during a rolling deploy an older worker reads what a newer one wrote.
    Fields are only ever added, with defaults; the stored name of a field is never changed (see `stored_as`).
    What does not fit is not repeated in the error, which may end in a log.
    """

    model_config = ConfigDict(
        frozen=True, hide_input_in_errors=True, validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
    )


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


Instant = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""A point in absolute time, always kept in UTC."""
