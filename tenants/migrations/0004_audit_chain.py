import django.utils.timezone
from django.db import migrations, models

from tenants.kernel.audit import database


def adopt(apps, schema_editor):
    database.adopt(apps.get_model("tenants", "PlatformAuditEvent"))


def nothing(apps, schema_editor):
    """Digests of rows that lose their columns need no undoing."""


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0003_settings"),
    ]

    operations = [
        migrations.CreateModel(
            name="PlatformAuditHead",
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
            name="PlatformAuditSeal",
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
            model_name="platformauditevent",
            name="credential",
            field=models.CharField(blank=True, help_text="session or api_key", max_length=20),
        ),
        migrations.AddField(
            model_name="platformauditevent",
            name="credential_id",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="platformauditevent",
            name="device",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name="platformauditevent",
            name="digest",
            field=models.CharField(blank=True, editable=False, max_length=64),
        ),
        migrations.AddField(
            model_name="platformauditevent",
            name="what_digest",
            field=models.CharField(blank=True, editable=False, max_length=64),
        ),
        migrations.AddField(
            model_name="platformauditevent",
            name="what_salt",
            field=models.CharField(blank=True, editable=False, max_length=32),
        ),
        migrations.AddField(
            model_name="platformauditevent",
            name="who_digest",
            field=models.CharField(blank=True, editable=False, max_length=64),
        ),
        migrations.AddField(
            model_name="platformauditevent",
            name="who_salt",
            field=models.CharField(blank=True, editable=False, max_length=32),
        ),
        migrations.CreateModel(
            name="AuditCheckpoint",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("schema_name", models.CharField(max_length=63)),
                ("sequence", models.BigIntegerField()),
                ("hash", models.CharField(max_length=64)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("signature", models.CharField(max_length=64)),
            ],
            options={
                "ordering": ["schema_name", "sequence"],
                "constraints": [
                    models.UniqueConstraint(fields=("schema_name", "sequence"), name="audit_checkpoint_once")
                ],
            },
        ),
        migrations.RunSQL(database.FUNCTIONS, migrations.RunSQL.noop),
        migrations.RunSQL(database.guard(database.PLATFORM_TABLES)[:1], migrations.RunSQL.noop),
        migrations.RunPython(adopt, nothing),
        migrations.RunSQL(
            database.guard(database.PLATFORM_TABLES)[1:], database.unguard(database.PLATFORM_TABLES)
        ),
    ]
