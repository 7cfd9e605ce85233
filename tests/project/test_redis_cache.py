"""A cache in Redis holds JSON, and a cache that fails is a miss."""

import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.services.jobs.pause import Pause
from imagesearch import redis_cache
from imagesearch.redis_cache import RedisCache
from tests.system.servers import Redis, wait_until

pytestmark = pytest.mark.services


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Redis]:
    redis = Redis(tmp_path)
    redis.start()
    yield redis
    redis.stop()


@pytest.fixture(autouse=True)
def pause(monkeypatch: pytest.MonkeyPatch) -> Pause:
    """A shorter pause after a failure."""
    monkeypatch.setattr(redis_cache, "PAUSE", Pause(seconds=3))
    return redis_cache.PAUSE


@pytest.fixture
def cache(server: Redis) -> RedisCache:
    return RedisCache(server.url(), {})


def test_values_are_stored_as_json(cache):
    cache.set("list", [["JPEG", 3], [None, 4]])
    cache.set("number", 5)
    assert (cache.get("list"), cache.incr("number"), cache.get("number")) == ([["JPEG", 3], [None, 4]], 6, 6)
    assert cache._cache.get_client().get(cache.make_key("list")) == b'[["JPEG", 3], [null, 4]]'
    assert not cache.add("list", 1)
    with pytest.raises(TypeError):
        cache.set("bytes", b"x")


class Bomb:
    def __reduce__(self):
        return pytest.fail, ("a pickle was loaded",)


def test_what_is_no_json_is_a_miss(cache):
    cache._cache.get_client().set(cache.make_key("key"), pickle.dumps(Bomb()))
    assert cache.get("key", "nothing") == "nothing"


def test_without_redis_everything_is_a_miss(cache, server, pause):
    cache.set("key", 1)
    server.stop()
    assert cache.get("key", "nothing") == "nothing"
    assert pause.is_on()
    assert (cache.add("key", 1), cache.delete("key"), cache.get_many(["key"]), "key" in cache) == (
        False,
        False,
        {},
        False,
    )
    cache.set("key", 2)
    with pytest.raises(ValueError, match="not found"):
        cache.incr("key")

    server.start()
    assert cache.get("key") is None, "Redis is left alone for a while"
    wait_until(lambda: not pause.is_on(), "the end of the pause")
    cache.set("key", 3)
    assert cache.get("key") == 3
