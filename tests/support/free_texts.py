"""Where free text gets in: the fields of a model that hold any text, found in the model itself."""

from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, StringConstraints
from pydantic.fields import FieldInfo


class FreeText(NamedTuple):
    """A field that holds any text."""

    path: tuple[str, ...]
    """Its name, after those of the fields that it is a part of."""
    longest: int
    """Characters."""
    many: bool
    """It holds several texts."""


def free_texts(model: type[BaseModel], *, inside: tuple[str, ...] = ()) -> Iterator[FreeText]:
    """Return the fields of a model that hold any text, parts of parts included. A field of a fixed form is none."""
    for name, info in model.model_fields.items():
        yield from _of(info.annotation, _limits(info), (*inside, name), many=False)


def put(payload: dict[str, Any], field: FreeText, text: str) -> None:
    """Put a text into its field of a payload."""
    *parts, last = field.path
    for part in parts:
        inner = payload.get(part)
        payload[part] = dict(inner) if isinstance(inner, Mapping) else {}
        payload = payload[part]
    there = payload.get(last)
    if isinstance(there, Mapping) and "text" in there:  # a text with something beside it
        payload[last] = {**there, "text": text}
    else:
        payload[last] = [text] if field.many else text


def _limits(info: FieldInfo) -> list[Any]:
    return list(info.metadata)


def _of(annotation: Any, limits: list[Any], path: tuple[str, ...], *, many: bool) -> Iterator[FreeText]:
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        yield from _of(inner, [*limits, *more], path, many=many)
    elif origin in (Union, UnionType):
        choices = [one for one in get_args(annotation) if one is not NoneType]
        texts = [field for one in choices for field in _of(one, limits, path, many=many)]
        yield from [field for field in texts if field.path == path][:1] or texts
    elif origin is tuple:
        yield from _of(get_args(annotation)[0], [], path, many=True)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if not many:
            yield from free_texts(annotation, inside=path)
    elif annotation is str and not any(isinstance(one, StringConstraints) and one.pattern for one in limits):
        lengths = [longest for one in limits if (longest := getattr(one, "max_length", None))]
        yield FreeText(path, min(lengths, default=20_000), many)
