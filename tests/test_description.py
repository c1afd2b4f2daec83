"""The description of the API is complete: every operation, parameter and shape can be named."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from jsonschema import Draft202012Validator

from tenants.kernel.schema import KeptSchemaGenerator
from tenants.kernel.serializers import ModelSerializer, Serializer


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


@pytest.fixture(scope="module")
def described(django_db_setup, django_db_blocker) -> dict[str, Any]:
    with django_db_blocker.unblock():
        document: dict[str, Any] = KeptSchemaGenerator().get_schema(public=True)
    return document


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    verbs = ("get", "post", "put", "patch", "delete")
    found = [
        (f"{verb} {path}", item[verb])
        for path, item in document["paths"].items()
        for verb in verbs
        if verb in item
    ]
    assert len(found) > 300
    return found


def bodies(operation: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """What comes in and goes out, by status or ``body``."""
    parts = [("body", operation.get("requestBody", {})), *operation["responses"].items()]
    return [(name, media) for name, part in parts for media in part.get("content", {}).values()]


def test_every_operation_says_what_it_does_and_how_it_fails(described):
    faults = []
    for name, operation in operations(described):
        faults += [
            f"{name}: no {key}" for key in ("summary", "description", "tags") if not operation.get(key)
        ]
        if len(operation.get("summary", "")) > 80:
            faults.append(f"{name}: a long summary")
        answers = operation["responses"]
        if not any(status[0] in "23" for status in answers):
            faults.append(f"{name}: no success")
        for status in ("400", "401", "403", "404", "409", "429"):
            if "application/problem+json" not in answers.get(status, {}).get("content", {}):
                faults.append(f"{name}: no problem {status}")
    assert faults == []


def test_every_body_has_an_example_that_fits_its_shape(described):
    faults = []
    shapes = {"components": described["components"]}
    for name, operation in operations(described):
        for part, media in bodies(operation):
            if "example" not in media and "examples" not in media:
                faults.append(f"{name}: no example of {part}")
                continue
            shape = {**nullable(media["schema"]), **nullable(shapes)}
            wrong = next(Draft202012Validator(shape).iter_errors(media.get("example")), None)
            if wrong is not None:
                faults.append(f"{name}: {part}: {wrong.json_path}: {wrong.message[:200]}")
    assert faults == []


def nullable(part: Any) -> Any:
    """OpenAPI 3.0's ways of null and of open limits in those of JSON Schema."""
    if isinstance(part, list):
        return [nullable(item) for item in part]
    if not isinstance(part, dict):
        return part
    inner = {key: nullable(value) for key, value in part.items() if key not in {"example", "discriminator"}}
    for limit in ("Maximum", "Minimum"):
        if inner.pop(f"exclusive{limit}", False):
            inner[f"exclusive{limit}"] = inner.pop(limit.lower())
    if inner.pop("nullable", False):
        return {"anyOf": [inner, {"type": "null"}]}
    return inner


def test_two_operations_never_share_a_name(described):
    names = [operation["operationId"] for _, operation in operations(described)]
    assert len(names) == len(set(names))


# What is narrowed within one row of another kind; every other list of that place is whole.
NARROWED_WITHIN = {
    "/api/v1/imports/{id}/issues": {"code", "level"},
    "/api/v1/organizations/{id}/invitations": {"state"},
    "/api/v1/predictions/annual/{id}/change": {"from", "to"},
    "/api/v1/predictions/quarterly/{id}/change": {"from", "to"},
    "/api/v1/predictions/companies/{id}/pd-history": {"by", "kind", "reasons"},
    "/api/v1/predictions/jobs/{id}/errors": {"severity"},
    "/api/v1/scenario-runs/{id}/results": {"risk_level"},
}
# A list of companies, narrowed as companies are.
COMPANIES_WITHIN = "/api/v1/watchlists/{id}/companies"


def test_what_hangs_on_one_row_does_not_borrow_the_filters_of_its_list(described):
    paging = {"cursor", "page", "size", "ordering"}
    found = {}
    for path, item in described["paths"].items():
        asked = {p["name"] for p in item.get("get", {}).get("parameters", []) if p["in"] == "query"} - paging
        if "{" in path and asked:
            found[path] = asked
    companies = found.pop(COMPANIES_WITHIN)
    assert {"search", "sector", "risk_level"} < companies
    assert found == NARROWED_WITHIN


def test_no_shape_is_described_by_what_all_serializers_have_in_common(described):
    shared = [doc for doc in (Serializer.__doc__, ModelSerializer.__doc__) if doc]
    shapes = described["components"]["schemas"]
    assert not shared
    assert not [name for name, shape in shapes.items() if "framework" in shape.get("description", "")]
