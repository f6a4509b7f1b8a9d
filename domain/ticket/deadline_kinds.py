"""The kinds of deadline of a ticket."""

from enum import IntEnum


class Kind(IntEnum):
    """The kinds of deadline, in the order in which they lapse when they fall on one instant."""

    T1_NOTE = 1
    WARNING = 2
    TARGET = 3
    CONTRACT = 4
    T1_LIMIT = 5
    T1_REMINDER = 6
    GUESS = 7
    DEBT = 8
    EFFECT = 9
    QUIET = 10
    HORIZON = 11
    SNOOZE = 12
    PROMISE_REMINDER = 13
    PROMISE = 14
    QUESTION = 15
    ATTENTION = 16
