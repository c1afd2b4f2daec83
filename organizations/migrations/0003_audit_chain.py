from django.db import migrations, models

from tenants.kernel.audit import database


def adopt(apps, schema_editor):
    database.adopt(apps.get_model("organizations", "AuditEvent"))


def nothing(apps, schema_editor):
    """Digests of rows that lose their columns need no undoing."""


class Migration(migrations.Migration):
    dependencies = [
        # The functions that the triggers call.
        ("tenants", "0004_audit_chain"),
        ("organizations", "0002_audit_category"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditHead",
            fields=[
                ("id", models.SmallIntegerField(primary_key=True, serialize=False)),
                ("sequence", models.BigIntegerField(default=0)),
                (
                    "hash",
                    models.CharField(
                        default="0000000000000000000000000000000000000000000000000000000000000000",
                        max_length=64,
                    ),
                ),
                ("anchor_sequence", models.BigIntegerField(default=0)),
                (
                    "anchor_hash",
                    models.CharField(
                        default="0000000000000000000000000000000000000000000000000000000000000000",
                        max_length=64,
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="AuditSeal",
            fields=[
                ("sequence", models.BigIntegerField(primary_key=True, serialize=False)),
                ("event_id", models.UUIDField(unique=True)),
                ("previous_hash", models.CharField(max_length=64)),
                ("hash", models.CharField(max_length=64)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.AddField(
            model_name="auditevent",
            name="credential",
            field=models.CharField(blank=True, help_text="session or api_key", max_length=20),
        ),
        migrations.AddField(
            model_name="auditevent",
            name="credential_id",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="auditevent",
            name="device",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name="auditevent",
            name="digest",
            field=models.CharField(blank=True, editable=False, max_length=64),
        ),
        migrations.AddField(
            model_name="auditevent",
            name="what_digest",
            field=models.CharField(blank=True, editable=False, max_length=64),
        ),
        migrations.AddField(
            model_name="auditevent",
            name="what_salt",
            field=models.CharField(blank=True, editable=False, max_length=32),
        ),
        migrations.AddField(
            model_name="auditevent",
            name="who_digest",
            field=models.CharField(blank=True, editable=False, max_length=64),
        ),
        migrations.AddField(
            model_name="auditevent",
            name="who_salt",
            field=models.CharField(blank=True, editable=False, max_length=32),
        ),
        migrations.RunSQL(database.guard(database.TENANT_TABLES)[:1], migrations.RunSQL.noop),
        migrations.RunPython(adopt, nothing),
        migrations.RunSQL(
            database.guard(database.TENANT_TABLES)[1:], database.unguard(database.TENANT_TABLES)
        ),
    ]
