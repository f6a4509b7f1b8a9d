"""Articles as they were imported: kept, listed, and searched by PostgreSQL's full text search.

Every language has its own stemming, so a search has a query for each language in which there are articles.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from sqlalchemy import Integer, Text, any_, bindparam, case, cast, delete, func, literal, or_, select, text
from sqlalchemy.dialects.postgresql import REGCONFIG, Insert, insert
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from store.database import PLAIN
from store.questions import Asked, Question
from store.tables.base import Json
from store.tables.knowledge import ArticleRow, ArticleSynonymRow, ArticleWordRow

CONFIGURATIONS = {
    "ar": "arabic", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish", "fi": "finnish",
    "fr": "french", "hu": "hungarian", "id": "indonesian", "it": "italian", "lt": "lithuanian", "nl": "dutch",
    "no": "norwegian", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sv": "swedish", "tr": "turkish",
}  # fmt: skip
"""How PostgreSQL stems each language. The words of every other one are taken as they are (`simple`)."""
PLAYBOOKS = "playbooks"
OPENS, CLOSES = "\x02", "\x03"
"""What stands around a found word in a snippet: no text has these characters."""
_LIKENESS = 0.2
"""How much of its trigrams a word of articles shares with a misspelt one: letters that changed places share few."""
_HEADLINE = f"StartSel={OPENS}, StopSel={CLOSES}, MaxWords=30, MinWords=12, MaxFragments=2, FragmentDelimiter=' … '"


class Found(NamedTuple):
    """An article that a search found."""

    slug: str
    section: str
    title: str
    summary: str
    language: str
    area: str
    score: float
    snippet: str = ""
    """Of its text, with OPENS and CLOSES around what was found (`with_snippets`)."""


def configuration(language: str) -> str:
    """Return PostgreSQL's text search configuration of a language."""
    return CONFIGURATIONS.get(language, "simple")


# -- Keeping ------------------------------------------------------------------------------------------------------


def digests(session: Session) -> dict[str, str]:
    """Return the digest of each article, by its slug."""
    return dict(session.execute(select(ArticleRow.slug, ArticleRow.digest)).all())


def keep(session: Session, articles: Iterable[Json]) -> None:
    """Keep articles, each in the place of what was kept of it. Each has, besides its columns, `headings`."""
    given = [
        {f"{name}_": value for name, value in one.items()}
        | {"config_": configuration(one["language"]), "about_": " ".join((one["summary"], *one["tags"]))}
        for one in articles
    ]
    if given:
        session.connection().execute(_KEEP, given)


def drop(session: Session, slugs: Sequence[str]) -> None:
    """Forget articles whose files are gone."""
    session.execute(delete(ArticleRow).where(ArticleRow.slug.in_(slugs)), execution_options=PLAIN)


_REVISED = ("title", "summary", "markdown")
"""What makes an article another one: a new tag, or a new day on which somebody saw that it is right, does not."""


def _keep() -> Insert:
    """Return the statement that keeps an article: made once, since an import has thousands."""
    config = cast(bindparam("config_"), REGCONFIG)
    parts = {"A": "title_", "B": "about_", "C": "headings_", "D": "plain_"}
    weighted = [
        func.setweight(func.to_tsvector(config, bindparam(name, type_=Text)), weight) for weight, name in parts.items()
    ]
    words: ColumnElement[Any] = weighted[0]
    for one in weighted[1:]:
        words = words.op("||")(one)
    columns = [one.name for one in ArticleRow.__table__.columns if one.name != "words"]
    made = insert(ArticleRow).values({name: bindparam(f"{name}_") for name in columns} | {"words": words})
    changed: dict[str, Any] = {name: made.excluded[name] for name in (*columns, "words") if name != "written_at"}
    revised = or_(*(getattr(ArticleRow, name) != made.excluded[name] for name in _REVISED))
    changed["revised_at"] = case((revised, made.excluded.revised_at), else_=ArticleRow.revised_at)
    return made.on_conflict_do_update(index_elements=["slug"], set_=changed)


_KEEP = _keep()


def count_words(session: Session) -> None:
    """Count anew in how many articles each word stands."""
    session.execute(delete(ArticleWordRow), execution_options=PLAIN)
    session.execute(
        text(
            "INSERT INTO article_words (word, articles) SELECT word, ndoc FROM ts_stat($words$"
            "SELECT to_tsvector('simple', title || ' ' || array_to_string(tags, ' ') || ' ' || plain) FROM articles "
            "WHERE section <> 'playbooks'$words$) WHERE length(word) <= 40"
        )
    )


