from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("flags", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="flagrule",
            name="points",
            field=models.FloatField(
                blank=True, default=0.05, help_text="Absolute change of the PD, 0 to 1.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="flagrule",
            name="relative",
            field=models.FloatField(blank=True, help_text="Change as a share of the PD before.", null=True),
        ),
    ]
