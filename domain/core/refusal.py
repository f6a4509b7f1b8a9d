"""How the core says no: at once, with all that is missing, and with the commands that are allowed."""

from typing import Any, Literal

Code = Literal[
    "missing_fields",
    "does_not_fit",
    "not_allowed",
    "malformed",
    "unknown_command",
    "closed",
    "not_found",
    "too_large",
    "conflict",
    "given_before",
    "moved_on",
    "wip_limit",
    "template_gap",
    "own_refund",
    "refund_limit",
]


class Refused(Exception):
    """A command that changes nothing. `missing` is complete, and in the order of the gates."""

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        missing: list[str] | tuple[str, ...] = (),
        would_fit: list[str] | tuple[str, ...] = (),
        fields: dict[str, str] | None = None,
        came: list[dict[str, Any]] | tuple[dict[str, Any], ...] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.missing = list(missing)
        self.would_fit = list(would_fit)
        self.fields = fields or {}
        self.came = list(came)
        """G14: what came since the sender looked, each with its event's number, what it was, by whom and when."""

    def as_dict(self) -> dict[str, Any]:
        """Return the refusal as it is sent: in an Update's failure, the CLI's JSON, the API's problem details."""
        refusal: dict[str, Any] = {
            "code": self.code,
            "message": self.message,
            "missing": self.missing,
            "would_fit": self.would_fit,
            "fields": self.fields,
        }
        return refusal | ({"came": self.came} if self.came else {})