def keep_synonyms(session: Session, groups: Sequence[Sequence[str]]) -> None:
    """Keep which words and phrases mean the same, in the place of what was kept of it."""
    others: dict[str, list[str]] = {}
    for group in groups:
        for phrase in group:
            known = others.setdefault(phrase, [])
            known += [other for other in group if other != phrase and other not in known]
    session.execute(delete(ArticleSynonymRow), execution_options=PLAIN)
    if others:
        rows = [{"phrase": phrase, "others": found} for phrase, found in sorted(others.items())]
        session.execute(insert(ArticleSynonymRow), rows)


# -- Reading ------------------------------------------------------------------------------------------------------


def find(session: Session, slug: str) -> ArticleRow | None:
    """Return an article, or a playbook."""
    return session.get(ArticleRow, slug)


def of_sections(session: Session, sections: Sequence[str]) -> Sequence[ArticleRow]:
    """Return the articles of some sections, by topic and title."""
    query = select(ArticleRow).where(ArticleRow.section.in_(sections))
    return session.scalars(query.order_by(ArticleRow.section, ArticleRow.topic, ArticleRow.title)).all()


def counts(session: Session) -> dict[str, int]:
    """Return how many articles each section has."""
    rows = session.execute(select(ArticleRow.section, func.count()).group_by(ArticleRow.section))
    return dict(rows.all())


class Playbook(NamedTuple):
    """A checklist, as the page of a ticket has it."""

    slug: str
    title: str
    summary: str
    steps: Sequence[str]


def playbooks_for(session: Session, area: str, category: str, *, limit: int) -> list[Playbook]:
    """Return the playbooks for a product area and a category of tickets, those first that name both. One that names
    several areas is for each of them, and one that names none is for all, if it names the category."""
    return [Playbook(*row) for row in _PLAYBOOKS_FOR.ask(session, area=area, category=category, most=limit)]


def asked_by_playbooks_for(area: str, category: str, *, limit: int) -> Asked:
    """Return what `playbooks_for` asks, to be asked together with other questions."""
    return {_PLAYBOOKS_FOR: {"area": area, "category": category, "most": limit}}


def _playbooks_for() -> Question:
    """Return the question for the playbooks of an area and a category: made once, as every page of a ticket asks it."""
    area, category = bindparam("area", type_=Text), bindparam("category", type_=Text)
    areas, categories = ArticleRow.areas, ArticleRow.categories
    named_area, named_category = area == any_(areas), category == any_(categories)
    for_area = named_area | (func.cardinality(areas) == 0)
    for_category = named_category | (func.cardinality(categories) == 0)
    fits = (ArticleRow.section == PLAYBOOKS, for_area, for_category, named_area | named_category)
    both = cast(named_area, Integer) + cast(named_category, Integer)
    query = select(*(getattr(ArticleRow, name) for name in Playbook._fields)).where(*fits)
    return Question(query.order_by(both.desc(), ArticleRow.slug).limit(bindparam("most")))


_PLAYBOOKS_FOR = _playbooks_for()


# -- Searching ----------------------------------------------------------------------------------------------------


def on_screen(session: Session, screen: str, language: str | None, limit: int) -> list[Found]:
    """Return articles that name a screen of the product, in one language or in all, in the order of their titles."""
    query = select(ArticleRow).where(literal(screen) == any_(ArticleRow.screens), ArticleRow.section != PLAYBOOKS)
    if language:
        query = query.where(ArticleRow.language == language)
    rows = session.scalars(query.order_by(ArticleRow.title, ArticleRow.slug).limit(limit))
    return [
        Found(row.slug, row.section, row.title, row.summary, row.language, row.area, 1.0, row.summary) for row in rows
    ]


def synonyms(session: Session, phrases: Sequence[str]) -> dict[str, list[str]]:
    """Return what means the same as each of these words and phrases, for those that have any."""
    rows = session.execute(
        select(ArticleSynonymRow.phrase, ArticleSynonymRow.others).where(ArticleSynonymRow.phrase.in_(phrases))
    )
    return dict(rows.all())


def known_words(session: Session, words: Sequence[str]) -> dict[str, int]:
    """Return those of some words that stand in articles, and in how many."""
    known = select(ArticleWordRow.word, ArticleWordRow.articles).where(ArticleWordRow.word.in_(words))
    return dict(session.execute(known).all())


@contextmanager
def searching(session: Session) -> Iterator[None]:
    """Let the searches of the block find by the indexes.

    PostgreSQL takes a few thousand articles for a small table and would read all of it: it does not count that the
    words of an article are stored apart from its row. That takes twenty times as long.
    """
    likeness = func.set_config("pg_trgm.similarity_threshold", str(_LIKENESS), True)
    session.execute(select(func.set_config("enable_seqscan", "off", True), likeness))
    yield
    session.execute(select(func.set_config("enable_seqscan", "on", True)))


