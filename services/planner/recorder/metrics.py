"""What the recorder counts."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class RecorderMetrics:
    """One set for each registry; `app.py` makes it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        place = ["topic", "partition"]
        self.records = Counter("planner_recorder_records_total", "Records taken in.", ["topic"], registry=registry)
        self.batches = Counter(
            "planner_recorder_batches_total", "Batches by outcome: recorded, moved, unavailable.", ["outcome"], registry=registry
        )
        self.batch_seconds = Histogram(
            "planner_recorder_batch_seconds",
            "Time that a batch took, recorded or not.",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=registry,
        )
        self.dead_letters = Counter(
            "planner_recorder_dead_letters_total", "Records that can never be recorded.", ["reason"], registry=registry
        )
        self.position = Gauge("planner_recorder_position", "Next offset to record.", place, registry=registry)
        self.lag = Gauge("planner_recorder_lag_offsets", "Offsets still to record, markers included.", place, registry=registry)
