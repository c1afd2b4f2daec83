"""Where accounts are used from, as far as it takes to notice somewhere new."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from accounts.models import User


class Known(models.Model):
    """Something that a user has signed in from. What it was cannot be read out of the mark."""

    mark = models.CharField(max_length=64)
    first_seen_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        abstract = True


class KnownDevice(Known):
    """A kind of device in a network."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="known_devices")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "mark"], name="known_device_once")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.mark[:12]}"


class KnownCountry(Known):
    """A country, where the platform has a database of addresses."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="known_countries")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "mark"], name="known_country_once")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.mark[:12]}"
