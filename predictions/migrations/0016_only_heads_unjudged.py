"""A head that comes as the only one of its company and kind stands without being judged among its like."""

from django.db import migrations

from predictions import standing


class Migration(migrations.Migration):
    dependencies = [("predictions", "0015_watchlists_stamped")]

    operations = [migrations.RunSQL(standing.LATEST, migrations.RunSQL.noop)]
