"""Say in a line in which fields two states differ, for a check that runs without pytest."""

from domain.core.values import Frozen

LONGEST = 100
"""Characters of a value that are shown."""


def what_differs(known: Frozen, **others: Frozen) -> str:
    """Return which fields of `others` are not as in `known`, each with both values."""
    return "; ".join(
        f"{field}: {str(getattr(other, field))[:LONGEST]} {name}, {str(getattr(known, field))[:LONGEST]} known"
        for name, other in others.items()
        for field in type(known).model_fields
        if getattr(other, field) != getattr(known, field)
    )
