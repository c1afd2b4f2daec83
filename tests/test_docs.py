"""Pages hold together: links lead somewhere, a decision has a number of its own, no merge is half done."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from config.env import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files(page):
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_merge_is_half_done(page):
    assert re.findall(r"^(?:<{7}|>{7}) .*$", page.read_text(), re.M) == []


def test_decisions_have_a_number_each_and_are_listed():
    counts = Counter(page.name[:4] for page in DECISIONS)
    assert [number for number, count in counts.items() if count > 1] == []
    index = (ROOT / "docs" / "decisions" / "README.md").read_text()
    assert [page.name for page in DECISIONS if f"({page.name})" not in index] == []
    assert [page.name for page in DECISIONS if not page.read_text().startswith(f"# {page.name[:4]}")] == []
