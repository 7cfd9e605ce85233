"""Search on a Milvus server. Its index is derived from the segments, which remain the durable record.

Each snapshot key has a Milvus collection. It has a row for each image: the id, the descriptor as it is compared, and a
fingerprint (the field "mark"). The fingerprint combines the image's id with the digest of its content. It identifies
rows of another catalogue, or of one that was restored from a backup, and does not change when segments are merged.

The index type is FLAT, which compares the query with every row, and the metric is the inner product, which is the
cosine similarity of unit vectors. The server selects candidates. Their scores, in which neighbours take part, are
computed from the segments, and are therefore those of `exact.rank`. The consistency level is Strong, so that searches
see all previous writes. https://milvus.io/docs/flat.md, https://milvus.io/docs/consistency.md
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

from catalog.exceptions import ImageSearchError, IndexUnavailable, Internal
from catalog.vectors import exact, two_stage
from catalog.vectors.exact import Ranking
from catalog.vectors.live_segment import LiveSegment, have_same_rows
from catalog.vectors.neighbours import augmentation
from catalog.vectors.neighbours.augmentation import ExpandedQuery
from catalog.vectors.snapshot import Snapshot

# pymilvus logs each error with its traceback in addition to raising it.
logging.getLogger("pymilvus").setLevel(logging.CRITICAL)

Client = Any  # pymilvus has no type annotations

COLLECTION_PREFIX = "imagesearch_"
# Limits of one request: rows with vectors, and ids in a filter expression.
MAX_ROWS_PER_REQUEST, MAX_IDS_PER_REQUEST = 2_000, 10_000
# Maximum number of results of a search: https://milvus.io/docs/limitations.md
MAX_RESULTS = 16_384
# Rows that are requested beyond the limit, to find rows with the same score as the last one.
EXTRA_RESULTS = 32
# Timeouts in seconds; LOAD_TIMEOUT is for loading a collection into the server's memory.
CONNECT_TIMEOUT, REQUEST_TIMEOUT, LOAD_TIMEOUT = 3, 30, 600


class RowKeys(NamedTuple):
    """Identifies rows.

    Attributes:
        ids: image ids, int64, n.
        fingerprints: int64, n.
    """

    ids: np.ndarray
    fingerprints: np.ndarray


class SyncedState(NamedTuple):
    """The state of a collection after its last sync: the live rows of these segments."""

    segments: Sequence[LiveSegment]
    rows: RowKeys


class MilvusEngine:
    """The engine of the Milvus server at `http(s)://[user:password@]host[:port][/database]`.

    The database must be used by this catalogue only. It is created if it does not exist.
    """

    def __init__(self, url: str) -> None:
        split_url = urlsplit(url)
        self.address = f"{split_url.scheme}://{split_url.netloc.rpartition('@')[2]}"
        self._token = ":".join(
            unquote(credential) for credential in (split_url.username, split_url.password) if credential
        )
        self._database = split_url.path.strip("/")
        self._lock = threading.Lock()
        self._connection: Client | None = None
        self._synced: dict[str, SyncedState] = {}

    def check(self) -> None:
        with self.client() as client:
            client.get_server_version(timeout=CONNECT_TIMEOUT)

    def is_synced(self, snapshot: Snapshot) -> bool:
        if not snapshot.segments:
            return True
        synced, name = self._synced.get(snapshot.key), _collection_name(snapshot.key)
        if synced is None or not have_same_rows(synced.segments, snapshot.segments):
            return False
        with self.client() as client:
            # The server may have been restarted or emptied, and other processes update it too.
            state = client.get_load_state(name, timeout=REQUEST_TIMEOUT)["state"]
            return state == LoadState.Loaded and _count_rows(client, name) == len(synced.rows.ids)

    def sync(self, snapshot: Snapshot) -> None:
        live_rows, name = _live_row_keys(snapshot.segments), _collection_name(snapshot.key)
        synced = self._synced.pop(snapshot.key, None)  # set again after a successful sync
        with self.client() as client:
            _ensure_loaded(client, name, snapshot.dimensions)
            stored_rows = _stored_rows(client, name, live_rows, synced)
            _reconcile(client, snapshot, live_rows, stored_rows)
            # What the last sync left may have been changed by others.
            if synced and _count_rows(client, name) != len(live_rows.ids):
                _reconcile(client, snapshot, live_rows, _read_rows(client, name))
        # The previous snapshot may still be searched. Keeping more would keep merged segments open.
        self._synced = {**dict([*self._synced.items()][-1:]), snapshot.key: SyncedState(snapshot.segments, live_rows)}

    def expand_query(
        self,
        snapshot: Snapshot,
        query_vector: np.ndarray,
        *,
        exclude_id: int | None = None,
        limit: int = two_stage.RECALL_AT,
    ) -> ExpandedQuery:
        """Expand a query as `two_stage.expand_query` does.

        Raises:
            IndexUnavailable: the server cannot be reached or reports an error.
        """
        query = ExpandedQuery(query_vector)
        if not snapshot.has_neighbours:
            return query
        with self.client() as client:
            rows = _search_rows(client, snapshot, query, [""], two_stage.shortlist_size(limit))
        rows = two_stage.shortlist(snapshot, query, rows, snapshot.allowed_rows(None), count=len(rows))
        return augmentation.expand_query(snapshot, query_vector, rows, exclude_id=exclude_id)

    def rank(
        self, snapshot: Snapshot, query: ExpandedQuery, *, limit: int, allowed_ids: np.ndarray | None = None
    ) -> Ranking:
        """Rank as `two_stage.rank` does.

        Raises:
            ImageSearchError: `limit` is more than Milvus returns.
            IndexUnavailable: the server cannot be reached or reports an error.
        """
        conditions, name = _id_conditions(allowed_ids) if snapshot.segments else [], _collection_name(snapshot.key)
        with self.client() as client:
            total = sum(_count_rows(client, name, condition) for condition in conditions)
            limit = min(limit, total)
            if limit > MAX_RESULTS:
                raise ImageSearchError(
                    "Milvus returns only the {limit:,} best images of a search. "
                    "Go back, or filter the search by collection or tag.",
                    limit=MAX_RESULTS,
                )
            count = limit if query.expanded is None else min(two_stage.shortlist_size(limit), MAX_RESULTS)
            rows = _search_rows(client, snapshot, query, conditions if limit else [], count)
        if query.expanded is not None:
            allowed = snapshot.allowed_rows(allowed_ids)
            rows = two_stage.shortlist(snapshot, query, rows, allowed, count=len(rows))
        return exact.rank_rows(snapshot, query, rows, limit=limit, total=total)

    def drop_all_except(self, keys: Collection[str]) -> None:
        kept_names = {_collection_name(key) for key in keys}
        with self.client() as client:
            for name in client.list_collections(timeout=REQUEST_TIMEOUT):
                if name.startswith(COLLECTION_PREFIX) and name not in kept_names:
                    client.drop_collection(name, timeout=REQUEST_TIMEOUT)

    @contextmanager
    def client(self) -> Iterator[Client]:
        """Yield the connected client. Errors of Milvus within the block are raised as IndexUnavailable."""
        try:
            with self._lock:
                self._connection = self._connection or self._connect()
            yield self._connection
        except (MilvusException, grpc.RpcError) as error:
            raise IndexUnavailable(
                "The vector index on Milvus at {address} cannot be used: {error}. No data is lost. Start the server, "
                "or correct IMAGESEARCH_VECTOR_INDEX; unset it to search without a server.",
                address=Internal(self.address),
                error=Internal(getattr(error, "message", "") or error),
            ) from error

    def _connect(self) -> Client:
        client = MilvusClient(self.address, token=self._token, timeout=CONNECT_TIMEOUT)
        if self._database:
            if self._database not in client.list_databases(timeout=REQUEST_TIMEOUT):
                client.create_database(self._database, timeout=REQUEST_TIMEOUT)
            client.use_database(self._database, timeout=REQUEST_TIMEOUT)
        return client


def _collection_name(key: str) -> str:
    """Return the name of the collection for a key. Milvus allows letters, digits and underscores."""
    return COLLECTION_PREFIX + re.sub(r"\W", "_", key, flags=re.ASCII)


def _ensure_loaded(client: Client, name: str, dimensions: int) -> None:
    """Create the collection if it is missing, and load it."""
    if not client.has_collection(name, timeout=REQUEST_TIMEOUT):
        schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("mark", DataType.INT64)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimensions)
        index = client.prepare_index_params()
        index.add_index("vector", index_type="FLAT", metric_type="IP")
        client.create_collection(
            name, schema=schema, index_params=index, consistency_level="Strong", timeout=REQUEST_TIMEOUT
        )
    client.load_collection(name, timeout=LOAD_TIMEOUT)


def _live_row_keys(segments: Sequence[LiveSegment]) -> RowKeys:
    """Return the keys of all live rows. A fingerprint is the first eight bytes of the digest, XOR the image id."""
    ids = np.concatenate([live_segment.segment.image_ids[live_segment.rows()] for live_segment in segments])
    digests = np.concatenate([live_segment.segment.digests[live_segment.rows(), :8] for live_segment in segments])
    return RowKeys(ids, np.ascontiguousarray(digests).view("<i8").ravel() ^ ids)


def _stored_rows(client: Client, name: str, live_rows: RowKeys, synced: SyncedState | None) -> RowKeys:
    """Return the rows in the collection. After a previous sync, this reads only rows that are new since then."""
    if synced is None:
        return _read_rows(client, name)
    # Another process may have inserted some of the new rows already.
    new_ids = live_rows.ids[~np.isin(live_rows.fingerprints, synced.rows.fingerprints)]
    already_stored = [_read_rows(client, name, condition) for condition in _id_conditions(new_ids)]
    return RowKeys(*map(np.concatenate, zip(synced.rows, *already_stored, strict=True)))


def _reconcile(client: Client, snapshot: Snapshot, live_rows: RowKeys, stored_rows: RowKeys) -> None:
    """Insert the live rows that the collection lacks, and delete the rows that are no longer live."""
    name = _collection_name(snapshot.key)
    rows = _build_rows(snapshot, live_rows.ids[~np.isin(live_rows.fingerprints, stored_rows.fingerprints)])
    while batch := list(islice(rows, MAX_ROWS_PER_REQUEST)):
        client.upsert(name, batch, timeout=REQUEST_TIMEOUT)
    surplus = np.setdiff1d(stored_rows.ids, live_rows.ids)
    for start in range(0, len(surplus), MAX_IDS_PER_REQUEST):
        client.delete(name, ids=surplus[start : start + MAX_IDS_PER_REQUEST].tolist(), timeout=REQUEST_TIMEOUT)


def _build_rows(snapshot: Snapshot, image_ids: np.ndarray) -> Iterator[dict[str, object]]:
    """Yield the rows of these images with projected vectors, as the collection stores them."""
    for live_segment in snapshot.segments:
        ids, fingerprints = _live_row_keys([live_segment])
        positions = np.flatnonzero(np.isin(ids, image_ids))
        for batch in np.split(positions, range(MAX_ROWS_PER_REQUEST, len(positions), MAX_ROWS_PER_REQUEST)):
            vectors = snapshot.project(live_segment.segment.vectors[live_segment.rows()[batch]])
            for image_id, fingerprint, vector in zip(
                ids[batch].tolist(), fingerprints[batch].tolist(), vectors, strict=True
            ):
                yield {"id": image_id, "mark": fingerprint, "vector": vector}


def _read_rows(client: Client, name: str, condition: str = "") -> RowKeys:
    """Read the keys of all rows that meet a condition."""
    iterator = client.query_iterator(
        name, batch_size=MAX_IDS_PER_REQUEST, filter=condition, output_fields=["id", "mark"], timeout=REQUEST_TIMEOUT
    )
    pairs: list[tuple[int, int]] = []
    while batch := iterator.next():
        pairs.extend((row["id"], row["mark"]) for row in batch)
    iterator.close()
    ids, fingerprints = np.array(pairs, np.int64).reshape(-1, 2).T
    return RowKeys(ids, fingerprints)


def _id_conditions(ids: np.ndarray | None) -> list[str]:
    """Return filter expressions that together select the images `ids`, each image once. None selects all images."""
    if ids is None:
        return [""]
    distinct = np.unique(ids)
    return [
        f"id in {distinct[start : start + MAX_IDS_PER_REQUEST].tolist()}"
        for start in range(0, len(distinct), MAX_IDS_PER_REQUEST)
    ]


def _count_rows(client: Client, name: str, condition: str = "") -> int:
    response = client.query(name, filter=condition, output_fields=["count(*)"], timeout=REQUEST_TIMEOUT)
    return int(response[0]["count(*)"])


def _search_rows(
    client: Client, snapshot: Snapshot, query: ExpandedQuery, conditions: Sequence[str], result_count: int
) -> np.ndarray:
    """Return the live rows that are among the best for a query, plain or expanded, and meet a condition.

    They are numbered by `Snapshot.row_index` and in ascending order: int64.

    Args:
        result_count: the number of rows for each condition; there may be more of them.
    """
    name = _collection_name(snapshot.key)
    query_vectors = [vector for vector in (query.plain, query.expanded) if vector is not None]
    ids = {
        hit["id"]
        for query_vector in query_vectors
        for condition in conditions
        for hit in _search_with_ties(client, name, query_vector, condition, result_count)
    }
    rows = snapshot.row_index.rows_of(np.array(sorted(ids), np.int64))
    return np.sort(rows[rows >= 0]).astype(np.int64)


def _search_with_ties(
    client: Client, name: str, query_vector: np.ndarray, condition: str, result_count: int
) -> Sequence[dict[str, Any]]:
    """Return the `result_count` best rows, and all that score the same as the last, so that pages do not overlap."""
    limit = result_count
    while True:
        limit = min(limit + EXTRA_RESULTS, MAX_RESULTS)
        (hits,) = client.search(name, [query_vector], filter=condition, limit=limit, timeout=REQUEST_TIMEOUT)
        if len(hits) < limit or limit == MAX_RESULTS or hits[-1]["distance"] < hits[result_count - 1]["distance"]:
            return list(hits)
        limit *= 2
