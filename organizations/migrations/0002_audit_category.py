from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="auditevent",
            name="category",
            field=models.CharField(
                choices=[
                    ("change", "Change"),
                    ("access", "Read of sensitive data"),
                    ("security", "Security event"),
                ],
                default="change",
                max_length=10,
            ),
        ),
    ]
