"""Every setting, command and make target is documented."""

import ast
import inspect
import re
from pathlib import Path

import pytest

from imagesearch import environment

CHECKOUT = Path(__file__).resolve().parents[1]
# A file or folder of the checkout, or of `catalog`, between backticks.
PATH = r"`((?:catalog|services|vectors|features|imaging|tests|templates|static|imagesearch|benchmarks|docs)/[\w./-]+)`"
ENVIRONMENT_READERS = {name for name, _ in inspect.getmembers(environment, inspect.isfunction)}


def read_variables() -> set[str]:
    """The environment variables that the settings read through `imagesearch.environment`."""
    return {
        str(node.args[0].value)
        for node in ast.walk(ast.parse((CHECKOUT / "imagesearch" / "settings.py").read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and (node.func.value.id, node.func.attr) in {("environment", reader) for reader in ENVIRONMENT_READERS}
        and isinstance(node.args[0], ast.Constant)
    }


def commands() -> set[str]:
    return {path.stem for path in (CHECKOUT / "catalog" / "management" / "commands").glob("[a-z]*.py")}


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## ", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)) - {"help"}


def documentation() -> str:
    files = (CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *(CHECKOUT / "docs").rglob("*.md"))
    return "\n".join(path.read_text() for path in files)


def test_environment_is_read_only_through_readers():
    """Otherwise `read_variables` would miss a variable, and so might the documentation."""
    text = (CHECKOUT / "imagesearch" / "settings.py").read_text()
    assert "environ[" not in text
    assert "getenv" not in text
    assert "environ.get" not in text
    assert set(re.findall(r'environment\.(\w+)\("', text)) <= ENVIRONMENT_READERS
    assert len(read_variables()) == len(set(re.findall(r'environment\.\w+\(\s*"(\w+)"', text)))


@pytest.mark.parametrize("name", sorted(read_variables()))
def test_a_variable_is_documented_in_configuration(name):
    assert f"`{name}`" in (CHECKOUT / "docs" / "configuration.md").read_text()


def test_no_variable_is_documented_that_is_not_read():
    documented = set(re.findall(r"`(IMAGESEARCH_\w+)`", (CHECKOUT / "docs" / "configuration.md").read_text()))
    assert documented <= read_variables()


@pytest.mark.parametrize("name", sorted(commands()))
def test_a_command_is_documented(name):
    assert re.search(rf"\b{name}\b", documentation())


@pytest.mark.parametrize("name", sorted(targets()))
def test_a_make_target_is_documented(name):
    assert re.search(rf"\bmake {name}\b", documentation())


def test_known_commands_targets_and_variables_are_found():
    assert {"import_images", "search_by_photo", "rebuild_index", "check_index", "fetch_weights"} <= commands()
    assert {"run", "install", "test", "lint"} <= targets()
    assert {"IMAGESEARCH_DATA_DIR", "DATABASE_URL", "REDIS_URL"} <= read_variables()


@pytest.mark.parametrize("path", sorted(set(re.findall(PATH, documentation()))))
def test_paths_in_documentation_exist(path):
    assert (CHECKOUT / path).exists() or (CHECKOUT / "catalog" / path).exists()
