"""A tenant with a hundred thousand companies and a million scores in a minute or two: made by the server."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from tests.benchmarks.harness import say, seconds

YEARS = (2021, 2022, 2023, 2024, 2025)
SECTORS = (
    "Technology", "Healthcare", "Financial Services", "Consumer Cyclical", "Industrials",
    "Communication Services", "Consumer Defensive", "Energy", "Utilities", "Real Estate", "Basic Materials",
)  # fmt: skip
# Lists of what there is little of: a page of 100 must be full all the same.
FEW = 120
# Their triggers are off meanwhile: what they keep is said at once.
_TABLES = ("companies_company", "companies_statement", "predictions_prediction", "predictions_score")

# Identifiers in the order of time, as the kernel makes them; a bell curve (PostgreSQL 15 has none).
_FUNCTIONS = """
CREATE OR REPLACE FUNCTION pg_temp.key(at timestamptz) RETURNS uuid LANGUAGE sql AS $$
    SELECT encode(set_byte(b, 6, (get_byte(b, 6) & 15) | 112), 'hex')::uuid FROM (
        SELECT overlay(uuid_send(gen_random_uuid())
            PLACING substring(int8send((extract(epoch FROM at) * 1000)::bigint) FROM 3) FROM 1 FOR 6) b) x $$;
CREATE OR REPLACE FUNCTION pg_temp.bell() RETURNS float8 LANGUAGE sql AS $$
    SELECT sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()) $$;
CREATE OR REPLACE FUNCTION pg_temp.level(pd float8) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN pd < 0.03 THEN 'LOW' WHEN pd < 0.07 THEN 'MEDIUM' WHEN pd < 0.15 THEN 'HIGH'
                ELSE 'CRITICAL' END $$;
"""
_COMPANIES = """
CREATE TEMP TABLE made_company ON COMMIT DROP AS
SELECT n, pg_temp.key(at) AS id, at, exp(-3.6 + pg_temp.bell()) AS level_of,
    exp(4 + 2 * pg_temp.bell()) + 0.1 AS assets
FROM (SELECT n, now() - interval '700 days' + n * interval '1 second' AS at
      FROM generate_series(0, %(companies)s - 1) n) x;
INSERT INTO companies_company (id, organization_id, symbol, name, legal_form, country, sector, industry,
    ticker, exchange, cik, lei, national_id, currency, market_cap_currency, state, default_kind, tags, custom,
    internal_rating, version, created_at, updated_at, created_by_id)
SELECT id, %(organization)s, %(mark)s || n,
    -- One in a thousand is the twin of the company before.
    'Company ' || (n - (n %% 1000 = 1)::int) || ' of ' || %(mark)s, '', 'US',
    (%(sectors)s::text[])[1 + n %% %(many)s], '', '', '', '', '', '', 'USD', '', 'alive', '', '{}', '{}',
    '', 1, at, at, %(maker)s FROM made_company
"""
# Newer periods later; the repeats of a period are spread over the year before.
_SCORES = """
CREATE TEMP TABLE made_head ON COMMIT DROP AS
SELECT pg_temp.key(at) AS id, company, year, at, level_of, assets FROM (
    SELECT c.id AS company, c.level_of, c.assets, year,
        now() - interval '1 day' * (365 * (%(last)s - year) + 300)
            - interval '1 second' * (random() * 86400) AS at
    FROM made_company c CROSS JOIN unnest(%(years)s::int[]) year) x;
CREATE TEMP TABLE made_score ON COMMIT DROP AS
SELECT pg_temp.key(at) AS id, head, company, year, at, pd, pg_temp.level(pd) AS level, assets, holds
FROM (
    SELECT h.id AS head, h.company, h.assets, h.year, step = %(runs)s - 1 AS holds,
        h.at + interval '1 day' * (300 * (step + 1) / %(runs)s) AS at,
        least(greatest(h.level_of * exp(0.3 * pg_temp.bell()), 0.0003), 0.95) AS pd
    FROM made_head h CROSS JOIN generate_series(0, %(runs)s - 1) step) x;
INSERT INTO predictions_prediction (id, organization_id, company_id, kind, fiscal_year, quarter_label,
    current_id, pd, risk_level, latest, created_at, updated_at, created_by_id)
SELECT s.head, %(organization)s, s.company, 'annual', s.year, '', s.id, s.pd, s.level, s.year = %(last)s,
    h.at, s.at, %(maker)s
FROM made_score s JOIN made_head h ON h.id = s.head WHERE s.holds;
INSERT INTO predictions_score (id, organization_id, prediction_id, model_version_id, model_sha256, input_hash,
    shape, inputs, pd, pd_raw, risk_level, grade, members, low, high, confidence, confidence_level,
    confidence_reasons, warnings, created_at, created_by_id)
