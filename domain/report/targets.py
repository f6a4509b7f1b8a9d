"""Targets of the policy beside the figures of weeks (F3): each week against the target that was in force in it.

Terms carry the targets of the policy under which a ticket opened. In force in a week are those under which the last
ticket opened before its end: a target that is set today changes no week that is over.
"""

from collections.abc import Mapping, Sequence

from pydantic import computed_field

from domain.core.values import Frozen, Instant
from domain.report.week import Share, streak

TARGETS: Mapping[str, str] = {
    "first_response_kept": "first responses within the contract",
    "resolution_kept": "resolutions within the contract",
    "satisfaction": "ratings that are 4 or 5",
    "self_serve": "visits of the knowledge base that an article helped, without a ticket",
}
"""What a policy may set a target of, in percent; each is at least kept."""


class TargetWeek(Frozen):
    """One week of a figure beside the target of then."""

    week: str
    figure: Share
    target: int | None
    """None: none was set."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def met(self) -> bool | None:
        """Return whether it was met; None where no target was set, or there are too few cases to say."""
        percent = self.figure.percent
        return None if self.target is None or percent is None else percent >= self.target


class TargetFigure(Frozen):
    """A figure of the week beside its target, and the weeks before."""

    name: str
    says: str
    weeks: tuple[TargetWeek, ...]
    """Up to the week of the report, the earliest first."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def for_weeks(self) -> int:
        """Return for how many weeks in a row, up to the last, it is met, or missed; 0 where the last says nothing."""
        met = self.weeks[-1].met
        return 0 if met is None else streak([one.met is met for one in self.weeks])


def beside(
    weeks: Sequence[str], figures: Mapping[str, Sequence[Share]], in_force: Sequence[Mapping[str, int]]
) -> tuple[TargetFigure, ...]:
    """Return the figures that have a target in the last week, in the order of `TARGETS`."""
    return tuple(
        TargetFigure(
            name=name, says=says,
            weeks=tuple(
                TargetWeek(week=week, figure=figure, target=of.get(name))
                for week, figure, of in zip(weeks, figures[name], in_force, strict=True)
            ),
        )
        for name, says in TARGETS.items()
        if name in in_force[-1]
    )  # fmt: skip


class TargetsInForce(Frozen):
    """Targets, and from when until when they were in force."""

    since: Instant
    """The opening of the first ticket under them."""
    until: Instant | None
    """That of the first under others; None: they are in force."""
    versions: tuple[str, ...]
    """The versions of the policy that had them."""
    targets: dict[str, int]


def history(changes: Sequence[tuple[Instant, str, Mapping[str, int]]]) -> tuple[TargetsInForce, ...]:
    """Return which targets were in force from when until when, of changes of the policy in order: instant, version and
    targets."""
    found: list[TargetsInForce] = []
    for at, version, targets in changes:
        if found and found[-1].targets == dict(targets):
            versions = tuple(dict.fromkeys((*found[-1].versions, version)))
            found[-1] = found[-1].model_copy(update={"versions": versions})
            continue
        if found:
            found[-1] = found[-1].model_copy(update={"until": at})
        found.append(TargetsInForce(since=at, until=None, versions=(version,), targets=dict(targets)))
    return tuple(found)
