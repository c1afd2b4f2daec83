"""Companies that go, come back, or turn out to be one, on a tenant's console."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from unfold.decorators import action
from unfold.widgets import UnfoldAdminTextInputWidget

from companies import identifiers, services
from companies.identifiers import BadIdentifier
from companies.models import Company, CompanyMerge, CompanyState
from companies.services.duplicates import candidates
from tenants.kernel.console import ConsoleAdmin
from tenants.kernel.errors import Absent, InvalidInput

REASONS = {"national_id": "the same national number", "ticker": "the same ticker", "name": "the same name"}


class PresenceFilter(admin.SimpleListFilter):
    """Those that are there, unless the deleted ones are asked for."""

    title = "presence"
    parameter_name = "presence"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("deleted", "Deleted")] if model_admin.may(request, "restore") else []

    def has_output(self) -> bool:
        return True  # also where there is no choice: it hides what is deleted

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "deleted":
            return queryset.exclude(deleted_at=None)
        return queryset.filter(deleted_at=None)


class RestoreForm(forms.Form):
    """Under which symbol."""

    symbol = forms.CharField(
        required=False,
        max_length=30,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Another one, where its own was given away meanwhile.",
    )

    def clean_symbol(self) -> str:
        try:
            text = self.cleaned_data["symbol"].strip()
            return identifiers.symbol(text) if text else ""
        except BadIdentifier as bad:
            raise forms.ValidationError(bad.detail) from None


def _with_another(companies: list[Company]) -> list[tuple[Company, Company]]:
    """Each company with the one that would go if it stays: the oldest of the others."""
    oldest, next_oldest = companies[:2]
    return [(company, next_oldest if company is oldest else oldest) for company in companies]


class MergeForm(forms.Form):
    """Which company goes."""

    symbol = forms.CharField(
        max_length=30,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Symbol of the company that goes; this one stays.",
    )
    reason = forms.CharField(
        required=False, max_length=200, widget=UnfoldAdminTextInputWidget(), help_text="Kept with the merger."
    )


class CompanyLife(ConsoleAdmin):
    """The part of the page of companies that removes, restores and merges."""

    permissions: ClassVar[dict[str, str]] = {
        "restore": "companies.change",
        "purge": "companies.purge",
        "merge": "companies.change",
        "undo_merge": "companies.change",
    }
    buttons: ClassVar[tuple[str, ...]] = ("merge", "undo_merge", "restore", "purge")

    def kept_rows(self, request: HttpRequest) -> QuerySet[Any]:
        """Companies of the caller's reach; deleted ones too for those who may restore them."""
        rows: QuerySet[Any] = Company.all_objects.filter(organization_id__in=self.reach(request))
        return rows if self.may(request, "restore") else rows.filter(deleted_at=None)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return (obj is None or obj.deleted_at is None) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return (obj is None or obj.deleted_at is None) and super().has_delete_permission(request, obj)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is not None and obj.deleted_at is not None and not self.may(request, "restore", obj):
            return False
        return super().has_view_permission(request, obj)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        found: list[Any] = super().get_actions_detail(request, object_id)
        row = self.get_object(request, str(object_id))
        if row is None:
            return []
        there = row.deleted_at is None
        merged = CompanyMerge.objects.filter(survivor=row, undone_at=None).exists() if there else False
        shown = {
            "merge": there,
            "undo_merge": merged,
            "restore": not there and row.state != CompanyState.MERGED,
            "purge": not there,
        }
        if not there:
            shown |= dict.fromkeys(("predictions", "notes", "risk_report", "workbook"), False)

        def kept(name: str) -> bool:
            if not shown.get(name, True):
                return False
            return name not in self.buttons or self.may(request, name, row)

        return [
            button for button in found if kept(button.action_name.rpartition(f"{self.opts.model_name}_")[2])
        ]

    @action(description="Restore", url_path="restore", icon="restore_from_trash")
    def restore(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """With everything of it."""
        row = self.row_for(request, "restore", object_id)
        if row is None:
            return self.gone(request, object_id)
        return self.ask(
            request,
            row,
            title=f"Restore {row}",
            text="It comes back with its statements, predictions, notes and places on lists.",
            button="Restore",
            form_class=RestoreForm,
            do=lambda data: services.company_restore(
                company=row, symbol=data["symbol"], actor=self.actor(request)
            ),
            done="The company is back.",
        )

    @action(description="Remove for good", url_path="purge", icon="delete_forever")
    def purge(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """With everything of it."""
        row = self.row_for(request, "purge", object_id)
        if row is None:
            return self.gone(request, object_id)
        answer = self.ask(
            request,
            row,
            title=f"Remove {row} for good",
            text="Its statements, predictions and scores are removed; nothing brings them back.",
            button="Remove for good",
            danger=True,
            do=lambda _: services.company_purge(company=row, actor=self.actor(request)),
            done="The company is removed for good.",
        )
        return HttpResponseRedirect(self.address("changelist")) if answer.status_code == 302 else answer

    @action(description="Merge", url_path="merge", icon="merge")
    def merge(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take another company into this one."""
        row = self.row_for(request, "merge", object_id)
        if row is None:
            return self.gone(request, object_id)
        return self.ask(
            request,
            row,
            title=f"Merge another company into {row}",
            text="Statements, predictions, notes and places on lists move here, and gaps are filled. Of a "
            "period that both have, this company's holds. It can be taken back.",
            button="Merge",
            form_class=MergeForm,
            initial={"symbol": request.GET.get("other", "")},
            do=lambda data: services.companies_merge(
                survivor=row,
                merged=self._other(request, row, data["symbol"]),
                reason=data["reason"],
                actor=self.actor(request),
            ),
            done="The companies are one.",
        )

    def _other(self, request: HttpRequest, row: Company, symbol: str) -> Company:
        found: Company | None = Company.objects.filter(
            organization_id=row.organization_id, symbol__iexact=symbol.strip()
        ).first()
        if found is None:
            raise InvalidInput(f"There is no company {symbol.strip()}.", code="unknown_company")
        if not self.may(request, "merge", found):
            raise Absent()
        return found

    @action(description="Take merger back", url_path="undo-merge", icon="call_split")
    def undo_merge(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The last one."""
        row = self.row_for(request, "undo_merge", object_id)
        if row is None:
            return self.gone(request, object_id)
        merge = CompanyMerge.objects.filter(survivor=row, undone_at=None).order_by("-id").first()
        if merge is None:
            return HttpResponseRedirect(self.address("change", row.pk))
        return self.ask(
            request,
            row,
            title=f"Take the merger with {merge.merged} back",
            text="What moved goes back, except what somebody has changed since.",
            button="Take back",
            do=lambda _: services.merge_undo(merge=merge, actor=self.actor(request)),
            done="They are two companies again.",
        )

    @action(description="Duplicates", url_path="duplicates", icon="join_inner")
    def duplicates(self, request: HttpRequest) -> HttpResponse:
        """Companies that are probably one."""
        if not self.has_view_permission(request):
            return HttpResponseRedirect(self.address("changelist"))
        groups = [
            {"reason": REASONS[found.reason], "value": found.value, "pairs": _with_another(found.companies)}
            for found in candidates()
        ]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Companies that are probably one",
            "groups": groups,
            "may_merge": self.may(request, "merge"),
            "back": self.address("changelist"),
        }
        return TemplateResponse(request, "console/duplicates.html", context)
