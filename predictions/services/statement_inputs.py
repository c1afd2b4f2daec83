"""From the books of a company to what is scored: which versions, in dollars, with what history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from companies.fx.selectors import DOLLAR, Rate, rates_on
from companies.models import Company, PeriodKind, Statement
from companies.quality import Period, end_of
from companies.services import CompanyFacts
from ml.features import FLOW_ITEMS
from predictions.models import PredictionKind
from predictions.services.scoring import Inputs, ScoreRequest

YEARS_BACK = 4
QUARTERS_BACK = 19
"""Earlier periods that the engine looks at: four years beside the scored one."""
NO_RATE = "currency_not_convertible"
_IN_A_YEAR = 4

Rates = Mapping[tuple[str, date], Rate]


@dataclass(frozen=True, slots=True)
class Asked:
    """One period to be scored: from which version, with which earlier ones; or why it cannot be."""

    kind: str
    """Of the prediction: what trails twelve months is a quarter's."""
    statement: Statement
    history: tuple[Statement, ...]
    """Earlier versions that it looks at, the nearest first."""
    company: Company
    rate: Rate | None = None
    refusal: str = ""

    @property
    def trace(self) -> tuple[UUID, tuple[UUID, ...]]:
        """The very versions that the score rests on."""
        return self.statement.id, tuple(row.id for row in self.history)

    def request(self) -> ScoreRequest:
        """As the engine is asked; the symbol alone names the company, so that nothing is learnt."""
        if self.statement.kind == PeriodKind.TRAILING:
            now, prior = _spread(self)
        else:
            at = {_distance(self.statement, row): self._dollars(row) for row in self.history}
            now = self._dollars(self.statement)
            prior = tuple(at.get(back, {}) for back in range(1, max(at, default=0) + 1))
        inputs = Inputs(statement=now, prior=prior)
        if self.rate is not None:
            inputs = replace(inputs, fx=self.rate.as_json())
        statement_id, history_ids = self.trace
        return ScoreRequest(
            company=CompanyFacts(self.company.symbol),
            fiscal_year=self.statement.fiscal_year,
            fiscal_quarter=self.statement.fiscal_quarter,
            inputs=inputs,
            statement_id=statement_id,
            history_ids=history_ids,
        )

    def _dollars(self, row: Statement) -> dict[str, float]:
        factor = float(self.rate.usd_per_unit) if self.rate is not None else 1.0
        return {
            name: value if name == "shares_outstanding" else value * factor
            for name, value in row.amounts().items()
        }


def asked_of(companies: Sequence[Company], statements: Iterable[Statement]) -> list[Asked]:
    """Every period of the companies that can have a PD, from their current statements.

    Annual statements are scored with the four years before. A quarter is scored from its own statement and
    the quarters before; where these are no full year and a statement of the trailing twelve months is there,
    from that. One rate of exchange, that of the scored period's end, converts the whole history, so that
    growth is the company's and not the currency's.
    """
    books: dict[tuple[UUID, str], dict[int, Statement]] = {}
    for row in statements:
        books.setdefault((row.company_id, row.kind), {})[_ordinal(row)] = row
    found: list[Asked] = []
    for company in companies:
        annual = books.get((company.id, PeriodKind.ANNUAL), {})
        quarterly = books.get((company.id, PeriodKind.QUARTERLY), {})
        trailing = {
            at: row
            for at, row in books.get((company.id, PeriodKind.TRAILING), {}).items()
            # What is derived is in the quarters already.
            if row.source_kind != "derived"
        }
        for at, row in sorted(annual.items()):
            found.append(Asked(PredictionKind.ANNUAL, row, _before(annual, at, YEARS_BACK), company))
        for at in sorted(quarterly.keys() | trailing.keys()):
            full = all(at - back in quarterly for back in range(_IN_A_YEAR))
            if at in quarterly and (full or at not in trailing):
                earlier = _before(quarterly, at, QUARTERS_BACK)
                found.append(Asked(PredictionKind.QUARTERLY, quarterly[at], earlier, company))
            else:
                earlier = _before(trailing, at, QUARTERS_BACK, step=_IN_A_YEAR)
                found.append(Asked(PredictionKind.QUARTERLY, trailing[at], earlier, company))
    return _with_rates(found)


def _with_rates(asked: Sequence[Asked]) -> list[Asked]:
    """The same with their rates; what is in a currency without one, or in two currencies, is refused."""
    wanted = {(a.statement.currency, _end(a)) for a in asked}
    rates = rates_on(wanted)
    settled = []
    for one in asked:
        currency = one.statement.currency
        # A year in another currency is no history of this one.
        same = tuple(row for row in one.history if row.currency == currency)
        rate = rates.get((currency, _end(one)))
        refusal = NO_RATE if currency != DOLLAR and rate is None else ""
        settled.append(replace(one, history=same, rate=rate, refusal=refusal))
    return settled


def _end(asked: Asked) -> date:
    row = asked.statement
    period = Period(row.kind, row.fiscal_year, row.fiscal_quarter, {}, period_end=row.period_end)
    return end_of(period, asked.company.fiscal_year_end)


def _before(rows: Mapping[int, Statement], at: int, back: int, step: int = 1) -> tuple[Statement, ...]:
    return tuple(rows[at - n] for n in range(step, back + 1, step) if at - n in rows)


def _ordinal(row: Statement) -> int:
    return row.fiscal_year * _IN_A_YEAR + row.fiscal_quarter - 1 if row.fiscal_quarter else row.fiscal_year


def _distance(now: Statement, before: Statement) -> int:
    return _ordinal(now) - _ordinal(before)


def _spread(asked: Asked) -> tuple[dict[str, float], tuple[dict[str, float], ...]]:
    """Twelve months as four quarters, each with a quarter of the flows: they sum to what was reported."""
    at = {_distance(asked.statement, row): asked._dollars(row) for row in asked.history}
    years = [asked._dollars(asked.statement), *(at.get(n, {}) for n in range(4, max(at, default=0) + 1, 4))]
    quarters = []
    for amounts in years:
        flows = {n: v / _IN_A_YEAR for n, v in amounts.items() if n in FLOW_ITEMS}
        stocks = {n: v for n, v in amounts.items() if n not in FLOW_ITEMS}
        quarters += [{**stocks, **flows}, flows, flows, flows]
    return quarters[0], tuple(quarters[1:])
