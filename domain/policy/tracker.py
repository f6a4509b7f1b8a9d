"""The table `jira` of the policy file: what issues look like, what is sent to the tracker (G4, G5), and how the
words of engineering are read.

Where the tracker is, and how to get in, is no policy: addresses, the project and secrets come from the environment.
"""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, StrictBool, model_validator

from domain.core.enums import Priority, Resolution
from domain.core.values import Row
from domain.policy.grammar import fault

IssueKind = Literal["bug", "request", "incident", "review", "action"]
"""What an issue is for. `review` and `action`: what comes after an incident."""

Said = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
FieldId = Annotated[str, Field(max_length=60, pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
Amount = Annotated[Decimal, Field(gt=0, lt=10**15, allow_inf_nan=False)]

_OURS = frozenset({"project", "issuetype", "summary", "description", "labels", "priority", "environment", "components"})
"""Fields that Tierline fills itself."""
_BANDS = (Decimal(10_000), Decimal(50_000), Decimal(250_000))
_TYPES: dict[IssueKind, str] = {
    "bug": "Bug",
    "request": "Story",
    "incident": "Task",
    "review": "Task",
    "action": "Task",
}
_PRIORITIES: dict[Priority, str] = {
    Priority.P0: "Highest",
    Priority.P1: "High",
    Priority.P2: "Medium",
    Priority.P3: "Low",
    Priority.P4: "Lowest",
}


class TrackerRow(Row):
    """How issues are made in the tracker. A key that is left out has a default that suits a new project."""

    issue_types: dict[IssueKind, Said] = {}
    priorities: dict[Priority, Said] = {}
    leave_out: tuple[Literal["priority", "environment"], ...] = ()
    """Fields that the project's create screen does not have."""
    components: dict[Said, tuple[Said, ...]] = {}
    """Product area -> components; the area `*` stands for every other."""
    fields: dict[IssueKind, dict[FieldId, JsonValue]] = {}
    """More fields for each kind, as the tracker's API takes them: `customfield_10050 = { value = "Support" }`."""
    also_link: tuple[Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{1,30}$")], ...] = ()
    """Other projects whose issues a ticket may be linked to."""
    board: Annotated[int, Field(strict=True, ge=1)] | None = None
    """The board whose active sprint takes what `sprint` names."""
    sprint: tuple[Priority, ...] = ()
    """Priorities that go into the active sprint at once; all others stay in the backlog."""
    arr: Literal["exact", "band", "none"] = "exact"
    """In which form a customer's revenue is given to the tracker."""
    arr_bands: Annotated[tuple[Amount, ...], Field(min_length=1, max_length=20)] = _BANDS
    """Where one band ends and the next begins, ascending."""
    waiting: Literal["off", "figures", "accounts"] = "figures"
    """F10: what an issue says of who waits for it: nothing; how many accounts, plans and revenue; their ids too."""
    remove_ips: StrictBool = False
    """Whether IP addresses are removed from what leaves, like e-mail addresses."""
    resolutions: Annotated[dict[Said, Resolution], Field(max_length=100)] = {}
    """A resolution of the tracker -> the one that it proposes for the ticket. Names vary from site to site: what is not
    listed proposes nothing, and a person decides."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.sprint and self.board is None:
            raise fault("which board? `board` is missing, the number in the board's address", "sprint")
        if list(self.arr_bands) != sorted(set(self.arr_bands)):
            raise fault("write them in ascending order, each once", "arr_bands")
        known: set[str] = set()
        for name in self.resolutions:
            if name.casefold() in known:
                raise fault("is listed twice: capitals make no difference", "resolutions", name)
            known.add(name.casefold())
        for kind, fields in self.fields.items():
            if taken := sorted(_OURS & fields.keys()):
                raise fault(f"Tierline fills {taken[0]} itself: see the other keys of [jira]", "fields", kind, taken[0])
        return self

    def issue_type(self, kind: IssueKind) -> str:
        return self.issue_types.get(kind) or _TYPES[kind]

    def priority(self, priority: Priority) -> str:
        return self.priorities.get(priority) or _PRIORITIES[priority]

    def components_for(self, area: str) -> tuple[str, ...]:
        """Return the components of a product area, however it is capitalised."""
        wanted = area.strip().casefold()
        found = next((names for known, names in self.components.items() if known.casefold() == wanted), None)
        return found if found is not None else self.components.get("*", ())

    def revenue(self, arr: Decimal | None) -> str:
        """Return an annual recurring revenue in the form that may be given; 0 is an amount."""
        if self.arr == "none":
            return "not told"
        if arr is None:
            return "unknown"
        return _exact(arr) if self.arr == "exact" else self._band(arr)

    def _band(self, arr: Decimal) -> str:
        below = [bound for bound in self.arr_bands if bound <= arr]
        above = [bound for bound in self.arr_bands if bound > arr]
        if not above:
            return f"{_exact(below[-1])} or more"
        return f"{_exact(below[-1])} to {_exact(above[0])}" if below else f"under {_exact(above[0])}"

    def terms(self) -> dict[str, Resolution]:
        """Return the table of resolutions as the core looks things up in it."""
        return {name.casefold(): resolution for name, resolution in self.resolutions.items()}


def _exact(arr: Decimal) -> str:
    # An exponent can make a small number very long to write out.
    return f"{arr:,.2f}".removesuffix(".00") if abs(arr) < 10**15 else f"{arr:.3E}"
