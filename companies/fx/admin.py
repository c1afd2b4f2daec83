"""Exchange rates on the consoles: operators load them, institutions look them up."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextInputWidget

from accounts.console import platform_site, tenant_site
from companies.fx.files import LARGEST
from companies.fx.models import FxRate
from companies.fx.services import rates_load
from tenants.kernel.console import ConsoleAdmin
from tenants.kernel.context import in_public
from tenants.kernel.errors import DomainError


class RatesForm(forms.Form):
    """A file of rates."""

    file = forms.FileField(
        widget=UnfoldAdminFileFieldWidget(),
        help_text="The ECB's eurofxref-hist.csv, or a table of currency, date, usd_per_unit.",
    )
    source = forms.CharField(
        max_length=60,
        initial="ECB",
        widget=UnfoldAdminTextInputWidget(),
        help_text="Who published them.",
    )

    def clean_file(self) -> str:
        file = self.cleaned_data["file"]
        if file.size > LARGEST:
            raise forms.ValidationError("The file is larger than 20 MB.")
        try:
            return str(file.read().decode("utf-8"))
        except UnicodeDecodeError:
            raise forms.ValidationError("The file is no text in UTF-8.") from None


class RatePage(ConsoleAdmin):
    """Rates by currency and day."""

    list_display = ("currency", "on", "rate", "source", "loaded_at", "loaded_by_label")
    list_filter = ("currency", "source")
    search_fields = ("currency",)
    date_hierarchy = "on"
    ordering = ("-on", "currency")
    fields = (("currency", "on"), "usd_per_unit", ("source", "loaded_at", "loaded_by_label"))
    readonly_fields = ("currency", "on", "usd_per_unit", "source", "loaded_at", "loaded_by_label")

    @display(description="US dollars for one", ordering="usd_per_unit")
    def rate(self, row: FxRate) -> str:
        return f"{row.usd_per_unit:.6f}"


@admin.register(FxRate, site=tenant_site)
class TenantRateAdmin(RatePage):
    """What scores of other currencies rest on."""

    permissions: ClassVar[dict[str, str]] = {"view": "companies.read"}


@admin.register(FxRate, site=platform_site)
class PlatformRateAdmin(RatePage):
    """The platform's table, with a way to load more."""

    permissions: ClassVar[dict[str, str]] = {"view": "platform.read", "load": "platform.change"}
    actions_list = ("load",)

    def get_actions_list(self, request: HttpRequest) -> list[Any]:
        found: list[Any] = super().get_actions_list(request)
        return found if self.may(request, "load") else []

    @action(description="Load rates", url_path="load", icon="upload_file")
    def load(self, request: HttpRequest) -> HttpResponse:
        """From a file; a rate that is there already is replaced."""
        back = self.address("changelist")
        if not self.may(request, "load"):
            return HttpResponseRedirect(back)
        form = RatesForm(request.POST, request.FILES) if request.method == "POST" else RatesForm()
        if form.is_valid():
            data = form.cleaned_data
            try:
                with in_public():
                    found = rates_load(text=data["file"], source=data["source"], actor=self.actor(request))
            except DomainError as refusal:
                said = [error["detail"] for error in getattr(refusal, "errors", None) or []]
                form.add_error("file", said or refusal.detail)
            else:
                messages.success(request, f"{found.rates:,} rates read, {found.changed:,} of them new.")
                return HttpResponseRedirect(back)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Load exchange rates",
            "text": "A rate that is there already is replaced. Scores keep the rate of their making.",
            "button": "Load",
            "form": form,
            "back": back,
        }
        return TemplateResponse(request, "console/ask.html", context)
