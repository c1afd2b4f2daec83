"""What a member's page offers: another role, keeping him out and letting him in, removing him."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget

from accounts.models import Membership, MembershipState
from accounts.permissions import Role
from organizations.services import members, ownership
from tenants.kernel.console import ConsoleAdmin

if TYPE_CHECKING:
    _Base = ConsoleAdmin
else:
    _Base = object
GIVEN = (Role.ADMIN, Role.ANALYST, Role.VIEWER)


class RoleForm(forms.Form):
    """Another role; the owner's is given by a transfer only."""

    role = forms.ChoiceField(
        choices=[(role.value, role.value.capitalize()) for role in GIVEN], widget=UnfoldAdminSelectWidget()
    )


class MemberSteps(_Base):
    """Actions about one membership, through the same services as the API."""

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        buttons = super().get_actions_detail(request, object_id)
        row = self.get_object(request, str(object_id))
        hidden = {"keep_out", "let_in", "change_role", "remove_member", "offer_ownership"}
        in_one = row is not None and row.organization_id is not None and row.role != Role.OWNER
        if in_one and self.may(request, "change_member", row):
            hidden = {"let_in" if row.state == MembershipState.ACTIVE else "keep_out"}
            if not self.may(request, "offer_ownership", row):
                hidden.add("offer_ownership")
        return [b for b in buttons if not any(b.action_name.endswith(name) for name in hidden)]

    def _about(self, request: HttpRequest, object_id: str) -> Membership | None:
        row: Membership | None = self.row_for(request, "change_member", object_id)
        return row if row is not None and row.organization_id is not None else None

    @action(description="Change role", url_path="change-role", icon="badge")
    def change_role(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the role, then give it."""
        row = self._about(request, object_id)
        if row is None:
            return self.gone(request, object_id)
        return self.ask(
            request,
            row,
            title=f"Another role for {row.user.email}",
            text="It holds from the next request. Nobody gives a role that is not below his own.",
            button="Give this role",
            do=lambda data: members.member_role_change(
                user_id=row.user_id,
                organization_id=row.organization_id,  # type: ignore[arg-type]
                role=Role(data["role"]),
                actor=self.actor(request),
            ),
            done=f"{row.user.email} has another role.",
            form_class=RoleForm,
        )

    @action(description="Keep out", url_path="keep-out", icon="person_off")
    def keep_out(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then keep the member out of this organization."""
        return self._state(request, object_id, is_active=False)

    @action(description="Let in", url_path="let-in", icon="how_to_reg")
    def let_in(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then let the member in again."""
        return self._state(request, object_id, is_active=True)

    def _state(self, request: HttpRequest, object_id: str, *, is_active: bool) -> HttpResponse:
        row = self._about(request, object_id)
        if row is None:
            return self.gone(request, object_id)
        verb = "Let in" if is_active else "Keep out"
        return self.ask(
            request,
            row,
            title=f"{verb} {row.user.email}?",
            text="This is about this organization only: the account and other places stay as they are.",
            button=verb,
            do=lambda _: members.member_state_change(
                user_id=row.user_id,
                organization_id=row.organization_id,  # type: ignore[arg-type]
                is_active=is_active,
                actor=self.actor(request),
            ),
            done=f"{row.user.email} is {'let in' if is_active else 'kept out'}.",
            danger=not is_active,
        )

    @action(description="Offer the ownership", url_path="offer-ownership", icon="key")
    def offer_ownership(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then offer the organization to the member."""
        row: Membership | None = self.row_for(request, "offer_ownership", object_id)
        if row is None or row.organization_id is None:
            return self.gone(request, object_id)
        return self.ask(
            request,
            row,
            title=f"Offer the ownership to {row.user.email}?",
            text="Nothing changes until the member accepts, through the API or a client of it. The owner "
            "until then stays as an admin.",
            button="Offer",
            do=lambda _: ownership.ownership_offer(
                organization_id=row.organization_id,  # type: ignore[arg-type]
                user_id=row.user_id,
                actor=self.actor(request),
            ),
            done=f"The ownership is offered to {row.user.email}.",
        )

    @action(description="Remove", url_path="remove", icon="person_remove")
    def remove_member(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then end the membership."""
        row = self._about(request, object_id)
        if row is None:
            return self.gone(request, object_id)
        email = row.user.email

        def carry_out(_: dict[str, Any]) -> None:
            members.member_remove(
                user_id=row.user_id,
                organization_id=row.organization_id,  # type: ignore[arg-type]
                actor=self.actor(request),
            )

        return self.ask(
            request,
            row,
            title=f"Remove {email}?",
            text="His access to this organization ends at once. What he made stays.",
            button="Remove",
            do=carry_out,
            done=f"{email} is no member any more.",
            danger=True,
        )
