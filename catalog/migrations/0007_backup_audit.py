from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0006_accounts")]

    operations = [
        migrations.AlterField(
            model_name="auditentry",
            name="action",
            field=models.CharField(
                choices=[
                    ("added", "added"),
                    ("changed", "changed"),
                    ("deleted", "deleted"),
                    ("imported", "imported images"),
                    ("requested", "requested a job"),
                    ("rebuilt", "rebuilt the index"),
                    ("rolled back", "rolled the index back"),
                    ("signed in", "signed in"),
                    ("sign-in failed", "failed to sign in"),
                    ("signed out", "signed out"),
                    ("token made", "made a token"),
                    ("token revoked", "revoked a token"),
                    ("backed up", "wrote a backup"),
                    ("restored", "restored a backup"),
                ],
                max_length=20,
                verbose_name="action",
            ),
        ),
    ]
