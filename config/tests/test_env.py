"""Values from files, as secret stores mount them."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch):
    for name in ("WORD", "WORD_FILE", "OTHER", "OTHER_FILE"):
        monkeypatch.delenv(name, raising=False)


def test_a_variable_may_stand_in_a_file(monkeypatch, tmp_path):
    (tmp_path / "word").write_text("s3cret\n")
    monkeypatch.setenv("WORD_FILE", str(tmp_path / "word"))
    assert env.text("WORD") == "s3cret"
    assert env.text("NOTHING", "default", "WORD") == "s3cret"
    # What is set goes before what lies in a file.
    monkeypatch.setenv("WORD", "set")
    assert env.text("WORD") == "set"


def test_numbers_and_lists_too(monkeypatch, tmp_path):
    (tmp_path / "word").write_text("12")
    monkeypatch.setenv("WORD_FILE", str(tmp_path / "word"))
    assert env.number("WORD", 1) == 12
    assert env.listing("WORD") == ["12"]


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.write_bytes(b"\xff\xfe")])
def test_a_file_that_cannot_be_read_is_named_by_its_variable_only(monkeypatch, tmp_path, make):
    make(tmp_path / "word")
    monkeypatch.setenv("WORD_FILE", str(tmp_path / "word"))
    with pytest.raises(ImproperlyConfigured, match="WORD_FILE") as refused:
        env.text("WORD", "default")
    assert str(tmp_path) not in str(refused.value)


def test_an_empty_file_counts_as_not_set(monkeypatch, tmp_path):
    (tmp_path / "word").write_text("\n")
    monkeypatch.setenv("WORD_FILE", str(tmp_path / "word"))
    assert env.text("WORD", "default") == "default"
