"""Parts of a file take the way of columns, single companies that of rows: what is stored is the same."""

from __future__ import annotations

import csv
import io
import json
import random
from uuid import UUID

import numpy as np
import pytest
from django.core.cache import caches
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from companies.models import Company
from companies.services import CompanyFacts, money
from companies.sheets.columns import PRIOR
from ml.features import LINE_ITEMS
from predictions.models import JobChunk, Prediction, RowIssue, Score, Severity
from predictions.registry import selectors
from predictions.registry.selectors import active_model
from predictions.services import chunks, cutting, jobs
from predictions.services.scoring import RATIOS, Inputs, ScoreRequest, score_requests, store, storing
from predictions.services.scoring.columns import InputColumns
from tenants.kernel.errors import Unavailable
from tenants.kernel.request import Actor
from tests.fixtures import World

RATIO_COLUMNS = RATIOS["annual"]  # type: ignore[index]
ITEMS = ("total_assets", "total_liabilities", "net_income", "ebit", "total_debt", "net_sales")
HEADER = ("company_symbol", "company_name", "sector", "market_cap", "reporting_year", "reporting_quarter",
          "currency", *RATIO_COLUMNS, *ITEMS, f"{PRIOR}net_income")  # fmt: skip
FAULTS = (
    "",
    "n/a",
    "abc",
    "1,234",
    "=1+1",
    "inf",
    "1e400",
    "-0",
    "12.50%",
    "999999999",
    "#DIV/0!",
    "\u200b7",
)
STORED = ("input_hash", "shape", "inputs", "risk_level", "grade", "confidence_level", "drivers", "warnings",
          "model_sha256")  # fmt: skip
FLOATS = ("pd", "pd_raw", "members", "low", "high", "confidence")


def dirty_rows(count: int, seed: int) -> list[list[str]]:
    """Rows as people send them: gaps, placeholders, texts among the numbers, statements beside ratios."""
    chance = random.Random(seed)
    rows = []
    for n in range(count):
        numbers = [f"{chance.uniform(-20, 60):.{chance.randint(0, 6)}f}" for _ in RATIO_COLUMNS]
        items = [f"{10 ** chance.uniform(5, 10):.{chance.randint(0, 3)}f}" for _ in ITEMS]
        if chance.random() < 0.4:
            items = [""] * len(items)
        if chance.random() < 0.3:
            numbers = [""] * len(numbers)
        cells = [*numbers, *items, f"{chance.uniform(-1e8, 1e8):.2f}" if chance.random() < 0.5 else ""]
        cells = [chance.choice(FAULTS) if chance.random() < 0.06 else cell for cell in cells]
        name = f'Firm "{n // 4}", Inc.\n' if chance.random() < 0.05 else f"Firm {n // 4}"
        cap = chance.choice(["", f"{10 ** chance.uniform(6, 11):.0f}"])
        currency = chance.choice(["", "", "USD", "EUR", "zzz"])
        period = [str(2018 + n % 4), chance.choice(["", "Q4"])]
        rows.append([f"D{n // 4}", name, chance.choice(["", "Energy"]), cap, *period, currency, *cells])
    return rows


