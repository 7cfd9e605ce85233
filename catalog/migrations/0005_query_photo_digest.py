from django.db import migrations, models
from django.db.models import F
from django.db.models.functions import Length


def describe_stored_photos(apps, schema_editor):
    """Note the size of each stored photo. What was uploaded is gone, so the token takes the place of its digest."""
    apps.get_model("catalog", "QueryPhoto").objects.update(digest=F("token"), picture_bytes=Length("picture"))


def enable_incremental_vacuum(apps, schema_editor):
    """Have SQLite keep the list of pages that it needs to give free space back. Only VACUUM turns this on."""
    if schema_editor.connection.vendor == "sqlite":
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("PRAGMA auto_vacuum=INCREMENTAL")
            cursor.execute("VACUUM")


class Migration(migrations.Migration):
    atomic = False  # VACUUM cannot run in a transaction

    dependencies = [("catalog", "0004_segment_digests")]

    operations = [
        # First, since it is what can fail: it needs free space as large as the database.
        migrations.RunPython(enable_incremental_vacuum, migrations.RunPython.noop),
        migrations.AddField(
            model_name="queryphoto",
            name="owner",
            field=models.CharField(
                blank=True,
                default="",
                help_text="who searched: the id of an account, or a keyed digest of an address",
                max_length=64,
            ),
        ),
        migrations.AddField(
            model_name="queryphoto",
            name="digest",
            field=models.CharField(default="", help_text="SHA-256 of the uploaded file", max_length=64),
        ),
        migrations.AddField(
            model_name="queryphoto",
            name="picture_bytes",
            field=models.PositiveIntegerField(default=0, help_text="size of the stored picture"),
        ),
        migrations.AlterField(
            model_name="queryphoto",
            name="expires_at",
            field=models.DateTimeField(help_text="null: kept as long as a saved search needs it", null=True),
        ),
        migrations.AddIndex(
            model_name="queryphoto",
            index=models.Index(fields=["expires_at", "owner", "picture_bytes"], name="query_photo_quota"),
        ),
        migrations.RunPython(describe_stored_photos, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="queryphoto",
            constraint=models.UniqueConstraint(fields=("owner", "digest", "label"), name="query_photo_stored_once"),
        ),
    ]
