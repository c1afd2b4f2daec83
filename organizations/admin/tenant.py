"""A tenant's console: members, and the tenant's audit log."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import OuterRef, Q, Subquery
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action, display

from accounts.console import tenant_site
from accounts.mfa import services as mfa
from accounts.models import Membership
from organizations.admin.log import AuditAdmin
from organizations.admin.member_actions import MemberSteps
from organizations.models import AuditEvent
from tenants.kernel.console import ConsoleAdmin, principal_of
from tenants.models import OrganizationEntry


def sees_whole_tenant(request: HttpRequest) -> bool:
    """Whether the caller's reach is the tenant, so that he sees what belongs to no organization too."""
    principal = principal_of(request)
    return principal is not None and principal.reaches_tenant


@admin.register(Membership, site=tenant_site)
class MembershipAdmin(MemberSteps, ConsoleAdmin):
    """Who works in the organizations of the caller's reach; for a tenant admin also the tenant's admins."""

    permissions: ClassVar[dict[str, str]] = {
        "view": "members.read",
        "change_member": "members.change",
        "offer_ownership": "ownership.offer",
        "reset_mfa": "mfa.reset",
    }
    step_up = frozenset({"reset_mfa", "offer_ownership"})
    actions_detail = (
        "change_role",
        "keep_out",
        "let_in",
        "offer_ownership",
        "remove_member",
        "reset_mfa",
    )
    list_display = ("email", "full_name", "role_text", "organization_name", "standing", "last_seen")
    list_filter = ("role", "state")
    search_fields = ("user__email", "user__profile__full_name")
    ordering = ("user__email",)
    fields = ("email", "full_name", "role_text", "organization_name", "standing", "last_seen", "created_at")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request).select_related("user__profile")
        principal = principal_of(request)
        tenant_id = principal.tenant_id if principal else None
        mine = Q(organization_id__in=self.reach(request))
        if sees_whole_tenant(request):
            mine |= Q(organization_id=None)
        entry = OrganizationEntry.objects.filter(id=OuterRef("organization_id"))
        return rows.filter(mine, tenant_id=tenant_id).annotate(place=Subquery(entry.values("name")[:1]))

    @display(description="E-mail", ordering="user__email")
    def email(self, membership: Membership) -> str:
        return membership.user.email

    @display(description="Name", ordering="user__profile__full_name")
    def full_name(self, membership: Membership) -> str:
        return membership.user.profile.full_name

    @display(description="Role", ordering="role")
    def role_text(self, membership: Membership) -> str:
        return str(membership.get_role_display()).capitalize()

    @display(description="Organization", ordering="place")
    def organization_name(self, membership: Any) -> str:
        return "All organizations" if membership.organization_id is None else str(membership.place or "")

    @display(description="State", ordering="state", label={"Active": "success", "Suspended": "danger"})
    def standing(self, membership: Membership) -> str:
        return "Active" if membership.user.is_active and membership.state == "active" else "Suspended"

    @display(description="Last sign-in", ordering="user__last_login")
    def last_seen(self, membership: Membership) -> Any:
        return membership.user.last_login

    @action(description="Reset second factor", url_path="reset-mfa", icon="lock_reset")
    def reset_mfa(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then take every second factor from a member who has lost his."""
        membership = self.row_for(request, "reset_mfa", object_id)
        if membership is None:
            return self.gone(request, object_id)
        email = membership.user.email
        return self.ask(
            request,
            membership,
            title=f"Reset the second factor of {email}?",
            text="Every session ends, authenticator app and recovery codes are gone, and the password alone "
            "opens the account. Be sure that it is he who asks. He gets a letter.",
            button="Reset",
            do=lambda _: mfa.mfa_reset(
                user_id=membership.user_id,
                tenant_id=membership.tenant_id,
                by_super_admin=False,
                actor=self.actor(request),
            ),
            done=f"The second factor of {email} is reset.",
            danger=True,
        )


@admin.register(AuditEvent, site=tenant_site)
class AuditEventAdmin(AuditAdmin):
    """What happened in the tenant; for those who run one organization, what happened in it."""

    permissions: ClassVar[dict[str, str]] = {"view": "audit.read"}

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        if sees_whole_tenant(request):
            return rows
        return rows.filter(organization_id__in=self.reach(request))
