"""The migrations are one chain: two that follow the same one would stop every start."""

import re
from collections import Counter

from tests.support.root import ROOT


def test_each_migration_follows_another_one_and_no_two_the_same() -> None:
    texts = [path.read_text() for path in (ROOT / "store" / "migrations" / "versions").glob("m*.py")]
    own = [re.search(r'^revision = "(\d+)"$', text, re.MULTILINE) for text in texts]
    before = [re.search(r'^down_revision = (?:"(\d+)"|None)$', text, re.MULTILINE) for text in texts]
    followed = Counter(match[1] for match in before if match)
    assert [name for name, times in followed.items() if times > 1] == []
    assert len({match[1] for match in own if match} - followed.keys()) == 1
