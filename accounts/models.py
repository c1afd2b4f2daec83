"""Who somebody is, what he may enter, and where he is signed in. All in the public schema."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.hashers import check_password, identify_hasher, make_password
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.permissions import Role
from tenants.kernel.owned import Identified
from tenants.kernel.request import Actor
from tenants.models import Tenant


class UserManager(BaseUserManager["User"]):
    """Finds users by address without regard to case."""

    def with_credential(self) -> models.QuerySet[User]:
        """Users with what log-in needs; every other read leaves the hash alone."""
        return self.get_queryset().select_related("credential", "profile")

    def by_email(self, email: str) -> User | None:
        """The user of an address, in any case; the credential comes along."""
        return self.with_credential().filter(email__lower=email.strip().lower()).first()

    def get_by_natural_key(self, username: str | None) -> User:
        return self.with_credential().get(email__lower=(username or "").strip().lower())


class UserState(models.TextChoices):
    """What an identity may be used for; ``is_active`` says the same in one word."""

    ACTIVE = "active", "Active"
    DEACTIVATED = "deactivated", "Deactivated"
    SUSPENDED = "suspended", "Suspended"
    ARCHIVED = "archived", "Archived"


class User(AbstractBaseUser, Identified):
    """The minimal identity: an address and whether it may be used.

    The password hash stands in Credential and what describes the person in Profile. Rows are never
    deleted (tenants point here without a constraint): users are deactivated or anonymised.
    """

    password = None  # type: ignore[assignment]  # see the property below
    email = models.EmailField()
    is_active = models.BooleanField(default=True, editable=False)
    state = models.CharField(
        max_length=20, choices=UserState.choices, default=UserState.ACTIVE, editable=False
    )
    suspended_until = models.DateTimeField(
        null=True, editable=False, help_text="When a suspension lifts itself; empty: when somebody lifts it."
    )
    is_super_admin = models.BooleanField(default=False, editable=False)
    email_verified_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    # The names that a password may not resemble, beside the address; told by whoever checks one.
    spoken_names = ""

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering = ["email"]
        constraints = [
            models.UniqueConstraint(Lower("email"), name="user_email_once"),
            models.CheckConstraint(
                condition=models.Q(is_active=True, state=UserState.ACTIVE)
                | (models.Q(is_active=False) & ~models.Q(state=UserState.ACTIVE)),
                name="user_active_says_state",
            ),
        ]

    def __str__(self) -> str:
        return self.email

    def get_full_name(self) -> str:
        return self.profile.full_name or self.email

    def check_password(self, raw_password: str | None) -> bool:
        """Whether the password is right; a hash of an older algorithm is made anew on the way."""

        def upgrade(password: str) -> None:
            hashed = make_password(password)
            algorithm = identify_hasher(hashed).algorithm
            Credential.objects.filter(user=self).update(password=hashed, algorithm=algorithm)

        return bool(check_password(raw_password, _password_of(self), upgrade))

    def get_short_name(self) -> str:
        return self.get_full_name()

    @property
    def actor(self) -> Actor:
        return Actor(self.id, self.email)

    # Django's consoles ask for these; our rule is the matrix, so they open nothing.
    is_staff = False
    is_superuser = False

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        return False

    def has_module_perms(self, app_label: str) -> bool:
        return False


def _password_of(user: User) -> str:
    credential = getattr(user, "credential", None)
    return credential.password if credential is not None else "!"


# AbstractBaseUser works on ``self.password``: let it read the credential's hash.
User.password = property(_password_of)  # type: ignore[assignment,method-assign]


class Credential(models.Model):
    """How a user proves who he is; apart from the identity, so that reading users reads no hash."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="credential")
    password = models.CharField(max_length=255, help_text="The hash, with its algorithm and parameters.")
    algorithm = models.CharField(max_length=40)
    changed_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"credential of {self.user_id}"


class Profile(models.Model):
    """What describes the person."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="profile")
    username = models.CharField(max_length=150, blank=True)
    full_name = models.CharField(max_length=200, blank=True)
    job_title = models.CharField(max_length=100, blank=True)
    sector = models.CharField(max_length=100, blank=True)
    bio = models.TextField(blank=True)
    time_zone = models.CharField(
        max_length=64, default="UTC", help_text="Name of the IANA database; times are stored in UTC."
    )
    preferences = models.JSONField(default=dict, blank=True, help_text="By the keys of accounts.preferences.")
    avatar = models.CharField(max_length=200, blank=True, help_text="Path of the picture in the storage.")

    def __str__(self) -> str:
        return self.full_name or str(self.user_id)


class MembershipState(models.TextChoices):
    ACTIVE = "active", "Active"
    SUSPENDED = "suspended", "Suspended"


class Membership(Identified):
    """The one truth of who may enter where.

    ``organization_id`` points into the tenant's schema without a constraint; it is null for a tenant
    admin, whose reach is the whole tenant.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="memberships")
    organization_id = models.UUIDField(null=True, blank=True)
    role = models.CharField(
        max_length=20,
        choices=[(r.value, r.value.replace("_", " ")) for r in Role if r != Role.SUPER_ADMIN],
    )
    state = models.CharField(max_length=20, choices=MembershipState.choices, default=MembershipState.ACTIVE)
    suspended_until = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "tenant", "organization_id"], nulls_distinct=False, name="membership_once"
            ),
            models.CheckConstraint(
                condition=models.Q(role=Role.TENANT_ADMIN, organization_id__isnull=True)
                | (~models.Q(role=Role.TENANT_ADMIN) & models.Q(organization_id__isnull=False)),
                name="membership_role_fits",
            ),
            models.UniqueConstraint(
                fields=["tenant", "organization_id"],
                condition=models.Q(role=Role.OWNER),
                name="one_owner_per_organization",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "organization_id"], name="membership_place")]

    def __str__(self) -> str:
        return f"{self.user}, {self.get_role_display()}"


class AuthSession(Identified):
    """One log-in: a family of refresh tokens, revocable as a whole."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="auth_sessions")
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, null=True, related_name="+")
    organization_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(help_text="Absolute: no refresh lives beyond it.")
    revoked_at = models.DateTimeField(null=True)
    revoked_because = models.CharField(max_length=40, blank=True)
    device = models.CharField(max_length=200, blank=True)
    address = models.GenericIPAddressField(null=True)
    proved_at = models.DateTimeField(
        null=True, help_text="When the user last proved anew that it is he (step-up); never by signing in."
    )
    proved_by = models.CharField(max_length=20, blank=True)
    second_factor = models.BooleanField(
        default=False, help_text="Opened with a second factor, or one was enrolled in it."
    )
    # A tenant's identity provider vouches for the tenant's own rows and for nothing else.
    confined_to = models.ForeignKey(Tenant, on_delete=models.CASCADE, null=True, related_name="+")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return str(self.id)


class RefreshToken(Identified):
    """One refresh token of a session; its id is the token's ``jti``."""

    session = models.ForeignKey(AuthSession, on_delete=models.CASCADE, related_name="refresh_tokens")
    created_at = models.DateTimeField(default=timezone.now)
    rotated_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.id)


class SigningKey(models.Model):
    """An RS256 key pair. The private half is encrypted with a key derived from SECRET_KEY."""

    kid = models.CharField(max_length=32, primary_key=True)
    public_pem = models.TextField()
    private_sealed = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)
    retires_at = models.DateTimeField(
        null=True, help_text="Signs nothing from the next key on; verifies until then."
    )

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.kid
