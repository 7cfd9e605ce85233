"""The admin: for those who keep the catalogue."""

from django.contrib import admin

from catalog.admin import groups, images, imports, index, rebuilds

admin.site.site_header = "Search by photo"
admin.site.site_title = "Search by photo"
admin.site.index_title = "Catalogue"

__all__ = ["groups", "images", "imports", "index", "rebuilds"]
