"""Whitenings become projections, whose serialised form starts with the number of dimensions."""

from math import isqrt
from typing import Any

import numpy as np
import django.db.models.deletion
from django.db import migrations, models


def add_dimensions(apps: Any, schema_editor: Any) -> None:
    """Whitenings of d dimensions were d + 1 rows of d float32."""
    for row in apps.get_model("catalog", "Projection").objects.all():
        data = bytes(row.data)
        row.data = np.uint32(isqrt(len(data) // 4)).astype("<u4").tobytes() + data
        row.save(update_fields=["data"])


def remove_dimensions(apps: Any, schema_editor: Any) -> None:
    """Restore the serialised whitenings. Other projections did not exist, so generations lose them."""
    for row in apps.get_model("catalog", "Projection").objects.all():
        data = bytes(row.data)
        dimensions = int(np.frombuffer(data, "<u4", count=1)[0])
        if len(data) == 4 + 4 * dimensions * (dimensions + 1):
            row.data = data[4:]
            row.save(update_fields=["data"])
        else:
            apps.get_model("catalog", "Generation").objects.filter(projection=row).update(projection=None)
            row.delete()


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial")]

    operations = [
        migrations.RenameModel("Whitening", "Projection"),
        migrations.RenameField("Generation", "whitening", "projection"),
        migrations.RunPython(add_dimensions, remove_dimensions, elidable=True),
        migrations.AddField(
            model_name="generation",
            name="projection_choice",
            field=models.JSONField(
                help_text="services.index.training.projection_choice.ProjectionChoice; null: not trained yet", null=True
            ),
        ),
        migrations.AlterField(
            model_name="generation",
            name="projection",
            field=models.ForeignKey(
                help_text="null: descriptors are compared as they are",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to="catalog.projection",
            ),
        ),
        migrations.AlterField(
            model_name="generation",
            name="training_image_count",
            field=models.PositiveIntegerField(
                default=0,
                help_text="images that the projection, codes and calibration were fitted for",
                verbose_name="training images",
            ),
        ),
        migrations.AlterField(
            model_name="projection",
            name="data",
            field=models.BinaryField(help_text="vectors.projections.projection.Projection, serialised"),
        ),

        migrations.AlterField(
            model_name='binaryencoder',
            name='data',
            field=models.BinaryField(help_text='vectors.codes.binary_codes.BinaryEncoder, serialised'),
        ),
        migrations.AlterField(
            model_name='generation',
            name='code_quality',
            field=models.JSONField(help_text='vectors.codes.supervised_hashing.CodeQuality and the kind of labels; null: no labels', null=True),
        ),
    ]
