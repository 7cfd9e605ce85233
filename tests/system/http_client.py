"""An HTTP client that acts as a browser without scripts, or as a program that uses the API."""

import base64
import http.client
import json
import re
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart


@dataclass
class Response:
    status: int
    body: bytes
    location: str

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def json(self) -> Any:  # any JSON value
        return json.loads(self.body)


@dataclass
class HttpClient:
    """Keeps cookies and sends them back. Each request opens a connection of its own."""

    port: int
    account: tuple[str, str] | None = None
    cookies: SimpleCookie = field(default_factory=SimpleCookie)

    def get(self, path: str) -> Response:
        return self._request("GET", path, None, {})

    def post(self, path: str, fields: dict[str, object], files: dict[str, Any] | None = None) -> Response:
        """Send a form. `files` maps each field to (name, bytes), or to a list of those."""
        parts: dict[str, Any] = dict(fields)
        for field_name, given in (files or {}).items():
            field_files = given if isinstance(given, list) else [given]
            parts[field_name] = [SimpleUploadedFile(name, data, "image/jpeg") for name, data in field_files]
        body = encode_multipart(BOUNDARY, parts)
        return self._request("POST", path, body, {"Content-Type": MULTIPART_CONTENT})

    def delete(self, path: str) -> Response:
        return self._request("DELETE", path, None, {})

    def search_page(self, photo: bytes) -> Response:
        """Search as a person does: open the page, send its form with its token, follow the redirect to the results."""
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get("/").text)
        assert token, "the search page has no form"
        sent = self.post("/search/", {"csrfmiddlewaretoken": token[1]}, {"photo": ("query.jpg", photo)})
        return self.get(sent.location) if sent.status == 302 else sent

    def search(self, photo: bytes, **fields: object) -> Response:
        """Search through the API."""
        return self.post("/api/search", fields, {"photo": ("query.jpg", photo)})

    def _request(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Response:
        if self.account:
            headers["Authorization"] = "Basic " + base64.b64encode(":".join(self.account).encode()).decode()
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={morsel.value}" for name, morsel in self.cookies.items())
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            for value in response.headers.get_all("Set-Cookie") or []:
                self.cookies.load(value)
            target = urlsplit(response.headers.get("Location") or "")
            location = target.path + (f"?{target.query}" if target.query else "")
            return Response(response.status, response.read(), location)
        finally:
            connection.close()
