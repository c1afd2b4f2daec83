"""What the page for auditors names as proof is there."""

from __future__ import annotations

import re

import pytest

from config.env import ROOT

PAGES = ("docs/compliance.md", "docs/threat-model.md", "docs/testing.md")
_NAMED = re.compile(r"`((?:[a-z_]+/)+(?:[a-z_0-9]+\.py)?)(?:::(test_[a-z_0-9]+))?`")


@pytest.mark.parametrize("page", PAGES)
def test_every_named_test_exists(page: str):
    named = _NAMED.findall((ROOT / page).read_text())
    assert named
    missing = []
    for path, test in named:
        if path.startswith("var/"):  # written by commands
            continue
        place = ROOT / path
        if not place.exists() or (test and f"def {test}(" not in place.read_text()):
            missing.append(f"{path}::{test}" if test else path)
    assert missing == []
