import django.db.models.deletion
from django.db import migrations, models


def copy_photos_of_saved_searches(apps, schema_editor):
    """Give each saved search its own copy of its photos. Other query photos expire within hours, and become files."""
    saved_photos = apps.get_model("catalog", "SavedPhoto").objects
    for search in apps.get_model("catalog", "SavedSearch").objects.order_by("pk"):
        for photo in search.query_photos.order_by("pk"):
            saved_photos.create(
                search=search,
                token=photo.token,
                label=photo.label,
                picture=photo.picture,
                space_key=photo.space_key,
                descriptor=photo.descriptor,
            )


class Migration(migrations.Migration):
    dependencies = [("catalog", "0007_backup_audit")]

    operations = [
        migrations.RenameField(model_name="savedsearch", old_name="photos", new_name="query_photos"),
        migrations.CreateModel(
            name="SavedPhoto",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("token", models.CharField(db_index=True, max_length=40)),
                ("label", models.CharField(max_length=255)),
                ("picture", models.BinaryField(help_text="WebP without metadata")),
                ("space_key", models.CharField(max_length=120)),
                ("descriptor", models.BinaryField(help_text="float32, little-endian")),
                (
                    "search",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="photos", to="catalog.savedsearch"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("search", "token"), name="saved_photo_stored_once")],
            },
        ),
        migrations.RunPython(copy_photos_of_saved_searches, migrations.RunPython.noop),
        migrations.RemoveField(model_name="savedsearch", name="query_photos"),
        migrations.DeleteModel(name="QueryPhoto"),
    ]
