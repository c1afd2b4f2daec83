"""Letters that are not sent yet, in the public schema."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.utils import timezone

from tenants.kernel.owned import Identified

# The first attempt is a task of its own; the sweep looks after letters whose task was lost.
PATIENCE = timedelta(minutes=2)


def _first_sweep() -> object:
    return timezone.now() + PATIENCE


class OutgoingLetter(Identified):
    """A letter, sealed. The row goes when the letter has gone."""

    sealed = models.TextField(help_text="Address, subject and text, encrypted; empty once given up.")
    created_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=_first_sweep)
    given_up_at = models.DateTimeField(null=True)
    trouble = models.CharField(max_length=200, blank=True, help_text="Kind of the last failure.")

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(
                fields=["next_attempt_at"], condition=models.Q(given_up_at=None), name="letters_waiting"
            )
        ]

    def __str__(self) -> str:
        return str(self.id)
