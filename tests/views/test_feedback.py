"""Relevance feedback: buttons that work without scripts, and URLs that hold the feedback."""

import pytest
from django.urls import reverse

from catalog.models import Image

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["results", "similar"])
def results_url(request, submit_search, catalogue) -> str:
    return submit_search(5) if request.param == "results" else catalogue[5].similar_url


def shown_images(response) -> list[int]:
    return [hit.image.pk for hit in response.context["page"]]


def submit_feedback(client, results_url: str, direction: str, image: Image, **others):
    """Click the feedback button of a hit, and return the URL of the redirect."""
    response = client.get(results_url, {"feedback": f"{direction}-{image.pk}", **others})
    assert response.status_code == 302
    return response.url


def test_feedback_button_redirects_to_url_with_feedback(client, results_url, catalogue):
    one, other = catalogue[0], catalogue[1]
    url = submit_feedback(client, results_url, "positive", one)
    assert url == f"{results_url}?positive={one.pk}"
    url = submit_feedback(client, results_url, "negative", other, positive=one.pk)
    assert url == f"{results_url}?positive={one.pk}&negative={other.pk}"
    page = client.get(url).content.decode()
    assert f'value="positive-{one.pk}" id="positive-{one.pk}" aria-pressed="true"' in page
    assert f'value="negative-{other.pk}" id="negative-{other.pk}" aria-pressed="true"' in page
    assert "Clear feedback" in page


def test_feedback_can_be_removed_or_reversed(client, results_url, catalogue):
    one = catalogue[0]
    assert submit_feedback(client, results_url, "positive", one, positive=one.pk) == results_url
    assert submit_feedback(client, results_url, "negative", one, positive=one.pk) == f"{results_url}?negative={one.pk}"


def test_feedback_reranks_from_first_page_within_filters(client, results_url, catalogue):
    url = submit_feedback(client, results_url, "positive", catalogue[0], page=2, format="JPEG")
    assert url == f"{results_url}?format=JPEG&positive={catalogue[0].pk}"
    assert set(shown_images(client.get(url))) == set(shown_images(client.get(results_url)))


def test_filter_form_keeps_feedback(client, results_url, catalogue):
    page = client.get(results_url, {"positive": catalogue[0].pk}).content.decode()
    form = page[page.index('class="filters"') :]
    assert f'<input type="hidden" name="positive" value="{catalogue[0].pk}">' in form[: form.index("</form>")]


@pytest.mark.slow
def test_invalid_feedback_is_ignored(client, results_url, catalogue):
    plain = shown_images(client.get(results_url))
    for value in ("x", "-1", "0", "9" * 30, "987654", "\0", "٣", ",,", "1.5", "<b>"):
        assert shown_images(client.get(results_url, {"positive": value, "negative": value})) == plain, value
        assert client.get(results_url, {"feedback": value}).status_code == 302, value
        assert client.get(results_url, {"feedback": f"positive-{value}"}).status_code == 302, value


def test_browse_page_has_no_feedback_buttons(client, catalogue):
    assert 'name="feedback"' not in client.get(reverse("browse")).content.decode()
