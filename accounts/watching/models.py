"""Where accounts are used from, as far as it takes to notice somewhere new."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from accounts.models import User


class KnownDevice(models.Model):
    """A kind of device in a network, from which a user has signed in. Neither can be read out of the mark."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="known_devices")
    mark = models.CharField(max_length=64)
    first_seen_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "mark"], name="known_device_once")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.mark[:12]}"
