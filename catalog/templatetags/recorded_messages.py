"""`{% load recorded_messages %}`: filters for the messages of errors that workers recorded in the database."""

import re
from functools import lru_cache

from django import template as django_template
from django.utils.translation import get_language, trans_real

from catalog.error_messages import hide_folders

register = django_template.Library()
register.filter("hide_folders", hide_folders)


@register.filter
def translate_recorded(text: str) -> str:
    """Translate the message of an error that a worker recorded, in English, into the active language.

    Only the finished text is recorded. So it is matched with the messages of the catalogue to find its template and
    parameters. A text that matches none is returned unchanged.
    """
    if text and (language := get_language()):
        for template, translation in _templates(language):
            if (params := template.match(text)) is not None:
                return _FIELD.sub(lambda field: params[field[1]], translation)
    return text


# Messages with less literal text between their placeholders, such as "{level} from {score}", match too much.
MIN_LITERAL_CHARACTERS = 10
# A placeholder of a template, such as {path} or {max_entries:,}.
_FIELD = re.compile(r"\{(\w+)[^{}]*\}")


class _Template:
    """A message template that finds its parameters in a finished text, in linear time whatever the text is."""

    def __init__(self, template: str) -> None:
        parts = _FIELD.split(template)
        self.literals, self.names = parts[::2], parts[1::2]
        self.literal_length = len("".join(self.literals))

    def is_distinctive(self) -> bool:
        """Whether the template has enough literal text, and no placeholder twice."""
        enough_text = not self.names or self.literal_length >= MIN_LITERAL_CHARACTERS
        return enough_text and len(set(self.names)) == len(self.names)

    def match(self, text: str) -> dict[str, str] | None:
        """Return the parameters; None if the text does not have this template."""
        first, *rest = self.literals
        if not self.names or not text.startswith(first) or not text.endswith(rest[-1]):
            return {} if text == first and not self.names else None
        params, position, end = {}, len(first), len(text) - len(rest[-1])
        for name, literal in zip(self.names[:-1], rest[:-1], strict=True):
            found = text.find(literal, position, end)
            if found < 0:
                return None
            params[name], position = text[position:found], found + len(literal)
        if position > end:
            return None
        return params | {self.names[-1]: text[position:end]}


@lru_cache(maxsize=8)
def _templates(language: str) -> list[tuple[_Template, str]]:
    """Return the templates of the messages of a language and their translations, those with most literal text first."""
    # The attribute is private and not in the stubs, but Django's JavaScriptCatalog reads it in the same way.
    messages = trans_real.translation(language)._catalog.items()  # type: ignore[attr-defined]
    # Not the plurals, the header, and messages with a context.
    texts = [row for row in messages if isinstance(row[0], str) and row[0] and "\x04" not in row[0]]
    templates = [(_Template(message), translation) for message, translation in texts]
    distinctive = [row for row in templates if row[0].is_distinctive()]
    return sorted(distinctive, key=lambda row: -row[0].literal_length)
