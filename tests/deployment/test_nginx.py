"""nginx with the configuration of the project, where it is installed."""

import json
import re
import socket
import ssl
import subprocess
from http.client import HTTPSConnection, RemoteDisconnected
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.system.servers import free_port, require_programs, wait_until

CHECKOUT = Path(__file__).resolve().parents[2]
TEMP_FOLDERS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class EchoHandler(BaseHTTPRequestHandler):
    """Answers with the headers of the request."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(dict(self.headers)).encode())

    def log_message(self, *args):
        pass


@pytest.fixture
def upstream():
    """The address of a server that stands for the site."""
    with ThreadingHTTPServer(("127.0.0.1", 0), EchoHandler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def nginx_port(tmp_path, upstream):
    """The port for HTTPS of nginx with the configuration of the project, the variables of which are filled in."""
    require_programs("nginx", "openssl")
    subject = ["-subj", "/CN=localhost", "-days", "1", "-nodes", "-newkey", "rsa:2048"]
    files = ["-keyout", tmp_path / "privkey.pem", "-out", tmp_path / "fullchain.pem"]
    subprocess.run(["openssl", "req", "-x509", *subject, *files], check=True, capture_output=True)
    values = {"SITE_HOST": "localhost", "SITE_UPSTREAM": upstream, "SITE_CERTIFICATES": str(tmp_path)}
    template = (CHECKOUT / "deploy" / "nginx.conf.template").read_text()
    filled = re.sub(r"\$\{(SITE_\w+)\}", lambda match: values[match[1]], template)
    port = free_port()
    filled = filled.replace("listen 80", f"listen 127.0.0.1:{free_port()}").replace("443", f"127.0.0.1:{port}")
    temp = "".join(f"{name}_temp_path {tmp_path}/{name};" for name in TEMP_FOLDERS)
    main = f"daemon off; pid {tmp_path}/pid; events {{}} http {{ access_log off; {temp} {filled} }}"
    (tmp_path / "nginx.conf").write_text(main)
    command = ["nginx", "-p", tmp_path, "-c", tmp_path / "nginx.conf", "-e", tmp_path / "error.log"]
    subprocess.run([*command, "-t"], check=True)
    process = subprocess.Popen(command)
    wait_until(lambda: is_open(port), "nginx", seconds=20)
    yield port
    process.terminate()
    process.wait(20)


def is_open(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def get(port, path, host="localhost", **headers):
    context = ssl._create_unverified_context()  # noqa: S323, the certificate was made a moment ago
    connection = HTTPSConnection("127.0.0.1", port, context=context, timeout=10)
    connection.request("GET", path, headers={"Host": host} | headers)
    response = connection.getresponse()
    return response.status, response.read()


def test_nginx_tells_the_site_who_asks_and_how(nginx_port):
    """Whatever a client claims to be."""
    claims = {"X-Forwarded-For": "10.1.1.1", "X-Forwarded-Proto": "http"}
    status, body = get(nginx_port, "/images/?page=2", **claims)
    headers = json.loads(body)
    assert status == 200
    assert (headers["X-Forwarded-For"], headers["X-Forwarded-Proto"]) == ("127.0.0.1", "https")
    assert headers["Host"] == "localhost"


def test_nginx_hides_metrics_and_does_not_answer_for_other_hosts(nginx_port):
    assert get(nginx_port, "/metrics")[0] == 404
    with pytest.raises(RemoteDisconnected):
        get(nginx_port, "/", host="elsewhere.example.org")
