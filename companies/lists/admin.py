"""Watchlists and notes on a tenant's console."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Count, Model, Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.text import Truncator
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from accounts.console import tenant_site
from accounts.selectors import emails_of
from companies.admin import chosen_place, place_field
from companies.lists import services
from companies.lists.models import Note, Watchlist
from companies.lists.selectors import seen_by
from companies.models import Company
from companies.outlook import outlook
from tenants.kernel.console import NOTHING, ConsoleAdmin, percent, principal_of
from tenants.kernel.console_forms import ConsoleForm
from tenants.kernel.errors import InvalidInput

SHOWN_COMPANIES = 100
LEVEL_LABELS = {"Low": "success", "Medium": "info", "High": "warning", "Critical": "danger"}


class SymbolsForm(forms.Form):
    """Companies by their symbols."""

    symbols = forms.CharField(
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text="Symbols, with commas, spaces or lines between.",
    )


class WatchlistForm(ConsoleForm):
    """A list's name and who sees it."""

    error_fields: ClassVar[dict[str, str]] = {"duplicate_list": "name"}
    console_request: HttpRequest
    adding = False

    class Meta:
        model = Watchlist
        fields = ("name", "description", "shared")
        widgets: ClassVar[dict[str, Any]] = {
            name: UnfoldAdminTextInputWidget() for name in ("name", "description")
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.adding:
            place_field(self, self.console_request)


@admin.register(Watchlist, site=tenant_site)
class WatchlistAdmin(ConsoleAdmin):
    """One's own lists, and those that are shared."""

    permissions: ClassVar[dict[str, str]] = {
        "view": "companies.read",
        "add": "lists.create",
        "change": "lists.change",
        "delete": "lists.change",
        "add_companies": "lists.change",
        "remove_companies": "lists.change",
    }
    form = WatchlistForm
    list_display = ("name", "held_companies", "seen", "maker", "organization", "updated_at")
    list_filter = ("shared", "organization")
    list_select_related = ("organization",)
    search_fields = ("name", "description")
    ordering = ("name", "id")
    readonly_fields = ("companies_table", "organization", "maker", "created_at", "updated_at")
    actions_detail = ("add_companies", "remove_companies")

    def get_queryset(self, request: HttpRequest) -> Any:
        principal = principal_of(request)
        rows = super().get_queryset(request).filter(seen_by(principal.user_id if principal else None))
        return rows.annotate(held=Count("entries", filter=Q(entries__company_deleted_at=None)))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self._read_makers(request)
        return super().changelist_view(request, extra_context)

    def _read_makers(self, request: HttpRequest) -> None:
        ids = set(self.get_queryset(request).values_list("created_by_id", flat=True)[:1000])
        self.makers = emails_of({i for i in ids if i})

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.readonly_fields if obj is not None else ()

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            place = ("place",) if len(self.reach(request, "add")) > 1 else ()
            return ((None, {"fields": (*WatchlistForm.Meta.fields, *place)}),)
        return (
            (None, {"fields": (("name", "shared"), "description")}),
            ("Companies", {"fields": ("companies_table",)}),
            ("Kept", {"fields": (("organization", "maker"), ("created_at", "updated_at"))}),
        )

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is not None:
            return super().get_form(request, obj, change=change, **kwargs)
        kwargs["fields"] = WatchlistForm.Meta.fields
        made = super().get_form(request, obj, change=change, **kwargs)
        return type("WatchlistAddForm", (made,), {"console_request": request, "adding": True})

    def create(self, request: HttpRequest, form: Any) -> Model:
        data = {name: form.cleaned_data[name] for name in WatchlistForm.Meta.fields}
        return services.watchlist_create(
            **data, organization_id=chosen_place(form, request), actor=self.actor(request)
        )

    def update(self, request: HttpRequest, obj: Any, form: Any) -> None:
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        services.watchlist_update(watchlist=obj, changes=changes, actor=self.actor(request))

    def remove(self, request: HttpRequest, obj: Any) -> None:
        services.watchlist_delete(watchlist=obj, actor=self.actor(request))

    @display(description="Companies", ordering="held")
    def held_companies(self, row: Any) -> int:
        return int(row.held)

    @display(description="Seen by", label={"Organization": "info", "Maker alone": "default"})
    def seen(self, row: Watchlist) -> str:
        return "Organization" if row.shared else "Maker alone"

    @display(description="Made by")
    def maker(self, row: Watchlist) -> str:
        if row.created_by_id is None:
            return NOTHING
        known = getattr(self, "makers", {})
        return known.get(row.created_by_id) or emails_of({row.created_by_id}).get(row.created_by_id, NOTHING)

    @display(description="On the list")
    def companies_table(self, row: Watchlist) -> Any:
        rows = list(
            Company.objects.filter(watchlist_entries__watchlist=row).order_by("symbol", "id")[
                : SHOWN_COMPANIES + 1
            ]
        )
        if not rows:
            return "No company yet: add some above."
        told = outlook().of([company.id for company in rows])
        body = format_html_join("", *_table_row(rows[:SHOWN_COMPANIES], told))
        more = f"The first {SHOWN_COMPANIES} of them." if len(rows) > SHOWN_COMPANIES else ""
        return format_html(
            '<table class="console-grid"><thead><tr><th>Company</th><th>Name</th><th>Rating</th><th>PD</th>'
            "<th>Before</th><th>Level</th></tr></thead><tbody>{}</tbody></table>"
            '<p class="console-note">{}</p>',
            body,
            more,
        )

    @action(description="Add companies", url_path="add-companies", icon="add")
    def add_companies(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """By their symbols."""
        return self._companies(
            request, object_id, "add_companies", "Put companies on", services.watchlist_add
        )

    @action(description="Take companies off", url_path="remove-companies", icon="remove")
    def remove_companies(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """By their symbols; the companies stay."""
        return self._companies(
            request, object_id, "remove_companies", "Take companies off", services.watchlist_remove
        )

    def _companies(
        self, request: HttpRequest, object_id: str, verb: str, title: str, service: Any
    ) -> HttpResponse:
        row = self.row_for(request, verb, object_id)
        if row is None:
            return self.gone(request, object_id)
        return self.ask(
            request,
            row,
            title=f"{title} {row}",
            text="One symbol that is not known refuses all.",
            button=title.partition(" ")[0] + " companies",
            form_class=SymbolsForm,
            do=lambda data: service(
                watchlist=row, company_ids=_named(data["symbols"], row), actor=self.actor(request)
            ),
            done="The list is changed.",
        )


def _named(text: str, watchlist: Watchlist) -> list[Any]:
    """The companies of these symbols in the list's organization; raises InvalidInput for an unknown one."""
    symbols = [word.upper() for word in text.replace(",", " ").replace(";", " ").split()]
    rows = Company.objects.filter(organization_id=watchlist.organization_id, symbol__in=symbols)
    found = dict(rows.values_list("symbol", "id"))
    if unknown := sorted(set(symbols) - found.keys()):
        raise InvalidInput(f"There is no company {', '.join(unknown[:10])}.", code="unknown_company")
    return list(found.values())


def _table_row(rows: list[Company], told: dict[Any, dict[str, Any]]) -> tuple[str, Any]:
    template = '<tr><td><a href="{}">{}</a></td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>'

    def cells() -> Any:
        for company in rows:
            known = told.get(company.id) or {}
            yield (
                reverse("admin:companies_company_change", args=[company.id]),
                company.symbol,
                company.name,
                company.internal_rating or NOTHING,
                percent(known.get("probability")),
                percent(known.get("previous_probability")),
                str(known.get("risk_level") or NOTHING).capitalize(),
            )

    return template, cells()


class NoteForm(ConsoleForm):
    """What somebody says of a company."""

    error_fields: ClassVar[dict[str, str]] = {"too_many_mentions": "text"}
    adding = False

    class Meta:
        model = Note
        fields = ("text",)
        widgets: ClassVar[dict[str, Any]] = {"text": UnfoldAdminTextareaWidget(attrs={"rows": 8})}
        help_texts: ClassVar[dict[str, str]] = {
            "text": "@jane@firm.com names somebody: she is told, if she may see it."
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.adding:
            self.fields["symbol"] = forms.CharField(
                label="Company", widget=UnfoldAdminTextInputWidget(), help_text="Its symbol."
            )

    def clean_symbol(self) -> Any:
        rows = Company.objects.filter(symbol__iexact=self.cleaned_data["symbol"].strip())[:2]
        if len(rows) != 1:
            raise forms.ValidationError(
                "Several organizations have such a company." if rows else "There is no such company."
            )
        return rows[0]


@admin.register(Note, site=tenant_site)
class NoteAdmin(ConsoleAdmin):
    """What people wrote about companies. Everybody changes his own words; administrators remove any."""

    permissions: ClassVar[dict[str, str]] = {
        "view": "companies.read",
        "add": "notes.create",
        "change": "notes.change",
        "delete": "notes.remove",
    }
    form = NoteForm
    list_display = ("said", "company", "answer", "author", "organization", "created_at", "edited_at")
    list_filter = ("organization",)
    lookups = ("company",)
    list_select_related = ("organization", "company")
    search_fields = ("text", "company__symbol", "company__name")
    date_hierarchy = "created_at"
    ordering = ("-id",)
    readonly_fields = ("company", "author", "named", "organization", "created_at", "edited_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.readonly_fields if obj is not None else ()

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ((None, {"fields": ("symbol", "text")}),)
        kept = (("author", "named"), ("created_at", "edited_at"), "organization")
        return ((None, {"fields": ("company", "text")}), ("Kept", {"fields": kept}))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is not None:
            return super().get_form(request, obj, change=change, **kwargs)
        kwargs["fields"] = NoteForm.Meta.fields
        made = super().get_form(request, obj, change=change, **kwargs)
        return type("NoteAddForm", (made,), {"adding": True})

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        ids = set(self.get_queryset(request).order_by("-id").values_list("created_by_id", flat=True)[:1000])
        self.authors = emails_of({i for i in ids if i})
        return super().changelist_view(request, extra_context)

    def create(self, request: HttpRequest, form: Any) -> Model:
        return services.note_create(
            company=form.cleaned_data["symbol"], text=form.cleaned_data["text"], actor=self.actor(request)
        )

    def update(self, request: HttpRequest, obj: Any, form: Any) -> None:
        services.note_update(note=obj, text=form.cleaned_data["text"], actor=self.actor(request))

    def remove(self, request: HttpRequest, obj: Any) -> None:
        services.note_delete(note=obj, actor=self.actor(request))

    @display(description="Note")
    def said(self, note: Note) -> str:
        return Truncator(note.text).chars(90)

    @display(description="Answer")
    def answer(self, note: Note) -> str:
        return "yes" if note.in_reply_to_id else NOTHING

    @display(description="Written by")
    def author(self, note: Note) -> str:
        if note.created_by_id is None:
            return NOTHING
        known = getattr(self, "authors", {})
        return known.get(note.created_by_id) or emails_of({note.created_by_id}).get(
            note.created_by_id, NOTHING
        )

    @display(description="Names")
    def named(self, note: Note) -> str:
        return ", ".join(sorted(emails_of(set(note.mentions)).values())) or NOTHING
