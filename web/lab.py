"""The policy lab as pages: edit a policy with its check beside it, try it on our own tickets, and export the file.

Nothing here changes the policy that runs: whoever is content puts the exported file in its place.
"""

import asyncio
from datetime import datetime, time, timedelta, tzinfo
from itertools import product
from typing import Any, NamedTuple

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from api.parts import Parts
from domain.aggregate.command import LEADS, malformed
from domain.core.enums import Plan, Priority
from domain.core.refusal import Refused
from services.incident_forecast import forecast_incident
from services.policy_file.zones import zone_info
from services.policy_trials import Asked, Checked, Trial, Trials, check
from web.gate import PREFIX, Form, read_form
from web.refusal import Refusal
from web.render import page

LAB = f"{PREFIX}/lab"
FIELDS = ("policy", "days", "account", "plan", "acts", "base", "other", "by")
BYS = ("priority", "plan", "team")
BASES = {"promised": "as promised", "running": "the policy that ran", "other": "the other policy"}
"""What a policy is compared with, as the columns call it."""
AHEAD = timedelta(hours=2)
"""How far the forecast of a P0 looks."""
CAME = {"kept": "kept", "breaches": "missed"}
"""What came of a clock: as a backtest counts it, and as the page says it."""
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Load(NamedTuple):
    """The acts of people by hour of the week: seven days from Monday, 24 hours each, in UTC."""

    name: str
    """Names the plot's elements in the page."""
    title: str
    week: list[list[int]]

    @property
    def top(self) -> int:
        """Return the acts of the busiest hour."""
        return max(map(max, self.week))

    @property
    def description(self) -> str:
        """Return the plot in words."""
        acts, day, hour = max((acts, -day, -hour) for day, row in enumerate(self.week) for hour, acts in enumerate(row))
        total = sum(map(sum, self.week))
        return f"{total} acts; the busiest hour is {DAYS[-day]} {-hour:02}:00 UTC with {acts}." if total else "No acts."


async def show(request: Request) -> Response:
    """Show the form: with the policy that runs, or with that of a trial, which the address names."""
    trials = _trials(request)
    if named := request.query_params.get("trial", "")[:40]:
        asked = (await trials.find(named)).asked
        filled = Form({name: [str(getattr(asked, name) or "")] for name in FIELDS})
    else:
        text = await asyncio.to_thread(trials.policy_text)
        filled = Form({"policy": [text], "days": ["90"], "acts": ["refused"], "base": ["promised"], "by": ["priority"]})
    return await _form(request, filled)


async def act(request: Request) -> Response:
    """Check the policy of the form, export it as a file, or start a backtest of it."""
    trials = _trials(request)
    filled = await read_form(request, request.state.signed_in)
    match filled.text("do"):
        case "export":
            headers = {"Content-Disposition": 'attachment; filename="tried.toml"'}
            return Response(filled.text("policy"), media_type="application/toml", headers=headers)
        case "run":
            try:
                asked = _asked(filled)
                trial = await trials.start(asked, request.state.signed_in.caller.actor)
            except Refused as refused:
                return await _form(request, filled, Refusal.of("lab", refused))
            return RedirectResponse(f"{LAB}/{trial.id}", 303)
    return await _form(request, filled)


async def show_trial(request: Request) -> Response:
    """Show how far a backtest is, or what came of it."""
    trial = await _trials(request).find(request.path_params["trial"])
    return page(
        request, "lab_trial.html", trial=trial, groups=_groups(trial), refusals=_refusals(trial), loads=_loads(trial),
        days=DAYS, base=BASES[trial.asked.base],
    )  # fmt: skip


def _trials(request: Request) -> Trials:
    """Return the trials, for those who lead. Raises Refused (`not_allowed`)."""
    role = request.state.signed_in.caller.role
    if role not in LEADS:
        raise Refused("not_allowed", f"the lab is for leads: {', '.join(sorted(LEADS))}, and your role is {role}")
    parts: Parts = request.app.state.parts
    if parts.trials is None:
        raise Refused("not_found", "this API has no lab")
    return parts.trials