def words_like(session: Session, word: str, *, limit: int) -> Sequence[str]:
    """Return words of articles that look like a word, the most alike first. Within `searching`."""
    alike = func.similarity(ArticleWordRow.word, word).desc()
    query = select(ArticleWordRow.word).where(ArticleWordRow.word.op("%")(word))
    return session.scalars(query.order_by(alike, ArticleWordRow.articles.desc()).limit(limit)).all()


def languages(session: Session) -> Sequence[str]:
    """Return the languages in which there are articles."""
    return session.scalars(_LANGUAGES).all()


_LANGUAGES = select(ArticleRow.language).distinct().order_by(ArticleRow.language)


def search(
    session: Session,
    terms: Sequence[Sequence[str]],
    language: str,
    *,
    wanted: Collection[int] | None,
    limit: int,
    playbooks: bool = False,
) -> list[Found]:
    """Return the articles of one language that have the terms, the best first: how many of the terms an article has
    counts, and in what places. Each term is some words or phrases that mean the same.

    `wanted`: an article must have one of these terms, by their places; None: it must have all terms. `playbooks`:
    these, and no articles.
    """
    if not terms:
        return []
    queries, binds = _queries(terms, language)
    statement = _SEARCH.format(
        any=" || ".join(queries),
        wanted=" && ".join(queries) if wanted is None else " || ".join(queries[place] for place in sorted(wanted)),
        share=str(len(terms)) if wanted is None else " + ".join(f"(a.words @@ {one})::int" for one in queries),
        terms=len(queries),
        kind="=" if playbooks else "<>",
    )
    binds |= {"language": language, "most": limit, "playbooks": PLAYBOOKS}
    return [Found(*row) for row in session.execute(text(statement), binds)]


def with_snippets(session: Session, terms: Sequence[Sequence[str]], found: Sequence[Found]) -> list[Found]:
    """Return articles that a search found, each with the place in its text where the terms stand.

    To cut a snippet costs more than to find its article: so only of those that are shown in the end.
    """
    snippets: dict[str, str] = {}
    for language in sorted({one.language for one in found}):
        queries, binds = _queries(terms, language)
        slugs = [one.slug for one in found if one.language == language]
        statement = _SNIPPETS.format(any=" || ".join(queries))
        rows = session.execute(text(statement), binds | {"slugs": slugs, "headline": _HEADLINE})
        snippets |= dict(rows.all())
    return [one._replace(snippet=snippets.get(one.slug, "")) for one in found]


def _queries(terms: Sequence[Sequence[str]], language: str) -> tuple[list[str], dict[str, Any]]:
    """Return a text search query for each term, as it is written into a statement, and the values that it names."""
    binds: dict[str, Any] = {"config": configuration(language)}
    queries = []
    for place, term in enumerate(terms):
        names = [f"t{place}_{number}" for number in range(len(term))]
        binds |= dict(zip(names, term, strict=True))
        queries.append(
            "(" + " || ".join(f"phraseto_tsquery(CAST(:config AS regconfig), :{one})" for one in names) + ")"
        )
    return queries, binds


_SEARCH = """
SELECT a.slug, a.section, a.title, a.summary, a.language, a.area,
       ({share})::float / {terms} + ts_rank(CAST('{{0.1, 0.3, 0.5, 1.0}}' AS real[]), a.words, {any}, 1) AS score
FROM articles a
WHERE a.words @@ ({wanted}) AND a.language = :language AND a.section {kind} :playbooks
ORDER BY score DESC, a.slug
LIMIT :most
"""
_SNIPPETS = """
SELECT slug, ts_headline(CAST(:config AS regconfig), plain, {any}, :headline) FROM articles WHERE slug = ANY(:slugs)
"""
"""In both, the words of the terms are values of the statement, and only how many there are is written into it.
PostgreSQL makes the queries once, since they are constants, and finds the articles by the index."""


def like(session: Session, words: Sequence[str], *, limit: int) -> list[str]:
    """Return articles in whose title or text all of the words stand, as plain LIKE finds them: what search is compared
    with."""
    query = select(ArticleRow.slug).where(ArticleRow.section != PLAYBOOKS)
    for word in words:
        part = f"%{word}%"
        query = query.where(ArticleRow.title.ilike(part) | ArticleRow.plain.ilike(part))
    return list(session.scalars(query.order_by(ArticleRow.slug).limit(limit)))
