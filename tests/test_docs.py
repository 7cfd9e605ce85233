"""Every setting, command and make target is in the documentation."""

import ast
import inspect
import re
from pathlib import Path

import pytest

from imagesearch import environment

CHECKOUT = Path(__file__).resolve().parents[1]
READERS = {name for name, _ in inspect.getmembers(environment, inspect.isfunction)}


def variables_read() -> set[str]:
    """The variables that the settings read through `imagesearch.environment`."""
    return {
        str(node.args[0].value)
        for node in ast.walk(ast.parse((CHECKOUT / "imagesearch" / "settings.py").read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and (node.func.value.id, node.func.attr) in {("environment", reader) for reader in READERS}
        and isinstance(node.args[0], ast.Constant)
    }


def commands() -> set[str]:
    return {path.stem for path in (CHECKOUT / "catalog" / "management" / "commands").glob("[a-z]*.py")}


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## ", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)) - {"help"}


def documentation() -> str:
    return "\n".join(path.read_text() for path in (CHECKOUT / "README.md", *(CHECKOUT / "docs").rglob("*.md")))


def test_nothing_is_read_past_the_readers():
    """A variable that is read in another way would be missing here, and in the documentation."""
    text = (CHECKOUT / "imagesearch" / "settings.py").read_text()
    assert "environ[" not in text
    assert "getenv" not in text
    assert "environ.get" not in text
    assert set(re.findall(r'environment\.(\w+)\("', text)) <= READERS
    assert len(variables_read()) == len(set(re.findall(r'environment\.\w+\(\s*"(\w+)"', text)))


@pytest.mark.parametrize("name", sorted(variables_read()))
def test_a_variable_is_in_the_documentation_of_the_configuration(name):
    assert f"`{name}`" in (CHECKOUT / "docs" / "configuration.md").read_text()


def test_the_documentation_names_no_variable_that_is_not_read():
    named = set(re.findall(r"`(IMAGESEARCH_\w+)`", (CHECKOUT / "docs" / "configuration.md").read_text()))
    assert named <= variables_read()


@pytest.mark.parametrize("name", sorted(commands()))
def test_a_command_is_documented(name):
    assert re.search(rf"\b{name}\b", documentation())


@pytest.mark.parametrize("name", sorted(targets()))
def test_a_make_target_is_documented(name):
    assert re.search(rf"\bmake {name}\b", documentation())


def test_there_are_commands_targets_and_variables_to_document():
    assert {"import_images", "search_by_photo", "rebuild_index", "check_index", "fetch_weights"} <= commands()
    assert {"run", "install", "test", "lint"} <= targets()
    assert {"IMAGESEARCH_DATA_DIR", "DATABASE_URL", "REDIS_URL"} <= variables_read()
