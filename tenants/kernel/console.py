"""Base of every console page over a model: who may do what, and how a change is carried out.

The rule is the API's: the principal's (role, action) table. A page declares ``permissions`` (its verb to the
permission it needs); what it does not declare, nobody may do. Django's own permissions and its LogEntry are
never asked and never written: changes go through services, and those write the audit log.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timesince
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from tenants import modules
from tenants.kernel import audit
from tenants.kernel.console_forms import ConsoleForm
from tenants.kernel.context import in_a_tenant
from tenants.kernel.errors import DomainError, Forbidden, StepUpRequired
from tenants.kernel.owned import OrganizationOwned
from tenants.kernel.principal import Principal
from tenants.kernel.request import Actor

# What may follow the path of a declared filter in an address.
LOOKUP_ENDS = frozenset(
    {"exact", "in", "gt", "gte", "lt", "lte", "isnull", "isempty", "id__exact", "year", "month", "day"}
)
HISTORY_SIZE = 100
NOTHING = "–"


def principal_of(request: HttpRequest) -> Principal | None:
    """The signed-in caller, or None."""
    return getattr(request, "principal", None)


def percent(value: float | None, digits: int = 2) -> str:
    """A share as people read it: 0.0312 is "3.12 %"."""
    return NOTHING if value is None else f"{100 * value:,.{digits}f} %"


def ago(at: datetime | None) -> str:
    """How long something is past."""
    if at is None:
        return NOTHING
    return "just now" if (timezone.now() - at).total_seconds() < 60 else f"{timesince(at, depth=1)} ago"


class PageList(ChangeList):  # type: ignore[misc]
    """A list that counts once: without a filter, what it finds is all there is."""

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        found: dict[str, Any] = super().get_filters_params(params)
        # PostgreSQL holds no text with this character, so nothing is found by it.
        return {k: v for k, v in found.items() if "\x00" not in str(v)}

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.query and not self.has_active_filters:
            self.full_result_count = self.result_count


class ConsoleAdmin(ModelAdmin):  # type: ignore[misc]
    """A console page over one model. A subclass that declares nothing shows nothing."""

    # Verbs: view, add, change, delete, and names of a page's own actions.
    permissions: ClassVar[dict[str, str]] = {}
    # The feature module that the page belongs to: where it is off, there is no such page.
    module: ClassVar[str | None] = None
    # Verbs that take a fresh proof as well: the console asks for it on a page of its own.
    step_up: ClassVar[frozenset[str]] = frozenset()
    # Further paths that an address may filter by, beside those of list_filter.
    lookups: ClassVar[tuple[str, ...]] = ()
    # A page that shows a row in its own way is read-only and names its template here.
    detail_template: ClassVar[str] = ""
    view_on_site = False
    show_full_result_count = False
    list_per_page = 50
    object_history_template = "console/history.html"
    empty_value_display = NOTHING

    # -- who may ------------------------------------------------------------------------------

    def may(self, request: HttpRequest, verb: str, obj: Model | str | None = None) -> bool:
        """Whether the caller may do this, here or to this row."""
        permission, principal = self.permissions.get(verb), principal_of(request)
        if self.module is not None and not modules.is_on(self.module):
            return False
        if permission is None or principal is None or not principal.holds(permission):
            return False
        if isinstance(obj, str):  # the buttons of a page know the row by its key only
            obj = self.get_object(request, unquote(obj))
            if obj is None:
                return False
        owner = getattr(obj, "organization_id", None)
        if owner is None or not in_a_tenant():
            return True
        if owner not in self.reach(request, verb):
            return False
        mine = getattr(obj, "created_by_id", None) == principal.user_id
        return mine or not principal.only_own(permission, owner)

    def only_own(self, request: HttpRequest, permission: str, organization_id: UUID) -> bool:
        """Whether the caller may change there only what he has made himself."""
        principal = principal_of(request)
        return principal is None or principal.only_own(permission, organization_id)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, "view", obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "add")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, "change", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, "delete", obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return any(self.may(request, verb) for verb in self.permissions)

    def actor(self, request: HttpRequest) -> Actor:
        """Who the services are told it is."""
        if (principal := principal_of(request)) is None:
            raise PermissionDenied
        return principal.actor

    # -- which rows ---------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        if issubclass(self.model, OrganizationOwned):
            # The scope is wider where entering the console takes less than this page does.
            rows = rows.filter(organization_id__in=self.reach(request))
        return rows

    def reach(self, request: HttpRequest, verb: str = "view") -> frozenset[UUID]:
        """Organizations in whose rows the caller may do this; without a verb, whose rows the page shows."""
        principal, permission = principal_of(request), self.permissions.get(verb)
        if principal is None or permission is None:
            return frozenset()
        # Asked several times a page, for lists of columns and filters: read once.
        known: dict[str, frozenset[UUID]] = request.__dict__.setdefault("console_reach", {})
        if permission not in known:
            known[permission] = principal.organizations_with(permission)
        return known[permission]

    def get_list_display(self, request: HttpRequest) -> Any:
        return self._where_several(request, super().get_list_display(request))

    def get_list_filter(self, request: HttpRequest) -> Any:
        return self._where_several(request, super().get_list_filter(request))

    def _where_several(self, request: HttpRequest, columns: Any) -> Any:
        """The columns without the organization, where there is only one anyway."""
        several = len(self.reach(request)) > 1
        return tuple(column for column in columns if several or column != "organization")

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Addresses filter by what the page declares, and by nothing that merely happens to be related."""
        if request is None:
            return False
        declared = [f[0] if isinstance(f, tuple | list) else f for f in self.get_list_filter(request)]
        # Filters with rules of their own are known by the name of their parameter.
        declared = [getattr(f, "parameter_name", f) for f in declared]
        paths = [path for path in [*declared, *self.lookups, self.date_hierarchy] if isinstance(path, str)]
        return any(
            lookup == path or (lookup.startswith(f"{path}__") and lookup[len(path) + 2 :] in LOOKUP_ENDS)
            for path in paths
        )

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        try:
            answer: HttpResponse = super().changelist_view(request, extra_context)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(f"{request.path}?e=1")
        return answer

    # -- changes ------------------------------------------------------------------------------

    def create(self, request: HttpRequest, form: Any) -> Model:
        """Carry out the making of a row through its service."""
        raise Forbidden("The console does not make these.")

    def update(self, request: HttpRequest, obj: Any, form: Any) -> None:
        """Carry out the change of a row through its service."""
        raise Forbidden("The console does not change these.")

    def remove(self, request: HttpRequest, obj: Any) -> None:
        """Carry out the removal of a row through its service."""
        raise Forbidden("The console does not remove these.")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        if change:
            self.update(request, obj, form)
            return
        made = self.create(request, form)
        for field in made._meta.concrete_fields:
            setattr(obj, field.attname, getattr(made, field.attname))
        obj._state.adding = False

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.remove(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        with transaction.atomic():
            for row in queryset:
                if not self.has_delete_permission(request, row):
                    raise PermissionDenied
                self.remove(request, row)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, Any, Any, Any]:
        """What is named before a removal: the rows themselves. What hangs on them is the service's matter."""
        rows = list(objs)
        return [str(row) for row in rows], {self.opts.verbose_name_plural: len(rows)}, set(), []

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        refusal = getattr(request, "console_refusal", None)
        return type(form.__name__, (form,), {"refusal": refusal}) if refusal else form

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except DomainError as refusal:
            asked = isinstance(refusal, StepUpRequired)  # the site leads to the page that takes the proof
            if asked or request.method != "POST" or not issubclass(self.form, ConsoleForm):
                raise
            # The transaction is rolled back: show the same form again with what the service said.
            request.console_refusal = refusal  # type: ignore[attr-defined]
            return super().changeform_view(request, object_id, form_url, extra_context)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Nothing: the service has written the audit log."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Nothing: the service has written the audit log."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:
        """Nothing: the service has written the audit log."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[PageList]:
        return PageList

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        # One way to save is enough.
        context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().render_change_form(request, context, *args, **kwargs)

    # -- pages --------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.detail_template:
            answer: HttpResponse = super().change_view(request, object_id, form_url, extra_context)
            return answer
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            return self.gone(request, object_id)
        if not self.has_view_permission(request, obj):
            raise PermissionDenied
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        context = {
            **self.page(request, obj),
            "media": self.media,
            "actions_detail": self._get_actions_navigation(
                self.actions_detail, self.get_actions_detail(request, object_id), object_id
            ),
            "history_url": self.address("history", obj.pk),
            "delete_url": self.address("delete", obj.pk) if self.has_delete_permission(request, obj) else "",
            **self.details(request, obj),
            **(extra_context or {}),
        }
        return TemplateResponse(request, self.detail_template, context)

    def details(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """What the page's own template shows of a row."""
        return {}

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """What the audit log says of a row, the newest first."""
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            return self.gone(request, object_id)
        if not self.has_view_or_change_permission(request, obj):
            raise PermissionDenied
        named = audit.table().objects.named()
        events = named.filter(object_type=obj._meta.label, object_id=str(obj.pk))
        page = Paginator(events.order_by("-id"), HISTORY_SIZE).get_page(request.GET.get("page"))
        context = {**self.page(request, obj), "title": "History", "events": page, **(extra_context or {})}
        return TemplateResponse(request, self.object_history_template, context)

    def page(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """What every page about a row has in its context."""
        request.current_app = self.admin_site.name  # type: ignore[attr-defined]
        return {
            **self.admin_site.each_context(request),
            "title": str(obj),
            "opts": self.opts,
            "original": obj,
            "object": obj,
            "list_url": self.address("changelist"),
        }

    def ask(
        self,
        request: HttpRequest,
        obj: Any,
        *,
        title: str,
        text: str,
        button: str,
        do: Callable[[dict[str, Any]], object],
        done: str,
        form_class: type[forms.Form] = forms.Form,
        initial: dict[str, Any] | None = None,
        danger: bool = False,
    ) -> HttpResponse:
        """A page that asks before it acts: GET shows the question, POST carries it out."""
        form = form_class(request.POST if request.method == "POST" else None, initial=initial)
        back = self.address("change", obj.pk)
        if request.method == "POST" and form.is_valid():
            try:
                do(form.cleaned_data)
            except DomainError as refusal:
                messages.error(request, refusal.detail)
            else:
                messages.success(request, done)
            return HttpResponseRedirect(back)
        context = {
            **self.page(request, obj),
            **{"title": title, "text": text, "button": button, "danger": danger},
            **{"form": form, "back": back},
        }
        return TemplateResponse(request, "console/ask.html", context)

    def row_for(self, request: HttpRequest, verb: str, object_id: str) -> Any:
        """The row an action is about, or None; raises PermissionDenied where the caller may not."""
        obj = self.get_object(request, unquote(object_id))
        allowed = getattr(self, f"has_{verb}_permission", None) or partial(self.may, verb=verb)
        if obj is not None and not allowed(request, obj=obj):
            raise PermissionDenied
        self.assert_proved(request, verb)
        return obj

    def assert_proved(self, request: HttpRequest, verb: str) -> None:
        """Raise StepUpRequired where the verb takes a fresh proof and the caller has given none."""
        principal = principal_of(request)
        if verb in self.step_up and principal is not None:
            principal.assert_proved()

    def prover(self, request: HttpRequest) -> Callable[[], None]:
        """What a service asks that needs a fresh proof for some changes only."""
        principal = principal_of(request)
        if principal is None:
            raise PermissionDenied
        return principal.assert_proved

    def gone(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The answer for an absent row, and for one the caller may not know of."""
        answer: HttpResponse = self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return answer

    def address(self, view: str, *args: Any) -> str:
        name = f"{self.opts.app_label}_{self.opts.model_name}_{view}"
        return reverse(f"admin:{name}", args=args, current_app=self.admin_site.name)
