"""Fields that an institution defines for its companies."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

from tenants.kernel.owned import SchemaBound, SchemaBoundQuerySet

FIELD_NAME_PATTERN = r"^[a-z][a-z0-9_]{0,39}$"
FIELD_NAME = RegexValidator(FIELD_NAME_PATTERN, "Small letters, digits and underscores (40 at most).")


class CustomKind(models.TextChoices):
    TEXT = "text", "Text"
    NUMBER = "number", "Number"
    DATE = "date", "Date"
    CHOICE = "choice", "Choice"
    YES_NO = "yes_no", "Yes or no"


class CustomField(SchemaBound):
    """A field of every company of the institution; the values stand in ``Company.custom`` by its name.

    Name and kind are for good: values, files and saved filters know it by them. One that is no longer
    wanted is archived: its values stay, and nobody is asked for it.
    """

    name = models.CharField(max_length=40, unique=True, validators=[FIELD_NAME])
    label = models.CharField(max_length=80)
    kind = models.CharField(max_length=10, choices=CustomKind.choices)
    choices = ArrayField(models.CharField(max_length=80), default=list, blank=True)
    required = models.BooleanField(default=False)
    help_text = models.CharField(max_length=200, blank=True)
    position = models.PositiveSmallIntegerField(default=0)
    version = models.PositiveIntegerField(default=1, editable=False)
    archived_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by_id = models.UUIDField(null=True, editable=False)

    objects = SchemaBoundQuerySet.as_manager()

    class Meta:
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.label
