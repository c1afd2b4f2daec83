"""One company under a scenario, beside its base; and what would bring it to a better category."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from companies.models import Company
from companies.services import CompanyFacts
from ml.features import (
    ANNUAL_RATIOS,
    LINE_ITEMS,
    QUARTERLY_RATIOS,
    RATIOS,
    STATE_WORST,
    complete_items,
    ratios_from_items,
)
from ml.scenario import (
    Alternative,
    Assumptions,
    Lever,
    Reached,
    Shock,
    Shocked,
    apply,
    imbalance,
    reach,
)
from predictions.models import Prediction, PredictionKind, RiskLevel
from predictions.registry.selectors import ActiveModel, active_model
from predictions.scenarios.definitions import Definition
from predictions.services.scoring import Inputs, ScoreDraft, ScoreRequest, engine_kind, frames, score_requests
from tenants.kernel.context import current_tenant
from tenants.kernel.errors import Absent, Conflict

if TYPE_CHECKING:
    from ml.change import Change

LEVELS = tuple(RiskLevel.values)
NOT_SCORED, RATIOS_ONLY = "not_scored", "ratios_only"


@dataclass(frozen=True)
class Base:
    """What a company's current score rests on, ready to be shocked. Amounts are USD millions."""

    prediction: Prediction
    amounts: dict[str, Decimal]
    inputs: Inputs

    @property
    def periods(self) -> int:
        return 4 if self.prediction.kind == PredictionKind.QUARTERLY else 1

    def request(self, amounts: dict[str, Decimal] | None = None) -> ScoreRequest:
        """The base itself, or with other amounts of the current period; earlier ones stay."""
        head = self.prediction
        statement = {name: float(value) for name, value in (amounts or self.amounts).items()}
        return ScoreRequest(
            company=CompanyFacts(head.company.symbol),
            fiscal_year=head.fiscal_year,
            fiscal_quarter=head.fiscal_quarter,
            inputs=Inputs(statement=statement, prior=self.inputs.prior),
        )


@dataclass(frozen=True)
class WhatIf:
    """A company under a scenario."""

    base: Base
    shocked: Shocked
    before: ScoreDraft
    after: ScoreDraft
    change: Change | None
    """What moved the PD; None where either side has none."""


def base_of(prediction: Prediction) -> Base | str:
    """The base of a head with its current score, or the code of why it cannot be shocked."""
    score = prediction.current
    if score is None:
        return NOT_SCORED
    inputs = Inputs.from_json(score.inputs)
    if not inputs.statement:
        return RATIOS_ONLY
    amounts = {name: Decimal(repr(float(value))) for name, value in inputs.statement.items()}
    return Base(prediction, amounts, inputs)


def base_for(company: Company, kind: str) -> Base:
    """The base of what stands of a company now; raises Conflict where there is nothing to shock."""
    row = (
        Prediction.objects.filter(company=company, kind=kind, latest=True)
        .select_related("company", "current")
        .first()
    )
    found = base_of(row) if row is not None else NOT_SCORED
    if found == NOT_SCORED:
        raise Conflict(f"There is no {kind} score of {company.symbol} to start from.", code=NOT_SCORED)
    if isinstance(found, str):
        text = f"{company.symbol} was scored on ratios alone: there are no line items to shock."
        raise Conflict(text, code=RATIOS_ONLY)
    return found


def company_get(company_id: Any) -> Company:
    """A company of the caller's reach; raises Absent."""
    found: Company | None = Company.objects.filter(id=company_id).first()
    if found is None:
        raise Absent()
    return found


def whatif(base: Base, definition: Definition) -> WhatIf:
    """Shock a company, score both sides with the model that scores now, and say what moved the PD."""
    model = active_model()
    shocks = definition.for_sector(base.prediction.company.sector)
    shocked = apply(base.amounts, shocks, definition.assumptions, periods=base.periods)
    before, after = _scored(base, [base.amounts, shocked.amounts], model)
    return WhatIf(base, shocked, before, after, bridge(base, before, after, model))


def _scored(base: Base, statements: Sequence[dict[str, Decimal]], model: ActiveModel) -> list[ScoreDraft]:
    requests = [base.request(amounts) for amounts in statements]
    return score_requests(base.prediction.kind, requests, model=model, drivers=0)


def bridge(base: Base, before: ScoreDraft, after: ScoreDraft, model: ActiveModel) -> Change | None:
    """The exact parts of the difference between two scores of one company."""
    from ml.change import Side, change  # brings the tree library: only who asks for one name waits for it

    sides = []
    for draft in (before, after):
        if draft.pd is None or draft.pd_raw is None:
            return None
        frame, history = frames([draft.request.inputs])
        sides.append(Side(frame, history, draft.shape, draft.pd, draft.pd_raw))
    return change(model.engine, kind=engine_kind(base.prediction.kind), old=sides[0], new=sides[1])


