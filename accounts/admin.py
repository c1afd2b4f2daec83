"""Users, on the platform's console. Members of a tenant stand with its organizations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSplitDateTimeWidget, UnfoldAdminTextareaWidget

from accounts import services as accounts
from accounts.console import platform_site
from accounts.mfa import services as mfa
from accounts.models import AuthSession, Membership, User, UserState
from accounts.permissions import Role
from accounts.privacy import services as privacy
from accounts.recovery import services as recovery
from accounts.sso import configuring
from accounts.sso.models import EmailDomain
from accounts.standing import services
from accounts.standing.models import StatusChange
from accounts.standing.selectors import PLATFORM
from tenants.kernel.console import ConsoleAdmin
from tenants.kernel.console_forms import ReasonForm
from tenants.models import OrganizationEntry

# Buttons by the state of the user, as paths of the actions below.
OFFERED = {
    UserState.ACTIVE: {"suspend", "deactivate", "sign-out", "resend", "reset-mfa", "archive"},
    UserState.SUSPENDED: {"lift", "deactivate", "archive"},
    UserState.DEACTIVATED: {"activate", "archive"},
    UserState.ARCHIVED: set(),
}


class SuspendForm(forms.Form):
    """Why, and for how long."""

    reason = forms.CharField(
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Kept in the user's history.",
    )
    until = forms.SplitDateTimeField(
        required=False,
        widget=UnfoldAdminSplitDateTimeWidget(),
        help_text="When it lifts itself (UTC). Empty: when somebody lifts it.",
    )


@admin.register(User, site=platform_site)
class UserAdmin(ConsoleAdmin):
    """Everybody who can sign in somewhere. Credentials are never read here, let alone shown."""

    permissions: ClassVar[dict[str, str]] = {
        "view": "platform.read",
        "deactivate": "platform.change",
        "activate": "platform.change",
        "suspend": "platform.change",
        "lift": "platform.change",
        "sign_out": "platform.change",
        "resend": "platform.change",
        "archive": "platform.change",
        "reset_mfa": "platform.change",
    }
    list_display = ("email", "full_name", "standing", "places", "last_login", "created_at")
    list_filter = ("state", "is_super_admin")
    search_fields = ("email", "profile__full_name")
    ordering = ("email",)
    date_hierarchy = "created_at"
    detail_template = "console/user.html"
    actions_detail = (
        *("suspend", "lift", "deactivate", "activate", "sign_out", "resend"),
        *("reset_mfa", "archive"),
    )
    step_up = frozenset({"reset_mfa", "archive"})

    def get_queryset(self, request: HttpRequest) -> Any:
        # The manager brings the credential along for signing in; a list of people has no use for it.
        rows = super().get_queryset(request).select_related(None).select_related("profile")
        return rows.annotate(held=Count("memberships", filter=Q(memberships__state="active")))

    @display(description="Name", ordering="profile__full_name")
    def full_name(self, user: User) -> str:
        return user.profile.full_name

    @display(
        description="State",
        label={
            "Active": "success",
            "Super admin": "info",
            "Suspended": "warning",
            "Deactivated": "danger",
            "Archived": "danger",
        },
    )
    def standing(self, user: User) -> str:
        return "Super admin" if user.is_active and user.is_super_admin else user.get_state_display()

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
        changes = StatusChange.objects.filter(user=obj).select_related("tenant")[:20]
        return {
            "standing": self.standing(obj),
            "memberships": rows,
            "sessions": sessions,
            "changes": changes,
        }

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        buttons: list[Any] = super().get_actions_detail(request, object_id)
        user = self.get_object(request, str(object_id))
        if user is None or user == request.user or not self.may(request, "deactivate"):
            return []
        offered = OFFERED[user.state] - ({"resend"} if user.email_verified_at else set())
        return [button for button in buttons if str(button.path) in offered]

    def _stand(
        self,
        request: HttpRequest,
        object_id: str,
        verb: str,
        *,
        do: Callable[..., object],
        done: str,
        text: str,
        form_class: type[forms.Form] = ReasonForm,
        danger: bool = False,
    ) -> HttpResponse:
        """Ask, then change how a user stands on the platform."""
        user = self.row_for(request, verb, object_id)
        if user is None:
            return self.gone(request, object_id)
        words = verb.replace("_", " ").capitalize()

        def carry_out(data: dict[str, Any]) -> None:
            do(user=user, reach=PLATFORM, actor=self.actor(request), role=Role.SUPER_ADMIN, **data)

        return self.ask(
            request,
            user,
            title=f"{words}: {user.email}?",
            text=text,
            button=words,
            do=carry_out,
            done=f"{user.email} {done}.",
            form_class=form_class,
            danger=danger,
        )

    @action(description="Deactivate", url_path="deactivate", icon="person_off")
    def deactivate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End every session of the user and let nobody sign in as him."""
        text = (
            "Every session and API key ends at once, and nobody can sign in with this address any more. "
            "What the user has made stays."
        )
        return self._stand(
            request,
            object_id,
            "deactivate",
            do=services.user_deactivate,
            done="is deactivated",
            text=text,
            danger=True,
        )

    @action(description="Activate", url_path="activate", icon="person_check")
    def activate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let the user in again."""
        return self._stand(
            request,
            object_id,
            "activate",
            do=services.user_activate,
            done="may sign in again",
            text="The user may sign in again, with the memberships that he has.",
        )

    @action(description="Suspend", url_path="suspend", icon="person_alert")
    def suspend(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Shut the user out for a time."""
        return self._stand(
            request,
            object_id,
            "suspend",
            do=services.user_suspend,
            done="is suspended",
            text="Every session ends at once. With an end, the suspension lifts itself then.",
            form_class=SuspendForm,
            danger=True,
        )

    @action(description="Lift suspension", url_path="lift", icon="lock_open")
    def lift(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End a suspension before its time."""
        return self._stand(
            request,
            object_id,
            "lift",
            do=services.user_lift,
            done="may sign in again",
            text="The suspension ends now.",
        )

    @action(description="Sign out everywhere", url_path="sign-out", icon="logout")
    def sign_out(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End every session of the user."""
        return self._stand(
            request,
            object_id,
            "sign_out",
            do=lambda *, user, actor, **_: accounts.user_sign_out(user=user, actor=actor),
            done="is signed out everywhere",
            text="Every session ends at once; the user may sign in again.",
            form_class=forms.Form,
        )

    @action(description="Send verification again", url_path="resend", icon="forward_to_inbox")
    def resend(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Another letter that proves the user's address."""
        return self._stand(
            request,
            object_id,
            "resend",
            do=lambda *, user, actor, **_: recovery.verification_resend(user=user, actor=actor),
            done="gets the letter again",
            text="A letter with a link that proves the address; a few in an hour.",
            form_class=forms.Form,
        )

    @action(description="Archive", url_path="archive", icon="delete_forever")
    def archive(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Make the user nameless for good."""
        return self._stand(
            request,
            object_id,
            "archive",
            do=lambda *, user, actor, role, reason, **_: privacy.user_archive(
                user=user, reason=reason, actor=actor, role=role
            ),
            done="is archived",
            text="Address, name, picture, sessions and personal workspace are removed for good. What the "
            "user has made for institutions stays, without his name. This cannot be undone.",
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
