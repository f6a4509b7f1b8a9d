"""`tierline kb`: the knowledge base. It is a folder of files, which are the truth; here it is imported and checked."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from cli.output import Code, console, example, exit_on_failure, print_error, print_json, print_line, safe
from cli.tables import Column, draw_table
from domain.core.refusal import Refused
from services.knowledge import checking, help_keys
from services.knowledge import drafts as article_drafts
from services.knowledge import figures as knowledge_figures
from services.knowledge.article_file import PLAYBOOKS, Section
from services.knowledge.importing import import_folder, read_folder
from services.knowledge.searching import SHOWN
from services.knowledge.searching import search as search_articles
from store import articles, help_sessions
from store.articles import CLOSES, OPENS, Found
from store.database import Database
from store.tables.knowledge import HelpKeyRow
from workers.bootstrap import database
from workers.settings import load_settings

app = typer.Typer(
    no_args_is_help=True,
    help="The knowledge base: import a folder of Markdown files, check it, list and search it.\n\n"
    f"The folder's own folders are the sections: {', '.join(Section)}; and {PLAYBOOKS}, for people of support only. "
    "The files are the truth: what is not there any more is forgotten.",
)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")]
Folder = Annotated[Path, typer.Argument(help="The folder of the knowledge base.", show_default=False, metavar="FOLDER")]
COLUMNS = (Column("section"), Column("article", 60), Column("title"), Column("area"), Column("owner"), Column("seen"))


@app.command("import", epilog=example("tierline kb import kb"))
def import_(folder: Folder, as_json: AsJson = False) -> None:
    """Make the knowledge base that of a folder. The same folder again changes nothing.

    A file that cannot be read is named with its line; what was imported of it before stays, and it stops no other file.
    The exit code is 1 if there is one. Searches find the articles of before until all are imported.
    """
    with exit_on_failure(as_json), _database() as db:
        done = import_folder(db, folder, _progress(quiet=as_json))
        if as_json:
            broken = [one._asdict() for one in done.broken]
            print_json(done._asdict() | {"broken": broken})
        else:
            for one in done.broken:
                print_error(safe(str(one)))
            counts = f"{done.new} new, {done.changed} changed, {done.unchanged} unchanged, {done.removed} removed"
            print_line(f"{counts}, {len(done.broken)} cannot be read")
        if done.broken:
            raise typer.Exit(Code.REFUSED)


@app.command(epilog=example("tierline kb check kb"))
def check(folder: Folder, as_json: AsJson = False) -> None:
    """Say what is wrong with a folder, by file and line. It needs no database, and changes nothing.

    It finds files that cannot be read, links that lead to no article or heading, articles without an owner or a day,
    articles that are older than the last release note of their product area, and articles that say the same. Links to
    other sites are not followed. The exit code is 1 if it finds anything.
    """
    with exit_on_failure(as_json):
        read = read_folder(folder, _progress(quiet=as_json))
        found = checking.check(read)
        if as_json:
            print_json({"articles": len(read.articles), "findings": [one._asdict() for one in found]})
        else:
            for one in found:
                print_line(safe(str(one)))
            print_line(f"{len(read.articles)} articles and playbooks, {len(found)} findings")
        if found:
            raise typer.Exit(Code.REFUSED)


@app.command("list", epilog=example("tierline kb list", "tierline kb list --section faq"))
def list_(
    section: Annotated[
        Section | None, typer.Option(case_sensitive=False, help="Of this section only.", show_default="all")
    ] = None,
    playbooks: Annotated[bool, typer.Option("--playbooks", help="The playbooks instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the articles that were imported."""
    with exit_on_failure(as_json), _database() as db:
        sections = [PLAYBOOKS] if playbooks else [section] if section else list(Section)
        with db.session() as session:
            rows = articles.of_sections(session, [str(one) for one in sections])
        if as_json:
            names = ("slug", "section", "topic", "title", "summary", "language", "area", "owner", "tags")
            lines = [
                {name: getattr(row, name) for name in names}
                | {"updated": row.updated.isoformat() if row.updated else None}
                for row in rows
            ]
            return print_json({"articles": lines})
        if not rows:
            return print_line("there are no articles: `tierline kb import FOLDER` takes them in")
        cells = [
            (row.section, row.slug, row.title, row.area, row.owner, row.updated.isoformat() if row.updated else "-")
            for row in rows
        ]
        draw_table(console(uncut=True), COLUMNS, [[Text(safe(cell)) for cell in line] for line in cells])


@app.command(epilog=example("tierline kb search 'export two currencies'"))
def search(
    query: Annotated[str, typer.Argument(help="What to look for, in anybody's words.", metavar="QUERY")],
    language: Annotated[
        str | None, typer.Option(help="Only in this language.", show_default="any", metavar="TAG")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=50, help="How many at most.")] = SHOWN,
    as_json: AsJson = False,
) -> None:
    """Search the articles, as customers do. What is searched here is not counted."""
    with exit_on_failure(as_json), _database() as db:
        results = search_articles(db, query, language=language, limit=limit)
        if as_json:
            return print_json({"results": [_result(one) for one in results.found], "instead": list(results.instead)})
        if results.instead:
            print_line(safe(f"also searched for: {', '.join(results.instead)}"))
        for one in results.found:
            print_line(safe(f"{one.slug}: {one.title}"))
            print_line(safe(f"    {_plain(one.snippet)}"))
        if not results.found:
            print_line("no article has any of this")


