"""Pages that links in letters lead to, so that they work without a front end: three forms, no script.

Opening a page changes nothing, since mail programs open links by themselves; only a press of a button does.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, re_path
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.generic import View

from accounts.recovery import services
from tenants.kernel import mail, throttling
from tenants.kernel.errors import DomainError


class TokenForm(forms.Form):
    token = forms.CharField(max_length=200, label="Code from the letter")


class EmailForm(forms.Form):
    email = forms.EmailField(
        max_length=254, label="E-mail", widget=forms.EmailInput(attrs={"autocomplete": "username"})
    )


class ResetForm(TokenForm):
    password = forms.CharField(
        max_length=256,
        strip=False,
        label="New password",
        help_text="8 characters or more, none of the common ones, not your name.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


@method_decorator(never_cache, name="dispatch")
class AccountPage(View):
    """A form, and what came of it."""

    title: str
    lead: str
    button: str
    form_class: type[forms.Form]
    rate: str

    def get(self, request: HttpRequest) -> HttpResponse:
        token = request.GET.get("token", "")[:200]
        return self._page(request, self.form_class(initial={"token": token}))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self.form_class(request.POST)
        if not form.is_valid():
            return self._page(request, form, status=400)
        try:
            throttling.take(self.rate)
            done = self.carry_out(request, form.cleaned_data)
        except DomainError as refusal:
            for detail in _details(refusal):
                form.add_error(None, detail)
            return self._page(request, form, status=refusal.status)
        return self._page(request, None, done=done)

    def carry_out(self, request: HttpRequest, data: dict[str, Any]) -> str:
        """Call the service; the sentence that says what is so now."""
        raise NotImplementedError

    def _page(self, request: HttpRequest, form: Any, *, done: str = "", status: int = 200) -> HttpResponse:
        if form is not None and (form["token"].value() if "token" in form.fields else ""):
            form.fields["token"].widget = forms.HiddenInput()
        context = {
            "title": self.title,
            "lead": self.lead,
            "button": self.button,
            "second_button": getattr(self, "second_button", ""),
            "form": form,
            "done": done,
            "brand": mail.brand(),
        }
        answer = TemplateResponse(request, "account/page.html", context, status=status)
        # The address of the page holds the token: it is told to nobody. Not ``no-referrer``, under which
        # browsers send the form from the origin "null", and it is refused as forged.
        answer["Referrer-Policy"] = "strict-origin"
        return answer.render()


def _details(refusal: DomainError) -> list[str]:
    listed: Any = refusal.fields.get("errors") or []
    return [error["detail"] for error in listed] or [refusal.detail]


class VerifyPage(AccountPage):
    title = "Confirm your e-mail address"
    lead = "Did you register with this address yourself?"
    button = "Yes, confirm it"
    second_button = "No, that was not me"
    form_class = TokenForm
    rate = "secret"

    def carry_out(self, request: HttpRequest, data: dict[str, Any]) -> str:
        if "second" in request.POST:
            services.address_disown(token=data["token"])
            return "The account is closed to whoever registered it. Nothing else is needed of you."
        services.address_verify(token=data["token"])
        return "Your address is confirmed. You can go on where you were."


class ForgotPage(AccountPage):
    title = "Forgotten password"
    lead = "We send a link to your address with which you set a new one."
    button = "Send the link"
    form_class = EmailForm
    rate = "forgot"

    def carry_out(self, request: HttpRequest, data: dict[str, Any]) -> str:
        services.password_forgot(email=data["email"])
        return "If there is an account with this address, a letter is on its way."


class ResetPage(AccountPage):
    title = "Set a new password"
    lead = "Every session of yours ends with it."
    button = "Set it"
    form_class = ResetForm
    rate = "secret"

    def carry_out(self, request: HttpRequest, data: dict[str, Any]) -> str:
        services.password_reset(token=data["token"], password=data["password"])
        return "The password is set. Sign in with it."


def urls() -> list[URLPattern]:
    """The pages, on every host."""
    return [
        re_path(r"^account/verify/?$", VerifyPage.as_view(), name="account-verify"),
        re_path(r"^account/forgot/?$", ForgotPage.as_view(), name="account-forgot"),
        re_path(r"^account/reset/?$", ResetPage.as_view(), name="account-reset"),
    ]
