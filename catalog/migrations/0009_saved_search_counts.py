from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0008_saved_photos")]

    operations = [
        migrations.AddField(
            model_name="savedsearch",
            name="new_count",
            field=models.PositiveIntegerField(
                default=0, help_text="how many new matches there were when it was counted"
            ),
        ),
        migrations.AddField(model_name="savedsearch", name="counted_at", field=models.DateTimeField(null=True)),
    ]
