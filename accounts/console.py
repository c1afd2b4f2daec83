"""The two consoles: the platform's, and that of a tenant's host. Who enters, and within which scope."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial, update_wrapper
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import messages
from django.contrib.admin.models import LogEntry
from django.contrib.auth import logout as forget
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.template.response import SimpleTemplateResponse, TemplateResponse
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from unfold.sites import UnfoldAdminSite

from accounts import entering, selectors, services
from accounts.api_keys import pages as key_pages
from accounts.mfa import pages
from accounts.mfa import services as mfa
from accounts.mfa.errors import MfaEnrolmentRequired
from accounts.mfa.selectors import has_second_factor
from accounts.middleware import SESSION_KEY
from accounts.models import User
from accounts.permissions import MATRIX
from accounts.principals import SessionPrincipal
from accounts.selectors import Place
from accounts.signing_in import (
    ENTER,
    WAITING_KEY,
    ConsoleLoginForm,
    ConsoleLoginView,
    end_session,
    enter,
    host_tenant_id,
    place_for,
)
from accounts.sso import pages as sso_pages
from accounts.sso.selectors import provider_start
from tenants import modules
from tenants.branding import shades
from tenants.kernel import problem, scope
from tenants.kernel.console import principal_of
from tenants.kernel.context import in_public
from tenants.kernel.errors import DomainError, StepUpRequired
from tenants.kernel.request import current
from tenants.models import OrganizationEntry

ENTER_PLATFORM = "platform.read"
# Archived organizations are entered by nobody; who brings them back finds them on their own pages only.
GOVERN, STATE_PAGES = "organizations.govern", "organizations_organization_"
# Pages for whoever still has to enrol the second factor that his institution asks for.
BEFORE_ADMISSION = frozenset({"logout", "prove", "security", "security_app", "security_passkey"})
# Pages of Django's console that would reach around the rule or the services.
_LEFT_OUT = frozenset({"password_change", "password_change_done", "view_on_site", "search"})


class ConsoleSite(UnfoldAdminSite):  # type: ignore[misc]
    """A console whose every page runs, and is rendered, within the reach of its caller."""

    login_form = ConsoleLoginForm
    needs: ClassVar[str]
    is_platform: ClassVar[bool]

    def has_permission(self, request: HttpRequest) -> bool:
        principal = principal_of(request)
        if principal is None or getattr(request, "on_platform", False) != self.is_platform:
            return False
        if request.session[SESSION_KEY].get("platform", False) != self.is_platform:
            return False
        return principal.holds(self.needs)

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        def within(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            with self.scope_of(request):
                try:
                    self.assert_admitted(request)
                    # A page is a bound method of its ConsoleAdmin, which may belong to a feature module.
                    modules.require(getattr(getattr(view, "__self__", None), "module", None))
                    response: HttpResponseBase = view(request, *args, **kwargs)
                    if isinstance(response, SimpleTemplateResponse) and not response.is_rendered:
                        response.render()  # templates read rows: not after the scope has ended
                except StepUpRequired:
                    return pages.to_proof(request, self)
                except MfaEnrolmentRequired as asked:
                    messages.warning(request, asked.detail)
                    return HttpResponseRedirect(reverse("admin:security", current_app=self.name))
                except DomainError as error:
                    return self.refuse(request, error.status, error.detail)
                except PermissionDenied:
                    return self.refuse(request, 403, "Your role does not allow this.")
                except Http404:
                    return self.refuse(request, 404, "There is no such page.")
            return response

        guarded: Callable[..., Any] = super().admin_view(update_wrapper(within, view), cacheable)
        return guarded

    def scope_of(self, request: HttpRequest) -> AbstractContextManager[Any]:
        return nullcontext()

    def assert_admitted(self, request: HttpRequest) -> None:
        """Raise where the place asks for more than the session was opened with."""
        principal, here = principal_of(request), request.resolver_match
        if principal is not None and (here is None or here.url_name not in BEFORE_ADMISSION):
            principal.assert_admitted()

    def refuse(self, request: HttpRequest, status: int, detail: str) -> HttpResponse:
        """A page that says why not; after a form, its own page with a message."""
        if request.method == "POST" and status not in {403, 404}:
            messages.error(request, detail)
            return HttpResponseRedirect(request.get_full_path())
        context = {**self.each_context(request), "title": "Not possible", "detail": detail}
        return TemplateResponse(request, "console/refused.html", context, status=status).render()

    def get_urls(self) -> list[Any]:
        kept = [url for url in super().get_urls() if getattr(url, "name", None) not in _LEFT_OUT]
        # Before the others: the last of them takes every address.
        asking = path("second-factor/", never_cache(self.second_factor), name="second_factor")
        return [asking, *pages.urls(self), *kept]

    def get_log_entries(self, request: HttpRequest) -> QuerySet[LogEntry]:
        return LogEntry.objects.none()

    @method_decorator(never_cache)
    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        index = reverse("admin:index", current_app=self.name)
        if request.method == "GET" and self.has_permission(request):
            return HttpResponseRedirect(index)
        context = {
            **self.each_context(request),
            **{"title": "Sign in", "subtitle": None, "app_path": request.get_full_path()},
        }
        if "next" not in request.GET and "next" not in request.POST:
            context["next"] = index
        context["provider"] = provider_start(host_tenant_id(request))
        request.current_app = self.name  # type: ignore[attr-defined]
        view = ConsoleLoginView.as_view(
            extra_context=context, authentication_form=self.login_form, template_name="console/login.html"
        )
        return view(request)

    def second_factor(self, request: HttpRequest) -> HttpResponse:
        """The second half of signing in: a code for who had the right password."""
        token, next_page = request.session.get(WAITING_KEY), pages.next_of(request, self)
        if not token:
            return HttpResponseRedirect(reverse("admin:login", current_app=self.name))
        given, form = pages.given_by(request, pages.CodeForm)
        waiting = {"token": token, "tenant_id": host_tenant_id(request), "on_console": True}
        if given is not None:
            try:
                session, place = mfa.sign_in_finish(
                    **waiting,
                    given=given,
                    place_for=partial(place_for, request),
                    device=request.headers.get("User-Agent", ""),
                    address=current().address,
                )
            except DomainError as refusal:
                form.add_error(None, refusal.detail)
            else:
                if place is not None:
                    enter(request, session.user, place, session)
                return HttpResponseRedirect(next_page)
        context = {"title": "Second factor", "form": form, "next": next_page, **second_factor_ways(waiting)}
        return pages.page(request, self, "console/second_factor.html", **context)

    def logout(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        end_session(request)
        forget(request)
        messages.success(request, "You have signed out.")
        return HttpResponseRedirect(reverse("admin:login", current_app=self.name))


def second_factor_ways(waiting: dict[str, Any]) -> dict[str, Any]:
    """How the page of a sign-in that waits may ask; nothing where it waits no more."""
    try:
        methods = mfa.sign_in_methods(**waiting)
        ask = json.dumps(mfa.sign_in_ask(**waiting)) if "passkey" in methods else ""
    except DomainError:
        return {"over": True}
    return {"ask": ask, "by_code": bool({"totp", "recovery_code"} & set(methods)), "elsewhere": not methods}


class PlatformSite(ConsoleSite):
    """The console of the platform's own hosts: super admins over the directory, no business rows."""

    settings_name = "UNFOLD_PLATFORM"
    index_template = "console/platform_dashboard.html"
    index_title = "The platform today"
    needs = ENTER_PLATFORM
    is_platform = True


