"""Searching the knowledge base: how well it answers a judged set of queries, and how fast with 5,000 articles.

Beside it stands plain LIKE: every article in which all words of the query stand, in no order of worth. Both are asked
the same queries of the same articles. The mean reciprocal rank is 1 where the right article is always the first.
"""

import random
import re
import shutil
import tempfile
import time
import tomllib
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from statistics import mean, median
from typing import Any

from services.knowledge.importing import import_folder
from services.knowledge.searching import search
from store import articles
from store.database import Database
from tests.support.databases import fresh_database, make_template
from workers.embedded import EmbeddedPostgres

ROOT = Path(__file__).parents[1]
KB = ROOT / "examples" / "kb"
JUDGED: dict[str, str] = tomllib.loads((ROOT / "bench" / "judged_queries.toml").read_text())["queries"]
ARTICLES = 5_000
ROUNDS = 4
"""How often each query is asked for the time that it takes."""
BUDGET_MS = 50
AMONG = 10
"""An article that is not among so many counts as not found."""
_SECTIONS = ("getting-started", "product-guides", "troubleshooting", "billing-and-account", "faq")


def measure() -> dict[str, Any]:
    """Return the mean reciprocal ranks, and the times with 5,000 articles."""
    folder = Path(tempfile.mkdtemp(prefix="tl-"))
    postgres = EmbeddedPostgres(folder / "pg")
    try:
        url = postgres.start()
        make_template(url)
        with fresh_database(url) as one:
            db = Database(one)
            import_folder(db, KB)
            told = {"judged": len(JUDGED), **ranks(db)}
            many = folder / "kb"
            shutil.copytree(KB, many)
            write_many(many, ARTICLES)
            began = time.perf_counter()
            import_folder(db, many)
            imported = time.perf_counter()
            import_folder(db, many)
            again = time.perf_counter()
            with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("ANALYZE articles")
            told |= {
                "articles": ARTICLES,
                "import_s": round(imported - began, 1),
                "import_again_s": round(again - imported, 1),
                **times(db),
                "mrr_among_all": ranks(db)["mrr"],
            }
            db.dispose()
            return told
    finally:
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


def ranks(db: Database) -> dict[str, Any]:
    """Return the mean reciprocal rank of the search, and of LIKE, over the judged queries."""
    ours, plain = {}, {}
    for query, wanted in JUDGED.items():
        ours[query] = rank(wanted, [one.slug for one in search(db, query, limit=AMONG).found])
        with db.session() as session:
            plain[query] = rank(wanted, articles.like(session, re.findall(r"\w+", query), limit=AMONG))
    worst = sorted((query for query in ours if ours[query] < 1), key=lambda query: ours[query])
    return {
        "mrr": round(mean(ours.values()), 3),
        "mrr_like": round(mean(plain.values()), 3),
        "first": sum(one == 1 for one in ours.values()),
        "first_like": sum(one == 1 for one in plain.values()),
        "not_first": {query: round(ours[query], 2) for query in worst},
    }


def rank(wanted: str, found: Sequence[str]) -> float:
    return 1 / (found.index(wanted) + 1) if wanted in found else 0.0


def times(db: Database) -> dict[str, Any]:
    took, like = [], []
    for query in [*JUDGED] * ROUNDS:
        began = time.perf_counter()
        search(db, query)
        took.append((time.perf_counter() - began) * 1000)
        began = time.perf_counter()
        with db.session() as session:
            articles.like(session, re.findall(r"\w+", query), limit=AMONG)
        like.append((time.perf_counter() - began) * 1000)
    p95 = sorted(took)[int(len(took) * 0.95)]
    return {
        "search_p50_ms": round(median(took), 1),
        "search_p95_ms": round(p95, 1),
        "like_p50_ms": round(median(like), 1),
        "like_p95_ms": round(sorted(like)[int(len(like) * 0.95)], 1),
        "budget_ms": BUDGET_MS,
        "within": p95 <= BUDGET_MS,
    }


def write_many(folder: Path, number: int) -> None:
    """Write articles until the folder has so many, the same in each run: 250 words each of 15,000 that are made up, the
    n-th as often as words of a language are, and two sentences of the sample's own articles, so that the words of each
    query stand in hundreds of them."""
    dice = random.Random(16)
    sources = [path.read_text().split("---\n", 2)[2] for path in sorted(KB.rglob("*/*.md"))]
    sentences = [one for text in sources for one in re.split(r"(?<=[.:])\s+", text) if 30 < len(one) < 300]
    syllables = [f"{one}{two}" for one in "bdfgklmnprstvz" for two in ("a", "e", "i", "o", "u", "ai", "ou")]
    words = sorted({"".join(dice.choices(syllables, k=dice.choice((2, 3, 3, 4)))) for _ in range(16_000)})[:15_000]
    dice.shuffle(words)
    often = list(accumulate(1 / (place + 3) for place in range(len(words))))
    for count in range(number - sum(1 for _ in KB.rglob("*/*.md"))):
        section = _SECTIONS[count % len(_SECTIONS)]
        made = dice.choices(words, cum_weights=often, k=255)
        title = " ".join(made[:5]).capitalize()
        body = "\n\n".join(
            [*(" ".join(made[place : place + 50]) for place in range(5, 255, 50)), *dice.sample(sentences, 2)]
        )
        path = folder / section / f"made-{count % 50}" / f"{count}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"---\ntitle: {title}\nowner: bench\nupdated: 2026-11-01\n---\n{body}\n")
