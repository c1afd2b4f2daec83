"""Which names are alike: what is left of one without case, punctuation and words of legal forms.

The database works it out for every company that is written, so files of a million new names pay for it. A
regular expression with these words takes 40 microseconds for a name that has one of them, a loop over its
words four. Function and words are in companies/migrations/0011: keys are stored, so other words take a
migration that replaces the function and makes the column anew.
"""

from __future__ import annotations

from django.db import models


class NameKey(models.Func):
    """The letters and digits of a name in small letters, without words of legal forms."""

    function = "company_name_key"
    output_field = models.CharField()
