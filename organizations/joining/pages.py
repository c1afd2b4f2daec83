"""The page behind the link of an invitation: for people, in a browser, without an account so far."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods

from organizations.joining.services import entering
from tenants.kernel.errors import Absent, DomainError, ModuleOff


class AccountForm(forms.Form):
    """What a new account needs; its address is the one that was invited."""

    full_name = forms.CharField(label="Your name", max_length=200, required=False)
    password = forms.CharField(
        label="Choose a password",
        max_length=256,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def refuse(self, error: DomainError) -> None:
        """Say at its field what the service has refused."""
        found = error.fields.get("errors")
        for fault in found if isinstance(found, list) else [{"detail": error.detail}]:
            field = str(fault.get("pointer", "")).strip("/")
            self.add_error(field if field in self.fields else None, fault["detail"])


class ConsentForm(AccountForm):
    """For somebody who has an account: nothing is asked but the click."""

    full_name = None  # type: ignore[assignment]
    password = None  # type: ignore[assignment]


@never_cache
@csrf_protect
@require_http_methods(["GET", "HEAD", "POST"])
def join_page(request: HttpRequest, secret: str) -> HttpResponse:
    """What an invitation, link or code opens, and the button that accepts the invitation."""
    try:
        found = entering.preview(secret)
    except (Absent, ModuleOff):
        return render(request, "joining/gone.html", status=404)
    kind = AccountForm if found.needs_account else ConsentForm
    form = kind(request.POST if request.method == "POST" else None)
    if request.method == "POST" and found.way == "invitation" and form.is_valid():
        try:
            joined = entering.invitation_accept(secret=secret, **form.cleaned_data)
        except DomainError as error:
            form.refuse(error)
        else:
            context: dict[str, Any] = {
                "organization": joined.organization.name,
                "app": settings.PUBLIC_APP_URL,
            }
            return render(request, "joining/done.html", context)
    context = {"found": found, "form": form, "secret": secret, "app": settings.PUBLIC_APP_URL}
    return render(request, "joining/join.html", context, status=400 if form.errors else 200)
