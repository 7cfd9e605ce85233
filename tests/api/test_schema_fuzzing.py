"""Any request gets a response that conforms to the OpenAPI description, never a server error.

FUZZ_EXAMPLES is the number of requests for each operation and kind of client. Where it is set they are random.
"""

import os

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from catalog.models import ApiToken
from imagesearch.wsgi import application
from tests.api.conftest import token_headers

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "10"))
# JSON Schema cannot say which bytes are a picture of an accepted size.
EXCLUDED_CHECKS = [positive_data_acceptance]
# All values of a form are text: where a boolean is generated instead of a string, the string "false" is sent.
EXCLUDED_CHECKS_OF_FORMS = [*EXCLUDED_CHECKS, negative_data_rejection]
SCHEMA = schemathesis.openapi.from_wsgi("/api/openapi.json", application)


@pytest.fixture(autouse=True)
def keep_connection_open():
    """Keep the database connection of the test open after a request, as the test client of Django does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture(params=["anonymous", *ApiToken.Scope.values])
def headers(request, superuser) -> dict[str, str]:
    """The headers of a visitor, or of a program with a token of one scope."""
    return {} if request.param == "anonymous" else token_headers("karl", request.param)


@pytest.mark.slow
@SCHEMA.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize="FUZZ_EXAMPLES" not in os.environ,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_every_response_conforms_to_schema(case, headers, catalogue):
    is_form = case.media_type == "multipart/form-data"
    case.call_and_validate(headers=headers, excluded_checks=EXCLUDED_CHECKS_OF_FORMS if is_form else EXCLUDED_CHECKS)
