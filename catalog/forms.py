"""Forms, and the limits that live in them."""

from collections.abc import Sequence
from dataclasses import replace

from django import forms
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.files.uploadedfile import UploadedFile
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from catalog.features.extractors import RECIPES
from catalog.imaging.formats import MEDIA_TYPES
from catalog.models import Collection, Image, Import, Rebuild, Tag
from catalog.services.facets import DAYS, SIDES, Counts
from catalog.services.filters import Filters

PERIODS = dict(zip(DAYS, (_("the last day"), _("the last week"), _("the last month"), _("the last year")), strict=True))


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
    added_within = forms.TypedChoiceField(
        choices=[("", _("Any time")), *PERIODS.items()],
        coerce=int,
        empty_value=None,
        required=False,
        label=_("Added within"),
    )
    added_from = DayField(required=False, label=_("Added from"))
    added_to = DayField(required=False, label=_("Added until"))
    # What stands by itself, and what is folded away until one is chosen.
    APART: tuple[str, ...] = ()
    MORE = ("format", "least_side", "added_within", "added_from", "added_to")

    def first_fields(self) -> list[forms.BoundField]:
        return [field for field in self.visible_fields() if field.name not in (*self.MORE, *self.APART)]

    def more_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.MORE]

    def more_is_chosen(self) -> bool:
        return any(self.cleaned_data.get(name) for name in self.MORE)

    def filters(self) -> Filters:
        """What a valid form says."""
        chosen = self.cleaned_data
        return Filters(
            collection=chosen["collection"],
            tags=(chosen["tag"],) if chosen["tag"] else (),
            words=chosen["q"],
            format=chosen["format"],
            added_from=chosen["added_from"],
            added_to=chosen["added_to"],
            added_within=chosen["added_within"] or 0,
            least_side=chosen["least_side"] or 0,
        )

    def tell(self, counts: Counts) -> None:
        """Write behind every choice how many images it leaves, and take away those that leave none."""
        for name, counted in counts.items():
            field = self.fields[name]
            chosen = str(self.data.get(name, ""))
            field.choices = [  # type: ignore[attr-defined]
                (value, f"{words} ({intcomma(counted.get(_plain(value), 0))})")
                for value, words in list(field.choices)  # type: ignore[attr-defined]
                if counted.get(_plain(value)) or value == "" or str(value) == chosen
            ]


class ResultsForm(FilterForm):
    """What the results of a search are narrowed to."""

    APART = ("least",)
    after = forms.IntegerField(required=False, min_value=0, max_value=2**62, widget=forms.HiddenInput)
    least = forms.FloatField(
        required=False,
        min_value=0,
        max_value=1,
        label=_("At least this alike"),
        widget=forms.NumberInput(attrs={"type": "range", "min": 0, "max": 1, "step": 0.05}),
    )

    def filters(self) -> Filters:
        return replace(super().filters(), after=self.cleaned_data["after"] or 0)


class SaveForm(forms.Form):
    """A search to keep: its address, and a name."""

    name = forms.CharField(max_length=120, label=_("Name"))
    address = forms.CharField(max_length=2000, widget=forms.HiddenInput)


def _plain(value: object) -> object:
    """A choice as counts have it: the key of a collection or tag, a number, a word, or None for no choice."""
    return getattr(value, "value", value) or None


class SearchForm(GroupForm):
    """A photo to search with, or one of the demo's examples."""

    photo = forms.FileField(
        label=_("Photo"),
        required=False,
        allow_empty_file=True,  # told apart, with its own sentence, where pictures are judged
        widget=forms.FileInput(attrs={"accept": "image/*"}),
    )
    example = forms.CharField(required=False, widget=forms.HiddenInput)
    beside = forms.CharField(required=False, widget=forms.HiddenInput)  # the address of the search it is added to

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
