"""Reports in words: a run, what the reference data holds, and stored figures beside raw facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from companies.connectors.edgar.facts import clean_cik, parse_company_facts
from companies.connectors.edgar.tags import ANNUAL_FORMS
from companies.connectors.kinds.edgar import FACTS, LocalDocuments
from companies.connectors.models import Run
from companies.models import Company, CompanyState, PeriodKind, Statement
from ml.features import FEATURES, LINE_ITEMS

SHOWN_REFUSALS = 20
MILLION = Decimal(1_000_000)
# Compared with the filing: the item, and the tags under which a filer may state it.
COMPARED = {
    "total_assets": ("Assets",),
    "net_sales": (
        "Revenues",
        "RevenueFromContractWithCustomerExcludingAssessedTax",
        "SalesRevenueNet",
        "Revenue",
    ),
    "net_income": ("NetIncomeLoss", "ProfitLossAttributableToOwnersOfParent"),
}


def inputs_of_features() -> frozenset[str]:
    """The line items that the feature table reads."""
    read = {name for feature in FEATURES.values() for name in feature.inputs}
    return frozenset(read & set(LINE_ITEMS))


def told(run: Run, seconds: float) -> Iterator[str]:
    """A run's report."""
    yield f"{run.get_state_display()} in {seconds:.1f} s."
    yield f"Documents: {run.documents}, of which {run.documents_unchanged} unchanged and not read again."
    yield f"Companies: {run.companies_new} new, {run.companies_changed} changed."
    yield (
        f"Statements: {run.fetched} fetched: {run.new} new, {run.restated} restated, "
        f"{run.unchanged} unchanged. Refused: {run.refused}."
    )
    if run.by_form:
        forms = ", ".join(f"{form} {number}" for form, number in sorted(run.by_form.items()))
        yield f"Stored by form: {forms}."
    codes = Counter(refusal["code"] for refusal in run.refusals)
    for refusal in run.refusals[:SHOWN_REFUSALS]:
        yield f"  refused: {refusal['where']}: {refusal['reason']}"
    if len(run.refusals) > SHOWN_REFUSALS:
        yield f"  and more: {dict(codes)}"


def stored() -> Iterator[str]:
    """What the reference data holds, and the share of the feature table's inputs that was found."""
    versions = Statement.objects.all()
    current = versions.filter(current=True)
    yield (
        f"Companies: {Company.objects.count()}. Periods: {current.count()}, versions: {versions.count()}. "
        + ", ".join(f"{kind}: {current.filter(kind=kind).count()}" for kind in PeriodKind.values)
        + "."
    )
    wanted = sorted(inputs_of_features())
    shares: dict[object, list[float]] = {}
    found: Counter[str] = Counter()
    total = 0
    for row in current.only("company_id", *wanted).iterator(chunk_size=2000):
        known = [name for name in wanted if getattr(row, name) is not None]
        found.update(known)
        total += 1
        shares.setdefault(row.company_id, []).append(len(known) / len(wanted))
    if not total:
        return
    means = {company: sum(values) / len(values) for company, values in shares.items()}
    middle = sorted(means.values())[len(means) // 2]
    yield f"Inputs of the feature table ({len(wanted)}) found per company, median of companies: {middle:.0%}."
    yield "Found, by input: " + ", ".join(f"{name} {found[name] / total:.0%}" for name in wanted) + "."
    most = sorted(shares, key=lambda company: -len(shares[company]))[:10]
    names = {company.id: company for company in Company.objects.filter(id__in=most)}
    for company in most:
        yield f"  {names[company]}: {len(shares[company])} periods, {means[company]:.0%} of the inputs"
    for company in Company.objects.filter(state=CompanyState.DEFAULTED):
        yield f"Defaulted: {company}, {company.get_default_kind_display()} on {company.defaulted_on}."


def beside(path: Path, cik: str) -> Iterator[str]:
    """The last five fiscal years as stored, each beside the fact of the filing that it came from."""
    cik = clean_cik(cik)
    document = next(
        (d for d in LocalDocuments(path).fetch(()) if d.key == f"{FACTS}/CIK{cik:0>10}.json"), None
    )
    if document is None:
        yield f"The folder has no company facts of CIK {cik}."
        return
    filings = {filing.accession: filing for filing in parse_company_facts(document.read()).filings}
    years = Statement.objects.filter(company__cik=cik, kind=PeriodKind.ANNUAL, current=True)
    yield "year  period end  filing                item          stored (m)      filing (units)"
    for row in years.order_by("-fiscal_year")[:5]:
        filing = filings.get(row.filing_id)
        for item, tags in COMPARED.items():
            facts = [
                fact
                for tag in tags
                for fact in (filing.facts if filing is not None and filing.form in ANNUAL_FORMS else [])
                if fact.tag == tag
                and fact.end == row.period_end
                and (fact.start is None or (fact.end - fact.start).days > 340)
            ]
            value = getattr(row, item)
            raw = facts[0].value if facts else None
            verdict = "equal" if raw is not None and value == raw / MILLION else "DIFFERENT"
            yield (
                f"{row.fiscal_year}  {row.period_end}  {row.filing_id}  {item:<13} {value:>14,.1f}  "
                f"{raw if raw is not None else '-':>18}  {verdict}"
            )