def _asked(filled: Form) -> Asked:
    given = {name: filled.text(name) for name in FIELDS if filled.text(name) or name == "policy"}
    try:
        return Asked.model_validate(given)
    except ValidationError as error:
        raise malformed(error, model=Asked) from None


async def _form(request: Request, filled: Form, refused: Refusal | None = None) -> Response:
    latest = await _trials(request).latest()
    checked: Checked = await asyncio.to_thread(check, filled.text("policy"))
    parts: Parts = request.app.state.parts
    areas, named = parts.incidents.areas, request.query_params.get("area", "")
    area = named if named in areas else ""
    critical = await asyncio.to_thread(_critical, parts, area, zone_info(request.state.signed_in.zone))
    return page(
        request, "lab.html", refused.status if refused else 200,
        filled=filled, checked=checked, refused=refused, plans=list(Plan), bys=BYS, latest=latest,
        critical=critical, areas=areas, area=area,
    )  # fmt: skip


def _critical(parts: Parts, area: str, zone: tzinfo) -> list[tuple[str, dict[str, Any]]]:
    """Return whom a P0 would page under the policy that runs, and what would be due: now, and at night on Sunday."""
    now = parts.db.clock.now()
    begins = (("Now", now), ("On Sunday at 03:00", next_sunday_night(now.astimezone(zone))))
    policy = parts.service.policy
    return [(title, forecast_incident(policy, area, Priority.P0, Plan.ENTERPRISE, at, AHEAD)) for title, at in begins]


def next_sunday_night(now: datetime) -> datetime:
    """Return 03:00 of the Sunday that comes, in the zone of `now`; of today, where that is still to come."""
    days = (6 - now.weekday()) % 7
    if days == 0 and now.hour >= 3:
        days = 7
    return datetime.combine(now.date() + timedelta(days=days), time(3), now.tzinfo)


def _groups(trial: Trial) -> list[dict[str, Any]]:
    """Return the counts of both policies, row by row."""
    if trial.state != "done":
        return []
    before, after = trial.result["groups"]
    rows: list[dict[str, Any]] = []
    for name in {**before, **after}:
        one, other = before.get(name, {}), after.get(name, {})
        rows.append(
            {"name": name, "what": "tickets", "before": one.get("tickets", 0), "after": other.get("tickets", 0)}
        )
        words = (("t1_overruns", "T1 overruns"), ("escalations", "escalations"), ("pages", "pages"))
        rows += [{"what": word, "before": one.get(key, 0), "after": other.get(key, 0)} for key, word in words]
        sides = (one, other)
        clocks = sorted({clock for side in sides for key in CAME for clock in side.get(key, {})})
        for clock, (key, word) in product(clocks, CAME.items()):
            counts = [side.get(key, {}).get(clock, 0) for side in sides]
            what = f"{word}: {clock.replace('.', ' ').replace('_', ' ')}"
            rows.append({"what": what, "before": counts[0], "after": counts[1]})
        percents = [f"{side.get('credit_percent', 0):g} %" for side in sides]
        rows.append({"what": "credits, of a month's fee", "before": percents[0], "after": percents[1]})
    return rows


def _refusals(trial: Trial) -> list[tuple[str, int, int]]:
    if trial.state != "done":
        return []
    before, after = trial.result["refusals"]
    return [(name, before.get(name, 0), after.get(name, 0)) for name in sorted({**before, **after})]


def _loads(trial: Trial) -> list[Load]:
    """Return the acts of people by hour of the week, once where both policies leave all of them."""
    weeks = trial.result.get("load", [])
    if trial.state != "done" or not weeks:
        return []
    both = [Load("both", "under both", weeks[0])]
    base = BASES[trial.asked.base]
    return both if weeks[0] == weeks[1] else [Load("before", base, weeks[0]), Load("after", "tried", weeks[1])]


ROUTES = [
    Route(LAB, show, methods=["GET"]),
    Route(LAB, act, methods=["POST"]),
    Route(f"{LAB}/{{trial}}", show_trial, methods=["GET"]),
]
