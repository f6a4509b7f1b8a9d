"""What a hand-off brings (G3, G4): the fields of both packages, as people fill them."""

from typing import Literal

from pydantic import ConfigDict

from domain.core.input_types import Text
from domain.core.values import Frozen
from domain.ticket.state import Amount


class Absent(Frozen):
    """A field that does not exist for this ticket, said with the reason (G3)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    absent: Literal["not_reproducible", "no_logs", "not_applicable"]
    reason: Text = ""


class BugReport(Frozen):
    """What engineering needs (G4). `steps` is inherited from `reproduction_steps` where it is not given."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    summary: Text = ""
    steps: Text = ""
    expected: Text = ""
    actual: Text = ""
    environment: Text = ""
    frequency: Text = ""
    code_change: bool | None = None
    """Tier 2's finding that only a change of the code helps."""


class BusinessImpact(Frozen):
    """What it costs the customer, and the revenue at stake: an amount, 0, or "unknown" (G4)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    text: Text = ""
    arr: Amount | Literal["unknown"] | None = None


class Package(Frozen):
    """The fields of both hand-offs (G3, G4), in the order in which they are always reported."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    steps_taken: Text | Absent | None = None
    customer_impact: Text | Absent | None = None
    reproduction_steps: Text | Absent | None = None
    logs_or_screenshots: Text | Absent | None = None
    bug_report: BugReport | None = None
    business_impact: BusinessImpact | Text | None = None
    workaround_status: Text | Absent | None = None
    communication_plan: Text | Absent | None = None
