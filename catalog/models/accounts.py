"""API tokens, and the audit log."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class ApiToken(models.Model):
    """A secret with which a program uses the API in the name of an account. See `services.accounts.tokens`."""

    class Scope(models.TextChoices):
        SEARCH = "search", _("search with photos and images")
        READ = "read", _("list and read images")
        WRITE = "write", _("add and delete images")
        ADMIN = "admin", _("everything that the account may do")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("account"), on_delete=models.CASCADE, related_name="api_tokens"
    )
    name = models.CharField(_("name"), max_length=120, blank=True, help_text=_("What the token is for."))
    prefix = models.CharField(_("prefix"), max_length=12, unique=True, help_text=_("The public part of the token."))
    digest = models.CharField(max_length=64, help_text="SHA-256 of the whole token, in hexadecimal")
    scopes = models.JSONField(_("scopes"), help_text="a list of `Scope`")
    created_at = models.DateTimeField(_("made"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"))
    revoked_at = models.DateTimeField(_("revoked"), null=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, help_text=_("Accurate to five minutes."))

    class Meta:
        ordering = ("-pk",)
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")

    def __str__(self) -> str:
        return f"{self.prefix} ({self.user})"

    def allows(self, scope: str) -> bool:
        """Return whether the token may be used for operations of this scope."""
        return scope in self.scopes or self.Scope.ADMIN in self.scopes

    def is_valid(self) -> bool:
        """Return whether the token is neither revoked nor expired."""
        return self.revoked_at is None and timezone.now() < self.expires_at


class AuditEntry(models.Model):
    """Who did what, when and from where. See `services.accounts.audit`."""

    class Action(models.TextChoices):
        ADDED = "added", _("added")
        CHANGED = "changed", _("changed")
        DELETED = "deleted", _("deleted")
        IMPORTED = "imported", _("imported images")
        REQUESTED = "requested", _("requested a job")
        REBUILT = "rebuilt", _("rebuilt the index")
        ROLLED_BACK = "rolled back", _("rolled the index back")
        SIGNED_IN = "signed in", _("signed in")
        SIGN_IN_FAILED = "sign-in failed", _("failed to sign in")
        SIGNED_OUT = "signed out", _("signed out")
        TOKEN_MADE = "token made", _("made a token")
        TOKEN_REVOKED = "token revoked", _("revoked a token")
        BACKED_UP = "backed up", _("wrote a backup")
        RESTORED = "restored", _("restored a backup")

    class Origin(models.TextChoices):
        PAGE = "page", _("page")
        API = "api", "API"
        ADMIN = "admin", _("admin")
        COMMAND = "command", _("command")
        WORKER = "worker", _("worker")

    at = models.DateTimeField(_("time"), db_index=True, help_text=_("If the entry has a count: when it last grew."))
    action = models.CharField(_("action"), max_length=20, choices=Action)
    origin = models.CharField(_("from"), max_length=10, choices=Origin)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("account"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    user_name = models.CharField(
        _("name"), max_length=150, blank=True, help_text=_("Also after the account was deleted.")
    )
    address = models.CharField(_("address"), max_length=45, blank=True)
    request_id = models.CharField(_("request"), max_length=64, blank=True)
    object_type = models.CharField(max_length=60, blank=True, help_text="the name of the model of the first object")
    object_id = models.BigIntegerField(null=True)
    target = models.CharField(_("what"), max_length=500, blank=True)
    count = models.PositiveIntegerField(_("count"), default=1)

    class Meta:
        ordering = ("-at", "-pk")
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit log")
        indexes = [models.Index(fields=["object_type", "object_id"], name="audit_object")]

    def __str__(self) -> str:
        return f"{self.user_name} {self.action} {self.target}"
