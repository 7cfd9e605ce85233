"""URLs of the pages."""

from django.contrib.auth import views as auth
from django.urls import path

from catalog.views import explanations, images, saved_searches, search, similarity_map, uploads
from catalog.views.accounts.password import PasswordChangeView
from catalog.views.accounts.saved_search_feed import saved_search_feed
from catalog.views.media import files
from catalog.views.monitoring import metrics
from catalog.views.robots import robots

urlpatterns = [
    path("", search.home, name="search"),
    path("search/", search.submit, name="search_submit"),
    path("search/<slug:token>/", search.results, name="results"),
    path("search/<slug:token>/photo", search.query_photo, name="query_photo"),
    path("search/<slug:token>/regions/", search.query_regions, name="query_regions"),
    path(
        "search/<slug:token>/explanation/<int:pk>/<slug:side>.webp",
        explanations.query_explanation,
        name="query_explanation",
    ),
    path("saved/", saved_searches.list_saved, name="saved_searches"),
    path("saved/add/", saved_searches.save, name="saved_search_save"),
    path("saved/new/", saved_searches.count_new, name="saved_search_count_new"),
    path("saved/feed/<slug:token>/", saved_search_feed, name="saved_search_feed"),
    path("saved/<int:pk>/rename/", saved_searches.rename, name="saved_search_rename"),
    path("saved/<int:pk>/delete/", saved_searches.delete, name="saved_search_delete"),
    path("saved/<int:pk>/seen/", saved_searches.mark_seen, name="saved_search_mark_seen"),
    path("map/", similarity_map.map_page, name="map"),
    path("map/<int:pk>.json", similarity_map.map_positions, name="map_positions"),
    path("map/<int:pk>/<int:number>.jpg", similarity_map.map_sprite_sheet, name="map_sprite_sheet"),
    path("images/", images.browse, name="browse"),
    path("images/<int:pk>/", images.detail, name="image"),
    path("collections/<int:pk>/cover/", images.collection_cover, name="collection_cover"),
    path("images/<int:pk>/similar/", search.similar, name="similar"),
    path(
        "images/<int:pk>/explanation/<int:other_pk>/<slug:side>.webp",
        explanations.image_explanation,
        name="image_explanation",
    ),
    path("media/thumbnails/<slug:sha256>.jpg", files.thumbnail, name="thumbnail"),
    path("media/originals/<slug:sha256>", files.original, name="original"),
    path("metrics", metrics.metrics, name="metrics"),
    path("robots.txt", robots, name="robots"),
    path("upload/", uploads.upload, name="upload"),
    path("upload/results/", uploads.upload_results, name="upload_results"),
    path("upload/status/", uploads.upload_status, name="upload_status"),
    path("accounts/login/", auth.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("accounts/logout/", auth.LogoutView.as_view(), name="logout"),
    path("accounts/password/", PasswordChangeView.as_view(), name="password_change"),
]
