"""What search engines may read."""

from urllib.robotparser import RobotFileParser

import pytest


def parse(client) -> RobotFileParser:
    parser = RobotFileParser()
    parser.parse(client.get("/robots.txt").content.decode().splitlines())
    return parser


@pytest.mark.parametrize(
    "path",
    ["/search/abc/", "/api/search", "/admin/", "/media/originals/abc", "/saved/", "/accounts/login/", "/metrics"],
)
def test_results_originals_and_accounts_are_closed(client, path):
    assert not parse(client).can_fetch("bot", path)


@pytest.mark.parametrize("path", ["/", "/images/", "/images/1/", "/media/thumbnails/abc.jpg"])
def test_the_catalogue_is_open(client, path):
    assert parse(client).can_fetch("bot", path)


def test_nothing_is_open_if_search_requires_an_account(client, settings):
    settings.SEARCH_REQUIRES_LOGIN = True
    assert not parse(client).can_fetch("bot", "/images/")
