import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0005_query_photo_digest"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ApiToken",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "name",
                    models.CharField(
                        blank=True, help_text="What the token is for.", max_length=120, verbose_name="name"
                    ),
                ),
                (
                    "prefix",
                    models.CharField(
                        help_text="The public part of the token.", max_length=12, unique=True, verbose_name="prefix"
                    ),
                ),
                ("digest", models.CharField(help_text="SHA-256 of the whole token, in hexadecimal", max_length=64)),
                ("scopes", models.JSONField(help_text="a list of `Scope`", verbose_name="scopes")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="made")),
                ("expires_at", models.DateTimeField(verbose_name="expires")),
                ("revoked_at", models.DateTimeField(null=True, verbose_name="revoked")),
                (
                    "last_used_at",
                    models.DateTimeField(help_text="Accurate to five minutes.", null=True, verbose_name="last used"),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="api_tokens",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="account",
                    ),
                ),
            ],
            options={
                "verbose_name": "API token",
                "verbose_name_plural": "API tokens",
                "ordering": ("-pk",),
            },
        ),
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "at",
                    models.DateTimeField(
                        db_index=True, help_text="If the entry has a count: when it last grew.", verbose_name="time"
                    ),
                ),
                (
                    "action",
                    models.CharField(
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
                        ],
                        max_length=20,
                        verbose_name="action",
                    ),
                ),
                (
                    "origin",
                    models.CharField(
                        choices=[
                            ("page", "page"),
                            ("api", "API"),
                            ("admin", "admin"),
                            ("command", "command"),
                            ("worker", "worker"),
                        ],
                        max_length=10,
                        verbose_name="from",
                    ),
                ),
                (
                    "user_name",
                    models.CharField(
                        blank=True, help_text="Also after the account was deleted.", max_length=150, verbose_name="name"
                    ),
                ),
                ("address", models.CharField(blank=True, max_length=45, verbose_name="address")),
                ("request_id", models.CharField(blank=True, max_length=64, verbose_name="request")),
                (
                    "object_type",
                    models.CharField(blank=True, help_text="the name of the model of the first object", max_length=60),
                ),
                ("object_id", models.BigIntegerField(null=True)),
                ("target", models.CharField(blank=True, max_length=500, verbose_name="what")),
                ("count", models.PositiveIntegerField(default=1, verbose_name="count")),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="account",
                    ),
                ),
            ],
            options={
                "verbose_name": "audit entry",
                "verbose_name_plural": "audit log",
                "ordering": ("-at", "-pk"),
                "indexes": [models.Index(fields=["object_type", "object_id"], name="audit_object")],
            },
        ),
    ]