@app.command(epilog=example("tierline kb drafts"))
def drafts(as_json: AsJson = False) -> None:
    """List the drafts that nobody has finished: gaps that tickets showed, and searches in vain."""
    with exit_on_failure(as_json), _database() as db:
        found = article_drafts.listed(db)
        if as_json:
            return print_json({"drafts": [one._asdict() | {"created_at": one.created_at.isoformat()} for one in found]})
        for one in found:
            written = f", {one.changed_by} is writing it" if one.revision else ""
            print_line(safe(f"{one.id} {one.title} ({one.product_area or 'no area'}{written})"))
        if not found:
            print_line("there are no drafts")


@app.command(epilog=example("tierline kb export 17 kb"))
def export(
    draft: Annotated[int, typer.Argument(help="The draft's number.", show_default=False, metavar="DRAFT")],
    folder: Folder,
    as_json: AsJson = False,
) -> None:
    """Write a draft as a file of the folder. Its import publishes the draft. A file that is there stays as it is."""
    with exit_on_failure(as_json), _database() as db:
        found = article_drafts.shown(db, draft)
        article_drafts.check(found.slug, found.text)
        path = folder / f"{found.slug}.md"
        if path.exists():
            raise Refused("conflict", f"{path} is there already: give the draft another name at the desk")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(found.text, "utf-8")
        if as_json:
            print_json({"file": str(path)})
        else:
            print_line(safe(f"{path} is written: read it, then `tierline kb import {folder}`"))


@app.command(epilog=example("tierline kb figures --days 7"))
def figures(
    days: Annotated[int, typer.Option(min=1, max=400, help="How far back.")] = 7,
    as_json: AsJson = False,
) -> None:
    """Print the five figures of the knowledge base with their targets, and what is searched for in vain."""
    with exit_on_failure(as_json), _database() as db:
        until = db.clock.now()
        found = knowledge_figures.answered(db, until - timedelta(days=days), until)
        if as_json:
            shown = [one._asdict() for one in found.figures]
            articles_read = [one._asdict() for one in found.articles]
            in_vain = [one._asdict() for one in found.in_vain]
            counts = found.counts._asdict() | {"silent": found.silent}
            return print_json({"counts": counts, "figures": shown, "in_vain": in_vain, "articles": articles_read})
        for line in knowledge_figures.lines(found.figures):
            print_line(line)
        for one in found.in_vain:
            print_line(safe(f"in vain: {one.query} ({one.sessions} visits, {len(one.tickets)} tickets)"))


@app.command(epilog=example("tierline kb key website --origin https://www.example.com"))
def key(
    name: Annotated[
        str, typer.Argument(help="Where it is used, as figures name it.", show_default=False, metavar="NAME")
    ],
    origin: Annotated[
        list[str] | None,
        typer.Option(help="An origin whose pages may use it. May be said again.", show_default="all", metavar="ORIGIN"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a publishable key: with it, pages and programs search the articles and open tickets.

    It may stand in a page for everybody to read. It opens nothing else.
    """
    with exit_on_failure(as_json), _database() as db:
        if not name.strip() or len(name) > 100:
            raise Refused("malformed", "a name has 1 to 100 characters", fields={"name": "1 to 100 characters"})
        row = help_keys.make_key(db, name.strip(), origin or [], db.clock.now())
        if as_json:
            print_json(_key(row))
        else:
            print_line(row.key)


@app.command(epilog=example("tierline kb keys"))
def keys(as_json: AsJson = False) -> None:
    """List the publishable keys, the newest first."""
    with exit_on_failure(as_json), _database() as db:
        with db.session() as session:
            rows = help_sessions.keys(session)
        if as_json:
            return print_json({"keys": [_key(row) for row in rows]})
        for row in rows:
            state = "revoked" if row.revoked_at else f"for {', '.join(row.origins) or 'all origins'}"
            print_line(safe(f"{row.key} {row.name}: {state}"))
        if not rows:
            print_line("there is no publishable key")


@app.command(epilog=example("tierline kb revoke pk_0123456789abcdefghjkmnpq"))
def revoke(
    key: Annotated[str, typer.Argument(help="The key.", show_default=False, metavar="KEY")],
    as_json: AsJson = False,
) -> None:
    """Revoke a publishable key: it opens nothing any more."""
    with exit_on_failure(as_json), _database() as db:
        with db.begin() as session:
            if not help_sessions.revoke_key(session, key, db.clock.now()):
                raise Refused("not_found", "there is no such key: `tierline kb keys` lists them")
        if as_json:
            print_json({"revoked": key})
        else:
            print_line("it is revoked")


def _key(row: HelpKeyRow) -> dict[str, Any]:
    revoked = row.revoked_at.isoformat() if row.revoked_at else None
    made = row.created_at.isoformat()
    return {"key": row.key, "name": row.name, "origins": row.origins, "created_at": made, "revoked_at": revoked}


def _result(one: Found) -> dict[str, Any]:
    return one._asdict() | {"snippet": _plain(one.snippet), "score": round(one.score, 4)}


def _plain(snippet: str) -> str:
    return " ".join(snippet.replace(OPENS, "").replace(CLOSES, "").split())


def _progress(*, quiet: bool) -> Callable[[int, int], None]:
    def show(done: int, of: int) -> None:
        print_error(f"{done} of {of} files are read")

    return (lambda _done, _of: None) if quiet else show


@contextmanager
def _database() -> Iterator[Database]:
    db = database(load_settings(), "kb")
    try:
        yield db
    finally:
        db.dispose()
