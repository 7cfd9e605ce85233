"""Images: browse, edit, group, retry and delete them."""

from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from catalog.admin.audit import AuditedAdmin
from catalog.models import Collection, Descriptor, Image
from catalog.services.accounts import audit
from catalog.services.accounts.audit import Action
from catalog.services.index import extraction
from catalog.services.jobs import dispatch
from catalog.services.media import deletion


@admin.register(Image)
class ImageAdmin(AuditedAdmin):
    list_display = (
        "picture",
        "display_name",
        "find_similar",
        "collection",
        "status",
        "failure_reason",
        "created_at",
    )
    list_display_links = ("picture", "display_name")
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
        return False  # The upload page and bulk imports check the content of a file; a model form would not.

    @admin.display(description=_("picture"))
    def picture(self, image: Image) -> str:
        return format_html('<img src="{}" alt="" height="72" loading="lazy">', image.thumbnail_url)

    @admin.display(description=_("name"))
    def display_name(self, image: Image) -> str:
        return image.label

    @admin.display(description=_("similar images"))
    def find_similar(self, image: Image) -> str:
        if image.status != Image.Status.INDEXED:
            return "–"
        return format_html('<a href="{}">{}</a>', image.similar_url, _("Find similar"))

    @admin.action(description=_("Retry failed images"), permissions=["change"])
    def retry_failed(self, request: HttpRequest, images: QuerySet) -> None:
        count = extraction.requeue_failed(images)  # type: ignore[arg-type]  # Django declares any QuerySet
        dispatch.notify_pending_images()
        self.message_user(
            request,
            ngettext("%d image will be indexed again.", "%d images will be indexed again.", count) % count,
            messages.SUCCESS,
        )

    @admin.action(description=_("Set collection…"), permissions=["change"])
    def set_collection(self, request: HttpRequest, images: QuerySet) -> HttpResponse | None:
        """Ask for a collection on a confirmation page, then move the images to it."""
        selected = request.POST.get("collection")
        if selected is None:
            context = self.admin_site.each_context(request) | {
                "title": _("Set collection"),
                "count": images.count(),
                "selected": request.POST.getlist(helpers.ACTION_CHECKBOX_NAME),
                "select_across": request.POST.get("select_across", "0"),
                "collections": Collection.objects.all(),
                "action_checkbox_name": helpers.ACTION_CHECKBOX_NAME,
                "opts": self.model._meta,
            }
            return TemplateResponse(request, "admin/catalog/image/set_collection.html", context)
        collection = Collection.objects.filter(pk=selected).first() if selected.isdecimal() else None
        if selected and collection is None:
            self.message_user(request, _("This collection does not exist. No images were moved."), messages.ERROR)
            return None
        with transaction.atomic():
            count = Image.objects.filter(pk__in=images.values("pk")).update(collection=collection)
            target = f"collection of {count} images: {collection or 'none'}"
            audit.record(Action.CHANGED, target=target, count=count)
        self.message_user(request, ngettext("%d image moved.", "%d images moved.", count) % count, messages.SUCCESS)
        return None

    def delete_model(self, request: HttpRequest, image: Image) -> None:
        deletion.delete(Image.objects.filter(pk=image.pk))

    def delete_queryset(self, request: HttpRequest, images: QuerySet) -> None:
        deletion.delete(images)  # type: ignore[arg-type]  # Django declares any QuerySet

    def get_deleted_objects(self, objects, request: HttpRequest):  # type: ignore[no-untyped-def]  # as in Django
        """List the images only, not the descriptors deleted with them."""
        _, _, missing, protected = super().get_deleted_objects(objects, request)
        return (
            [str(image) for image in objects],
            {self.opts.verbose_name_plural: len(objects)},
            missing - {Descriptor._meta.verbose_name},
            protected,
        )
