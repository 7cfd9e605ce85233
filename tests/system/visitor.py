"""A visitor of the site: asks over HTTP as a browser without scripts, or a program, does."""

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
class Answer:
    status: int
    body: bytes
    place: str

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Visitor:
    """Keeps cookies and sends them back; every request is a connection of its own."""

    port: int
    account: tuple[str, str] | None = None
    cookies: SimpleCookie = field(default_factory=SimpleCookie)

    def get(self, path: str) -> Answer:
        return self._ask("GET", path, None, {})

    def post(self, path: str, fields: dict[str, object], files: dict[str, Any] | None = None) -> Answer:
        """Send a form. `files` holds (name, bytes), or a list of those, by field."""
        parts: dict[str, Any] = dict(fields)
        for name, given in (files or {}).items():
            listed = given if isinstance(given, list) else [given]
            parts[name] = [SimpleUploadedFile(label, data, "image/jpeg") for label, data in listed]
        body = encode_multipart(BOUNDARY, parts)
        return self._ask("POST", path, body, {"Content-Type": MULTIPART_CONTENT})

    def delete(self, path: str) -> Answer:
        return self._ask("DELETE", path, None, {})

    def search_on_the_page(self, photo: bytes) -> Answer:
        """As a person does it: open the page, send its form with its token, follow to the results."""
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get("/").text)
        assert token, "the search page has no form"
        sent = self.post("/search/", {"csrfmiddlewaretoken": token[1]}, {"photo": ("asked.jpg", photo)})
        return self.get(sent.place) if sent.status == 302 else sent

    def search(self, photo: bytes, **fields: object) -> Answer:
        """As a program does it."""
        return self.post("/api/search", fields, {"photo": ("asked.jpg", photo)})

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        if self.account:
            headers["Authorization"] = "Basic " + base64.b64encode(":".join(self.account).encode()).decode()
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={one.value}" for name, one in self.cookies.items())
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            for value in answer.headers.get_all("Set-Cookie") or []:
                self.cookies.load(value)
            place = urlsplit(answer.headers.get("Location") or "")
            return Answer(answer.status, answer.read(), place.path + (f"?{place.query}" if place.query else ""))
        finally:
            connection.close()
