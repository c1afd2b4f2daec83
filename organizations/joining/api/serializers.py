"""Shapes of the ways into an organization."""

from __future__ import annotations

from typing import Any

from organizations.joining import tokens
from organizations.joining.models import JoinLink
from organizations.joining.roles import NAMES, role_named
from tenants.kernel import mail, serializers


class JoinRoleField(serializers.CharField):
    """A role that a newcomer may get, in either vocabulary; empty: the organization's default."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if text.strip().lower() not in {"", *NAMES}:
            raise serializers.ValidationError("Give admin, analyst or viewer.", code="bad_role")
        return role_named(text)


class WhitelistIn(serializers.Serializer[Any]):
    email = serializers.CharField(
        max_length=254,
        help_text="An address, or a domain (`firm.com` or `@firm.com`) for all of its addresses.",
    )
    role = JoinRoleField(required=False, allow_blank=True, default="")


class WhitelistOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    organization_id = serializers.UUIDField()
    email = serializers.SerializerMethodField(help_text="The address, or the domain behind an @.")
    kind = serializers.CharField(help_text="address or domain.")
    role = serializers.CharField(help_text="Empty: the organization's default.")
    added_by = serializers.SerializerMethodField()
    added_at = serializers.DateTimeField()
    status = serializers.SerializerMethodField()

    def get_email(self, entry: Any) -> str:
        return str(entry)

    def get_added_by(self, entry: Any) -> str | None:
        """Who put it there, while he has an account."""
        found: str | None = self.context.get("emails", {}).get(entry.created_by_id)
        return found

    def get_status(self, entry: Any) -> str:
        return "active"


class FileIn(serializers.Serializer[Any]):
    file = serializers.FileField(help_text="CSV or XLSX with a column `email`, or a plain list of addresses.")
    preview = serializers.BooleanField(
        required=False, default=False, help_text="Only tell what would become of each row."
    )


class RowOut(serializers.Serializer[Any]):
    row = serializers.IntegerField(help_text="Of the file, from 1.")
    email = serializers.CharField()
    status = serializers.CharField(
        help_text="added, invited (would_be_invited in a preview), known or refused."
    )
    detail = serializers.CharField(help_text="Why not, where it was not.")
    role = serializers.CharField()
    invitation_id = serializers.UUIDField(allow_null=True)


class ImportOut(serializers.Serializer[Any]):
    preview = serializers.BooleanField()
    total = serializers.IntegerField()
    done = serializers.IntegerField(help_text="Rows that were (or would be) carried out.")
    known = serializers.IntegerField(help_text="Rows that changed nothing, being there already.")
    refused = serializers.IntegerField()
    rows = RowOut(many=True)


class LinkIn(serializers.Serializer[Any]):
    # DRF's own attribute of this name is a text.
    label = serializers.CharField(  # type: ignore[assignment]
        max_length=100, required=False, allow_blank=True
    )
    role = JoinRoleField(required=False, allow_blank=True)
    expires_at = serializers.DateTimeField(required=False, allow_null=True)
    max_uses = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=1_000_000)
    is_on = serializers.BooleanField(required=False)


class LinkOut(serializers.ModelSerializer[JoinLink]):
    join_token = serializers.SerializerMethodField()
    join_url = serializers.SerializerMethodField()
    join_address = serializers.SerializerMethodField()
    is_open = serializers.SerializerMethodField()

    class Meta:
        model = JoinLink
        fields = (
            "id",
            "organization_id",
            "label",
            "is_primary",
            "role",
            "expires_at",
            "max_uses",
            "uses",
            "last_used_at",
            "is_on",
            "is_open",
            "rotated_at",
            "created_at",
            "join_token",
            "join_url",
            "join_address",
        )

    def _token(self, link: JoinLink) -> str | None:
        return tokens.shown(link, link.given_role, self.context["viewer"])

    def get_join_token(self, link: JoinLink) -> str | None:
        """The secret; null where it has to be rotated first, and where the link's role is none to give."""
        return self._token(link)

    def get_join_url(self, link: JoinLink) -> str | None:
        """The path of its page; null without the secret."""
        token = self._token(link)
        return f"/join/{token}" if token else None

    def get_join_address(self, link: JoinLink) -> str | None:
        """The same as a whole address, to be copied into a letter; null without the secret."""
        token = self._token(link)
        return mail.link("join", token=token) if token else None

    def get_is_open(self, link: JoinLink) -> bool:
        """Whether it admits anybody just now, for its own part."""
        return link.admits


class DayOut(serializers.Serializer[Any]):
    day = serializers.DateField()
    count = serializers.IntegerField()


class LinkStatsOut(serializers.Serializer[Any]):
    uses = serializers.IntegerField()
    left = serializers.IntegerField(allow_null=True, help_text="Uses that are left; null without a limit.")
    last_used_at = serializers.DateTimeField(allow_null=True)
    members_now = serializers.IntegerField(help_text="Of those who came by it, how many are members still.")
    by_day = DayOut(many=True, help_text="The last 30 days on which somebody came.")


class InvitationIn(serializers.Serializer[Any]):
    email = serializers.EmailField(max_length=254)
    role = JoinRoleField(required=False, allow_blank=True, default="")
    full_name = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    job_title = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")


class InvitationOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    organization_id = serializers.UUIDField()
    email = serializers.EmailField()
    full_name = serializers.CharField()
    job_title = serializers.CharField()
    role = serializers.CharField()
    state = serializers.CharField(source="standing", help_text="pending, expired, accepted or revoked.")
    created_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField()
    times_sent = serializers.IntegerField()
    expires_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class RegenerateOut(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    new_token = serializers.CharField()
    join_url = serializers.CharField()


class CodeOut(serializers.Serializer[Any]):
    code = serializers.CharField(allow_null=True)


class JoinIn(serializers.Serializer[Any]):
    join_token = serializers.CharField(
        required=False, max_length=200, help_text="A join token, the token of an invitation, or a code."
    )
    code = serializers.CharField(required=False, max_length=40, help_text="An organization's short code.")
    email = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=254,
        help_text="The caller's own; another one is refused.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        secret = (attrs.get("join_token") or attrs.get("code") or "").strip()
        if not secret:
            raise serializers.ValidationError({"join_token": "Enter a join token or a code."})
        # People paste the whole address.
        return {"secret": secret.rstrip("/").rpartition("/")[2], "email": attrs.get("email", "")}


class JoinedOut(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    message = serializers.CharField()
    organization_id = serializers.UUIDField()
    organization_name = serializers.CharField()
    tenant_id = serializers.UUIDField()
    user_role = serializers.CharField()
    membership_role = serializers.CharField()


class SecretIn(serializers.Serializer[Any]):
    token = serializers.CharField(max_length=200)

    def validate_token(self, text: str) -> str:
        return text.strip().rstrip("/").rpartition("/")[2]


class AcceptIn(SecretIn):
    password = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=256,
        trim_whitespace=False,
        help_text="For a new account; somebody who has one needs none here.",
    )
    full_name = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class PreviewOut(serializers.Serializer[Any]):
    organization_name = serializers.CharField()
    way = serializers.CharField(help_text="link, code or invitation.")
    needs_account = serializers.BooleanField(
        help_text="Whether accepting it takes a password: for a new account, or one never proved."
    )
