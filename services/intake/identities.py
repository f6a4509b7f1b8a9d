"""The ids of commands that other systems bring."""

import hashlib

from pydantic import TypeAdapter, ValidationError

from domain.core.input_types import Identity

_IDENTITY: TypeAdapter[str] = TypeAdapter(Identity)


def identity_of(system: str, named: str) -> str:
    """Return the id of a command that `system` calls `said`: the two, where they fit a command's id as they are, and
    else a digest. Never cut, and never brought into another form: two commands would pass for one."""
    whole = f"{system}:{named}"
    try:
        if _IDENTITY.validate_python(whole) == whole:
            return whole
    except ValidationError:
        pass
    return f"{system}:{hashlib.sha256(named.encode('utf-8', 'surrogatepass')).hexdigest()}"
