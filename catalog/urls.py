"""Addresses of the pages."""

from django.contrib.auth import views as auth
from django.urls import path

from catalog.views import by_likeness, explaining, images, saved, search, uploads

urlpatterns = [
    path("", search.home, name="search"),
    path("search/", search.submit, name="search_submit"),
    path("search/<slug:token>/", search.results, name="results"),
    path("search/<slug:token>/photo", search.query_photo, name="query_photo"),
    path("search/<slug:token>/why/<int:pk>/<slug:which>.webp", explaining.query_why, name="query_why"),
    path("saved/", saved.kept, name="saved"),
    path("saved/keep/", saved.keep, name="saved_keep"),
    path("saved/<int:pk>/forget/", saved.forget, name="saved_forget"),
    path("saved/<int:pk>/seen/", saved.seen, name="saved_seen"),
    path("map/", by_likeness.page, name="map"),
    path("map/<int:pk>.json", by_likeness.places, name="map_places"),
    path("map/<int:pk>/<int:number>.jpg", by_likeness.sheet, name="map_sheet"),
    path("images/", images.browse, name="browse"),
    path("images/<int:pk>/", images.detail, name="image"),
    path("images/<int:pk>/similar/", search.similar, name="similar"),
    path("images/<int:pk>/why/<int:other>/<slug:which>.webp", explaining.image_why, name="image_why"),
    path("media/thumbnails/<slug:sha256>.jpg", images.thumbnail, name="thumbnail"),
    path("media/originals/<slug:sha256>", images.original, name="original"),
    path("upload/", uploads.upload, name="upload"),
    path("upload/outcomes/", uploads.outcomes, name="upload_outcomes"),
    path("upload/status/", uploads.status, name="upload_status"),
    path("accounts/login/", auth.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("accounts/logout/", auth.LogoutView.as_view(), name="logout"),
]
