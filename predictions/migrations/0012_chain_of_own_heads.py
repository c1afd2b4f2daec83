from django.db import migrations

from predictions import chain


class Migration(migrations.Migration):
    """Scores of heads that the same transaction writes take no second lock on them."""

    dependencies = [
        ("predictions", "0011_job_sheet"),
    ]

    operations = [
        migrations.RunSQL(chain.functions(), migrations.RunSQL.noop),
    ]
