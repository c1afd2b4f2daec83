"""A person's own notices on the console: the list, one that leads on to its page, all of them read."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from unfold.decorators import display
from unfold.widgets import UnfoldBooleanWidget

from accounts.console import tenant_site
from accounts.models import User
from accounts.profiles.preferences import APP, MAIL, NOTICE_KINDS, notice_key, with_defaults
from accounts.profiles.services import profile_update
from organizations.notices import selectors, services
from organizations.notices.models import Notice
from tenants.kernel.console import ConsoleAdmin, ago, principal_of
from tenants.kernel.context import in_a_tenant

LABELS = {"New": "info", "Read": "default"}


def badge(request: HttpRequest) -> str:
    """How many notices are new, for the sidebar; nothing where there is none."""
    principal = principal_of(request)
    if principal is None or not in_a_tenant():
        return ""
    return str(selectors.unread_count(principal.user_id) or "")


class ChannelsForm(forms.Form):
    """Which kinds are told, and how."""

    def __init__(self, *args: Any, chosen: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for kind, name in NOTICE_KINDS.items():
            for channel, words in ((APP, "here"), (MAIL, "by mail")):
                key = notice_key(kind, channel)
                self.fields[key] = forms.BooleanField(
                    label=f"{name}: {words}",
                    required=False,
                    initial=chosen[key],
                    widget=UnfoldBooleanWidget(),
                )


@admin.register(Notice, site=tenant_site)
class NoticeAdmin(ConsoleAdmin):
    """What the platform has told the person who looks; nobody else's."""

    permissions: ClassVar[dict[str, str]] = {"view": "notices.read", "delete": "notices.read"}
    list_display = ("title", "kind", "standing", "when", "organization")
    list_filter = ("kind", ("read_at", admin.EmptyFieldListFilter), "organization")
    list_select_related = ("organization",)
    ordering = ("-id",)
    list_before_template = "console/notices.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        principal = principal_of(request)
        rows = super().get_queryset(request)
        return rows.filter(user_id=principal.user_id) if principal is not None else rows.none()

    def get_urls(self) -> list[Any]:
        name = "notices_notice"
        own = [
            path("read-all/", self.admin_site.admin_view(self.read_all), name=f"{name}_read_all"),
            path("preferences/", self.admin_site.admin_view(self.preferences), name=f"{name}_preferences"),
        ]
        return [*own, *super().get_urls()]

    @display(description="", label=LABELS)
    def standing(self, row: Notice) -> str:
        return "Read" if row.read_at else "New"

    @display(description="When", ordering="id")
    def when(self, row: Notice) -> str:
        return ago(row.created_at)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context = {
            "title": "Notices",
            "unread": badge(request),
            "read_all_url": self.address("read_all"),
            "preferences_url": self.address("preferences"),
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Opening a notice reads it, and leads to what it is about."""
        row = self.row_for(request, "view", object_id)
        if row is None:
            return self.gone(request, object_id)
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        services.notice_mark(notice_id=row.pk, read=True, actor=self.actor(request))
        # Written by our own code; whatever it says, it leads nowhere but to this host.
        if row.link.startswith("/") and not row.link.startswith(("//", "/\\")):
            return HttpResponseRedirect(row.link)
        context = {**self.page(request, row), "list_url": self.address("changelist")}
        return TemplateResponse(request, "console/notice.html", context)

    def remove(self, request: HttpRequest, obj: Any) -> None:
        services.notice_remove(notice_id=obj.pk, actor=self.actor(request))

    def read_all(self, request: HttpRequest) -> HttpResponse:
        """All of them are read now."""
        if request.method == "POST":
            services.notices_read(actor=self.actor(request))
            messages.success(request, "All notices are marked as read.")
        return HttpResponseRedirect(self.address("changelist"))

    def preferences(self, request: HttpRequest) -> HttpResponse:
        """Which kinds are told here and by mail."""
        user = User.objects.select_related("profile").get(pk=self.actor(request).user_id)  # type: ignore[misc]
        form = ChannelsForm(
            request.POST if request.method == "POST" else None,
            chosen=with_defaults(user.profile.preferences),
        )
        if request.method == "POST" and form.is_valid():
            changes = {"preferences": form.cleaned_data}
            profile_update(user=user, changes=changes, actor=self.actor(request))
            messages.success(request, "Your choice is kept.")
            return HttpResponseRedirect(self.address("changelist"))
        request.current_app = self.admin_site.name  # type: ignore[attr-defined]
        context = {
            **self.admin_site.each_context(request),
            "title": "What you are told",
            "text": "Here means in this list. Letters go to the address that you sign in with.",
            "button": "Keep",
            "form": form,
            "opts": self.opts,
            "back": self.address("changelist"),
            "list_url": self.address("changelist"),
            "original": "What you are told",
        }
        return TemplateResponse(request, "console/ask.html", context)
