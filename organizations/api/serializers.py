"""Shapes of organizations, their people, and of joining the platform."""

from __future__ import annotations

from typing import Any

from accounts.permissions import Role
from accounts.selectors import emails_of
from organizations.api.client import stored_role
from tenants.kernel import serializers
from tenants.models import OrganizationState

ROLE_HELP = "owner, admin, analyst or viewer; org_admin and org_member are taken for admin and analyst."


class RoleField(serializers.CharField):
    """A role of a membership, in either vocabulary."""

    def to_internal_value(self, data: Any) -> Role:
        role = stored_role(super().to_internal_value(data).strip().lower())
        if role is None:
            raise serializers.ValidationError("Give owner, admin, analyst or viewer.", code="bad_role")
        return role


class PersonBrief(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    email = serializers.EmailField()
    full_name = serializers.CharField()


class TenantOfOrganization(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    slug = serializers.CharField()


class MemberOut(serializers.Serializer[Any]):
    """A member of an organization."""

    id = serializers.UUIDField(help_text="Of the user.")
    email = serializers.EmailField()
    username = serializers.CharField()
    full_name = serializers.CharField()
    job_title = serializers.CharField()
    role = serializers.CharField(help_text="org_admin or org_member.")
    membership_role = serializers.CharField(help_text="owner, admin, analyst or viewer.")
    state = serializers.CharField(help_text="Of the membership: active or suspended.")
    is_active = serializers.BooleanField(help_text="Whether the member can enter.")
    email_verified = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    joined_at = serializers.DateTimeField()
    last_login = serializers.DateTimeField(allow_null=True)
    organization_id = serializers.UUIDField()
    tenant_id = serializers.UUIDField()


class OrganizationOut(serializers.Serializer[Any]):
    """An organization with its settings and how many people it has."""

    id = serializers.UUIDField()
    tenant_id = serializers.UUIDField()
    name = serializers.CharField()
    slug = serializers.CharField()
    domain = serializers.CharField()
    description = serializers.CharField()
    logo_url = serializers.CharField(allow_null=True)
    state = serializers.ChoiceField(choices=OrganizationState.choices)
    is_active = serializers.BooleanField()
    is_default = serializers.BooleanField(help_text="Takes what tenant admins make without naming one.")
    max_users = serializers.IntegerField()
    default_role = serializers.CharField(help_text="What a newcomer becomes: org_admin or org_member.")
    default_membership_role = serializers.CharField(help_text="The same, as admin, analyst or viewer.")
    allow_global_data_access = serializers.BooleanField(
        help_text="Whether members read the platform's reference data."
    )
    join_enabled = serializers.BooleanField(help_text="Whether links, codes and the whitelist admit people.")
    whitelist_required = serializers.BooleanField(
        required=False, help_text="Whether links and codes admit only addresses on the whitelist."
    )
    join_token = serializers.CharField(allow_null=True, required=False, help_text="For admins only.")
    join_created_at = serializers.DateTimeField(allow_null=True, required=False)
    code = serializers.CharField(allow_null=True, required=False, help_text="For admins only.")
    created_by = serializers.UUIDField(allow_null=True, required=False)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField(required=False)
    archived_at = serializers.DateTimeField(allow_null=True, required=False)
    tenant = TenantOfOrganization(allow_null=True)
    org_admin = PersonBrief(allow_null=True, help_text="The owner.")
    total_users = serializers.IntegerField()
    active_users = serializers.IntegerField()
    total_members = serializers.IntegerField()
    active_members = serializers.IntegerField()
    current_users = serializers.IntegerField()
    total_admins = serializers.IntegerField()
    members = MemberOut(
        many=True,
        help_text="The first of its people, for who may read them; all of them, by page: `members`.",
    )


class OrganizationIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=200)
    description = serializers.CharField(required=False, allow_blank=True, max_length=2000)
    domain = serializers.CharField(required=False, allow_blank=True, max_length=253)
    max_users = serializers.IntegerField(required=False, min_value=1)
    default_role = RoleField(required=False, help_text=ROLE_HELP)
    tenant_id = serializers.UUIDField(
        required=False, allow_null=True, help_text="For operators: in which institution."
    )


class OrganizationChangeIn(serializers.Serializer[Any]):
    """What may be changed; a body may hold any part of it."""

    name = serializers.CharField(max_length=200, required=False)
    description = serializers.CharField(required=False, allow_blank=True, max_length=2000)
    domain = serializers.CharField(required=False, allow_blank=True, max_length=253)
    max_users = serializers.IntegerField(required=False, min_value=1)
    default_role = serializers.ChoiceField(
        choices=["admin", "analyst", "viewer", "org_admin", "org_member"], required=False
    )
    join_enabled = serializers.BooleanField(required=False)
    whitelist_required = serializers.BooleanField(required=False)
    allow_global_data_access = serializers.BooleanField(
        required=False, help_text="Changed by tenant admins only."
    )
    is_default = serializers.BooleanField(required=False, help_text="Changed by tenant admins only.")
    is_active = serializers.BooleanField(
        required=False, help_text="Opens or closes the organization for work, in a body of its own."
    )


class StepIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class ReasonedStepIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500, help_text="Kept in the organization's history.")


class StateChangeOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    from_state = serializers.CharField()
    to_state = serializers.CharField()
    reason = serializers.CharField()
    at = serializers.DateTimeField()
    by_id = serializers.UUIDField(allow_null=True)
    by_email = serializers.SerializerMethodField()

    def get_by_email(self, change: Any) -> str | None:
        """Who it was, while he has an account."""
        found: str | None = self.context.get("emails", {}).get(change.by_id)
        return found


class MemberIn(serializers.Serializer[Any]):
    """Who to add: somebody of the institution by id or address; a stranger is invited by his address."""

    user_id = serializers.UUIDField(required=False, allow_null=True)
    email = serializers.EmailField(required=False, max_length=254)
    role = RoleField(required=False, help_text=f"{ROLE_HELP} Left out: the organization's default.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.get("user_id") and not attrs.get("email"):
            raise serializers.ValidationError({"email": "Name a person."})
        return attrs


class UserIdIn(serializers.Serializer[Any]):
    user_id = serializers.UUIDField()


class RoleIn(serializers.Serializer[Any]):
    role = RoleField(help_text=ROLE_HELP)


class ActivateIn(serializers.Serializer[Any]):
    is_active = serializers.BooleanField(required=False, default=True)


class OfferIn(serializers.Serializer[Any]):
    user_id = serializers.UUIDField(required=False, allow_null=True)
    new_owner_id = serializers.UUIDField(required=False, allow_null=True, help_text="The same as user_id.")
    message = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        found = attrs.get("user_id") or attrs.get("new_owner_id")
        if not found:
            raise serializers.ValidationError({"user_id": "Name the new owner."})
        return {"user_id": found, "message": attrs["message"]}


class OfferOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    to_user_id = serializers.UUIDField()
    to_email = serializers.SerializerMethodField()
    from_user_id = serializers.UUIDField(allow_null=True)
    state = serializers.CharField()
    message = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)

    def get_to_email(self, offer: Any) -> str | None:
        """The member's address."""
        return emails_of({offer.to_user_id}).get(offer.to_user_id)


class PendingOfferOut(serializers.Serializer[Any]):
    offer = OfferOut(allow_null=True)


class JobTitleOut(serializers.Serializer[Any]):
    job_title = serializers.CharField(help_text="Empty for people who have named none.")
    count = serializers.IntegerField()


class JobTitlesOut(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    job_titles = JobTitleOut(many=True)


class AssignIn(serializers.Serializer[Any]):
    user_email = serializers.EmailField(max_length=254)
    organization_id = serializers.UUIDField()
    role = RoleField(required=False, default=Role.ANALYST, help_text=ROLE_HELP)
    from_organization_id = serializers.UUIDField(
        required=False, allow_null=True, help_text="Ends the membership there in the same step."
    )


class AssignedOut(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    message = serializers.CharField()
    user_id = serializers.UUIDField()
    user_email = serializers.EmailField()
    organization_id = serializers.UUIDField()
    organization_name = serializers.CharField()
    assigned_role = serializers.CharField()
    membership_role = serializers.CharField()
    tenant_name = serializers.CharField()
