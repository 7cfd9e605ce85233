"""Django's Redis cache, for a Redis that may be away: a cache that fails is a miss."""

import json
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from django.core.cache.backends import redis as backend
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from catalog.services.jobs.pause import Pause

logger = logging.getLogger(__name__)
T = TypeVar("T")

TIMEOUT_SECONDS = 0.5
PAUSE = Pause(seconds=10)


class JsonSerializer:
    """Values as JSON. Unlike pickle, it runs no code of whoever can write to Redis."""

    def dumps(self, value: object) -> int | str:
        # Redis counts with integers: `incr`.
        return value if type(value) is int else json.dumps(value)

    def loads(self, data: bytes) -> Any:  # any JSON value
        return json.loads(data)


class RedisCache(backend.RedisCache):
    """A cache in Redis. While Redis does not answer, nothing is found in it and nothing is stored."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._options: dict[str, Any] = {
            "serializer": JsonSerializer(),
            "socket_connect_timeout": TIMEOUT_SECONDS,
            "socket_timeout": TIMEOUT_SECONDS,
            "retry": Retry(NoBackoff(), 0),
            **params.get("OPTIONS", {}),
        }

    def add(self, *args: Any, **kwargs: Any) -> bool:
        return self._answer(super().add, False, *args, **kwargs)

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        return self._answer(super().get, default, key, default, version)

    def set(self, *args: Any, **kwargs: Any) -> None:
        self._answer(super().set, None, *args, **kwargs)

    def touch(self, *args: Any, **kwargs: Any) -> bool:
        return self._answer(super().touch, False, *args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> bool:
        return self._answer(super().delete, False, *args, **kwargs)

    def get_many(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return self._answer(super().get_many, {}, *args, **kwargs)

    def has_key(self, *args: Any, **kwargs: Any) -> bool:
        return self._answer(super().has_key, False, *args, **kwargs)

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        """Raises ValueError, as other caches do, if the key is not there. So it does while Redis is away."""
        try:
            value = self._answer(super().incr, None, key, delta, version)
        except ValueError:
            value = None
        if value is None:
            raise ValueError(f"Key {key!r} not found.")
        return value

    def set_many(self, data: dict[str, Any], *args: Any, **kwargs: Any) -> list[str]:
        return self._answer(super().set_many, list(data), data, *args, **kwargs)

    def delete_many(self, *args: Any, **kwargs: Any) -> None:
        self._answer(super().delete_many, None, *args, **kwargs)

    def clear(self) -> None:
        self._answer(super().clear, None)

    @staticmethod
    def _answer(operation: Callable[..., Any], otherwise: T, *args: Any, **kwargs: Any) -> Any:
        """Call `operation`; return `otherwise` if Redis does not answer, or holds what this program cannot read."""
        if PAUSE.is_on():
            return otherwise
        try:
            return operation(*args, **kwargs)
        except (RedisError, OSError) as error:
            PAUSE.begin()
            logger.warning("Redis does not answer, so nothing is cached for %d seconds: %s", PAUSE.seconds, error)
        except (json.JSONDecodeError, UnicodeDecodeError):  # of another version
            pass
        return otherwise
