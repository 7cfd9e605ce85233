"""What the tests of the commands share."""

import io
import json
from dataclasses import dataclass

import pytest
from django.core.management import CommandError, call_command


@dataclass
class Told:
    """What a command printed and how it ended."""

    out: str
    err: str
    status: int

    @property
    def answer(self) -> dict:
        """The JSON object on the last line."""
        return json.loads(self.out.strip().splitlines()[-1])


@pytest.fixture
def manage():
    """A function that runs a command as `manage.py` does: a CommandError ends it, anything else is a fault of ours."""

    def run(*words: object) -> Told:
        out, err, status = io.StringIO(), io.StringIO(), 0
        try:
            call_command(*map(str, words), stdout=out, stderr=err)
        except CommandError as fault:
            err.write(f"{fault}")
            status = fault.returncode
        except SystemExit as end:
            status = int(end.code or 0)
        assert "Traceback" not in err.getvalue()
        return Told(out.getvalue(), err.getvalue(), status)

    return run