class TenantSite(ConsoleSite):
    """The console of a tenant's host: its admins, and those who run an organization of it."""

    settings_name = "UNFOLD_TENANT"
    index_template = "console/tenant_dashboard.html"
    index_title = "The portfolio today"
    needs = ENTER
    is_platform = False

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context: dict[str, Any] = super().each_context(request)
        tenant = getattr(request, "tenant", None)
        if tenant is not None and (own := shades(tenant.brand.colour)):
            context["colors"] = {**context["colors"], "primary": own}
        return context

    def has_permission(self, request: HttpRequest) -> bool:
        principal, tenant = principal_of(request), getattr(request, "tenant", None)
        if not isinstance(principal, SessionPrincipal) or tenant is None:
            return False
        return principal.tenant_id == tenant.id and super().has_permission(request)

    def scope_of(self, request: HttpRequest) -> AbstractContextManager[Any]:
        principal = principal_of(request)
        ids = principal.organizations_with(ENTER) if principal else frozenset()
        here = request.resolver_match
        if principal and here is not None and str(here.url_name).startswith(STATE_PAGES):
            ids |= principal.organizations_with(GOVERN)
        who = principal.user_id if principal else "nobody"
        return scope.organizations(ids, reason=f"console for {who}")

    def get_urls(self) -> list[Any]:
        # Before the others: the last of them takes every address.
        own = [
            path("organization/", self.admin_view(self.switch), name="switch_organization"),
            # Nobody is signed in here yet: the pass says who comes.
            path("enter/", self.come_in, name="enter"),
        ]
        return [*own, *key_pages.urls(self), *sso_pages.urls(self), *super().get_urls()]

    @method_decorator(never_cache)
    def come_in(self, request: HttpRequest) -> HttpResponse:
        """Let a super admin in who comes from the platform's console with a pass, once."""
        tenant = request.tenant  # type: ignore[attr-defined]
        try:
            user, place, reason = entering.pass_take(token=request.GET.get("pass", ""), tenant_id=tenant.id)
        except DomainError as error:
            messages.error(request, error.detail)
            return HttpResponseRedirect(reverse("admin:login", current_app=self.name))
        device = request.headers.get("User-Agent", "")
        session = services.session_open(
            user=user,
            place=place,
            device=device,
            address=current().address,
            # Every session of who has a second factor was opened with it, the one that made the pass too.
            second_factor=has_second_factor(user.id),
        )
        enter(request, user, place, session)
        entering.entrance_record(place=place, reason=reason, session_id=session.id, actor=user.actor)
        return HttpResponseRedirect(reverse("admin:index", current_app=self.name))

    def switch(self, request: HttpRequest) -> HttpResponse:
        """The organizations that the caller runs in this tenant; POST makes one of them the active one."""
        places = places_to_run(request)
        if request.method == "POST":
            wanted = request.POST.get("organization", "")
            place = next((p for p in places if str(p.organization_id) == wanted), None)
            if place is None or place.organization_id is None:
                raise PermissionDenied
            self._work_in(request, place.organization_id)
            messages.success(request, f"You now work in {place.organization}.")
            return HttpResponseRedirect(reverse("admin:index", current_app=self.name))
        active = getattr(principal_of(request), "organization_id", None)
        context = {
            **self.each_context(request),
            **{"title": "Organization", "places": places, "active": active},
        }
        request.current_app = self.name  # type: ignore[attr-defined]
        return TemplateResponse(request, "console/switch.html", context)

    def _work_in(self, request: HttpRequest, organization_id: UUID) -> None:
        principal = request.principal  # type: ignore[attr-defined]
        services.session_switch(
            session_id=principal.session_id,
            user=request.user,  # type: ignore[arg-type]
            organization_id=organization_id,
            actor=principal.actor,
        )
        kept = request.session[SESSION_KEY]
        request.session[SESSION_KEY] = {**kept, "organization": str(organization_id)}


