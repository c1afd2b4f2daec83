"""Examples of the API description: one for every body that comes in or goes out.

They are made from the shapes, so that none can grow old: an object shows every property, by a word of the
trade where its name is known (``WORDS``), else by its kind, format and limits.
"""

from __future__ import annotations

import re
from typing import Any

ID = "01990000-0000-7000-8000-000000000001"
MOMENT = "2026-01-31T08:30:00.000000Z"
# Deeper shapes refer to themselves or tell nothing new.
DEPTH = 12
WORDS: dict[str, Any] = {
    "access_token": "eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl",
    "action": "predictions.prediction.created",
    "annual_predictions": 120,
    "average_default_rate": 0.0412,
    "cik": "0000320193",
    "code": "invalid_input",
    "colour": "#1f4f8f",
    "company_name": "Acme Incorporated",
    "company_symbol": "ACME",
    "confidence": 0.91,
    "confidence_level": "high",
    "country": "US",
    "currency": "USD",
    "current_password": "correct-horse-9",
    "description": "Corporate lending",
    "detail": "One short readable sentence.",
    "domain": "bank.example",
    "ebit_to_interest_expense": 7.5,
    "email": "analyst@bank.example",
    "ensemble_probability": 0.0212,
    "error_message": None,
    "file_name": "portfolio.csv",
    "full_name": "Ada Lender",
    "gbm_probability": 0.0199,
    "grade": "BBB",
    "industry": "Software",
    "instance": "/api/v1/companies",
    "lei": "HWUPKR0MPOU8FGXBT394",
    "logistic_probability": 0.0231,
    "long_term_debt_to_total_capital": 31.2,
    "market_cap": 2500.5,
    "mean_pd": 0.0412,
    "model_version": "us-listed 1.2.0",
    "net_income_margin": 8.4,
    "new_password": "another-horse-77",
    "organization_name": "Corporate Lending",
    "original_filename": "portfolio.csv",
    "password": "correct-horse-9",
    "pd": 0.0212,
    "prior": {"total_assets": 1100.0, "net_sales": 850.0, "net_income": 48.0},
    "probability": 0.0212,
    "probability_high": 0.0341,
    "probability_low": 0.0128,
    "progress_percentage": 100,
    "reason": "Yearly review",
    "reporting_year": 2024,
    "request_id": "01990000-0000-7000-8000-0000000000aa",
    "return_on_assets": 5.25,
    "return_on_capital": 6.75,
    "sector": "Technology",
    "sga_margin": 18.2,
    "slug": "corporate-lending",
    "statement": {"total_assets": 1200.0, "total_liabilities": 700.0, "net_sales": 900.0, "net_income": 55.0},
    "symbol": "ACME",
    "tenant_name": "First Bank",
    "time_zone": "Europe/Berlin",
    "title": "Some fields need attention.",
    "token_type": "bearer",
    "total_debt_to_ebitda": 2.1,
    "type": "urn:default-risk-platform:problem:invalid_input",
    "username": "ada",
}
_FORMATS: dict[str, Any] = {
    "uuid": ID,
    "date-time": MOMENT,
    "date": "2026-01-31",
    "time": "08:30:00",
    "email": "analyst@bank.example",
    "uri": "https://bank.example/",
    "decimal": 1.5,
    "binary": "(the bytes of a file)",
    "duration": "PT1H",
}


def with_examples(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Give every body of the description an example where it has none."""
    shapes = result.get("components", {}).get("schemas", {})
    for item in result["paths"].values():
        for operation in item.values():
            if not isinstance(operation, dict):
                continue
            bodies = [operation.get("requestBody", {}), *operation.get("responses", {}).values()]
            for body in bodies:
                for media in body.get("content", {}).values():
                    if "example" not in media and "examples" not in media:
                        media["example"] = example_of(media.get("schema", {}), shapes)
    return result


def example_of(shape: dict[str, Any], shapes: dict[str, Any], name: str = "", depth: int = DEPTH) -> Any:
    """A value of the shape; ``shapes`` are those that references name."""
    if "$ref" in shape:
        return example_of(shapes.get(shape["$ref"].rpartition("/")[2], {}), shapes, name, depth)
    for key in ("example", "const", "default"):
        if shape.get(key) not in (None, ""):
            return shape[key]
    if shape.get("enum"):
        return next((value for value in shape["enum"] if value not in ("", None)), shape["enum"][0])
    if "allOf" in shape:
        return _merged([example_of(part, shapes, name, depth) for part in shape["allOf"]])
    for key in ("oneOf", "anyOf"):
        if shape.get(key):
            return example_of(shape[key][0], shapes, name, depth)
    return _by_kind(shape, shapes, name, depth)


def _merged(parts: list[Any]) -> Any:
    if not all(isinstance(part, dict) for part in parts):
        return parts[0] if parts else None
    return {key: value for part in parts for key, value in part.items()}


def _by_kind(shape: dict[str, Any], shapes: dict[str, Any], name: str, depth: int) -> Any:
    kind = shape.get("type")
    if kind == "object" or "properties" in shape:
        if depth <= 0:
            return {}
        known = shape.get("properties", {})
        if not known:
            return WORDS[name] if isinstance(WORDS.get(name), dict) else {}
        return {key: example_of(inner, shapes, key, depth - 1) for key, inner in known.items()}
    if kind == "array":
        if depth <= 0:
            return []
        one = example_of(shape.get("items", {}), shapes, name.removesuffix("s"), depth - 1)
        return [one] * max(1, shape.get("minItems", 1))
    word = WORDS.get(name)
    if kind == "boolean":
        return True
    if kind in {"integer", "number"}:
        return _number(shape, word)
    if kind == "string":
        return _text(shape, word)
    return {} if kind is None and depth < DEPTH else None


def _number(shape: dict[str, Any], word: Any) -> float:
    whole = shape["type"] == "integer"
    value = word if isinstance(word, int | float) and not isinstance(word, bool) else 1
    if "maximum" in shape:
        value = min(value, shape["maximum"])
    if "minimum" in shape:
        value = max(value, shape["minimum"])
    return int(value) if whole else float(value)


def _text(shape: dict[str, Any], word: Any) -> str:
    if shape.get("format") in _FORMATS:
        return str(_FORMATS[shape["format"]])
    if shape.get("pattern"):
        return _matching(shape["pattern"])
    text = str(word) if word is not None else "text"
    least, most = shape.get("minLength", 0), shape.get("maxLength")
    text += "x" * (int(least) - len(text))
    return text[: int(most)] if most else text


def _matching(pattern: str) -> str:
    """A text for one of the few patterns that the shapes hold."""
    tries = ("USD", "US", "ACME", "#1f4f8f", "12-31", "08:30", "6201", "a", "0" * 43, "1.5", ID, "text")
    return next((text for text in tries if re.search(pattern, text)), "text")
