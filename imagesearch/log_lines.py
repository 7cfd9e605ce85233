"""The form of log lines: text or a JSON object for each record, with time, request, account and address.

Used by LOGGING in the settings.
"""

import logging
import re
import time

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from catalog.services.accounts.actor import current_actor

TEXT_FORMAT = "%(asctime)s %(levelname)s [%(request_id)s %(user)s %(address)s] %(name)s: %(message)s"
JSON_FIELDS = ["asctime", "levelname", "request_id", "user", "address", "name", "message"]
JSON_NAMES = {"asctime": "time", "levelname": "level", "name": "logger"}
TIME_FORMAT = "%Y-%m-%dT%H:%M:%S"
MILLISECONDS_FORMAT = "%s.%03dZ"

CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class ActorFilter(logging.Filter):
    """Adds the request, the account and the address of the current actor to each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        actor = current_actor()
        record.request_id = actor.request_id or "-"
        record.user = actor.known_name() or "-"
        record.address = actor.address or "-"
        return True


class TracebackFilter(logging.Filter):
    """Passes only records with a traceback. Django logs each error response; the request log has the others already."""

    def filter(self, record: logging.LogRecord) -> bool:
        return bool(record.exc_info)


class TextLineFormatter(logging.Formatter):
    """One line for each record, whatever text of a visitor it quotes. A traceback follows on lines of its own."""

    converter = time.gmtime  # type: ignore[assignment]  # the stubs declare a bound method
    default_time_format, default_msec_format = TIME_FORMAT, MILLISECONDS_FORMAT

    def __init__(self) -> None:
        super().__init__(TEXT_FORMAT)

    def formatMessage(self, record: logging.LogRecord) -> str:
        line = super().formatMessage(record)
        return CONTROL_CHARACTERS.sub(lambda character: character[0].encode("unicode_escape").decode(), line)


class JsonLineFormatter(JsonFormatter):
    """A JSON object for each record, on one line."""

    converter = time.gmtime  # type: ignore[assignment]  # the stubs declare a bound method
    default_time_format, default_msec_format = TIME_FORMAT, MILLISECONDS_FORMAT

    def __init__(self) -> None:
        # Django adds the request to some records. Its text contains the query string.
        hidden = [*RESERVED_ATTRS, "request"]
        super().__init__(JSON_FIELDS, rename_fields=JSON_NAMES, reserved_attrs=hidden)
