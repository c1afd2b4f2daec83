"""The page of an institution's console about its identity provider."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar, cast
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import path
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from accounts.mfa.pages import Site, caller, page
from accounts.sso import configuring
from accounts.sso.models import Connection, EmailDomain
from tenants import modules
from tenants.kernel.console import principal_of
from tenants.kernel.context import in_public
from tenants.kernel.errors import DomainError, Forbidden
from tenants.models import OrganizationEntry


class ConnectionForm(forms.ModelForm):  # type: ignore[type-arg]
    """The provider, as the institution's admins set it."""

    issuer = forms.CharField(
        max_length=300,
        help_text="Exactly as the provider's discovery document has it.",
        widget=UnfoldAdminTextInputWidget(),
    )
    organization_id = forms.TypedChoiceField(
        label="New people join",
        required=False,
        coerce=UUID,
        empty_value=None,
        widget=UnfoldAdminSelectWidget(),
    )
    client_secret = forms.CharField(
        required=False,
        max_length=500,
        help_text="Left empty, it stays as it is. It is never shown.",
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"}),
    )

    class Meta:
        model = Connection
        fields = configuring.FIELDS
        widgets: ClassVar[dict[str, Any]] = {
            "client_id": UnfoldAdminTextInputWidget(),
            "scopes": UnfoldAdminTextInputWidget(),
            "role_claim": UnfoldAdminTextInputWidget(),
            "role_map": UnfoldAdminTextareaWidget(attrs={"rows": 4}),
            "default_role": UnfoldAdminSelectWidget(),
            "provider_mfa": UnfoldBooleanSwitchWidget(),
            "break_glass": UnfoldBooleanSwitchWidget(),
            "is_active": UnfoldBooleanSwitchWidget(),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        with in_public():
            entries = list(OrganizationEntry.objects.filter(tenant_id=self.instance.tenant_id))
        choices = [("", "nobody new joins"), *((str(e.id), e.name) for e in entries)]
        cast(forms.TypedChoiceField, self.fields["organization_id"]).choices = choices


def urls(site: Site) -> list[Any]:
    """The addresses of these pages in a console."""
    return [path("single-sign-on/", site.admin_view(partial(provider, site=site)), name="single_sign_on")]


def provider(request: HttpRequest, *, site: Site) -> HttpResponse:
    """The institution's provider and domains; POST changes them."""
    modules.require("sso")
    caller(request)
    principal = principal_of(request)
    if principal is None or principal.tenant_id is None or not principal.holds("sso.manage"):
        raise Forbidden()
    tenant_id, do = principal.tenant_id, request.POST.get("do")
    with in_public():
        instance = Connection.objects.filter(tenant_id=tenant_id).first() or Connection(tenant_id=tenant_id)
    form = ConnectionForm(request.POST if do == "set" else None, instance=instance)
    try:
        if do == "set":
            principal.assert_proved()
            if form.is_valid():
                data = dict(form.cleaned_data)
                secret = data.pop("client_secret") or None
                configuring.connection_set(
                    tenant_id=tenant_id, values=data, client_secret=secret, actor=principal.actor
                )
                messages.success(request, "Single sign-on is set.")
        elif do == "claim":
            domain = request.POST.get("domain", "")
            configuring.domain_claim(tenant_id=tenant_id, domain=domain, actor=principal.actor)
            messages.success(request, "The domain counts once the platform's operators have confirmed it.")
        elif do == "give-up":
            wanted = EmailDomain.objects.filter(tenant_id=tenant_id, domain=request.POST.get("domain", ""))
            for row in wanted:
                configuring.domain_remove(tenant_id=tenant_id, domain_id=row.id, actor=principal.actor)
    except DomainError as refusal:
        if refusal.status in {403, 404}:
            raise
        for error in cast(list[dict[str, str]], refusal.fields.get("errors") or [{"detail": refusal.detail}]):
            messages.error(request, error["detail"])
    return page(
        request,
        site,
        "console/single_sign_on.html",
        title="Single sign-on",
        form=form,
        callback=request.build_absolute_uri("/api/v1/auth/sso/callback"),
        domains=list(EmailDomain.objects.filter(tenant_id=tenant_id)),
    )
