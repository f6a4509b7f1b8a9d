"""A refusal as a page shows it, beside what was typed."""

from typing import Any, NamedTuple

from api.problems import TITLES, Problem
from domain.core.refusal import Refused


class Refusal(NamedTuple):
    """A refusal as a page shows it beside what was typed."""

    command: str
    title: str
    detail: str
    missing: list[str]
    fields: dict[str, str]
    came: list[dict[str, Any]]
    """G14: what came since the page was loaded."""
    status: int
    """Of HTTP."""

    @property
    def explains(self) -> bool:
        """Return whether the detail does not only list what is missing: the page lists that in the form's words."""
        return not self.missing or not self.detail.endswith(", ".join(self.missing))

    @classmethod
    def of(cls, command: str, refused: Refused) -> "Refusal":
        """Make what a page shows of a command that was refused."""
        problem = Problem.of(refused)
        seen = refused.missing, refused.fields, refused.came
        return cls(command, TITLES[problem.code], problem.detail, *seen, problem.status)
