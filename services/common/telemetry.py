"""The metrics of every service: few, the same names everywhere, told apart by labels."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Gauge, Histogram, start_http_server

STAGE_SECONDS = Histogram(
    "vultus_stage_seconds",
    "Wall time of one pass of a stage.",
    ["stage"],
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300),
)
RPC_TOTAL = Counter("vultus_rpc_total", "RPCs served, by outcome.", ["method", "outcome"])
RPC_SECONDS = Histogram("vultus_rpc_seconds", "Wall time of served RPCs.", ["method"])
UTTERANCES_TOTAL = Counter("vultus_utterances_total", "Utterances, by outcome.", ["outcome"])
DRIVES_TOTAL = Counter("vultus_drives_total", "Things said live, by outcome.", ["kind", "outcome"])
JOBS_TOTAL = Counter(
    "vultus_jobs_total", "Jobs taken from the queue, by outcome.", ["queue", "outcome"]
)
QUEUE_DEPTH = Gauge("vultus_queue_depth", "Things waiting.", ["queue"])
PRIVACY_REQUESTS_DUE = Gauge(
    "vultus_privacy_requests_due",
    "Unanswered requests of people, by how near their time is.",
    ["when"],
)
UNDECREED_DUE_DATES_TOTAL = Counter(
    "vultus_undecreed_due_dates_total",
    "Times reckoned with holidays that the service does not know to be decreed.",
)
SESSIONS = Gauge("vultus_sessions", "Open animations.")
LIVE_STREAMS = Gauge("vultus_live_streams", "Live streams of this gateway.")
RETENTION_LAST_SWEEP = Gauge(
    "vultus_retention_last_sweep_timestamp_seconds", "When this process last swept."
)
RETENTION_DELETED_TOTAL = Counter(
    "vultus_retention_deleted_total", "Things that were kept long enough, by rule.", ["rule"]
)
RETENTION_OLDEST_AGE_SECONDS = Gauge(
    "vultus_retention_oldest_age_seconds", "Age of the oldest that is kept, by rule.", ["rule"]
)
FRAMES_TOTAL = Counter("vultus_frames_total", "Frames drawn and encoded.")


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Observes how long the block takes, whether it succeeds or not."""
    start = time.perf_counter()
    try:
        yield
    finally:
        STAGE_SECONDS.labels(name).observe(time.perf_counter() - start)


@contextmanager
def serve_metrics(listen: str | None) -> Iterator[None]:
    """Serves /metrics on `host:port` while the block runs; None serves nothing."""
    if listen is None:
        yield
        return
    host, _, port = listen.rpartition(":")
    server, thread = start_http_server(int(port), addr=host)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
