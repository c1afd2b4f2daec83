"""Changes of watchlists are stamped too: how many companies are somebody's is counted once for each change."""

from django.db import migrations

from predictions import standing


class Migration(migrations.Migration):
    dependencies = [("lists", "0001_initial"), ("predictions", "0014_scores_json_without_statistics")]

    operations = [
        migrations.RunSQL(
            standing.watching(standing.WATCHED_LATER), standing.unwatching(standing.WATCHED_LATER)
        )
    ]
