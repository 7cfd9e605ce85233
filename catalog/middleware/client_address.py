"""The address that a request came from."""

from ipaddress import IPv4Address, IPv6Address, ip_address

from django.conf import settings
from django.http import HttpRequest

Address = IPv4Address | IPv6Address


def client_address(request: HttpRequest) -> str:
    """Return the IP address of the client, or "" if it is not known, as on a Unix socket.

    Proxies append the address they were called from to X-Forwarded-For, so it is read from its end, past the proxies of
    TRUSTED_PROXIES. What others have written into the header is not believed.
    """
    address = _parse(request.META.get("REMOTE_ADDR", ""))
    if address is None or not _is_trusted(address):
        return str(address or "")
    for text in reversed(request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")):
        forwarded = _parse(text)
        if forwarded is None:
            break
        address = forwarded
        if not _is_trusted(address):
            break
    return str(address)


def _is_trusted(address: Address) -> bool:
    return any(address in network for network in settings.TRUSTED_PROXIES)


def _parse(text: str) -> Address | None:
    """An address. One of IPv4 that is written as IPv6 becomes an address of IPv4."""
    try:
        address = ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
