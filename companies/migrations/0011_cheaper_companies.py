"""A new company costs less: a function works out its name's key, and two indexes are gone.

That of the organization, since others begin with it, and that of mergers, which now holds merged companies only.
"""

import django.db.models.deletion
from django.db import migrations, models

from companies.names import NameKey

_FUNCTION = """
CREATE OR REPLACE FUNCTION company_name_key(name text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $body$
DECLARE
    word text;
    kept text := '';
BEGIN
    FOREACH word IN ARRAY string_to_array(btrim(regexp_replace(lower(name), '[^[:alnum:]]+', ' ', 'g')), ' ')
    LOOP
        IF word <> ALL (string_to_array(
            'incorporated,inc,corporation,corp,company,co,limited,ltd,llc,llp,lp,plc,ag,se,sa,sas,sarl,gmbh,'
            'mbh,kg,kgaa,nv,bv,ab,asa,as,oyj,oy,spa,srl,sl,pte,pty,holding,holdings,group,the', ',')) THEN
            kept := kept || ' ' || word;
        END IF;
    END LOOP;
    RETURN ltrim(kept);
END $body$
"""

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
        migrations.RunSQL(_FUNCTION, "DROP FUNCTION company_name_key(text)"),
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
        # Neither the new column nor what 0009 wants to know is gathered by itself before many rows have changed.
        migrations.RunSQL("ANALYZE companies_company", migrations.RunSQL.noop),
    ]
