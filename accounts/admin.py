"""Users, on the platform's console. Members of a tenant stand with its organizations."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action, display

from accounts.console import platform_site
from accounts.mfa import services as mfa
from accounts.models import AuthSession, Membership, User
from accounts.permissions import Role
from accounts.sso import configuring
from accounts.sso.models import EmailDomain
from accounts.standing import services
from accounts.standing.selectors import PLATFORM
from tenants.kernel.console import ConsoleAdmin
from tenants.models import OrganizationEntry


@admin.register(User, site=platform_site)
class UserAdmin(ConsoleAdmin):
    """Everybody who can sign in somewhere. Credentials are never read here, let alone shown."""

    permissions: ClassVar[dict[str, str]] = {
        "view": "platform.read",
        "deactivate": "platform.change",
        "reset_mfa": "platform.change",
    }
    list_display = ("email", "full_name", "standing", "places", "last_login", "created_at")
    list_filter = ("is_active", "is_super_admin")
    search_fields = ("email", "profile__full_name")
    ordering = ("email",)
    date_hierarchy = "created_at"
    detail_template = "console/user.html"
    actions_detail = ("deactivate", "reset_mfa")
    step_up = frozenset({"reset_mfa"})

    def get_queryset(self, request: HttpRequest) -> Any:
        # The manager brings the credential along for signing in; a list of people has no use for it.
        rows = super().get_queryset(request).select_related(None).select_related("profile")
        return rows.annotate(held=Count("memberships", filter=Q(memberships__state="active")))

    @display(description="Name", ordering="profile__full_name")
    def full_name(self, user: User) -> str:
        return user.profile.full_name

    @display(description="State", label={"Active": "success", "Deactivated": "danger", "Super admin": "info"})
    def standing(self, user: User) -> str:
        if not user.is_active:
            return "Deactivated"
        return "Super admin" if user.is_super_admin else "Active"

    @display(description="Memberships", ordering="held")
    def places(self, user: Any) -> int:
        held: int = user.held
        return held

    def details(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        memberships = list(Membership.objects.filter(user=obj).select_related("tenant"))
        ids = {m.organization_id for m in memberships if m.organization_id}
        names = dict(OrganizationEntry.objects.filter(id__in=ids).values_list("id", "name"))
        rows = [
            {
                "tenant": m.tenant.name,
                "organization": names.get(m.organization_id, "")
                if m.organization_id
                else "All organizations",
                "role": m.get_role_display(),
                "state": m.get_state_display(),
            }
            for m in memberships
        ]
        sessions = AuthSession.objects.filter(user=obj).select_related("tenant")[:10]
        return {"standing": self.standing(obj), "memberships": rows, "sessions": sessions}

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        buttons: list[Any] = super().get_actions_detail(request, object_id)
        user = self.get_object(request, str(object_id))
        offered = (
            user is not None and user.is_active and self.may(request, "deactivate") and user != request.user
        )
        return buttons if offered else []

    @action(description="Deactivate", url_path="deactivate", icon="person_off")
    def deactivate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then end every session of the user and let nobody sign in as him."""
        user = self.row_for(request, "deactivate", object_id)
        if user is None:
            return self.gone(request, object_id)

        def carry_out(_: dict[str, Any]) -> None:
            services.user_deactivate(
                user=user, reach=PLATFORM, actor=self.actor(request), role=Role.SUPER_ADMIN
            )

        return self.ask(
            request,
            user,
            title=f"Deactivate {user.email}?",
            text="Every session ends at once, and nobody can sign in with this address any more. "
            "What the user has made stays.",
            button="Deactivate",
            do=carry_out,
            done=f"{user.email} is deactivated.",
            danger=True,
        )

    @action(description="Reset second factor", url_path="reset-mfa", icon="lock_reset")
    def reset_mfa(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then take every second factor from a user who has lost his."""
        user = self.row_for(request, "reset_mfa", object_id)
        if user is None:
            return self.gone(request, object_id)
        return self.ask(
            request,
            user,
            title=f"Reset the second factor of {user.email}?",
            text="Every session ends, authenticator app and recovery codes are gone, and the password alone "
            "opens the account. Be sure that it is he who asks. He gets a letter.",
            button="Reset",
            do=lambda _: mfa.mfa_reset(
                user_id=user.pk, tenant_id=None, by_super_admin=True, actor=self.actor(request)
            ),
            done=f"The second factor of {user.email} is reset.",
            danger=True,
        )


@admin.register(EmailDomain, site=platform_site)
class EmailDomainAdmin(ConsoleAdmin):
    """Domains that institutions claim for their identity providers; an operator confirms what he has seen."""

    permissions: ClassVar[dict[str, str]] = {"view": "platform.read", "confirm": "platform.change"}
    step_up = frozenset({"confirm"})
    list_display = ("domain", "tenant", "confirmed_at", "created_at")
    list_filter = ("tenant",)
    search_fields = ("domain",)
    ordering = ("domain",)
    fields = ("domain", "tenant", "confirmed_at", "created_at")
    readonly_fields = fields
    actions_detail = ("confirm",)

    @action(description="Confirm", url_path="confirm", icon="verified")
    def confirm(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then let the institution's provider speak for addresses of this domain."""
        domain = self.row_for(request, "confirm", object_id)
        if domain is None:
            return self.gone(request, object_id)
        return self.ask(
            request,
            domain,
            title=f"Does {domain.tenant} own {domain}?",
            text="Its identity provider will sign in, and make, users with addresses of this domain. Confirm "
            "only what you have checked, for example by a TXT record that the institution has set.",
            button="It does",
            do=lambda _: configuring.domain_confirm(domain_id=domain.pk, actor=self.actor(request)),
            done=f"{domain} is confirmed for {domain.tenant}.",
        )
