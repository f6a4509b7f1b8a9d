"""A command's model as options of a terminal: the model is the one definition, so nothing can be forgotten here.

A field becomes `--its-name`; the fields of both hand-off packages become options of their own. A text is given as it
is, read from standard input (`-`) or from a file (`@file`); `@@` begins a text that begins with an @.
"""

import inspect
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo

from domain.ticket.rules.package import ALWAYS_ABSENT_MAY_BE
from domain.ticket.rules.package_fields import BugReport, BusinessImpact, Package

MAX_BYTES = 1_048_576
"""Of a file or standard input. What a field may hold is less, and is checked with the command."""

Parameter = inspect.Parameter
Options = Mapping[str, Any]
"""What the terminal gave, by the name of the parameter."""


def as_function(name: str, parameters: list[Parameter], body: Callable[[dict[str, Any]], None]) -> Callable[..., None]:
    """Return a function for typer, which reads options off a signature."""

    def run(**options: Any) -> None:
        body(options)

    run.__name__ = name
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what inspect honours
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def option(
    name: str, kind: Any, help_: str, *, names: tuple[str, ...] = (), default: Any = None, **more: Any
) -> Parameter:
    """Return one option of a command."""
    declared = typer.Option(*(names or (kebab(name),)), help=help_, case_sensitive=False, **more)
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, declared])


def argument(name: str, help_: str) -> Parameter:
    """Return one word that a command cannot do without."""
    declared = typer.Argument(help=help_, show_default=False)
    return Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, annotation=Annotated[str, declared])


def arguments(name: str, help_: str, noun: str) -> Parameter:
    """Return the words, one or more, that a command cannot do without. `noun`: what each of them names."""
    declared = typer.Argument(help=f"{help_} May be several.", show_default=False, metavar=f"{noun.upper()}...")
    return Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, annotation=Annotated[list[str], declared])


def kebab(name: str) -> str:
    return f"--{name.replace('_', '-')}"


# -- Fields as options ---------------------------------------------------------------------------------------


def options_of(
    model: type[BaseModel], helps: Mapping[str, str], *, names: Mapping[str, tuple[str, ...]], skip: frozenset[str]
) -> list[Parameter]:
    """Return an option for each field of `model`. `helps` says what a field is, `names` what it is called otherwise."""
    return [
        _option(name, field, helps.get(name, ""), names.get(name, ()))
        for name, field in model.model_fields.items()
        if name not in skip
    ]


def values_of(model: type[BaseModel], options: Options, *, skip: frozenset[str]) -> dict[str, Any]:
    """Return the fields of `model` that the terminal gave, as a payload: texts read, the rest for the model to
    check."""
    payload: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        value = options.get(name)
        if name in skip or value is None or value is False or value == []:
            continue
        found = kinds(field.annotation)
        if dict in found:
            payload[name] = dict(_pair(one, kebab(name)) for one in value)
        else:
            payload[name] = read_text(value, kebab(name)) if str in found else value
    return payload


