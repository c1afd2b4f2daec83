"""Companies on a tenant's console."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.db.models import Count, Model, OuterRef, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.console import tenant_site
from companies import services
from companies.life_admin import CompanyLife, PresenceFilter
from companies.models import SYMBOL, Company, CustomField, PeriodKind, Statement
from companies.services import CompanyFacts
from companies.statement_admin import StatementAdmin
from organizations.models import Organization
from organizations.selectors import working_organization
from tenants.kernel import audit
from tenants.kernel.console import NOTHING, ConsoleAdmin, principal_of
from tenants.kernel.console_forms import ConsoleForm

__all__ = ["CompanyAdmin", "StatementAdmin"]
SHOWN_STATEMENTS = 12


def place_field(form: forms.Form | forms.ModelForm[Any], request: HttpRequest) -> None:
    """Let whoever reaches several organizations say to which a new row belongs."""
    rows = [
        (str(o.pk), o.name)
        for o in Organization.objects.filter(state="active").order_by("-is_default", "name")
    ]
    principal = principal_of(request)
    if len(rows) < 2 or principal is None:
        return
    form.fields["place"] = forms.ChoiceField(
        label="Organization",
        choices=rows,
        initial=str(working_organization(principal)),
        widget=UnfoldAdminSelectWidget(),
        help_text="Whose it will be.",
    )


def chosen_place(form: Any, request: HttpRequest) -> Any:
    """The organization that the form names, else the one the caller works in."""
    if place := form.cleaned_data.get("place"):
        return Organization.objects.get(pk=place, state="active").pk
    return working_organization(request.principal)  # type: ignore[attr-defined]


class CompanyForm(ConsoleForm):
    """A company as people know it. The symbol is given once: files and statements know it by that."""

    error_fields: ClassVar[dict[str, str]] = {"company_symbol": "symbol"}

    class Meta:
        model = Company
        fields = ("symbol", "name", "sector", "currency", "market_cap")
        widgets: ClassVar[dict[str, Any]] = {
            name: UnfoldAdminTextInputWidget() for name in ("symbol", "name", "sector", "currency")
        }

    def clean_currency(self) -> str:
        currency = str(self.cleaned_data["currency"]).strip().upper()
        if len(currency) != 3 or not currency.isalpha():
            raise forms.ValidationError("Three letters, such as USD.")
        return currency


class CompanyAddForm(CompanyForm):
    """A new company, which must be new in its organization."""

    console_request: HttpRequest

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        place_field(self, self.console_request)

    def clean_symbol(self) -> str:
        symbol = str(self.cleaned_data["symbol"]).strip().upper()
        SYMBOL(symbol)
        return symbol

    def clean(self) -> Any:
        data = super().clean()
        if not self.errors:
            rows = Company.objects.filter(organization_id=chosen_place(self, self.console_request))
            if rows.filter(symbol=self.cleaned_data["symbol"]).exists():
                self.add_error("symbol", "There is a company of this symbol already.")
        return data


@admin.register(Company, site=tenant_site)
class CompanyAdmin(CompanyLife, ConsoleAdmin):
    """Companies of the caller's reach."""

    permissions: ClassVar[dict[str, str]] = {
        "view": "companies.read",
        "add": "companies.create",
        "change": "companies.change",
        "delete": "companies.change",
        **CompanyLife.permissions,
    }
    form = CompanyForm
    list_display = (
        "symbol",
        "name",
        "sector",
        "market_value",
        "state",
        "internal_rating",
        "periods",
        "organization",
        "created_at",
    )
    list_filter = (PresenceFilter, "state", "sector", "currency", "organization")
    list_select_related = ("organization",)
    search_fields = ("symbol", "name", "ticker", "lei", "cik", "national_id")
    ordering = ("symbol",)
    date_hierarchy = "created_at"
    # What is read off registers, found out or decided has its endpoints; the console shows it.
    shown_only = (
        *("industry", "legal_form", "country", "ticker", "exchange", "cik", "lei", "national_id"),
        *("state", "defaulted_on", "default_kind", "internal_rating", "tags", "custom"),
    )
    readonly_fields = (
        *("symbol", "organization", "statements_table", "created_at", "updated_at"),
        *shown_only,
    )
    actions_detail = ("predictions", "notes", "risk_report", "workbook", *CompanyLife.buttons)
    actions_list = ("duplicates",)
    fieldsets = (
        (None, {"fields": (("symbol", "name"), ("sector", "organization"))}),
        ("Value", {"fields": (("currency", "market_cap"),)}),
        (
            "Identity",
            {
                "fields": (
                    ("industry", "legal_form", "country"),
                    ("ticker", "exchange"),
                    ("cik", "lei", "national_id"),
                )
            },
        ),
        (
            "Standing",
            {
                "fields": (
                    ("state", "defaulted_on", "default_kind"),
                    ("internal_rating", "tags"),
                    "custom",
                )
            },
        ),
        ("Statements", {"fields": ("statements_table",)}),
        ("Kept", {"fields": (("created_at", "updated_at"),)}),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        # Counted for the rows of the page only, not for the whole table as a join would.
        held = Statement.objects.filter(company=OuterRef("pk")).order_by().values("company")
        counted = held.annotate(n=Count("*")).values("n")
        return self.kept_rows(request).annotate(
            years=Subquery(counted.filter(kind=PeriodKind.ANNUAL)),
            quarters=Subquery(counted.filter(kind=PeriodKind.QUARTERLY)),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.readonly_fields if obj is not None else ()

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is not None:
            return self.fieldsets
        place = ("place",) if len(self.reach(request)) > 1 else ()
        return ((None, {"fields": ("symbol", "name", "sector", "currency", "market_cap", *place)}),)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is not None:
            return super().get_form(request, obj, change=change, **kwargs)
        kwargs["fields"] = CompanyForm.Meta.fields
        made = super().get_form(request, obj, change=change, form=CompanyAddForm, **kwargs)
        return type("CompanyAddForm", (made,), {"console_request": request})

    def create(self, request: HttpRequest, form: Any) -> Model:
        data, place = form.cleaned_data, chosen_place(form, request)
        facts = CompanyFacts(
            data["symbol"], data["name"], data["sector"], data["market_cap"], data["currency"]
        )
        actor = self.actor(request)
        company = services.companies_ensure(facts=[facts], organization_id=place, actor=actor)[facts.symbol]
        audit.record("companies.company.created", on=company, changes={"symbol": facts.symbol}, actor=actor)
        return company

    def update(self, request: HttpRequest, obj: Any, form: Any) -> None:
        values = {name: form.cleaned_data[name] for name in form.changed_data}
        services.company_update(company=obj, values=values, actor=self.actor(request))

    def remove(self, request: HttpRequest, obj: Any) -> None:
        services.company_delete(company=obj, actor=self.actor(request))

    @action(description="Predictions", url_path="predictions", icon="trending_down")
    def predictions(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The company's predictions, in their own list."""
        address = reverse("admin:predictions_prediction_changelist", current_app=self.admin_site.name)
        return HttpResponseRedirect(f"{address}?{urlencode({'company__id__exact': object_id})}")

    @action(description="Notes", url_path="notes", icon="chat")
    def notes(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What people wrote about it."""
        address = reverse("admin:lists_note_changelist", current_app=self.admin_site.name)
        return HttpResponseRedirect(f"{address}?{urlencode({'company__id__exact': object_id})}")

    @action(description="Risk report (PDF)", url_path="risk-report", icon="picture_as_pdf")
    def risk_report(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """One page on the company's risk; the API makes it and writes it down."""
        return HttpResponseRedirect(f"/api/v1/exports/company?company={object_id}&type=pdf")

    @action(description="File (Excel)", url_path="workbook", icon="table_view")
    def workbook(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Statements, ratios and scores of the company as a workbook."""
        return HttpResponseRedirect(f"/api/v1/exports/company?company={object_id}&type=xlsx")

    @display(description="Market cap", ordering="market_cap")
    def market_value(self, company: Company) -> str:
        if company.market_cap is None:
            return NOTHING
        return f"{company.market_cap:,.0f}\xa0m\xa0{company.currency}"

    @display(description="Statements", ordering="years")
    def periods(self, company: Any) -> str:
        counted = ((company.years, "annual"), (company.quarters, "quarterly"))
        return ", ".join(f"{number} {kind}" for number, kind in counted if number) or "none"

    @display(description="Latest")
    def statements_table(self, company: Company) -> Any:
        rows = Statement.objects.filter(company=company).order_by("-fiscal_year", "-fiscal_quarter")
        shown = list(rows[:SHOWN_STATEMENTS])
        if not shown:
            return "No statements: its predictions come from ratios or files."
        columns = ("total_assets", "total_liabilities", "net_sales", "net_income")
        head = format_html_join("", "<th>{}</th>", ((c.replace("_", " ").capitalize(),) for c in columns))
        body = format_html_join(
            "",
            "<tr><td>{}</td>{}</tr>",
            (
                (
                    f"{s.fiscal_year} Q{s.fiscal_quarter}" if s.fiscal_quarter else s.fiscal_year,
                    format_html_join("", "<td>{}</td>", ((_amount(getattr(s, c)),) for c in columns)),
                )
                for s in shown
            ),
        )
        return format_html(
            '<table class="console-grid"><thead><tr><th>Period</th>{}</tr></thead><tbody>{}</tbody></table>'
            '<p class="console-note">Millions of {}.</p>',
            head,
            body,
            company.currency,
        )


class CustomFieldForm(ConsoleForm):
    """A field of the institution's own. Name and kind are given once."""

    class Meta:
        model = CustomField
        fields = ("name", "label", "kind", "choices", "required", "help_text", "position")
        widgets: ClassVar[dict[str, Any]] = {
            name: UnfoldAdminTextInputWidget() for name in ("name", "label", "choices", "help_text")
        }


@admin.register(CustomField, site=tenant_site)
class CustomFieldAdmin(ConsoleAdmin):
    """The institution's own fields of companies."""

    permissions: ClassVar[dict[str, str]] = {
        "view": "tenant.read",
        "add": "tenant.change",
        "change": "tenant.change",
    }
    form = CustomFieldForm
    list_display = ("name", "label", "kind", "required", "position", "in_use")
    search_fields = ("name", "label")
    ordering = ("position", "name")
    actions_detail = ("archive",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("name", "kind") if obj is not None else ()

    def create(self, request: HttpRequest, form: Any) -> Model:
        return services.custom_field_create(**form.cleaned_data, actor=self.actor(request))

    def update(self, request: HttpRequest, obj: Any, form: Any) -> None:
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        services.custom_field_update(field=obj, changes=changes, actor=self.actor(request))

    @action(description="Take out of use, or back into it", url_path="archive", permissions=["change"])
    def archive(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Values stay either way."""
        field = self.row_for(request, "change", object_id)
        if field is None:
            return self.gone(request, object_id)
        out = field.archived_at is None
        return self.ask(
            request,
            field,
            title="Take the field out of use" if out else "Bring the field back into use",
            text="Nobody is asked for it any more; values stay." if out else "With the values of before.",
            button="Take out of use" if out else "Bring back",
            do=lambda data: services.custom_field_archive(
                field=field, archived=out, actor=self.actor(request)
            ),
            done="Done.",
        )

    @display(description="In use", boolean=True)
    def in_use(self, field: CustomField) -> bool:
        return field.archived_at is None


def _amount(value: Any) -> str:
    return NOTHING if value is None else f"{value:,.1f}"
