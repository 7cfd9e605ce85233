"""The forms of the pages and the admin."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import cast

from django import forms
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.urls import reverse_lazy
from django.utils.formats import localize
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from catalog.imaging.formats import MEDIA_TYPES
from catalog.models import Collection, Image, Import, NetworkComparison, Rebuild, Tag
from catalog.services.index import networks_at_hand
from catalog.services.maintenance.comparison_samples import MIN_IMAGES
from catalog.services.maintenance.network_comparison import DEFAULT_SAMPLE, MAX_SAMPLE
from catalog.services.search.facets import ADDED_WITHIN_CHOICES, MIN_SIDE_CHOICES, FacetCounts
from catalog.services.search.filters import Filters

PERIOD_LABELS = dict(
    zip(
        ADDED_WITHIN_CHOICES,
        (_("24 hours"), _("7 days"), _("30 days"), _("12 months")),
        strict=True,
    )
)

# Parameters of URLs that say which part of a list is shown. They lose their meaning when a filter changes.
VIEW_PARAMS = ("page", "weak", "unfold")

MAX_NEW_TAGS = 20  # of the images of one upload


class MultipleFileInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class MultipleFileField(forms.FileField):
    """One or more files."""

    widget = MultipleFileInput

    def clean(self, data: object, initial: object = None) -> list[UploadedFile]:
        # Each file is checked later, also an empty one, so that a bad file does not stop the others.
        files = [file for file in data if file] if isinstance(data, Sequence) else [data]
        if not any(files) and self.required:
            raise forms.ValidationError(self.error_messages["required"], code="required")
        return cast(list[UploadedFile], files)


class SearchTextField(forms.CharField):
    """Search words. Input that is too long or contains NUL is shortened rather than rejected."""

    def to_python(self, value: object) -> str:
        return (super().to_python(value) or "").replace("\x00", "")[: self.max_length]


class DatePickerField(forms.DateField):
    """A date, entered in the date picker of the browser."""

    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    input_formats = ("%Y-%m-%d",)


class CollectionTagForm(forms.Form):
    """A collection and a tag to search in."""

    # With many choices, type-ahead.js makes a field of the list, in which one types.
    collection = forms.ModelChoiceField(
        Collection.objects.all(),
        required=False,
        label=_("Collection"),
        empty_label=_("All collections"),
        widget=forms.Select(
            attrs={
                "data-type-ahead": _("No collection has this in its name."),
                "data-cover-url": reverse_lazy("collection_cover", args=[0]),
            }
        ),
    )
    tag = forms.ModelChoiceField(
        Tag.objects.all(),
        required=False,
        label=_("Tag"),
        empty_label=_("All tags"),
        widget=forms.Select(attrs={"data-type-ahead": _("No tag has this in its name.")}),
    )


class FilterForm(CollectionTagForm):
    """The filters of a list of images."""

    q = SearchTextField(
        required=False, max_length=200, label=_("Keywords"), widget=forms.TextInput(attrs={"type": "search"})
    )
    format = forms.ChoiceField(
        choices=[("", _("Any format")), *((name, name) for name in MEDIA_TYPES)], required=False, label=_("Format")
    )
    min_side = forms.TypedChoiceField(
        choices=[
            ("", _("Any size")),
            *((side, format_lazy(_("{side} px or more"), side=side)) for side in MIN_SIDE_CHOICES),
        ],
        coerce=int,
        empty_value=None,
        required=False,
        label=_("Shorter side"),
    )
    added_within = forms.TypedChoiceField(
        choices=[("", _("Any time")), *PERIOD_LABELS.items()],
        coerce=int,
        empty_value=None,
        required=False,
        label=_("Added in the last"),
    )
    added_from = DatePickerField(required=False, label=_("Added on or after"))
    added_to = DatePickerField(required=False, label=_("Added on or before"))
    # Fields that the template places separately, and fields that are collapsed until one of them is set.
    STANDALONE_FIELDS: tuple[str, ...] = ()
    ADVANCED_FIELDS = ("format", "min_side", "added_within", "added_from", "added_to")

    def primary_fields(self) -> list[forms.BoundField]:
        return [
            field
            for field in self.visible_fields()
            if field.name not in (*self.ADVANCED_FIELDS, *self.STANDALONE_FIELDS)
        ]

    def advanced_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.ADVANCED_FIELDS]

    def has_advanced_values(self) -> bool:
        return any(self.cleaned_data.get(name) for name in self.ADVANCED_FIELDS)

    def chosen(self) -> list[tuple[str, str]]:
        """Return each filter that is set, as text, and the parameters of the URL without it."""
        chosen = []
        for name, field in self.fields.items():
            if value := self.cleaned_data.get(name):
                others = {key: text for key, text in self.data.items() if text and key not in (name, *VIEW_PARAMS)}
                other_params = QueryDict(mutable=True)
                other_params.update(others)
                chosen.append((f"{field.label}: {self._text_of(name, value)}", other_params.urlencode(safe=",")))
        return chosen

    def _text_of(self, name: str, value: object) -> object:
        """Return the value of a filter as people read it, without the count that `show_counts` appends."""
        field = self.base_fields[name]
        if isinstance(field, forms.ChoiceField) and not isinstance(field, forms.ModelChoiceField):
            return dict(cast(Iterable[tuple[object, object]], field.choices))[value]
        return localize(value)

    def filters(self) -> Filters:
        """Return the filters of a valid form."""
        cleaned = self.cleaned_data
        return Filters(
            collection=cleaned["collection"],
            tags=(cleaned["tag"],) if cleaned["tag"] else (),
            words=cleaned["q"],
            format=cleaned["format"],
            added_from=cleaned["added_from"],
            added_to=cleaned["added_to"],
            added_within=cleaned["added_within"] or 0,
            min_side=cleaned["min_side"] or 0,
        )

    def show_counts(self, counts: FacetCounts) -> None:
        """Append the number of images to each choice, and remove the choices without images."""
        for name, field_counts in counts.items():
            field = cast(forms.ChoiceField, self.fields[name])
            selected = str(self.data.get(name, ""))
            choices = cast(Iterable[tuple[object, object]], field.choices)
            field.choices = [
                (value, f"{label} ({intcomma(field_counts.get(_choice_key(value), 0))})")
                for value, label in choices
                if field_counts.get(_choice_key(value)) or value == "" or str(value) == selected
            ]


class ResultsForm(FilterForm):
    """The filters of a results page."""

    STANDALONE_FIELDS = ("min_score",)
    after_id = forms.IntegerField(
        required=False, min_value=0, max_value=2**62, label=_("Added after image"), widget=forms.HiddenInput
    )
    min_score = forms.FloatField(
        required=False,
        min_value=0,
        max_value=1,
        label=_("Minimum similarity"),
        widget=forms.NumberInput(attrs={"type": "range", "min": 0, "max": 1, "step": 0.05}),
    )

    def filters(self) -> Filters:
        return replace(super().filters(), after_id=self.cleaned_data["after_id"] or 0)


class SavedSearchNameForm(forms.Form):
    """The name of a saved search."""

    name = forms.CharField(max_length=120, label=_("Name"))


class SavedSearchForm(SavedSearchNameForm):
    """A new saved search: its name, and the URL of its results page."""

    url = forms.CharField(max_length=2000, widget=forms.HiddenInput)


def _choice_key(value: object) -> object:
    """Return the key of a choice in `FacetCounts`: a primary key, a number, a string, or None for the empty choice."""
    return getattr(value, "value", value) or None


class SearchForm(CollectionTagForm):
    """A photo to search with, or an example photo of the demo."""

    photo = forms.FileField(
        label=_("Photo"),
        required=False,
        allow_empty_file=True,  # rejected later, with the message of the picture check
        widget=forms.FileInput(attrs={"accept": "image/*"}),
    )
    example = forms.CharField(required=False, widget=forms.HiddenInput)
    add_to_url = forms.CharField(
        required=False, widget=forms.HiddenInput
    )  # the results page to which the photo is added

    def clean(self) -> dict[str, object]:
        cleaned = super().clean() or {}
        if cleaned.get("photo") is None and not cleaned.get("example") and "photo" not in self.errors:
            self.add_error("photo", _("Choose a photo to search with."))
        return cleaned


class BrowseForm(FilterForm):
    """The filters of the list of images."""

    status = forms.ChoiceField(
        choices=[("", _("Any status")), *Image.Status.choices], required=False, label=_("Status")
    )


class UploadForm(forms.Form):
    """Files to add, with the collection and the tags of the new images."""

    files = MultipleFileField(  # type: ignore[assignment]  # the class attribute only declares the field
        label=_("Pictures"), widget=MultipleFileInput(attrs={"accept": "image/*,.heic,.heif,.avif"})
    )
    collection = forms.CharField(required=False, max_length=120, label=_("Collection"))
    tags = forms.CharField(required=False, max_length=500, label=_("Tags"), help_text=_("Separate tags with commas."))

    def clean_collection(self) -> str:
        return self.cleaned_data["collection"].replace("\x00", "").strip()

    def clean_tags(self) -> list[str]:
        names = [name.strip() for name in self.cleaned_data["tags"].split(",")]
        if any(len(name) > 60 for name in names):
            raise forms.ValidationError(_("A tag can have at most 60 characters."))
        names = list(dict.fromkeys(name for name in names if name))
        if len(names) > MAX_NEW_TAGS:
            raise forms.ValidationError(_("Enter at most %(count)s tags."), params={"count": MAX_NEW_TAGS})
        return names


def _network_choices() -> list[tuple[str, object]]:
    """Return the networks at hand, read when a form is shown: files may have been added."""
    names = ["auto", *networks_at_hand.preferences()]
    return [("", _("Default network")), *((name, PurePath(name).name) for name in names)]


class RebuildForm(forms.ModelForm):
    """How to rebuild the index."""

    extractor = forms.ChoiceField(
        choices=_network_choices,
        required=False,
        label=_("Network"),
        help_text=_("Another network requires “extract all descriptors again”."),
    )
    labels = forms.ChoiceField(
        choices=[("", _("No labels")), ("collection", _("Collections")), ("tag", _("Tags"))],
        required=False,
        label=_("Labels to learn from"),
        help_text=_(
            "The binary codes learn to separate images of different collections or tags. So does the ranking, if "
            "images that were held out are found better for it."
        ),
    )

    class Meta:
        model = Rebuild
        fields = ("reextract", "extractor", "labels")

    def clean(self) -> dict[str, object]:
        cleaned = super().clean() or {}
        if cleaned.get("extractor") and not cleaned.get("reextract"):
            self.add_error("extractor", _("To change the network, also select “extract all descriptors again”."))
        return cleaned


class NetworkComparisonForm(forms.ModelForm):
    """On which images to compare the networks."""

    labels = forms.ChoiceField(
        choices=[("", _("What the catalogue has")), ("collection", _("Collections")), ("tag", _("Tags"))],
        required=False,
        label=_("Labels"),
        help_text=_("A network is good if images of one collection, or with one tag, find each other."),
    )
    sample = forms.IntegerField(
        initial=DEFAULT_SAMPLE,
        min_value=MIN_IMAGES,
        max_value=MAX_SAMPLE,
        label=_("Images"),
        help_text=_("The number of random images to compare on. More take longer, and tell more."),
    )

    class Meta:
        model = NetworkComparison
        fields = ("labels", "sample")


class ImportForm(forms.ModelForm):
    """A bulk import: an uploaded archive or a folder on the server."""

    archive = forms.FileField(required=False, label=_("Archive"), help_text=_("A ZIP or TAR file with pictures."))
    folder = forms.CharField(required=False, max_length=500, label=_("Folder on the server"))

    class Meta:
        model = Import
        fields = ("collection", "collections_from_folders")

    def clean(self) -> dict[str, object]:
        cleaned = super().clean() or {}
        if bool(cleaned.get("archive")) == bool(cleaned.get("folder")) and not self.errors:
            raise forms.ValidationError(_("Choose either an archive or a folder."))
        return cleaned
