"""The Django admin of the catalogue."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from catalog.admin import audit, groups, images, imports, index, network_comparisons, rebuilds, tokens, users

admin.site.site_header = admin.site.site_title = _("Image search administration")
admin.site.index_title = _("Overview")

__all__ = ["audit", "groups", "images", "imports", "index", "network_comparisons", "rebuilds", "tokens", "users"]
