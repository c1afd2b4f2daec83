from django.db import migrations

from tenants.kernel.audit import database


class Migration(migrations.Migration):
    """The rows of a transaction are chained together."""

    dependencies = [
        ("tenants", "0007_organization_entries"),
    ]

    operations = [
        migrations.RunSQL(database.FUNCTIONS, migrations.RunSQL.noop),
    ]
