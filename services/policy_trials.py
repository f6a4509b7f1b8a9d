"""Trials of a policy that people start on the desk: a check, and a backtest of our own journal in the background.

A backtest is a process of its own, `tierline backtest journal`, so that the API goes on answering. One runs at a time,
over a bounded number of tickets and for a bounded time. What came of the latest ones is kept in the database, for all
API processes. Nothing of it changes the policy that runs.
"""

import asyncio
import json
import os
import re
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from domain.core.enums import Plan
from domain.core.input_types import Short
from domain.core.refusal import Refused
from domain.core.values import Frozen
from domain.policy.check import Finding, findings
from services.policy_file.load import DEFAULT, MAX_BYTES, Fault, PolicyError, load_policy
from services.policy_file.places import place_findings
from store import policy_trials as rows
from store.database import Database, DatabaseDown
from store.tables.web import PolicyTrialRow

MOST_TICKETS = 5_000
"""Of one trial: a minute's work or two."""
LONGEST = 600.0
"""Seconds of real time after which a trial is ended."""
KEPT = 20
"""Trials whose results are kept."""
MOST_DIFFERENT = 200
"""Tickets that differ whose difference is kept for the page."""
OVERDUE = LONGEST + 60
"""Seconds after which a trial that still seems to run has ended with its process."""
ENDED = "it was ended with the API"
_PROGRESS = re.compile(rb"^(\d+) of (\d+) tickets")


class Asked(Frozen):
    """What a trial is to be run over."""

    policy: Annotated[str, Field(max_length=MAX_BYTES)]
    """The text of the policy file."""
    days: Annotated[int, Field(ge=1, le=3_660)] = 90
    """Tickets that opened so many days ago or later."""
    account: Short = ""
    plan: Plan | None = None
    acts: Literal["kept", "refused"] = "refused"
    base: Literal["promised", "running", "other"] = "promised"
    """What it is compared with: what each ticket was promised, the policy that runs, or another one."""
    other: Annotated[str, Field(max_length=MAX_BYTES)] = ""
    """The text of that other policy."""
    by: Literal["priority", "plan", "team"] = "priority"


class Checked(Frozen):
    """What a check of a policy found."""

    version: str = ""
    faults: tuple[Fault, ...] = ()
    """Where there are any, the policy is of no use."""
    findings: tuple[Finding, ...] = ()


@dataclass
class Trial:
    """One backtest, under way or over."""

    id: str
    by: str
    asked: Asked
    started: datetime
    state: Literal["running", "done", "failed"] = "running"
    done: int = 0
    total: int = 0
    result: dict[str, Any] = field(default_factory=dict)
    error: str = ""


