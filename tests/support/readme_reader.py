"""Paste the `console` blocks of README.md and docs/reference.md, and compare what they print with the pages."""

import asyncio
import json
import os
import re
import shlex
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import requests
from temporalio.client import Client

from domain.core.enums import Tier
from domain.core.ids import ticket_id
from domain.ticket.state import Ticket, workflow_id
from tests.support.root import ROOT
from tests.support.terminal import command
from tests.support.waiting import RPC_PATIENCE, until
from workers.local import Local

README = ROOT / "README.md"
REFERENCE = README.parent / "docs" / "reference.md"
SPEED = "60"
"""What the README sets TIERLINE_SPEED to."""


@dataclass(frozen=True)
class Command:
    """One line of a terminal on a page."""

    line: str
    output: tuple[str, ...]
    """What the page shows below it; `...` stands for any number of lines."""

    @property
    def words(self) -> list[str]:
        return shlex.split(self.line)


def commands(page: Path, section: str) -> list[Command]:
    """Return the commands of the `console` blocks of a page's section, in order."""
    text = page.read_text()
    body = text[text.index(f"\n## {section}\n") :].split("\n## ", 2)[1]
    found: list[Command] = []
    for block in re.findall(r"^```console\n(.*?)^```$", body, re.DOTALL | re.MULTILINE):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = part.splitlines()
            end = next(place for place, line in enumerate(lines) if not line.endswith("\\")) + 1
            line = " ".join(line.removesuffix("\\").strip() for line in lines[:end])
            found.append(Command(line, tuple(lines[end:])))
    return found


class Reader:
    """Somebody who pastes the commands into a terminal, each as soon as the one before has ended."""

    def __init__(self, running: Local, client: Client) -> None:
        self._environment = running.environment | {"TIERLINE_AGENT": "ada", "TIERLINE_SPEED": SPEED}
        self._client = client
        self.ticket = ticket_id("cli", "mail-2041")

    async def paste(self, command: Command) -> list[str]:
        """Carry out one command at once, and return what it printed. Before `show`, be the engineer in Jira."""
        program, *words = command.words
        if program == "export":  # for a demo on the default ports; this reader's is elsewhere
            return []
        if program == "temporal":
            return await self._temporal(words)
        if program == "sleep":  # the page's own wait
            await asyncio.sleep(float(*words))
            return []
        assert program == "tierline", command.line
        if words[:2] == ["ticket", "show"]:
            await self.engineer()
            await self._until(lambda ticket: ticket.tier is Tier.T2)
            await until(self._journalled)
        return await self.tierline(*words)

    async def engineer(self) -> None:
        """What the README lets an engineer do on the bug's page."""
        url = await self.when_in_jira()
        form = {"to": "Done", "resolution": "Fixed", "fix_version": "4.13", "support": "1"}
        form["comment"] = "Fixed in 4.13: both currencies are exported."

        def press() -> None:
            with requests.Session() as session:
                session.trust_env = False
                session.post(url, data=form, timeout=60, allow_redirects=False).raise_for_status()

        await asyncio.to_thread(press)

    async def when_in_jira(self) -> str:
        """The address of the bug's page, once there is one."""
        await self._until(lambda ticket: ticket.issue is not None)
        jira = (await self._see()).issue
        assert jira is not None
        return jira.url

    async def _see(self) -> Ticket:
        return await self._client.get_workflow_handle(workflow_id(self.ticket)).query(
            "ticket", result_type=Ticket, rpc_timeout=RPC_PATIENCE
        )

    async def _until(self, condition: Callable[[Ticket], bool]) -> None:
        async def holds() -> bool:
            return condition(await self._see())

        met: Callable[[], Awaitable[bool]] = holds
        await until(met)

    async def _journalled(self) -> bool:
        """Whether the timeline has caught up with the ticket: a person would look again."""
        (line,) = await self.tierline("ticket", "show", self.ticket, "--json")
        seen = json.loads(line)
        return bool(seen["timeline"][-1]["seq"] == (await self._see()).seq)

    async def tierline(self, *words: str) -> list[str]:
        """Return what a terminal shows, which is both streams."""
        printed = await command(self._environment, *words, one_screen=True)
        return [line.rstrip() for line in printed.out.splitlines()]

    async def _temporal(self, words: list[str]) -> list[str]:
        binary = str(Path(sys.executable).with_name("temporal"))
        process = await asyncio.create_subprocess_exec(
            *(binary, *words),
            env={**os.environ, "TEMPORAL_ADDRESS": self._environment["TEMPORAL_ADDRESS"]},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        return [line.rstrip() for line in out.decode().splitlines()]


def agrees(shown: tuple[str, ...], printed: list[str]) -> bool:
    """Whether the README shows what was printed, but for what differs each time and what it leaves out."""
    pattern = "".join(r"(?:.*\n)*?" if line == "..." else re.escape(_masked(line)) + r"\n" for line in shown)
    lines = [_masked(line) for line in printed if REMINDED not in line or any(REMINDED in one for one in shown)]
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in lines)) is not None


REMINDED = "the lead is reminded: past the Tier 1 limit"
"""A quarter of an hour after the limit, which is 15 seconds here: a slow machine is not at the next command by then."""


def _masked(line: str) -> str:
    for pattern, instead in (
        (r", detected \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", ""),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "<instant>"),
        (r"127\.0\.0\.1:\d+", "<address>"),
        (r"\bENG-\d+", "<issue>"),
        (r":jira_bug:\d+", ":jira_bug:<number>"),
        (r"^ *\d+  <instant>", "<number>  <instant>"),
        (r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<id>"),
        (r"\bseq:\d+", "seq:<number>"),
    ):
        line = re.sub(pattern, instead, line)
    return line.rstrip()
