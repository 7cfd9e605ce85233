"""Changes by other processes between the extraction of a batch and its commit."""

from collections.abc import Callable

import pytest

from catalog.models import Generation
from catalog.services.index import spaces, store


def run_before_commit(monkeypatch: pytest.MonkeyPatch, action: Callable[[], object]) -> None:
    """Call `action` once, after the first batch has been extracted and before it is committed."""
    write_segment = store.write_segment

    def act_and_write_segment(*args):
        monkeypatch.setattr(store, "write_segment", write_segment)
        action()
        return write_segment(*args)

    monkeypatch.setattr(store, "write_segment", act_and_write_segment)


def activate_another_space(key: str) -> None:
    """Activate a new feature space of the same network, as a rebuild in another feature space does."""
    space = spaces.get_or_create_space(spaces.choose_network())
    space.pk, space.key = None, key
    space.save()
    Generation.objects.update(state=Generation.State.RETIRED)
    Generation.objects.create(space=space, state=Generation.State.ACTIVE)
