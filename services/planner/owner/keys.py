"""Every Redis key of the project, in one place: the index of one shard, under one hash tag (owner/README.md lists types and lifetimes)."""

from dataclasses import dataclass
from functools import cached_property

from planner.domain.plan import StateKind


@dataclass(frozen=True)
class ShardKeys:
    """The keys of shard `partition` of a namespace. The hash tag keeps them in one slot of a cluster, so that a script may use them all."""

    namespace: str
    partition: int

    @cached_property
    def prefix(self) -> str:
        """What every key of this shard begins with."""
        return f"{{{self.namespace}:{self.partition}}}:"

    @cached_property
    def position(self) -> str:
        """Hash: where the index stands in the changelog, the input positions, and the sizes of the hashes below."""
        return f"{self.prefix}position"

    @cached_property
    def tenants(self) -> str:
        """Sorted set: each tenant that has timers, scored with its earliest."""
        return f"{self.prefix}tenants"

    def records(self, kind: StateKind) -> str:
        """Hash: the records of one kind, field `<tenant>/<id>`, encoded as on the changelog."""
        return f"{self.prefix}{kind}"

    @cached_property
    def timers_prefix(self) -> str:
        """What each tenant's sorted set of timers begins with: score = wake-up time in microseconds, member = `<kind>/<id>`."""
        return f"{self.prefix}timers:"

    def timers(self, tenant_id: str) -> str:
        """One tenant's timers."""
        return f"{self.timers_prefix}{tenant_id}"

    @cached_property
    def open_runs(self) -> str:
        """Sorted set: the open runs, all with score 0, so that those of a plan stand together; member = `<tenant>/<plan id>/<run id>`."""
        return f"{self.prefix}open"
