"""What the planner knows of sectors and industries as filters ask for them: in any case of letters.

Without it a sector is taken for one company in two hundred, and a list that is filtered by one reads all
companies of the sector with all their predictions, sorts them and keeps a page (200 ms of 100,000 companies
instead of 20). Statistics cost nothing when rows are written; ANALYZE gathers them.
"""

from django.db import migrations


def statistics(column: str) -> migrations.RunSQL:
    name = f"company_{column}_in_capitals"
    return migrations.RunSQL(
        f'CREATE STATISTICS {name} ON (UPPER("{column}"::text)) FROM companies_company',
        f"DROP STATISTICS {name}",
    )


class Migration(migrations.Migration):
    dependencies = [("companies", "0008_lists_at_size")]

    operations = [statistics("sector"), statistics("industry")]
