"""API tokens: a form makes one and shows it once, a list shows them, an action revokes them."""

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from catalog.admin.audit import AuditedAdmin
from catalog.models import ApiToken
from catalog.services.accounts import tokens


class TokenForm(forms.Form):
    """What a new token is for, and what it may do."""

    user = forms.ModelChoiceField(User.objects.filter(is_active=True), label=_("account"))
    name = forms.CharField(label=_("name"), max_length=120, help_text=_("What the token is for."))
    scopes = forms.MultipleChoiceField(
        label=_("scopes"), choices=ApiToken.Scope.choices, widget=forms.CheckboxSelectMultiple
    )
    days = forms.IntegerField(
        label=_("valid for days"), min_value=1, max_value=tokens.MAX_DAYS, initial=tokens.DEFAULT_DAYS
    )


@admin.register(ApiToken)
class ApiTokenAdmin(AuditedAdmin):
    """Superusers see and make tokens of every account, others only their own: a token acts as its account."""

    list_display = ("prefix", "name", "user", "scope_names", "is_valid", "last_used_at", "expires_at", "revoked_at")
    list_filter = ("user",)
    list_select_related = ("user",)
    search_fields = ("prefix", "name")
    fields = (*list_display, "created_at")
    actions = ("revoke",)

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return super().has_change_permission(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        queryset = super().get_queryset(request)
        return queryset if request.user.is_superuser else queryset.filter(user=request.user.pk)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict | None = None) -> HttpResponse:
        """Make a token, and show it."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = TokenForm(request.POST if request.method == "POST" else None, initial={"user": request.user.pk})
        if not request.user.is_superuser:
            own = User.objects.filter(username=request.user.get_username())
            form.fields["user"].queryset = own  # type: ignore[attr-defined]
        context = {
            **self.admin_site.each_context(request),
            "title": _("New API token"),
            "opts": self.opts,
            "list_url": reverse("admin:catalog_apitoken_changelist"),
        }
        if request.method == "POST" and form.is_valid():
            cleaned = form.cleaned_data
            _token, text = tokens.create_token(
                cleaned["user"], cleaned["scopes"], days=cleaned["days"], name=cleaned["name"]
            )
            template, context["token_text"] = "admin/catalog/apitoken/made.html", text
        else:
            template = "admin/catalog/start_form.html"
            context |= {"form": form, "submit_label": _("Make token")}
        return TemplateResponse(request, template, context)

    @admin.display(description=_("scopes"))
    def scope_names(self, token: ApiToken) -> str:
        return ", ".join(token.scopes)

    @admin.display(description=_("valid"), boolean=True)
    def is_valid(self, token: ApiToken) -> bool:
        return token.is_valid()

    @admin.action(description=_("Revoke tokens"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        count = tokens.revoke(queryset)
        self.message_user(request, ngettext("%d token revoked.", "%d tokens revoked.", count) % count, messages.SUCCESS)
