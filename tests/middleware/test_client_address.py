"""The address of a client, behind proxies or not."""

from ipaddress import ip_network

import pytest
from django.test import RequestFactory

from catalog.middleware.client_address import client_address

PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8"), ip_network("127.0.0.1")]


@pytest.mark.parametrize(
    ("connected_from", "forwarded_for", "address"),
    [
        ("192.0.2.7", "", "192.0.2.7"),
        ("192.0.2.7", "203.0.113.9", "192.0.2.7"),  # no proxy: the header is a lie
        ("10.0.0.5", "", "10.0.0.5"),
        ("10.0.0.5", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.5", "198.51.100.1, 203.0.113.9", "203.0.113.9"),  # the client wrote the first
        ("10.0.0.5", "203.0.113.9, 10.1.2.3", "203.0.113.9"),  # two proxies
        ("10.0.0.5", "10.9.9.9, 10.1.2.3", "10.9.9.9"),  # a client inside
        ("10.0.0.5", "198.51.100.1, nonsense", "10.0.0.5"),
        ("10.0.0.5", "203.0.113.9, nonsense, 10.1.2.3", "10.1.2.3"),
        ("::ffff:10.0.0.5", "::ffff:203.0.113.9", "203.0.113.9"),
        ("fd00::1", "2001:db8::7%eth0", "2001:db8::7"),
        ("", "203.0.113.9", ""),  # a Unix socket
    ],
)
def test_only_trusted_proxies_are_believed(settings, connected_from, forwarded_for, address):
    settings.TRUSTED_PROXIES = PROXIES
    headers = {"X-Forwarded-For": forwarded_for} if forwarded_for else {}
    request = RequestFactory().get("/", headers=headers, REMOTE_ADDR=connected_from)
    assert client_address(request) == address


def test_no_proxy_is_trusted_by_default():
    request = RequestFactory().get("/", headers={"X-Forwarded-For": "203.0.113.9"}, REMOTE_ADDR="127.0.0.1")
    assert client_address(request) == "127.0.0.1"
