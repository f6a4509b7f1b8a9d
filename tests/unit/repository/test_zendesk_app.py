"""The page on the desk shows the manifest of the app for Zendesk: it is the one that is packed."""

import json
import re

from tests.support.root import ROOT


def test_the_manifest_on_the_page_is_the_one_that_is_packed() -> None:
    page = (ROOT / "docs" / "desk.md").read_text("utf-8").partition("`deploy/zendesk-app`")[2]
    shown = re.search(r"```json\n(.*?)```", page, re.DOTALL)
    assert shown is not None
    packed = json.loads((ROOT / "deploy" / "zendesk-app" / "manifest.json").read_text("utf-8"))
    assert json.loads(shown[1]) == packed
