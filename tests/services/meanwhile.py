"""What may happen while images are being described."""

from collections.abc import Callable

import pytest

from catalog.models import Generation
from catalog.services import spaces, store


def before_the_commit(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Have something happen once, when the first batch is described and not committed yet."""

    def append(*args):
        monkeypatch.setattr(store, "append", undisturbed)
        happens()
        return undisturbed(*args)

    undisturbed = store.append
    monkeypatch.setattr(store, "append", append)


def another_space_serves(key: str) -> None:
    """As after a rebuild in another feature space: of the same network, but a row of its own."""
    new = spaces.record(spaces.choose())
    new.pk, new.key = None, key
    new.save()
    Generation.objects.update(state=Generation.State.RETIRED)
    Generation.objects.create(space=new, state=Generation.State.ACTIVE)