class Trials:
    """The trials of this process."""

    def __init__(
        self, db: Database, command: Sequence[str], environment: Mapping[str, str], policy: Path | None
    ) -> None:
        """`command` is how `tierline` is started, `environment` what it needs, `policy` the file that runs."""
        self._db = db
        self._command, self._environment, self._policy = tuple(command), dict(environment), policy
        self.running: Trial | None = None
        """The trial that is under way in this process."""
        self._task: asyncio.Task[None] | None = None

    def policy_text(self) -> str:
        """Return the text of the policy that runs; empty where its file has gone."""
        with suppress(OSError):
            return (self._policy or DEFAULT).read_text(encoding="utf-8-sig")[:MAX_BYTES]
        return ""

    async def latest(self) -> list[Trial]:
        """Return the trials that are kept, the latest first, without their results. Raises DatabaseDown."""

        def read() -> list[Trial]:
            with self._db.session() as session:
                return [self._as_kept(row, {}) for row in rows.latest(session)]

        return await asyncio.to_thread(read)

    async def find(self, trial: str) -> Trial:
        """Return a trial. Raises Refused (`not_found`), DatabaseDown."""
        if self.running and self.running.id == trial:
            return self.running

        def read() -> Trial | None:
            with self._db.session() as session:
                row = rows.find(session, trial)
                return self._as_kept(row, row.result) if row else None

        if found := await asyncio.to_thread(read):
            return found
        raise Refused("not_found", f"there is no such trial: the latest {KEPT} are kept")

    def _as_kept(self, row: PolicyTrialRow, result: dict[str, Any]) -> Trial:
        """Return a trial as it is kept. One that should be over, and is not, has ended with its process."""
        trial = Trial(row.id, row.by, Asked.model_validate(row.asked), row.started, result=result, error=row.error)
        trial.state = "done" if row.state == "done" else "failed" if row.state == "failed" else "running"
        here = self.running is not None and self.running.id == row.id
        if trial.state == "running" and not here and datetime.now(UTC) - row.started > timedelta(seconds=OVERDUE):
            trial.state, trial.error = "failed", ENDED
        return trial

    def _keep(self, trial: Trial) -> None:
        values = {
            "id": trial.id, "by": trial.by, "started": trial.started, "asked": trial.asked.model_dump(mode="json"),
            "state": trial.state, "error": trial.error, "result": trial.result,
        }  # fmt: skip
        with self._db.begin() as session:
            rows.keep(session, values, KEPT)

    async def start(self, asked: Asked, by: str) -> Trial:
        """Start a trial of a policy that is valid. Raises Refused where one is under way, or the policy is wrong."""
        for what, text in (("the policy", asked.policy), ("the policy to compare with", self._base(asked))):
            if text is not None and (faults := check(text).faults):
                raise Refused("malformed", f"{what} is of no use yet: line {faults[0].line}: {faults[0]}")
        if (running := self.running) and running.state == "running":
            raise Refused("does_not_fit", f"a backtest of {running.by} runs already: wait until it has ended")
        asked = asked if asked.base == "other" else asked.model_copy(update={"other": ""})
        trial = Trial(secrets.token_hex(8), by, asked, datetime.now(UTC))
        self.running = trial  # before anything is awaited: one at a time
        try:
            await asyncio.to_thread(self._keep, trial)
        except BaseException:
            self.running = None
            raise
        self._task = asyncio.create_task(self._carry_out(trial))
        return trial

    def _base(self, asked: Asked) -> str | None:
        """Return the text of the policy that is compared with; None for what each ticket was promised."""
        return {"promised": None, "running": self.policy_text(), "other": asked.other}[asked.base]

    async def close(self) -> None:
        """End what is under way. What is over already is kept first."""
        if self._task:
            if self.running and self.running.state == "running":
                self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if (trial := self.running) and trial.state == "running":  # ended before it had begun
            trial.state, trial.error = "failed", ENDED
            await self._keep_end(trial)

    async def _carry_out(self, trial: Trial) -> None:
        try:
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "tried.toml"
                file.write_text(trial.asked.policy, encoding="utf-8")
                words = _words(trial, file)
                if (base := self._base(trial.asked)) is not None:
                    other = Path(folder) / "compared-with.toml"
                    other.write_text(base, encoding="utf-8")
                    words.append(f"--policy={other}")
                async with asyncio.timeout(LONGEST):
                    await self._run(trial, [*self._command, *words])
        except TimeoutError:
            trial.state, trial.error = "failed", f"ended after {LONGEST:.0f} s: choose fewer days, or an account"
        except OSError as error:
            trial.state, trial.error = "failed", f"cannot be started: {error.strerror}"
        finally:
            if trial.state == "running":
                trial.state, trial.error = "failed", trial.error or ENDED
            await self._keep_end(trial)

    async def _keep_end(self, trial: Trial) -> None:
        """Keep what came of a trial; where the database is away, it is known until this process ends."""
        with suppress(DatabaseDown):
            await asyncio.to_thread(self._keep, trial)

    async def _run(self, trial: Trial, words: Sequence[str]) -> None:
        process = await asyncio.create_subprocess_exec(
            *words,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=2**26,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        with suppress(OSError, AttributeError):  # the API's own requests come first
            os.setpriority(os.PRIO_PROCESS, process.pid, 10)
        try:
            out, _ = await asyncio.gather(process.stdout.read(), _follow(process.stderr, trial))
            await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        _take(trial, process.returncode, out)


def check(text: str) -> Checked:
    """Return what is wrong with the text of a policy file, or what its check found."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tried.toml"
        file.write_text(text, encoding="utf-8")
        try:
            policy = load_policy(file)
        except PolicyError as error:
            return Checked(faults=error.faults)
    return Checked(version=policy.version, findings=(*findings(policy), *place_findings(policy)))


def _words(trial: Trial, file: Path) -> list[str]:
    """Return the command of a backtest, word by word: nothing of it passes a shell."""
    asked = trial.asked
    since = (trial.started - timedelta(days=asked.days)).strftime("%Y-%m-%dT%H:%M%z")
    words = ["backtest", "journal", "--json", f"--against={file}", f"--since={since}", f"--tickets={MOST_TICKETS}"]
    words += [f"--acts={asked.acts}", f"--by={asked.by}"]
    words += [f"--account={asked.account}"] if asked.account else []
    return words + ([f"--plan={asked.plan.value}"] if asked.plan else [])


async def _follow(stream: asyncio.StreamReader, trial: Trial) -> None:
    """Read how far it is, line by line."""
    while line := await stream.readline():
        if match := _PROGRESS.match(line):
            trial.done, trial.total = int(match[1]), int(match[2])


def _take(trial: Trial, code: int | None, out: bytes) -> None:
    try:
        said = json.loads(out)
    except ValueError:
        trial.state, trial.error = "failed", f"it ended with exit code {code}, and without an answer"
        return
    if code != 0:
        trial.state, trial.error = "failed", str(said.get("message", f"exit code {code}"))[:500]
        return
    said["different"] = said["different"][:MOST_DIFFERENT]
    trial.done = trial.total = said["tickets"]
    trial.state, trial.result = "done", said
