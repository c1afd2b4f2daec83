"""Changes of watchlists are stamped too: how many companies are somebody's is counted once for each change."""

from django.db import migrations

from predictions import standing

# Nothing that was remembered while nobody stamped them is found again.
FIRST = """
    INSERT INTO organizations_changestamp (id, organization_id, topic, mark, at)
    SELECT gen_random_uuid(), id, 'watchlists', floor(random() * 9e15)::bigint + 1, now()
    FROM organizations_organization
"""


class Migration(migrations.Migration):
    dependencies = [("lists", "0001_initial"), ("predictions", "0014_scores_json_without_statistics")]

    operations = [
        migrations.RunSQL(
            [*standing.watching(standing.WATCHED_LATER), FIRST],
            standing.unwatching(standing.WATCHED_LATER),
        )
    ]
