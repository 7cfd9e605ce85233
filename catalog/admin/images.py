"""Images: looked through, grouped, retried, deleted."""

from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from catalog.models import Collection, Image
from catalog.services import deletion, hints, indexing


@admin.register(Image)
class ImageAdmin(admin.ModelAdmin):
    list_display = (
        "picture",
        "label",
        "find_similar",
        "collection",
        "status",
        "failure_reason",
        "created_at",
    )
    list_display_links = ("picture", "label")
    list_filter = ("status", "collection", "tags", "format")
    list_select_related = ("collection",)
    list_per_page = 50
    search_fields = ("title", "source", "sha256", "collection__name", "tags__name")
    date_hierarchy = "created_at"
    filter_horizontal = ("tags",)
    autocomplete_fields = ("collection",)
    readonly_fields = (
        "picture",
        "find_similar",
        "status",
        "failure_reason",
        "sha256",
        "format",
        "width",
        "height",
        "bytes",
        "original",
        "uploaded_by",
        "created_at",
    )
    fields = ("picture", "title", "source", "collection", "tags", *readonly_fields[1:])
    actions = ("retry_failed", "set_collection")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # pictures come in through the upload page and bulk imports, which look at their bytes

    @admin.display(description=_("picture"))
    def picture(self, image: Image) -> str:
        return format_html('<img src="{}" alt="" height="72" loading="lazy">', image.thumbnail_url)

    @admin.display(description=_("similar"))
    def find_similar(self, image: Image) -> str:
        if image.status != Image.Status.INDEXED:
            return "–"
        return format_html('<a href="{}">{}</a>', image.similar_url, _("find similar"))

    @admin.action(description=_("Retry failed images"), permissions=["change"])
    def retry_failed(self, request: HttpRequest, images: QuerySet) -> None:
        count = indexing.retry(images)
        hints.work_is_waiting()
        self.message_user(
            request,
            ngettext("%d image waits again.", "%d images wait again.", count) % count,
            messages.SUCCESS,
        )

    @admin.action(description=_("Set collection…"), permissions=["change"])
    def set_collection(self, request: HttpRequest, images: QuerySet) -> HttpResponse | None:
        """Ask which, on a page of its own, then set it."""
        chosen = request.POST.get("collection")
        if chosen is None:
            context = self.admin_site.each_context(request) | {
                "title": _("Set collection"),
                "count": images.count(),
                "chosen": request.POST.getlist(helpers.ACTION_CHECKBOX_NAME),
                "select_across": request.POST.get("select_across", "0"),
                "collections": Collection.objects.all(),
                "action_checkbox_name": helpers.ACTION_CHECKBOX_NAME,
                "opts": self.model._meta,
            }
            return TemplateResponse(request, "admin/catalog/image/set_collection.html", context)
        collection = Collection.objects.filter(pk=chosen).first() if chosen.isdecimal() else None
        if chosen and collection is None:
            self.message_user(request, _("There is no such collection. No image was moved."), messages.ERROR)
            return None
        count = Image.objects.filter(pk__in=images.values("pk")).update(collection=collection)
        self.message_user(request, ngettext("%d image moved.", "%d images moved.", count) % count, messages.SUCCESS)
        return None

    def delete_model(self, request: HttpRequest, image: Image) -> None:
        deletion.delete(Image.objects.filter(pk=image.pk))

    def delete_queryset(self, request: HttpRequest, images: QuerySet) -> None:
        deletion.delete(images)  # type: ignore[arg-type]

    def get_deleted_objects(self, objects, request: HttpRequest):  # type: ignore[no-untyped-def]
        """Without the rows behind an image, which nobody knows by sight."""
        _, _, missing, protected = super().get_deleted_objects(objects, request)
        return (
            [str(image) for image in objects],
            {"images": len(objects)},
            missing - {"descriptor"},
            protected,
        )
