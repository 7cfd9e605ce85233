import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0009_saved_search_counts")]

    operations = [
        migrations.AddField(
            model_name="image",
            name="pending_since",
            field=models.DateTimeField(default=django.utils.timezone.now, editable=False),
        ),
        migrations.AddIndex(
            model_name="image",
            index=models.Index(fields=["status", "pending_since"], name="image_pending_since"),
        ),
    ]
