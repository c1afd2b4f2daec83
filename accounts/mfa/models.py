"""What a user has beside his password, and sign-ins that wait for it. All in the public schema."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from accounts.models import User
from tenants.kernel.owned import Identified
from tenants.models import Tenant


class Guard(models.Model):
    """Counts a user's wrong proofs; its row lock makes his attempts queue."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="proof_guard")
    failures = models.PositiveIntegerField(default=0)
    locked_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"guard of {self.user_id}"


class TotpDevice(Identified):
    """An authenticator app (RFC 6238). Asked for once ``confirmed_at`` is set."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="totp")
    secret_sealed = models.TextField()
    last_counter = models.BigIntegerField(
        default=-1, help_text="Codes of this time step and before are used."
    )
    created_at = models.DateTimeField(default=timezone.now)
    confirmed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"authenticator of {self.user_id}"


class RecoveryCode(Identified):
    """One code for the day when the authenticator is lost; its keyed hash only."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="recovery_codes")
    code_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)
    used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["user", "code_hash"], name="recovery_code_once")]

    def __str__(self) -> str:
        return f"recovery code of {self.user_id}"


class Passkey(Identified):
    """A key of WebAuthn: a security key, a phone, a computer. It signs for one host and for no other."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=60)
    host = models.CharField(max_length=253, help_text="Where it was made; it answers nowhere else.")
    credential_id = models.CharField(max_length=1400, unique=True, help_text="base64url")
    public_key = models.TextField(help_text="COSE, in base64url")
    sign_count = models.BigIntegerField(default=0)
    is_synced = models.BooleanField(default=False, help_text="Whether its owner's devices share it.")
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True)
    doubted_at = models.DateTimeField(
        null=True, help_text="Since when it is taken for copied: its counter went back. It opens nothing."
    )

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"passkey of {self.user_id}"


class Challenge(Identified):
    """A sign-in whose first factor was right and whose second is awaited. Its token is kept as a hash."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, null=True, related_name="+")
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)
    failures = models.PositiveSmallIntegerField(default=0)
    confined_to = models.ForeignKey(Tenant, on_delete=models.CASCADE, null=True, related_name="+")
    on_console = models.BooleanField(default=False)

    def __str__(self) -> str:
        return str(self.id)
