"""Whom limits count as one client."""

from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any  # for users: their type depends on AUTH_USER_MODEL

from django.utils.crypto import salted_hmac

VISITOR_PREFIX = "visitor-"


def client_key(user: Any, address: str) -> str:
    """Return the account if somebody is signed in, else a keyed digest of the address.

    Of an IPv6 address the network counts: one client has all of its addresses.
    """
    if user is not None and user.is_authenticated:
        return f"account-{user.pk}"
    if address and isinstance(ip_address(address), IPv6Address):
        address = str(ip_network(f"{address}/64", strict=False))
    return VISITOR_PREFIX + salted_hmac("client address", address).hexdigest()
