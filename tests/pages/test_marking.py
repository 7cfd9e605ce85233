"""More of this, less of this: buttons that work without a script, and an address that keeps what was marked."""

import pytest
from django.urls import reverse

from catalog.models import Image

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["results", "similar"])
def address(request, search, catalogue) -> str:
    return search(5) if request.param == "results" else catalogue[5].similar_url


def shown(answer) -> list[int]:
    return [hit.image.pk for hit in answer.context["page"]]


def press(client, address: str, way: str, image: Image, **others):
    """Press a button of a result: where that leads."""
    answer = client.get(address, {"mark": f"{way}-{image.pk}", **others})
    assert answer.status_code == 302
    return answer.url


def test_a_button_marks_and_leads_to_an_address_that_keeps_it(client, address, catalogue):
    one, other = catalogue[0], catalogue[1]
    there = press(client, address, "more", one)
    assert there == f"{address}?more={one.pk}"
    there = press(client, address, "less", other, more=one.pk)
    assert there == f"{address}?more={one.pk}&less={other.pk}"
    page = client.get(there).content.decode()
    assert f'value="more-{one.pk}" id="more-{one.pk}" aria-pressed="true"' in page
    assert f'value="less-{other.pk}" id="less-{other.pk}" aria-pressed="true"' in page
    assert "Forget the marks" in page


def test_pressing_again_takes_a_mark_back_and_the_other_button_turns_it_round(client, address, catalogue):
    one = catalogue[0]
    assert press(client, address, "more", one, more=one.pk) == address
    assert press(client, address, "less", one, more=one.pk) == f"{address}?less={one.pk}"


def test_marks_rank_anew_from_the_first_page_within_the_filters(client, address, catalogue):
    there = press(client, address, "more", catalogue[0], page=2, format="JPEG")
    assert there == f"{address}?format=JPEG&more={catalogue[0].pk}"
    assert set(shown(client.get(there))) == set(shown(client.get(address)))


def test_filters_keep_what_is_marked(client, address, catalogue):
    page = client.get(address, {"more": catalogue[0].pk}).content.decode()
    form = page[page.index('class="filters"') :]
    assert f'<input type="hidden" name="more" value="{catalogue[0].pk}">' in form[: form.index("</form>")]


def test_marks_that_cannot_be_count_for_nothing(client, address, catalogue):
    plain = shown(client.get(address))
    for value in ("x", "-1", "0", "9" * 30, "987654", "\0", "٣", ",,", "1.5", "<b>"):
        assert shown(client.get(address, {"more": value, "less": value})) == plain, value
        assert client.get(address, {"mark": value}).status_code == 302, value
        assert client.get(address, {"mark": f"more-{value}"}).status_code == 302, value


def test_images_that_are_browsed_have_no_such_buttons(client, catalogue):
    assert 'name="mark"' not in client.get(reverse("browse")).content.decode()
