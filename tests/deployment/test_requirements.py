"""requirements.lock contains what requirements.txt asks for, and everything that these packages need, with digests."""

import re
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).resolve().parents[2]
LOCK = (CHECKOUT / "requirements.lock").read_text()


def locked():
    """The requirements of the lock by name, and the number of digests of each."""
    entries = re.findall(r"^(\S.*?)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", LOCK, re.MULTILINE)
    requirements = [(Requirement(text), digests.count("--hash")) for text, digests in entries]
    return {(canonicalize_name(found.name), str(found.specifier)): count for found, count in requirements}


def wanted():
    lines = (CHECKOUT / "requirements.txt").read_text().splitlines()
    return [Requirement(line.partition("#")[0]) for line in lines if line.partition("#")[0].strip()]


def test_the_lock_has_what_requirements_txt_asks_for():
    """If not, run: make lock."""
    missing = [str(wish) for wish in wanted() if (canonicalize_name(wish.name), str(wish.specifier)) not in locked()]
    assert missing == []


def test_every_line_of_the_lock_is_pinned_and_has_digests():
    assert len(re.findall(r"^\S", LOCK, re.MULTILINE)) == len(re.findall(r"^\S+==", LOCK, re.MULTILINE)) > 80
    assert all(specifier.startswith("==") for _, specifier in locked())
    assert len(re.findall(r"^\S", LOCK, re.MULTILINE)) == len(locked())


def test_no_file_of_requirements_names_a_host():
    for path in CHECKOUT.glob("requirements*"):
        assert "://" not in path.read_text()
        assert "index" not in path.read_text()
