from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0003_network_comparisons")]

    operations = [
        migrations.AddField(
            model_name="segment",
            name="digest",
            field=models.CharField(
                blank=True,
                default="",
                help_text="SHA-256 of the file; empty: of an old version",
                max_length=64,
                verbose_name="digest",
            ),
        ),
        migrations.AlterField(
            model_name="segment",
            name="checksum",
            field=models.CharField(
                help_text="SHA-256 of the contents, as the file itself names it",
                max_length=64,
                verbose_name="checksum",
            ),
        ),
    ]
