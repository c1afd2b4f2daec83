"""An institution's identity provider, whom it vouches for, and sign-ins under way."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

from accounts.models import User
from accounts.permissions import Role
from tenants.kernel.owned import Identified
from tenants.models import Tenant

# What a provider may make of somebody. Owners and admins of the institution are made by people.
PROVIDER_ROLES = (Role.ADMIN, Role.ANALYST, Role.VIEWER)


class Connection(Identified):
    """The provider of one institution."""

    tenant = models.OneToOneField(
        Tenant, on_delete=models.CASCADE, related_name="sso_connection", editable=False
    )
    issuer = models.URLField(max_length=300, help_text="Exactly as the provider's discovery document has it.")
    client_id = models.CharField(max_length=200)
    secret_sealed = models.TextField(blank=True, editable=False)
    scopes = models.CharField(max_length=200, default="openid email profile")
    role_claim = models.CharField(max_length=100, blank=True, help_text="Claim that holds groups or roles.")
    role_map = models.JSONField(default=dict, blank=True, help_text="Value of that claim to role.")
    default_role = models.CharField(
        max_length=20,
        blank=True,
        choices=[(role.value, role.value) for role in PROVIDER_ROLES],
        help_text="Role of whom no value fits; empty: he is not let in.",
    )
    organization_id = models.UUIDField(null=True, blank=True, help_text="Where new people become members.")
    provider_mfa = models.BooleanField(
        default=False, help_text="The provider asks for a second factor, so the platform need not."
    )
    break_glass = models.BooleanField(
        default=True, help_text="Admins of the institution may use their password where others may not."
    )
    is_active = models.BooleanField(default=False)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.issuer


class EmailDomain(Identified):
    """A domain of mail addresses for which an institution's provider may speak, once it is confirmed."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+", editable=False)
    domain = models.CharField(
        max_length=253,
        validators=[RegexValidator(r"^[a-z0-9-]+(\.[a-z0-9-]+)+$", "A domain in lower case is needed.")],
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    confirmed_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["domain"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "domain"], name="email_domain_once"),
            models.UniqueConstraint(
                fields=["domain"],
                condition=models.Q(confirmed_at__isnull=False),
                name="email_domain_of_one_tenant",
            ),
        ]

    def __str__(self) -> str:
        return self.domain


class Link(Identified):
    """Which user of ours a person at a provider is, for one institution."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sso_links")
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    issuer = models.CharField(max_length=300)
    subject = models.CharField(max_length=255)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "issuer", "subject"], name="sso_subject_once"),
            models.UniqueConstraint(fields=["tenant", "issuer", "user"], name="sso_user_once"),
        ]

    def __str__(self) -> str:
        return f"{self.subject} at {self.issuer}"


class Attempt(Identified):
    """A browser sent to the provider: what must come back with it. Secrets as hashes, or sealed."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    state_hash = models.CharField(max_length=64, unique=True)
    browser_hash = models.CharField(max_length=64)
    nonce_hash = models.CharField(max_length=64)
    verifier_sealed = models.TextField(help_text="Of PKCE, between us and the provider.")
    challenge = models.CharField(max_length=64, blank=True, help_text="Of PKCE, between the client and us.")
    redirect_uri = models.CharField(max_length=300)
    on_console = models.BooleanField(default=False)
    fresh = models.BooleanField(default=False, help_text="The provider was asked to look again who it is.")
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.id)


class Ticket(Identified):
    """A sign-in that the provider has vouched for, until the client fetches its tokens."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    code_hash = models.CharField(max_length=64, unique=True)
    challenge = models.CharField(max_length=64)
    proved_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.id)
