"""The description of the API is complete: every operation, parameter and shape can be named."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tenants.kernel.schema import KeptSchemaGenerator


@pytest.mark.django_db
def test_the_description_is_written_without_a_warning(tmp_path: Path):
    target = tmp_path / "schema.yml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(target))
    assert target.stat().st_size > 0


def references(part: Any) -> set[str]:
    if isinstance(part, list):
        return {name for item in part for name in references(item)}
    if not isinstance(part, dict):
        return set()
    return {name for item in part.values() for name in references(item)} | (
        {part["$ref"].rpartition("/")[2]} if isinstance(part.get("$ref"), str) else set()
    )


@pytest.mark.django_db
def test_two_who_ask_at_once_get_the_whole_description(monkeypatch):
    monkeypatch.setattr(KeptSchemaGenerator, "kept", {})
    with ThreadPoolExecutor(2) as threads:
        asked = [threads.submit(lambda: KeptSchemaGenerator().get_schema(public=True)) for _ in range(2)]
    first, second = (answer.result() for answer in asked)
    assert references(first) <= {name for kind in first["components"].values() for name in kind}
    assert first is second