def _pair(text: str, name: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator:
        raise typer.BadParameter(f"{name} is NAME=VALUE, and {text[:40]!r} has no =")
    return key, value


def _option(name: str, field: FieldInfo, help_: str, names: tuple[str, ...]) -> Parameter:
    found = kinds(field.annotation)
    default = inspect.Parameter.empty if field.is_required() else None
    if bool in found:
        return option(name, bool, help_, names=names or (kebab(name),), default=False)
    if dict in found:
        return option(name, list[str] | None, f"{help_} May be repeated.", names=names, metavar="NAME=VALUE")
    if tuple in found:
        return option(name, list[str] | None, f"{help_} May be repeated.", names=names, metavar="TEXT")
    if int in found:
        return option(name, int, help_, names=names, default=default, metavar="NUMBER")
    # The model's own default applies where nothing is given: here it is only told.
    if isinstance(field.default, str) and field.default:
        help_ = f"{help_} [default: {field.default}]"
    for kind in found:
        if get_origin(kind) is Literal or (isinstance(kind, type) and issubclass(kind, Enum)):
            choice = kind if default is not None else kind | None
            return option(name, choice, help_, names=names, default=default)
    metavar = "TIME" if AwareDatetime in found else "TEXT"
    return option(name, str, help_, names=names, default=default, metavar=metavar)


def takes_text(model: type[BaseModel], *, skip: frozenset[str]) -> bool:
    """Return whether an option of `model` is a text, which may come from a file."""
    return any(str in kinds(field.annotation) for name, field in model.model_fields.items() if name not in skip)


def kinds(annotation: Any) -> list[Any]:
    """Return the plain types of an annotation: without None, constraints and what a tuple holds."""
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        return [kind for part in get_args(annotation) for kind in kinds(part)]
    if origin is Annotated:
        return kinds(get_args(annotation)[0])
    return [] if annotation is NoneType else [origin if origin in (tuple, dict) else annotation]


# -- Both packages as options --------------------------------------------------------------------------------


def package_options() -> list[Parameter]:
    """Return an option for every field of both packages (G3, G4), and for each way to say that one does not exist."""
    options = [one for name, field in Package.model_fields.items() for one in _package_options(name, field)]
    for name, word in ALWAYS_ABSENT_MAY_BE.items():
        text = f"Instead of {kebab(name)}: {word.replace('_', ' ')}, and why."
        options.append(option(word, str, text, metavar="REASON"))
    text = "That a field does not apply here, and why. May be repeated."
    options.append(option("not_applicable", list[str] | None, text, metavar="FIELD=REASON"))
    text = 'Fields as one JSON object, as in {"customer_impact": "..."}; options win over it.'
    options.append(option("json_fields", str, text, metavar="JSON"))
    return options


def _package_options(name: str, field: FieldInfo) -> Iterator[Parameter]:
    found = kinds(field.annotation)
    if BugReport in found:
        for part, of in BugReport.model_fields.items():
            if bool in kinds(of.annotation):
                yield option(part, bool, "Only a change of the code helps.", default=False)
            else:
                yield option(f"bug_{part}", str, f"The bug report's {part}.", metavar="TEXT")
        return
    yield option(name, str, _FIELD_HELP[name], metavar="TEXT")
    if BusinessImpact in found:
        yield option("arr", str, "Revenue at stake: an amount, 0, or unknown.", metavar="AMOUNT")


_FIELD_HELP = {
    "steps_taken": "What was tried. Recorded steps fill it.",
    "customer_impact": "What the customer cannot do.",
    "reproduction_steps": "How to make it happen.",
    "logs_or_screenshots": "Where they are. Attachments fill it.",
    "business_impact": "What it costs the customer. Its ARR: --arr.",
    "workaround_status": "Whether there is a way around it.",
    "communication_plan": "Who tells the customer what, and when.",
}


def package_of(options: Options) -> dict[str, Any] | None:
    """Return the package that the terminal gave, as the payload's `fields`; None where it gave none."""
    fields = _json_fields(options.get("json_fields"))
    for name in Package.model_fields:
        if options.get(name) is not None:
            _put(fields, name, read_text(options[name], kebab(name)))
    if report := _bug_report(options):
        fields["bug_report"] = _object(fields.get("bug_report")) | report
    if options.get("arr") is not None:
        known = fields.get("business_impact")
        impact = {"text": known} if isinstance(known, str) else _object(known)
        fields["business_impact"] = impact | {"arr": options["arr"]}
    for name, word in ALWAYS_ABSENT_MAY_BE.items():
        if options.get(word) is not None:
            _declare_absent(fields, options, name, word, read_text(options[word], kebab(word)))
    for declared in options.get("not_applicable") or []:
        name, separator, reason = declared.partition("=")
        name = name.strip().replace("-", "_")
        if not separator or name not in Package.model_fields:
            names = ", ".join(Package.model_fields)
            raise typer.BadParameter(f"--not-applicable is FIELD=REASON, and FIELD one of {names}")
        _declare_absent(fields, options, name, "not_applicable", reason)
    return fields or None


def _put(fields: dict[str, Any], name: str, text: str) -> None:
    known = fields.get(name)
    fields[name] = known | {"text": text} if name == "business_impact" and isinstance(known, dict) else text


def _bug_report(options: Options) -> dict[str, Any]:
    parts = {part: options.get(f"bug_{part}") for part in BugReport.model_fields}
    report: dict[str, Any] = {
        part: read_text(text, kebab(f"bug_{part}")) for part, text in parts.items() if text is not None
    }
    return report | {"code_change": True} if options.get("code_change") else report


def _declare_absent(fields: dict[str, Any], options: Options, name: str, word: str, reason: str) -> None:
    if options.get(name) is not None:
        raise typer.BadParameter(f"{kebab(name)} and {kebab(word)} contradict each other: give one of them")
    fields[name] = {"absent": word, "reason": reason}


def _json_fields(value: str | None) -> dict[str, Any]:
    if value is None:
        return {}
    try:
        found = json.loads(read_text(value, "--json-fields"))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise typer.BadParameter('--json-fields is no JSON object: write it as \'{"steps_taken": "..."}\'')
    return found


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


# -- Texts ---------------------------------------------------------------------------------------------------


def read_text(value: str, name: str) -> str:
    """Return the text that an option means: itself, standard input (`-`) or a file (`@file`), without its last line's
    end.

    Raises BadParameter, with the option's name.
    """
    if value.startswith("@@"):
        return value[1:]
    if value != "-" and not value.startswith("@"):
        return value
    try:
        data = sys.stdin.buffer.read(MAX_BYTES + 1) if value == "-" else _read(Path(value[1:]))
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise typer.BadParameter(f"{name}: cannot read {value[1:]}: {error.strerror} (@@ for a text with @)") from None
    except UnicodeDecodeError:
        raise typer.BadParameter(f"{name}: what {value} holds is not UTF-8 text") from None
    if len(data) > MAX_BYTES:
        raise typer.BadParameter(f"{name}: what {value} holds is larger than {MAX_BYTES // 1024} KiB")
    return text.removesuffix("\n").removesuffix("\r")


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)
