"""Dockerfile, compose.yaml and units agree with the program and with each other."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.test_docs import read_variables

CHECKOUT = Path(__file__).resolve().parents[2]
DOCKERFILE = (CHECKOUT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((CHECKOUT / "compose.yaml").read_text())
UNITS = sorted((CHECKOUT / "deploy" / "systemd").glob("*.service"))
PROGRAM = ("prepare", "web", "worker", "beat")
# Variables of other programs that this one reads: botocore's, and those of the shell and Python.
OTHER_VARIABLES = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"}
OTHER_VARIABLES |= {"HOME", "HOST", "PATH", "PORT", "PYTHONUNBUFFERED", "WEB_CONCURRENCY"}


def procfile_command(name):
    """The words of a command of the Procfile. The loop that restarts the worker is left out."""
    line = re.search(rf"^{name}: (.*)$", (CHECKOUT / "Procfile").read_text(), re.MULTILINE)[1]
    line = line.removeprefix("while :; do ").removesuffix("; sleep 2; done")
    defaults = {"$HOST:$PORT": "ADDRESS", "${WEB_CONCURRENCY:-2}": "2"}
    return [defaults.get(word, word.removeprefix(".venv/bin/")) for word in shlex.split(line)]


def with_placeholders(words, **replaced):
    return [replaced.get(word, word) for word in words]


@pytest.mark.parametrize("name", ["web", "worker", "beat"])
def test_containers_run_the_commands_of_the_procfile(name):
    command = COMPOSE["services"][name]["command"]
    assert with_placeholders(command, **{"0.0.0.0:8000": "ADDRESS"}) == procfile_command(name)


def test_the_image_serves_the_site_by_default():
    command = yaml.safe_load(re.search(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)[1])
    assert command == COMPOSE["services"]["web"]["command"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_units_run_the_commands_of_the_procfile(unit):
    line = re.search(r"^ExecStart=/opt/imagesearch/\.venv/bin/(.*)$", unit.read_text(), re.MULTILINE)[1]
    replaced = {"${HOST}:${PORT}": "ADDRESS", "${WEB_CONCURRENCY}": "2"}
    assert with_placeholders(line.split(), **replaced) == procfile_command(unit.stem.removeprefix("imagesearch-"))


def test_each_process_of_the_procfile_has_a_unit_and_a_container():
    processes = set(re.findall(r"^(\w+):", (CHECKOUT / "Procfile").read_text(), re.MULTILINE))
    assert {unit.stem for unit in UNITS} == {f"imagesearch-{name}" for name in processes}
    assert processes | {"prepare"} == {name for name, s in COMPOSE["services"].items() if "build" in s}


def test_every_variable_is_one_that_the_program_reads():
    named = set(COMPOSE["services"]["web"]["environment"])
    named |= set(re.findall(r"^\s+(?:ENV )?([A-Z_]+)=", DOCKERFILE, re.MULTILINE))
    for unit in UNITS:
        named |= {
            word.partition("=")[0]
            for line in re.findall(r"^Environment=(.*)$", unit.read_text(), re.M)
            for word in line.split()
        }
    assert {"IMAGESEARCH_DATA_DIR", "IMAGESEARCH_SECRET_KEY", "HOST"} <= named
    assert named - read_variables() - OTHER_VARIABLES == set()


def test_what_the_image_needs_is_there_and_not_ignored():
    copied = [word for line in re.findall(r"^COPY (?!--)(.*) \S+$", DOCKERFILE, re.MULTILINE) for word in line.split()]
    assert {"requirements.lock", "manage.py", "catalog"} <= set(copied)
    ignored = (CHECKOUT / ".dockerignore").read_text().splitlines()
    for path in copied:
        assert (CHECKOUT / path).exists()
        assert f"!{path}" in ignored


def test_no_process_in_a_container_is_root_or_may_become_root():
    assert re.findall(r"^USER (\w+)$", DOCKERFILE, re.MULTILINE) == ["imagesearch"]
    for name in PROGRAM:
        service = COMPOSE["services"][name]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["read_only"]
        assert "ports" not in service
    for unit in UNITS:
        assert "User=imagesearch\n" in unit.read_text()


def test_only_nginx_can_be_reached_and_its_network_is_trusted():
    assert [name for name, service in COMPOSE["services"].items() if "ports" in service] == ["nginx"]
    subnet = COMPOSE["networks"]["site"]["ipam"]["config"][0]["subnet"]
    assert COMPOSE["services"]["web"]["environment"]["IMAGESEARCH_TRUSTED_PROXIES"] == subnet


def test_files_and_volumes_that_containers_mount_exist():
    for service in COMPOSE["services"].values():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in COMPOSE["volumes"] or source == "./deploy/certificates" or (CHECKOUT / source).is_file()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_accepts_the_units(tmp_path):
    """With the path of this checkout, since `systemd-analyze` looks for the programs."""
    for unit in UNITS:
        text = unit.read_text().replace("/opt/imagesearch", str(CHECKOUT)).replace("User=imagesearch", "User=root")
        (tmp_path / unit.name).write_text(text)
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(tmp_path.glob("*.service"))],
        capture_output=True,
        text=True,
        check=False,
    )
    complaints = [line for line in checked.stderr.splitlines() if "imagesearch-" in line]
    assert (checked.returncode, complaints) == (0, []), checked.stderr
