"""What Prometheus may read: how many requests, how long they took, how many are under way."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

import prometheus_client
from prometheus_client import CollectorRegistry, multiprocess

TYPE: Final = prometheus_client.CONTENT_TYPE_LATEST
SHARED: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable that names the folder in which several processes count together."""
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The counts of one process, or – where they share a folder – of all."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = prometheus_client.Counter(
            "admit_requests",
            "Requests, by route and status.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._seconds = prometheus_client.Histogram(
            "admit_request_seconds",
            "Seconds until the answer was complete, by route.",
            ["method", "route"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._under_way = prometheus_client.Gauge(
            "admit_requests_under_way",
            "Requests under way.",
            registry=self._registry,
            multiprocess_mode="livesum",
        )
        self._counted: dict[
            tuple[str, str, int], tuple[prometheus_client.Counter, prometheus_client.Histogram]
        ] = {}
        """By method, route and status: finding them by labels takes as long as counting."""

    def began(self) -> None:
        """Count a request that began."""
        self._under_way.inc()

    def ended(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one that ended: by the path of the table, so that there are few."""
        self._under_way.dec()
        counted = self._counted.get((method, route, status))
        if counted is None:
            counted = self._counted[method, route, status] = (
                self._requests.labels(method, route, str(status)),
                self._seconds.labels(method, route),
            )
        count, histogram = counted
        count.inc()
        histogram.observe(seconds)

    def text(self, environment: Mapping[str, str] = os.environ) -> bytes:
        """Return all as Prometheus reads it."""
        registry = self._registry
        if SHARED in environment:
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return prometheus_client.generate_latest(registry)


def count_no_more(process: int, folder: str) -> None:
    """Let what a process that is gone had under way be no longer counted; what it had done is."""
    multiprocess.mark_process_dead(process, folder)  # type: ignore[no-untyped-call]
