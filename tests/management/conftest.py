"""Shared fixtures for tests of the commands."""

import io
import json
from dataclasses import dataclass

import pytest
from django.core.management import CommandError, call_command


@dataclass
class CommandResult:
    """The output and exit status of a command."""

    out: str
    err: str
    status: int

    @property
    def json(self) -> dict:
        """The JSON object on the last line."""
        return json.loads(self.out.strip().splitlines()[-1])


@pytest.fixture
def manage():
    """A function that runs a command as `manage.py` does. Only CommandError and SystemExit are caught."""

    def run(*words: object) -> CommandResult:
        out, err, status = io.StringIO(), io.StringIO(), 0
        try:
            call_command(*map(str, words), stdout=out, stderr=err)
        except CommandError as error:
            err.write(str(error))
            status = error.returncode
        except SystemExit as exit:
            status = int(exit.code or 0)
        assert "Traceback" not in err.getvalue()
        return CommandResult(out.getvalue(), err.getvalue(), status)

    return run
