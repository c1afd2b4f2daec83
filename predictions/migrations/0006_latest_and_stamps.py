from django.db import migrations, models

from predictions import standing


class Migration(migrations.Migration):
    dependencies = [
        ("companies", "0006_lifecycle"),
        ("organizations", "0005_change_stamp"),
        ("predictions", "0005_company_deleted"),
    ]

    operations = [
        migrations.AddField(
            model_name="prediction",
            name="latest",
            field=models.BooleanField(
                db_default=True, editable=False, help_text="The newest period of its company and kind."
            ),
        ),
        migrations.RunSQL(standing.MARK_ALL, migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="prediction",
            index=models.Index(fields=["kind", "-created_at", "-id"], name="prediction_newest_of_all"),
        ),
        migrations.AddIndex(
            model_name="prediction",
            index=models.Index(fields=["kind", "-pd", "-id"], name="prediction_worst_of_all"),
        ),
        migrations.AddIndex(
            model_name="prediction",
            index=models.Index(
                condition=models.Q(("latest", True)),
                fields=["kind", "-pd", "id"],
                include=["organization", "risk_level", "company", "fiscal_year"],
                name="prediction_standing",
            ),
        ),
        migrations.RunSQL(standing.statements(), standing.undoing()),
    ]
