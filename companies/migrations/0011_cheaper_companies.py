"""A new company costs less: its name's key is worked out by a function, two indexes that others cover are gone."""

import django.db.models.deletion
from django.db import migrations, models

from companies.names import FUNCTION, NameKey

_INDEX = models.Index(fields=["organization", "name_key"], name="company_name_key")
_FIELD = models.GeneratedField(
    db_persist=True, expression=NameKey("name"), output_field=models.CharField(max_length=255)
)


class Migration(migrations.Migration):
    dependencies = [
        ("companies", "0010_labels_of_companies"),
        ("organizations", "0005_change_stamp"),
    ]

    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION company_name_key(text)"),
        # What is generated cannot be altered.
        migrations.RemoveIndex(model_name="company", name="company_name_key"),
        migrations.RemoveField(model_name="company", name="name_key"),
        migrations.AddField(model_name="company", name="name_key", field=_FIELD),
        migrations.AddIndex(model_name="company", index=_INDEX),
        migrations.AlterField(
            model_name="company",
            name="merged_into",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="merged_from",
                to="companies.company",
            ),
        ),
        migrations.AlterField(
            model_name="company",
            name="organization",
            field=models.ForeignKey(
                db_index=False,
                editable=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="organizations.organization",
            ),
        ),
        migrations.AddIndex(
            model_name="company",
            index=models.Index(
                condition=models.Q(("merged_into", None), _negated=True),
                fields=["merged_into"],
                name="company_merged",
            ),
        ),
    ]
