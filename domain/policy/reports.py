"""The policy's table of reports: when a week begins, what an agent costs, and what figures are compared with."""

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainValidator, model_validator

from domain.core.enums import Channel
from domain.core.values import Row
from domain.policy.grammar import duration, fault
from domain.policy.tables import Text, Zone, as_pair

Duration = Annotated[timedelta, PlainValidator(duration)]
Name = Annotated[str, Field(max_length=60, pattern=r"^[A-Za-z0-9._-]+$")]
Amount = Annotated[Decimal, Field(ge=0, le=10**9, allow_inf_nan=False)]
Percent = Annotated[int, Field(strict=True, ge=0, le=100)]
Weeks = Annotated[int, Field(strict=True, ge=1, le=12)]


def _band(name: str, low: Any, high: Any) -> None:
    if low > high:
        raise fault("write the lower one first", name)


class ChannelRow(Row):
    """What is usual for a channel: the bands that our own figures stand beside."""

    best_for: Text = ""
    handle: Annotated[tuple[Duration, Duration] | None, BeforeValidator(as_pair)] = None
    """An agent's time for one contact, from and to."""
    contact: Annotated[tuple[Amount, Amount] | None, BeforeValidator(as_pair)] = None
    """What one contact costs, from and to."""

    @model_validator(mode="after")
    def _in_order(self) -> "ChannelRow":
        for name, band in (("handle", self.handle), ("contact", self.contact)):
            if band:
                _band(name, *band)
        return self


class StageRow(Row):
    """A stage of growth: up to so many customers, so many agents are usual."""

    customers: Annotated[int, Field(strict=True, ge=1)]
    """Up to so many; the last stage holds for more, too."""
    agents: Annotated[tuple[int, int], BeforeValidator(as_pair)]

    @model_validator(mode="after")
    def _in_order(self) -> "StageRow":
        _band("agents", *self.agents)
        return self


class HiringRow(Row):
    """When a figure says that more people are needed."""

    responses_kept: Percent = 95
    """Percent of first responses that the contract promises; below it, for `responses_weeks` in a row."""
    responses_weeks: Weeks = 3
    satisfied: Percent = 85
    """Percent of ratings that are 4 or 5, over four weeks."""
    utilisation: Percent = 80
    """Percent of the time at work in which something is in hand."""
    backlog_weeks: Weeks = 3
    """The backlog grows for so many weeks in a row."""


class ReportRow(Row):
    """Reports (F3)."""

    zone: Zone = "UTC"
    """A week begins on Monday at 0:00 there."""
    agent_hour: Amount = Decimal(0)
    """What an hour of an agent costs, in the company's currency; 0: no costs are reckoned."""
    agents: Annotated[int, Field(strict=True, ge=0, le=100_000)] = 0
    """How many agents there are; 0: those who took a ticket in four weeks are counted."""
    customers: Annotated[int, Field(strict=True, ge=0)] = 0
    """How many customers there are; 0: the accounts that are known are counted."""
    staffed_hours: Annotated[int, Field(strict=True, ge=0, le=168)] = 0
    """For how many hours a week an agent is there for tickets; 0: from the first act of each day to the last."""
    customers_per_agent: Annotated[tuple[int, int], BeforeValidator(as_pair)] = (400, 600)
    hiring: HiringRow = HiringRow()
    stages: dict[Name, StageRow] = {}
    channels: dict[Channel, ChannelRow] = {}

    @model_validator(mode="after")
    def _in_order(self) -> "ReportRow":
        _band("customers_per_agent", *self.customers_per_agent)
        return self
