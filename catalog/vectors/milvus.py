"""Search on a Milvus server: an index derived from the segments, which stay the durable record.

Each snapshot's key has a collection, in which each image has a row: its id, its descriptor as it is compared, and
a mark. The mark is made of the image's id and the digest of its content, so that rows of another catalogue, or of one
that was put back from a backup, are not taken for this one's; and it stays when segments are merged.

The index is FLAT, which compares with every row, by inner product, which of unit vectors is the cosine:
the ranking is that of `exact.rank`. The collection's consistency is Strong: what was written is found at once.
https://milvus.io/docs/flat.md, https://milvus.io/docs/consistency.md
"""

import logging
import re
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import grpc  # type: ignore[import-untyped]
import numpy as np
from pymilvus import DataType, MilvusClient, MilvusException  # type: ignore[import-untyped]
from pymilvus.client.types import LoadState  # type: ignore[import-untyped]

from catalog.exceptions import ImageSearchError, IndexUnavailable
from catalog.vectors.exact import Ranking
from catalog.vectors.snapshot import LiveSegment, Snapshot

# It logs each fault with its traceback, besides raising it.
logging.getLogger("pymilvus").setLevel(logging.CRITICAL)

PREFIX = "imagesearch_"
# What one request carries: rows with their vectors, ids in a condition.
ROWS, IDS = 2_000, 10_000
# https://milvus.io/docs/limitations.md: the most that one search returns.
MOST = 16_384
# How many rows are asked for beyond those wanted, in case they equal the last of these.
MORE = 32
# Seconds: for a connection, an answer, and a collection to be read into the server's memory.
CONNECTING, ANSWERING, LOADING = 3, 30, 600


class Rows(NamedTuple):
    """Which rows there are. ids: int64, n; marks: int64, n."""

    ids: np.ndarray
    marks: np.ndarray


class Known(NamedTuple):
    """What a collection was last made to hold: the live rows of these segments."""

    segments: Sequence[LiveSegment]
    rows: Rows


class Milvus:
    """The engine of the Milvus server at `http(s)://[user:password@]host[:port][/database]`.

    The database is this catalogue's alone; it is made where it is missing.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self._token = ":".join(unquote(part) for part in (parts.username, parts.password) if part)
        self._database = parts.path.strip("/")
        self._lock = threading.Lock()
        self._connection: Any = None
        self._known: dict[str, Known] = {}

    def check(self) -> None:
        with self.client() as client:
            client.get_server_version(timeout=CONNECTING)

    def holds(self, snapshot: Snapshot) -> bool:
        if not snapshot.segments:
            return True
        known, name = self._known.get(snapshot.key), _name(snapshot.key)
        if known is None or [*map(id, known.segments)] != [*map(id, snapshot.segments)]:
            return False
        with self.client() as client:
            # The server may have been started anew or emptied, and other processes keep it up too.
            state = client.get_load_state(name, timeout=ANSWERING)["state"]
            return state == LoadState.Loaded and _count(client, name) == len(known.rows.ids)

    def catch_up(self, snapshot: Snapshot) -> None:
        wanted, name = _live_rows(snapshot.segments), _name(snapshot.key)
        known = self._known.pop(snapshot.key, None)  # until all went well
        with self.client() as client:
            _load(client, name, snapshot.segments[0].segment.vectors.shape[1])
            held = _held(client, name, wanted, known)
            _even_out(client, snapshot, wanted, held)
            if known and _count(client, name) != len(wanted.ids):  # it was not as known
                _even_out(client, snapshot, wanted, _read(client, name))
        # Of the snapshots before, the last may still be searched; more would keep segments open that are long merged.
        self._known = {**dict([*self._known.items()][-1:]), snapshot.key: Known(snapshot.segments, wanted)}

    def rank(self, snapshot: Snapshot, sought: np.ndarray, *, top: int, allowed: np.ndarray | None = None) -> Ranking:
        """As `exact.rank`. Raises ImageSearchError: `top` is more than Milvus returns."""
        conditions, name = _conditions(allowed) if snapshot.segments else [], _name(snapshot.key)
        with self.client() as client:
            total = sum(_count(client, name, condition) for condition in conditions)
            top = min(top, total)
            if top > MOST:
                raise ImageSearchError(
                    "Milvus ranks the {most} best images of a search and no more. "
                    "Go back, or narrow the search by a collection or a tag.",
                    most=MOST,
                )
            parts = [_nearest(client, name, sought, condition, top) for condition in conditions if top]
        ids = np.array([hit["id"] for hits in parts for hit in hits], np.int64)
        scores = np.array([hit["distance"] for hits in parts for hit in hits], np.float32)
        best = np.lexsort((ids, -scores))[:top]
        return Ranking(ids[best], scores[best], total)

    def drop_others(self, keys: Collection[str]) -> None:
        kept = {_name(key) for key in keys}
        with self.client() as client:
            for name in client.list_collections(timeout=ANSWERING):
                if name.startswith(PREFIX) and name not in kept:
                    client.drop_collection(name, timeout=ANSWERING)

    @contextmanager
    def client(self) -> Iterator[Any]:
        """The connected client. What Milvus refuses within the block is told as IndexUnavailable."""
        try:
            with self._lock:
                self._connection = self._connection or self._connect()
            yield self._connection
        except (MilvusException, grpc.RpcError) as fault:
            raise IndexUnavailable(
                "The vector index on Milvus at {address} cannot be used: {fault}. Start that server, or correct "
                "IMAGESEARCH_VECTOR_INDEX; without it, search needs no server. Nothing is lost.",
                address=self.address,
                fault=getattr(fault, "message", "") or fault,
            ) from fault

    def _connect(self) -> Any:
        client = MilvusClient(self.address, token=self._token, timeout=CONNECTING)
        if self._database:
            if self._database not in client.list_databases(timeout=ANSWERING):
                client.create_database(self._database, timeout=ANSWERING)
            client.use_database(self._database, timeout=ANSWERING)
        return client


def _name(key: str) -> str:
    """A collection's name: Milvus takes letters, digits and underscores."""
    return PREFIX + re.sub(r"\W", "_", key, flags=re.ASCII)


