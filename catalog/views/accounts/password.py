"""The page on which people change their own password."""

from django.contrib import messages
from django.contrib.auth import views as auth
from django.contrib.auth.forms import PasswordChangeForm
from django.db import transaction
from django.http import HttpResponse
from django.urls import reverse_lazy
from django.utils.translation import gettext as _

from catalog.services.accounts import audit
from catalog.services.accounts.audit import Action


class PasswordChangeView(auth.PasswordChangeView):
    """Changes the password of the account that is signed in. Its other sessions end."""

    template_name = "registration/change_password.html"  # the admin has its own page
    success_url = reverse_lazy("search")

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        with transaction.atomic():
            response = super().form_valid(form)
            audit.record(Action.CHANGED, form.user)
        messages.success(self.request, _("Your password was changed. Other devices have to sign in again."))
        return response