SELECT s.id, %(organization)s, s.head, %(version)s, repeat('0', 64), repeat('0', 64),
    CASE WHEN holds AND year = %(last)s THEN 'statement' ELSE 'annual_ratios' END,
    CASE WHEN holds AND year = %(last)s THEN jsonb_build_object('statement', jsonb_build_object(
        'total_assets', a, 'current_assets', a * 0.4, 'cash', a * 0.08, 'inventory', a * 0.12,
        'total_receivables', a * 0.15, 'net_fixed_assets', a * 0.5, 'total_liabilities', o,
        'total_current_liabilities', o * 0.45, 'short_term_debt', o * 0.1, 'total_long_term_debt', o * 0.4,
        'total_debt', o * 0.5, 'total_equity', a - o, 'retained_earnings', (a - o) * 0.4, 'net_sales', a,
        'cost_of_goods_sold', a * 0.65, 'gross_profit', a * 0.35, 'total_operating_expenses', a * 0.88,
        'ebitda', a * 0.12, 'depreciation_amortization', a * 0.04, 'ebit', a * 0.08,
        'interest_expense', o * 0.03, 'net_income', a * 0.08 - o * 0.03))
    ELSE '{"ratios": {"return_on_assets": 4.2, "net_income_margin": 3.1}}' END,
    pd, pd, level, 'BB', '{"logistic": 0.02, "gradient_boosting": 0.02, "random_forest": 0.02}', pd / 2,
    least(2 * pd, 0.99), 0.7, 'medium', '[]', '[]', s.at, %(maker)s
FROM (SELECT *, round(assets::numeric, 4) AS a, round((assets * least(0.3 + 2 * pd, 0.95))::numeric, 4) AS o
      FROM made_score) s ORDER BY s.at
"""
_STATEMENTS = """
INSERT INTO companies_statement (id, organization_id, company_id, kind, fiscal_year, period_end, basis,
    version, current, currency, unit, source_kind, source, source_ref, filing_id, content_hash, findings,
    quality, unscored, delete_reason, created_at, created_by_id, total_assets, net_sales, net_income,
    total_equity)
SELECT pg_temp.key(made), %(organization)s, id, 'annual', %(last)s, make_date(%(last)s, 12, 31), 'reported',
    1, true, 'USD', 'millions', 'file', 'book.csv', '{}', '', md5(n::text), '[]', 'clean', '', '', made,
    %(maker)s,     round(assets::numeric, 4), round(assets::numeric, 4), round((assets * 0.05)::numeric, 4),
    round((assets * 0.5)::numeric, 4)
FROM (SELECT *, now() - interval '90 days' + n * interval '1 second' AS made FROM made_company) c
"""


def fill(
    organization_id: UUID, companies: int, scores: int, *, mark: str, maker: UUID, version: UUID
) -> None:
    """Companies with heads of five years and as many scores for each as make up the number."""
    given = {
        "organization": organization_id,
        "companies": companies,
        "runs": max(scores // (companies * len(YEARS)), 1),
        "mark": mark,
        "maker": maker,
        "version": version,
        "years": list(YEARS),
        "last": YEARS[-1],
        "sectors": list(SECTORS),
        "many": len(SECTORS),
    }
    with connection.cursor() as cursor:
        cursor.execute(_FUNCTIONS)
        for table in _TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for what, statements in (("companies", _COMPANIES), ("scores", _SCORES), ("statements", _STATEMENTS)):
            taken = seconds(lambda text=statements: [cursor.execute(one, given) for one in text.split(";\n")])
            say(f"  {what} of {mark}: {taken:,.0f} s")
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in _TABLES:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def few_of_each(owner: Any, maker: UUID) -> None:
    """So many of everything else that a page of a hundred is full."""
    from companies.lists.models import RecentView, WatchlistEntry
    from companies.models import Company
    from predictions.models import Prediction
    from tests import factories

    made = ("JobFactory", "ScenarioFactory", "AlertFactory", "WhitelistEntryFactory", "JoinLinkFactory",
            "InvitationFactory", "OwnModelFactory", "ImportFactory", "ExportFactory", "RescoreRunFactory",
            "SourceFactory", "ScheduleFactory")  # fmt: skip
    heads = list(Prediction.objects.filter(organization=owner, latest=True).order_by("id")[:FEW])
    companies = list(Company.objects.filter(organization=owner).order_by("id")[:FEW])
    lists = []
    for number in range(FEW):
        for name in made:
            getattr(factories, name)(organization=owner)
        week = date(2023, 1, 2) + timedelta(weeks=number)
        factories.ObservationFactory(organization=owner, week=week)
        company, head = companies[number], heads[number]
        factories.ScenarioRunFactory(organization=owner, looked_at=company)
        factories.OutcomeFactory(organization=owner, company=company)
        factories.NoteFactory(organization=owner, company=company, created_by_id=maker)
        factories.FlagFactory(organization=owner, company=head.company, prediction=head)
        lists.append(factories.WatchlistFactory(organization=owner, created_by_id=maker))
        WatchlistEntry.objects.create(organization=owner, watchlist=lists[0], company=company)
        RecentView.objects.create(organization=owner, user_id=maker, company=company)