def places_to_run(request: HttpRequest) -> list[Place]:
    """Organizations of this tenant whose console the caller may enter by a role of his own in them."""
    principal, user = principal_of(request), request.user
    if not isinstance(principal, SessionPrincipal) or principal.wide_role or not isinstance(user, User):
        return []
    return [p for p in selectors.places_of(user, tenant_id=principal.tenant_id) if ENTER in MATRIX[p.role]]


def may_switch(request: HttpRequest) -> bool:
    """Whether there is another organization to switch to; asks no database."""
    principal = principal_of(request)
    if not isinstance(principal, SessionPrincipal) or principal.wide_role:
        return False
    return sum(ENTER in MATRIX[role] for role in principal.grants.roles.values()) > 1  # type: ignore[index]


def place_name(request: HttpRequest) -> str:
    """Where the caller works, in words for the head of the page."""
    principal = principal_of(request)
    if not isinstance(principal, SessionPrincipal):
        return ""
    if principal.wide_role is not None or principal.organization_id is None:
        return "All organizations"
    with in_public():
        entry = OrganizationEntry.objects.filter(id=principal.organization_id).first()
    return entry.name if entry else ""


def server_error(request: HttpRequest) -> HttpResponse:
    """A bug's answer: a page for who looks at a console, a problem for every other caller."""
    if not request.path.startswith("/admin/"):
        return problem.server_error(request)
    # No database, no session, no site: whatever is broken, this page is not.
    body = render_to_string("console/broken.html", {"request_id": current().request_id})
    return HttpResponse(body, status=500)


platform_site = PlatformSite(name="admin")
tenant_site = TenantSite(name="admin")
