"""Statements on a tenant's console: what was taken in, what the checks found, and what it came to."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from unfold.decorators import display

from accounts.console import tenant_site
from companies.models import Quality, Statement
from companies.statement_selectors import difference, ratios_for, versions_of
from ml.features import LINE_ITEMS
from tenants.kernel.console import NOTHING, ConsoleAdmin

_LABELS = {"Error": "danger", "Warning": "warning", "Information": "info", "Nothing found": "success"}


@admin.register(Statement, site=tenant_site)
class StatementAdmin(ConsoleAdmin):
    """Statements are entered by file, connector or API, and never changed: a correction is a version."""

    permissions: ClassVar[dict[str, str]] = {"view": "companies.read"}
    list_display = (
        "company",
        "period",
        "kind",
        "edition",
        "assets",
        "sales",
        "checked",
        "source",
        "created_at",
    )
    list_filter = ("kind", "quality", "current", "source_kind", "currency", "organization")
    list_select_related = ("company", "organization")
    search_fields = ("company__symbol", "company__name", "filing_id")
    lookups = ("company",)
    ordering = ("-created_at", "-id")
    date_hierarchy = "created_at"
    fieldsets = (
        (None, {"fields": (("company", "period"), ("kind", "edition"), ("period_end", "months"))}),
        ("What the checks found", {"fields": ("found", "unscored_text")}),
        ("Amounts", {"fields": ("amounts_table",)}),
        ("Versions", {"fields": ("versions_table",)}),
        ("Ratios", {"fields": ("ratios_table",)}),
        ("Where from", {"fields": (("source_kind", "source"), ("filing_id", "filed_on"), "places")}),
        ("Kept", {"fields": (("organization", "created_at"),)}),
    )
    readonly_fields = (
        *("company", "period", "kind", "edition", "period_end", "months", "found", "unscored_text"),
        *("amounts_table", "versions_table", "ratios_table", "source_kind", "source", "filing_id"),
        *("filed_on", "places", "organization", "created_at"),
    )

    @display(description="Period", ordering="fiscal_year")
    def period(self, row: Statement) -> str:
        return f"{row.fiscal_year} Q{row.fiscal_quarter}" if row.fiscal_quarter else str(row.fiscal_year)

    @display(description="Version", ordering="version")
    def edition(self, row: Statement) -> str:
        holds = "" if row.current else ", superseded"
        return f"{row.version}, {row.get_basis_display().lower()}{holds}"

    @display(description="Total assets", ordering="total_assets")
    def assets(self, row: Statement) -> str:
        return _money(row.total_assets, row.currency)

    @display(description="Net sales", ordering="net_sales")
    def sales(self, row: Statement) -> str:
        return _money(row.net_sales, row.currency)

    @display(description="Checks", ordering="quality", label=_LABELS)
    def checked(self, row: Statement) -> str:
        return str(Quality(row.quality).label)

    @display(description="Findings")
    def found(self, row: Statement) -> Any:
        if not row.findings:
            return "Nothing was found."
        rows = (
            (
                f["level"],
                f["message"],
                f["hint"] if not f.get("confirmed") else "Confirmed by who brought it.",
            )
            for f in row.findings
        )
        return _table(("Level", "What", "Look at"), rows)

    @display(description="Score")
    def unscored_text(self, row: Statement) -> str:
        words = {
            "": "See the company's predictions.",
            "currency_not_convertible": f"None: no exchange rate of {row.currency} is known for its end.",
            "no_inputs": "None: there is nothing to score on in these amounts.",
        }
        return words.get(row.unscored, row.unscored)

    @display(description="Amounts")
    def amounts_table(self, row: Statement) -> Any:
        cells = row.source_ref.get("cells") or row.source_ref.get("tags") or {}
        known = row.amounts()
        rows = [
            (LINE_ITEMS[name].label, f"{value:,.3f}", str(cells.get(name, NOTHING)))
            for name, value in known.items()
        ]
        return format_html(
            '{}<p class="console-note">Millions of {}; the source was in {}.</p>',
            _table(("Item", "Amount", "Cell or tag"), rows),
            row.currency,
            row.unit,
        )

    @display(description="Versions")
    def versions_table(self, row: Statement) -> Any:
        versions = versions_of(row)
        if len(versions) < 2:
            return "This is the only version."
        rows = []
        for old, new in zip(versions, versions[1:], strict=False):
            said = [
                f"{d['item'].replace('_', ' ')}: {d['before']} → {d['after']}" for d in difference(old, new)
            ]
            rows.append((f"{old.version} → {new.version}", f"{new.created_at:%Y-%m-%d}", "; ".join(said)))
        return _table(("Versions", "On", "What changed"), rows)

    @display(description="Ratios")
    def ratios_table(self, row: Statement) -> Any:
        found = ratios_for([row])[0]
        rows = [
            (
                ratio.label,
                NOTHING if ratio.value is None else f"{ratio.value:,.2f} {ratio.unit}",
                ratio.formula if ratio.value is not None else ratio.reason.replace("_", " "),
            )
            for ratio in found.ratios
            if ratio.group == "classic"
        ]
        return _table(("Ratio", "Value", "Formula, or why there is none"), rows)

    @display(description="Places in the source")
    def places(self, row: Statement) -> str:
        ref = {name: value for name, value in row.source_ref.items() if name not in {"cells", "tags"}}
        return ", ".join(f"{name}: {value}" for name, value in ref.items()) or NOTHING

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


def _money(value: Any, currency: str) -> str:
    return NOTHING if value is None else f"{value:,.1f}\xa0m\xa0{currency}"


def _table(head: tuple[str, ...], rows: Any) -> Any:
    cells = format_html_join("", "<th>{}</th>", ((name,) for name in head))
    body = format_html_join(
        "",
        "<tr>{}</tr>",
        ((format_html_join("", "<td>{}</td>", ((cell,) for cell in row)),) for row in rows),
    )
    return format_html(
        '<table class="console-grid"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>', cells, body
    )
