"""What a Jira site has to have for us, read from its own answers: permissions, kinds of links, a resolution. Pure."""

from collections.abc import Collection, Iterable
from typing import Any

from domain.policy.tracker import TrackerRow

Json = dict[str, Any]

_NEEDED = {
    "BROWSE_PROJECTS": ("Browse projects", "it cannot see issues"),
    "CREATE_ISSUES": ("Create issues", "it cannot make issues"),
    "EDIT_ISSUES": ("Edit issues", "linked tickets are not counted on issues"),
    "ADD_COMMENTS": ("Add comments", "it cannot say anything on issues"),
    "CREATE_ATTACHMENTS": ("Create attachments", "long texts are cut in issues, and the whole is not attached"),
    "LINK_ISSUES": ("Link issues", "issues do not lead back to their tickets"),
    "TRANSITION_ISSUES": ("Transition issues", "issues of incidents stay open when the incident is over"),
    "SCHEDULE_ISSUES": ("Schedule issues", "issues do not get into the sprint"),
}
"""Permissions by the keys of Jira's API -> what people read there, and what does not work without it."""
_ELSEWHERE = frozenset({"BROWSE_PROJECTS", "EDIT_ISSUES", "ADD_COMMENTS", "LINK_ISSUES"})
"""What is needed in a project whose issues tickets are only linked to."""
_RESOLUTIONS = frozenset({
    "done", "fixed", "resolved", "completed", "complete", "erledigt", "behoben", "gelöst", "fertig", "terminé",
    "fini", "corrigé", "résolu", "hecho", "listo", "resuelto", "corregido", "completado", "finalizado",
    "concluído", "resolvido", "corrigido", "feito", "completato", "risolto", "corretto", "fatto", "gereed",
    "opgelost", "klaar", "zrobione", "gotowe", "ukończone", "rozwiązane", "hotovo", "vyřešeno", "klart", "löst",
    "færdig", "løst", "valmis", "ratkaistu", "kész", "tamamland\u0131", "готово", "решено", "исправлено", "完了",
    "修正済み",
    "解決済み", "完成", "已完成", "已修复", "已解决", "완료", "해결됨",
})  # fmt: skip
"""What is chosen for an issue that is over and asks for a resolution, where the site has one of these: as Jira calls it
in the languages that it comes in."""
_NOT_DONE = ("won", "not ", "n't", "nicht", "cannot", "declin", "abgelehnt", "invalid", "incomplete", "reject", "dupli")
"""Parts of the names of resolutions that say that nothing was done."""
_DUPLICATE = ("dupli", "doublon", "dubl", "дубл", "重复", "重複", "중복", "kaksois", "yinelen")
"""Parts of what a kind of link is called that says "duplicates"."""


def needed(rules: TrackerRow, *, elsewhere: bool = False) -> tuple[str, ...]:
    """Return the keys of the permissions that we need in our project, or `elsewhere` in one of `also_link`."""
    if elsewhere:
        return tuple(key for key in _NEEDED if key in _ELSEWHERE)
    return tuple(key for key in _NEEDED if key != "SCHEDULE_ISSUES" or rules.sprint)


def lacking(project: str, keys: Iterable[str], answer: Json) -> list[str]:
    """Return one sentence for each permission that our account lacks in a project, by the answer to `mypermissions`."""
    held = {key for key, one in answer["permissions"].items() if one["havePermission"] is True}
    return [
        f"project {project}: the account lacks the permission {_NEEDED[key][0]!r}: {_NEEDED[key][1]}"
        for key in keys
        if key not in held
    ]


def duplicate_type(types: Collection[Json]) -> Json | None:
    """Return the site's kind of link that says "duplicates", under whatever name; None if it has none."""
    return _named(types, "duplicate") or next(
        (one for one in types if any(part in _words(one) for part in _DUPLICATE)), None
    )


def relation_type(types: Collection[Json]) -> Json | None:
    """Return the site's kind of link that says "relates to", under whatever name; None if it has none.

    A relation reads the same in both directions, which tells it from all others where it was renamed.
    """
    return _named(types, "relates") or next((one for one in types if one["inward"] == one["outward"]), None)


def _named(types: Iterable[Json], name: str) -> Json | None:
    return next((one for one in types if str(one["name"]).casefold() == name), None)


def _words(kind: Json) -> str:
    return f"{kind['name']} {kind['inward']} {kind['outward']}".casefold()


def to_done(answer: Json) -> Json | None:
    """Return the body that moves an issue to a status that is done; None if no transition leads there.

    Statuses are told by their category, since their names are translated. One that asks for nothing is preferred. If it
    asks for a resolution, one of those that it allows is chosen.
    """
    moves = [move for move in answer["transitions"] if move["to"]["statusCategory"]["key"] == "done"]
    bodies = [_body(move) for move in moves]
    return next((body for body in bodies if "fields" not in body), next(iter(bodies), None))


def _body(move: Json) -> Json:
    body: Json = {"transition": {"id": str(move["id"])}}
    resolution = (move.get("fields") or {}).get("resolution") or {}
    if resolution.get("required") and resolution.get("allowedValues"):
        allowed = resolution["allowedValues"]
        names = [(str(one.get("name")).strip().casefold(), one) for one in allowed]
        done = [one for name, one in names if name in _RESOLUTIONS]
        perhaps = [one for name, one in names if not any(part in name for part in _NOT_DONE)]
        chosen = (done or perhaps or allowed)[0]
        body["fields"] = {"resolution": {"id": str(chosen["id"])}}
    return body
