"""URLs of the project."""

from django.contrib import admin
from django.urls import include, path

from catalog.api import api

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", api.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include("catalog.urls")),
]

handler400 = "catalog.views.errors.bad_request"
handler500 = "catalog.views.errors.server_error"