def as_csv(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([HEADER, *rows])
    return text.getvalue().encode()


def actor_of(people: World) -> Actor:
    return Actor(people.users["alpha", "one", "owner"].id, "owner")


def scored_in_columns(people: World, content: bytes) -> UUID:
    actor = actor_of(people)
    job = jobs.job_create(
        kind="annual",
        upload=SimpleUploadedFile("dirty.csv", content),
        organization_id=people.organizations["alpha", "one"],
        actor=actor,
    )
    cutting.job_plan(job_id=job.id, actor=actor)
    for chunk in JobChunk.objects.filter(job=job):
        chunks.chunk_score(chunk_id=chunk.id)
    done = jobs.job_advance(job_id=job.id, actor=actor)
    assert done is not None
    assert (done.state, done.scored_rows + done.refused_rows) == ("completed", done.total_rows)
    return UUID(str(job.id))


def test_a_job_goes_on_with_its_version_when_there_is_no_champion(people: World, monkeypatch):
    planned = cutting.job_plan

    def plan(**given):
        planned(**given)
        monkeypatch.setattr(selectors, "in_use", lambda: selectors.InUse(None, None))

    caches["directory"].delete_many(selectors.KEYS)
    monkeypatch.setattr(cutting, "job_plan", plan)
    monkeypatch.setattr(storing, "in_use", lambda: selectors.InUse(None, None))
    with people.within("alpha", "one"):
        job_id = scored_in_columns(people, as_csv(dirty_rows(40, 5)))
        assert Score.objects.filter(job=job_id).exists()
        with pytest.raises(Unavailable):
            active_model()


def request_of(score: Score, company: Company) -> ScoreRequest:
    """The stored row as somebody would send it alone."""
    head = score.prediction
    facts = CompanyFacts(f"ONE-{company.symbol}", company.name, company.sector, company.market_cap)
    return ScoreRequest(
        company=facts,
        fiscal_year=head.fiscal_year,
        fiscal_quarter=None,
        quarter_label=head.quarter_label,
        inputs=Inputs.from_json(score.inputs),
        warnings=tuple(score.warnings),
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_dirty_file_is_stored_as_its_rows_alone_would_be(people: World, seed: int):
    rows = dirty_rows(240, seed)
    with people.within("alpha", "one"):
        job_id = scored_in_columns(people, as_csv(rows))
        stored = list(Score.objects.filter(job=job_id).select_related("prediction__company").order_by("id"))
        assert len(stored) > 100
        requests = [request_of(score, score.prediction.company) for score in stored]
        drafts = score_requests("annual", requests, model=active_model(), drivers=0)
        alone = store(
            "annual",
            drafts,
            organization_id=people.organizations["alpha", "one"],
            model=active_model(),
            actor=actor_of(people),
        )
        twins = Score.objects.filter(prediction__in=alone.prediction_ids).select_related("prediction")
        by_head = {twin.prediction_id: twin for twin in twins}
        for score, head_id in zip(stored, alone.prediction_ids, strict=True):
            twin = by_head[head_id]
            assert {n: getattr(score, n) for n in STORED} == {n: getattr(twin, n) for n in STORED}
            # Sums over a matrix end differently in the last bit for another number of rows.
            for name in FLOATS:
                assert getattr(score, name) == pytest.approx(getattr(twin, name), rel=1e-12)
            # In which order the reasons stand depends on what else was scored at the time.
            assert sorted(score.confidence_reasons) == sorted(twin.confidence_reasons)
            for name in ("fiscal_year", "fiscal_quarter", "quarter_label", "risk_level", "kind"):
                assert getattr(score.prediction, name) == getattr(twin.prediction, name)
            assert score.prediction.current_id == score.id


def test_what_the_cells_say_is_what_is_scored(people: World):
    """From the text of a file to the stored inputs, read here with float() alone."""
    rows = [row for row in dirty_rows(200, 9)]
    with people.within("alpha", "one"):
        job_id = scored_in_columns(people, as_csv(rows))
        found = 0
        errors = set(
            RowIssue.objects.filter(job=job_id, severity=Severity.ERROR).values_list("row_number", flat=True)
        )
        for score in Score.objects.filter(job=job_id):
            given = dict(zip(HEADER, rows[score.row_number - 2], strict=True))
            assert score.row_number not in errors
            for name, value in {
                **score.inputs.get("ratios", {}),
                **score.inputs.get("statement", {}),
            }.items():
                text = given[name].replace("%", "").replace("\u200b", "").replace(",", "")
                scale = 1e6 if name in LINE_ITEMS else 1.0
                assert value == float(text) / scale
                found += 1
        assert found > 500
        assert Score.objects.filter(job=job_id).count() + len(errors) == len(rows)


def test_companies_learn_in_sets_what_they_learn_one_by_one(people: World):
    header = ",".join(HEADER[:5]) + ",return_on_assets\n"
    first = header + "SET,Old name,Energy,1000000,2020,4\nSET2,Other,,,2020,4\n"
    second = header + "SET,,Utilities,3000000,2021,4\nSET,New name,,2000000,2022,4\n"
    with people.within("alpha", "one"):
        for content in (first, second):
            scored_in_columns(people, content.encode())
        company = Company.objects.get(symbol="SET")
        assert (company.name, company.sector, company.market_cap) == ("New name", "Utilities", money(2.0))
        assert (company.version, company.currency) == (2, "USD")
        assert Prediction.objects.filter(company=company).count() == 3


def test_json_is_written_in_the_order_in_which_it_is_kept(db):
    values = {name: np.array([1.5, np.nan]) for name in ("total_assets", "ebit", "sales", "cash")}
    whole, empty = InputColumns(ratios={}, statement=values, prior={}).json(2).to_pylist()
    assert list(json.loads(whole)["statement"]) == ["cash", "ebit", "sales", "total_assets"]
    assert empty == "{}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::jsonb::text", [whole])
        assert cursor.fetchone()[0] == whole