def lines(shocked: Shocked, base: Base) -> list[dict[str, Any]]:
    """Every line of the statement before and after, in the order of a statement."""
    return [
        {
            "item": name,
            "label": item.label,
            "base": float(base.amounts[name]),
            "shocked": float(shocked.amounts[name]),
            "moved": float(shocked.moved.get(name, 0)),
        }
        for name, item in LINE_ITEMS.items()
        if name in base.amounts
    ]


def ratio_rows(before: dict[str, Decimal], after: dict[str, Decimal]) -> list[dict[str, Any]]:
    """The ratios of both sides; null where one is undefined or lacks an input."""
    names = tuple(dict.fromkeys((*ANNUAL_RATIOS, *QUARTERLY_RATIOS)))
    items = {
        name: np.array([float(side.get(name, np.nan)) for side in (before, after)])
        for name in {*before, *after}
    }
    found = ratios_from_items(complete_items(items), names)
    return [
        {
            "ratio": name,
            "label": RATIOS[name].label,
            "unit": RATIOS[name].unit,
            "base": _finite(found[name][0]),
            "shocked": _finite(found[name][1]),
        }
        for name in names
    ]


def _finite(value: float) -> float | None:
    return None if not np.isfinite(value) or value == STATE_WORST else float(value)


def balanced(shocked: Shocked) -> float | None:
    """By how much the statement does not balance, USD millions: as its base."""
    gap = imbalance(shocked.amounts)
    return None if gap is None else float(gap)


# -- the inverse ----------------------------------------------------------------------------------

USUAL_LEVERS = (
    Lever("sales", "relative", Decimal("0.10")),
    Lever("cost_of_goods_sold", "relative", Decimal("-0.05")),
    Lever("operating_costs", "relative", Decimal("-0.10")),
    Lever("receivable_days", "relative", Decimal("-0.20")),
    Lever("inventory_days", "relative", Decimal("-0.20")),
    Lever("fixed_assets", "relative", Decimal("-0.10")),
    Lever("long_term_debt", "relative", Decimal("-0.30")),
    Lever("equity", "relative", Decimal("0.10")),
)


@dataclass(frozen=True)
class Way:
    """What was found, with the score of record of each alternative."""

    base: Base
    before: ScoreDraft
    wanted: str
    found: Reached
    verified: tuple[tuple[Alternative, ScoreDraft], ...]
    nearest: ScoreDraft


def way_to(base: Base, *, level: str | None, levers: Iterable[Lever], assumptions: Assumptions) -> Way:
    """The smallest changes within bounds that bring a company to a better category (by default the next).

    Each alternative is scored once more, by the way every company is. Raises Conflict where the company is
    there already.
    """
    model = active_model()
    before = _scored(base, [base.amounts], model)[0]
    if before.pd is None:
        raise Conflict("There is nothing to score on in these inputs.", code="no_inputs")
    place = LEVELS.index(before.risk_level)
    wanted = level or LEVELS[max(place - 1, 0)]
    if place <= LEVELS.index(wanted):
        text = f"The company is {before.risk_level.lower()} risk already."
        raise Conflict(text, code="already_there")
    target = current_tenant().cutoffs[LEVELS.index(wanted)]

    def score(candidates: list[Shocked]) -> Any:
        drafts = _scored(base, [c.amounts for c in candidates], model)
        return np.array([np.nan if d.pd is None else d.pd for d in drafts])

    usable = [lever for lever in levers if _applies(base, lever, assumptions)]
    if not usable:
        raise Conflict("None of the levers moves a line that is known.", code="nothing_to_move")
    found = reach(base.amounts, usable, score, target=target, assumptions=assumptions, periods=base.periods)
    drafts = _scored(
        base, [*(a.shocked.amounts for a in found.alternatives), found.nearest.shocked.amounts], model
    )
    verified = [
        (way, draft)
        for way, draft in zip(found.alternatives, drafts, strict=False)
        if draft.pd is not None and LEVELS.index(draft.risk_level) <= LEVELS.index(wanted)
    ]
    return Way(base, before, wanted, found, tuple(verified), drafts[-1])


def _applies(base: Base, lever: Lever, assumptions: Assumptions) -> bool:
    """Whether the lever moves anything of what is known of the company."""
    whole: Shock = lever.at(Decimal(1))
    return bool(apply(base.amounts, [whole], assumptions, periods=base.periods).moved)
