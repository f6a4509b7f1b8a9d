"""Signs that more people are needed (F3): four figures, each with its threshold and since when it is beyond it.

A sign is never a verdict: it stands with the numbers behind it, and "not known" is an answer.
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import computed_field

from domain.core.values import Frozen
from domain.policy.reports import HiringRow, ReportRow, StageRow
from domain.report.week import BEFORE, Share, Span, streak

State = Literal["met", "not met", "not known"]


class Trigger(Frozen):
    """One sign."""

    name: Literal["responses", "satisfaction", "utilisation", "backlog"]
    says: str
    """What it asks, in words, with the threshold of the policy."""
    state: State
    now: str
    """The figure of this week, in words."""
    since: str = ""
    """The week in which the present streak began; "" where there is none."""
    weeks: tuple[tuple[str, str], ...] = ()
    """The numbers behind it: week and figure, the earliest first."""


def responses(row: HiringRow, weeks: Sequence[Span], kept: Sequence[Share]) -> Trigger:
    """Return whether first responses are late for weeks in a row: of each week, how many the contract's clocks kept."""
    late = [None if one.percent is None else one.percent < row.responses_kept for one in kept]
    return _in_a_row(
        "responses",
        f"under {row.responses_kept} % of first responses within the contract, {row.responses_weeks} weeks in a row",
        row.responses_weeks,
        weeks,
        late,
        [str(one) for one in kept],
    )


def backlog(row: HiringRow, weeks: Sequence[Span], opened: Sequence[int], ended: Sequence[int]) -> Trigger:
    """Return whether more comes than goes, for weeks in a row."""
    grows = [came > went for came, went in zip(opened, ended, strict=True)]
    figures = [f"{came - went:+d}" for came, went in zip(opened, ended, strict=True)]
    says = f"the backlog grows {row.backlog_weeks} weeks in a row"
    return _in_a_row("backlog", says, row.backlog_weeks, weeks, grows, figures)


def satisfaction(row: HiringRow, weeks: Sequence[Span], good: Sequence[Share]) -> Trigger:
    """Return whether too few customers were satisfied in the four weeks that end with each week."""
    rolling = [_together(good[max(0, place - BEFORE + 1) : place + 1]) for place in range(len(good))]
    low = [None if one.percent is None else one.percent < row.satisfied for one in rolling]
    figures = [str(one) for one in rolling]
    return _in_a_row("satisfaction", f"under {row.satisfied} % of ratings are 4 or 5, over four weeks", 1, weeks, low,
                     figures)  # fmt: skip


def utilisation(row: HiringRow, weeks: Sequence[Span], used: Sequence[float | None]) -> Trigger:
    """Return whether agents have something in hand for too much of the time at work: percent of each week.

    It is the most that utilisation can be: nobody records how much of that time hands do something.
    """
    over = [None if one is None else one > row.utilisation for one in used]
    figures = ["not known" if one is None else f"at most {one:.0f} %" for one in used]
    says = f"over {row.utilisation} % of the time at work something is in hand"
    return _in_a_row("utilisation", says, 1, weeks, over, figures)


def _together(shares: Sequence[Share]) -> Share:
    return Share(count=sum(one.count for one in shares), of=sum(one.of for one in shares))


def _in_a_row(
    name: Literal["responses", "satisfaction", "utilisation", "backlog"],
    says: str,
    needed: int,
    weeks: Sequence[Span],
    so: Sequence[bool | None],
    figures: Sequence[str],
) -> Trigger:
    long = streak(so)
    state: State = "met" if long >= needed else "not known" if so[-1] is None else "not met"
    behind = tuple((week.name, figure) for week, figure in zip(weeks, figures, strict=True))
    since = weeks[-long].name if long else ""
    return Trigger(name=name, says=says, state=state, now=figures[-1], since=since, weeks=behind)


class Scale(Frozen):
    """How large support is, beside what is usual for so many customers."""

    customers: int
    tickets: int
    """Opened in four weeks."""
    agents: int
    stage: str = ""
    """The stage of the policy's table; "" where it has none."""
    usual_agents: tuple[int, int] | None = None
    usual_ratio: tuple[int, int] = (0, 0)
    """Customers for each agent, as the policy's table has it."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def ratio(self) -> float | None:
        """Return how many customers there are for each agent; None without any agent."""
        return self.customers / self.agents if self.agents else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def fits(self) -> Literal["", "fewer agents", "more agents", "as usual"]:
        """Return how the number of agents stands to what is usual for the stage."""
        if self.usual_agents is None or not self.agents:
            return ""
        low, high = self.usual_agents
        return "fewer agents" if self.agents < low else "more agents" if self.agents > high else "as usual"


def scale(row: ReportRow, *, customers: int, tickets: int, agents: int) -> Scale:
    """Return how large support is. What the policy says of customers and agents goes before what is counted."""
    customers, agents = row.customers or customers, row.agents or agents
    ordered: list[tuple[str, StageRow]] = sorted(row.stages.items(), key=lambda one: one[1].customers)
    name, stage = next(
        (one for one in ordered if customers <= one[1].customers), ordered[-1] if ordered else ("", None)
    )
    return Scale(
        customers=customers, tickets=tickets, agents=agents, stage=name,
        usual_agents=stage.agents if stage else None, usual_ratio=row.customers_per_agent,
    )  # fmt: skip
