"""Search that forgives typing errors, where the server has the extension and lets us have it."""

from django.db import migrations

# In public, which is on every tenant's search path. Servers without contrib modules do without.
EXTENSION = """
DO $$ BEGIN
    IF EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm') THEN
        BEGIN
            CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;
        EXCEPTION WHEN OTHERS THEN
            RAISE NOTICE 'pg_trgm is not to be had: %%', SQLERRM;
        END;
    END IF;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("companies", "0006_lifecycle")]

    operations = [migrations.RunSQL(EXTENSION.replace("%%", "%"), migrations.RunSQL.noop)]
