"""Forms, and the limits that live in them."""

from collections.abc import Sequence

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from catalog.features.extractors import RECIPES
from catalog.imaging.formats import MEDIA_TYPES
from catalog.models import Collection, Image, Import, Rebuild, Tag
from catalog.services.filters import Filters

# Choices of how long a picture's shorter side is at least, in pixels.
SIDES = (400, 800, 1600, 3200)


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Any number of files, one at least."""

    widget = FilesInput

    def clean(self, data: object, initial: object = None) -> list[UploadedFile]:
        # Each file is judged by itself later on, an empty one too, so that one cannot hold up the others.
        files = [file for file in data if file] if isinstance(data, Sequence) else [data]
        if not any(files) and self.required:
            raise forms.ValidationError(self.error_messages["required"], code="required")
        return files  # type: ignore[return-value]


class WordsField(forms.CharField):
    """Words to look for: whatever somebody types is taken, as far as a query can hold it."""

    def to_python(self, value: object) -> str:
        return (super().to_python(value) or "").replace("\x00", "")[: self.max_length]


class DayField(forms.DateField):
    """A day, chosen in the browser's own calendar."""

    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    input_formats = ("%Y-%m-%d",)


class GroupForm(forms.Form):
    """How people group images."""

    collection = forms.ModelChoiceField(
        Collection.objects.all(), required=False, label=_("Collection"), empty_label=_("All collections")
    )
    tag = forms.ModelChoiceField(Tag.objects.all(), required=False, label=_("Tag"), empty_label=_("All tags"))


class FilterForm(GroupForm):
    """What a search is narrowed to."""

    q = WordsField(required=False, max_length=200, label=_("Words"), widget=forms.TextInput(attrs={"type": "search"}))
    format = forms.ChoiceField(
        choices=[("", _("Any format")), *((name, name) for name in MEDIA_TYPES)], required=False, label=_("Format")
    )
    least_side = forms.TypedChoiceField(
        choices=[("", _("Any size")), *((side, format_lazy(_("{side} px or more"), side=side)) for side in SIDES)],
        coerce=int,
        empty_value=None,
        required=False,
        label=_("Shorter side"),
    )
    added_from = DayField(required=False, label=_("Added from"))
    added_to = DayField(required=False, label=_("Added until"))
    # Folded away until one is chosen.
    MORE = ("format", "least_side", "added_from", "added_to")

    def first_fields(self) -> list[forms.BoundField]:
        return [field for field in self.visible_fields() if field.name not in self.MORE]

    def more_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.MORE]

    def more_is_chosen(self) -> bool:
        return any(self.cleaned_data.get(name) for name in self.MORE)

    def filters(self) -> Filters:
        """What a valid form says."""
        chosen = self.cleaned_data
        return Filters(
            chosen["collection"],
            (chosen["tag"],) if chosen["tag"] else (),
            chosen["q"],
            chosen["format"],
            chosen["added_from"],
            chosen["added_to"],
            chosen["least_side"] or 0,
        )


class SearchForm(GroupForm):
    """A photo to search with, or one of the demo's examples."""

    photo = forms.FileField(
        label=_("Photo"),
        required=False,
        allow_empty_file=True,  # told apart, with its own sentence, where pictures are judged
        widget=forms.FileInput(attrs={"accept": "image/*"}),
    )
    example = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, object]:
        cleaned = super().clean() or {}
        if cleaned.get("photo") is None and not cleaned.get("example") and "photo" not in self.errors:
            self.add_error("photo", _("Choose a photo to search with."))
        return cleaned


class BrowseForm(FilterForm):
    status = forms.ChoiceField(
        choices=[("", _("Any status")), *Image.Status.choices], required=False, label=_("Status")
    )


class UploadForm(forms.Form):
    files = FilesField(  # type: ignore[assignment]
        label=_("Pictures"), widget=FilesInput(attrs={"accept": "image/*,.heic,.heif,.avif"})
    )
    collection = forms.CharField(required=False, max_length=120, label=_("Collection"))
    tags = forms.CharField(
        required=False, max_length=500, label=_("Tags"), help_text=_("Several are separated by commas.")
    )

    def clean_collection(self) -> str:
        return self.cleaned_data["collection"].replace("\x00", "").strip()

    def clean_tags(self) -> list[str]:
        names = [name.strip() for name in self.cleaned_data["tags"].split(",")]
        if any(len(name) > 60 for name in names):
            raise forms.ValidationError(_("A tag has 60 characters at most."))
        return list(dict.fromkeys(name for name in names if name))


class RebuildForm(forms.ModelForm):
    """What a new generation of the index is to be."""

    extractor = forms.ChoiceField(
        choices=[("", _("the preferred one")), *((name, name) for name in sorted(RECIPES))],
        required=False,
        label=_("Network"),
        help_text=_("To describe the originals with."),
    )
    labels = forms.ChoiceField(
        choices=[("", _("without labels")), ("collection", _("from collections")), ("tag", _("from tags"))],
        required=False,
        label=_("Codes"),
        help_text=_("Learned from labels they tell these apart; without, they hold what looks most alike."),
    )

    class Meta:
        model = Rebuild
        fields = ("reextract", "extractor", "labels")

    def clean(self) -> dict[str, object]:
        cleaned = super().clean() or {}
        if cleaned.get("extractor") and not cleaned.get("reextract"):
            self.add_error("extractor", _("Another network means describing every original again: choose that too."))
        return cleaned


class ImportForm(forms.ModelForm):
    """A bulk import: an archive sent along, or a folder on the server."""

    archive = forms.FileField(required=False, label=_("Archive"), help_text=_("A ZIP or TAR file of pictures."))
    folder = forms.CharField(required=False, max_length=500, label=_("Folder on the server"))

    class Meta:
        model = Import
        fields = ("collection", "collections_from_folders")

    def clean(self) -> dict[str, object]:
        cleaned = super().clean() or {}
        if bool(cleaned.get("archive")) == bool(cleaned.get("folder")) and not self.errors:
            raise forms.ValidationError(_("Send an archive, or name a folder: one of the two."))
        return cleaned
