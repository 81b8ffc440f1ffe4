"""What the owner counts (docs/reference/metrics.md lists it). Labels come from closed sets."""

from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from planner.owner.changelog import Inputs
from planner.owner.tick import Tick

LATENESS_BUCKETS_S: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 30.0, 300.0)
TICK_BUCKETS_S: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class OwnerMetrics:
    """The process's metrics; each shard has its own view of them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.lateness = Histogram(
            "planner_lateness_seconds", "From due to published, a scheduled run.", buckets=LATENESS_BUCKETS_S, registry=registry
        )
        self.ticks = Histogram("planner_tick_seconds", "A tick that committed.", buckets=TICK_BUCKETS_S, registry=registry)
        self.transactions = Counter("planner_transactions", "Transactions of shards.", ["outcome"], registry=registry)
        self.fired = Counter("planner_occurrences_fired", "Actions published by schedules.", registry=registry)
        self.skipped = Counter("planner_occurrences_skipped", "Occurrences that ended without a run.", ["reason"], registry=registry)
        self.commands = Counter("planner_commands", "Command records, by the event they got.", ["event"], registry=registry)
        self.reports = Counter("planner_run_reports", "Reports of workers, by what they changed.", ["outcome"], registry=registry)
        self.dead_letters = Counter("planner_dead_letters", "Records that can never be handled.", ["reason"], registry=registry)
        self.forwarded = Counter("planner_records_forwarded", "Records that came to the wrong partition.", registry=registry)
        self.takeovers = Histogram("planner_takeover_seconds", "From the proof of membership to the first tick.", registry=registry)
        self.shards = Gauge("planner_shards", "Shards that tick in this process.", registry=registry)
        self.position = Gauge("planner_shard_position", "Changelog offset at which a shard stands.", ["partition"], registry=registry)
        self.lag = Gauge(
            "planner_shard_lag_offsets",
            "Offsets of a shard's input still to take in, markers included.",
            ["partition", "input"],
            registry=registry,
        )


@dataclass(frozen=True, slots=True)
class ShardMetrics:
    """One shard's view."""

    of: OwnerMetrics
    partition: int

    def ticked(self, tick: Tick, *, took_s: float, offset: int) -> None:
        """A tick is committed and applied."""
        self.of.transactions.labels("committed").inc()
        self.of.ticks.observe(took_s)
        self.of.position.labels(str(self.partition)).set(offset)
        self.of.fired.inc(len(tick.lateness_s))
        for lateness_s in tick.lateness_s:
            self.of.lateness.observe(lateness_s)
        for (name, label), count in tick.counts.items():
            self._counter(name, label).inc(count)

    def waits(self, lag: Inputs) -> None:
        """So many offsets of its input are still to be taken in."""
        self.of.lag.labels(str(self.partition), "commands").set(lag.commands)
        self.of.lag.labels(str(self.partition), "reports").set(lag.reports)

    def failed(self, outcome: str) -> None:
        """A tick, or a takeover, failed: `failed`, and whether its transaction was committed is not known; or `clock_ahead`."""
        self.of.transactions.labels(outcome).inc()

    def taken_over(self, took_s: float, *, offset: int) -> None:
        """The shard begins to tick, standing at this changelog offset."""
        self.of.position.labels(str(self.partition)).set(offset)
        self.of.takeovers.observe(took_s)
        self.of.shards.inc()

    def let_go(self) -> None:
        """The shard ticks no more: whoever has it next says how it stands."""
        self.of.shards.dec()
        self.of.position.remove(str(self.partition))
        self.of.lag.remove_by_labels({"partition": str(self.partition)})

    def _counter(self, name: str, label: str) -> Counter:
        if name == "forwarded":
            return self.of.forwarded
        of = self.of
        labelled = {"commands": of.commands, "reports": of.reports, "skipped": of.skipped, "dead_letters": of.dead_letters}
        return labelled[name].labels(label)
