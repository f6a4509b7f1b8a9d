"""What a pure function made of values that never change: remembered, instead of worked out with each event."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

MOST = 2_048
"""Answers of one function that are remembered, if it does not say otherwise; then it begins anew."""
OF_STATES = 256
"""The same of a function of whole states: each state is asked about several times within a moment, and large."""

Pure = TypeVar("Pure", bound=Callable[..., Any])


def remembered(function: Pure, most: int = MOST) -> Pure:
    """Remember the answers of a pure function, by which objects its positional arguments are.

    A state shares with the one before it all that an event did not change, so that an argument which is the same
    object gives the same answer, without a look inside. The arguments are kept with their answer: no other object can
    take their place in memory meanwhile. The answer must be immutable, as the arguments are. It depends on nothing but
    the arguments, so this is safe in code that replays, and in threads.
    """
    known: dict[tuple[int, ...], tuple[tuple[Any, ...], Any]] = {}

    @wraps(function)
    def answer(*arguments: Any) -> Any:
        key = tuple(map(id, arguments))
        found = known.get(key)
        if found is not None:
            return found[1]
        made = function(*arguments)
        if len(known) >= most:
            known.clear()
        known[key] = (arguments, made)
        return made

    return cast("Pure", answer)
