"""No statistics of the JSON of scores: they serve no query. The one that looks into it asks for a part of it.

ANALYZE sorts its sample of each column, and to compare two JSON values takes long: two thirds of what
analysing the table cost, beside each large file that comes.
"""

from django.db import migrations

COLUMNS = ("inputs", "members", "confidence_reasons", "drivers", "warnings")


def statistics(target: int) -> str:
    actions = ", ".join(f'ALTER COLUMN "{column}" SET STATISTICS {target}' for column in COLUMNS)
    return f"ALTER TABLE predictions_score {actions}"


class Migration(migrations.Migration):
    dependencies = [("predictions", "0013_lean_indexes")]

    operations = [migrations.RunSQL(statistics(0), statistics(-1))]