def _load(client: Any, name: str, dimensions: int) -> None:
    """Have the collection there, and searchable."""
    if not client.has_collection(name, timeout=ANSWERING):
        schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("mark", DataType.INT64)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimensions)
        index = client.prepare_index_params()
        index.add_index("vector", index_type="FLAT", metric_type="IP")
        client.create_collection(name, schema=schema, index_params=index, consistency_level="Strong", timeout=ANSWERING)
    client.load_collection(name, timeout=LOADING)


def _live_rows(segments: Sequence[LiveSegment]) -> Rows:
    ids = np.concatenate([part.segment.image_ids[part.rows()] for part in segments])
    digests = np.concatenate([part.segment.digests[part.rows(), :8] for part in segments])
    return Rows(ids, np.ascontiguousarray(digests).view("<i8").ravel() ^ ids)


def _held(client: Any, name: str, wanted: Rows, known: Known | None) -> Rows:
    """What the collection holds, as far as can be told without reading all of it."""
    if known is None:
        return _read(client, name)
    # Of what is new here, another process may have brought some already.
    new = wanted.ids[~np.isin(wanted.marks, known.rows.marks)]
    brought = [_read(client, name, condition) for condition in _conditions(new)]
    return Rows(*map(np.concatenate, zip(known.rows, *brought, strict=True)))


def _even_out(client: Any, snapshot: Snapshot, wanted: Rows, held: Rows) -> None:
    """Bring the rows that are wanted and not held, and take away those that are held and not wanted."""
    name = _name(snapshot.key)
    rows = _with_vectors(snapshot, wanted.ids[~np.isin(wanted.marks, held.marks)])
    while batch := list(islice(rows, ROWS)):
        client.upsert(name, batch, timeout=ANSWERING)
    surplus = np.setdiff1d(held.ids, wanted.ids)
    for start in range(0, len(surplus), IDS):
        client.delete(name, ids=surplus[start : start + IDS].tolist(), timeout=ANSWERING)


def _with_vectors(snapshot: Snapshot, image_ids: np.ndarray) -> Iterator[dict[str, Any]]:
    for part in snapshot.segments:
        ids, marks = _live_rows([part])
        there = np.flatnonzero(np.isin(ids, image_ids))
        for some in np.split(there, range(ROWS, len(there), ROWS)):
            vectors = snapshot.whitened(np.array(part.segment.vectors[part.rows()[some]]))
            for image_id, mark, vector in zip(ids[some].tolist(), marks[some].tolist(), vectors, strict=True):
                yield {"id": image_id, "mark": mark, "vector": vector}


def _read(client: Any, name: str, condition: str = "") -> Rows:
    iterator = client.query_iterator(
        name, batch_size=IDS, filter=condition, output_fields=["id", "mark"], timeout=ANSWERING
    )
    found: list[tuple[int, int]] = []
    while batch := iterator.next():
        found.extend((row["id"], row["mark"]) for row in batch)
    iterator.close()
    ids, marks = np.array(found, np.int64).reshape(-1, 2).T
    return Rows(ids, marks)


def _conditions(ids: np.ndarray | None) -> list[str]:
    """Expressions that together are true of the images named by `ids`, each of one image at most once; None: of all."""
    if ids is None:
        return [""]
    distinct = np.unique(ids)
    return [f"id in {distinct[start : start + IDS].tolist()}" for start in range(0, len(distinct), IDS)]


def _count(client: Any, name: str, condition: str = "") -> int:
    answer = client.query(name, filter=condition, output_fields=["count(*)"], timeout=ANSWERING)
    return int(answer[0]["count(*)"])


def _nearest(client: Any, name: str, query: np.ndarray, condition: str, top: int) -> Sequence[dict[str, Any]]:
    """The `top` best rows and, so that pages do not overlap, all that equal the last of them."""
    limit = top
    while True:
        limit = min(limit + MORE, MOST)
        (hits,) = client.search(name, [query], filter=condition, limit=limit, timeout=ANSWERING)
        if len(hits) < limit or limit == MOST or hits[-1]["distance"] < hits[top - 1]["distance"]:
            return list(hits)
        limit *= 2
