"""The kinds of deadline of an incident."""

from enum import IntEnum


class Kind(IntEnum):
    """The kinds of deadline, in the order in which they lapse when they fall on one instant."""

    PAGE = 1
    UPDATE = 2
    REVIEW = 3
    EFFECT = 4
