"""`tierline deliveries`: ops see what came to nothing, and have it acted on again."""

import json
from datetime import UTC, datetime

import pytest

from cli.main import run
from cli.output import Code
from store import inbox
from store.database import Database

pytestmark = pytest.mark.long


def test_ops_list_what_came_to_nothing_and_have_it_tried_again(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    db = Database(database_url)
    now = datetime.now(UTC)
    assert run(["deliveries", "list"]) == Code.DONE
    assert capsys.readouterr().out == "none\n"
    with db.begin() as session:
        for name in ("bad", "refused", "fine"):
            inbox.keep(session, "shop", name, {}, now, about=name)
        bad, refused, _ = inbox.claim(session, ["shop"], now, now - now, 3)
        inbox.stop(session, bad, "bug: KeyError", now)
        inbox.QUEUE.done(session, refused.id, now, error="not_found")
    assert run(["deliveries", "list", "--json"]) == Code.DONE
    found = json.loads(capsys.readouterr().out)["deliveries"]
    assert [(one["number"], one["set_aside"], one["why"]) for one in found] == [
        (bad.id, True, "bug: KeyError"),
        (refused.id, False, "not_found"),
    ]
    assert run(["deliveries", "list"]) == Code.DONE
    assert "set aside: bug: KeyError" in capsys.readouterr().out
    assert run(["deliveries", "retry", str(bad.id), "999999"]) == Code.REFUSED
    with db.session() as session:
        assert [row.id for row in inbox.came_to_nothing(session)] == [refused.id]
        assert inbox.waiting(session, ["shop"]) == 2
    db.dispose()
