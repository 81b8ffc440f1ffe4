"""What processes cost: their CPU time, sampled while something is measured."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from time import process_time

import psutil

from planner.runtime.clock import Clock


def used_here_s() -> float:
    """CPU seconds, of user and system, that this process has used so far."""
    return process_time()


@dataclass(frozen=True, slots=True)
class Sample:
    """CPU seconds, of user and system, that each process had used at that moment."""

    at: datetime
    used_s: Mapping[str, float]


@dataclass(slots=True)
class CpuTimes:
    """Samples of some processes. `pids` by name."""

    pids: Mapping[str, int]
    clock: Clock
    samples: list[Sample] = field(default_factory=list)

    def sample(self) -> None:
        """Look at each process now."""
        used = {name: psutil.Process(pid).cpu_times() for name, pid in self.pids.items()}
        self.samples.append(Sample(self.clock.now(), {name: times.user + times.system for name, times in used.items()}))

    def used_between(self, begin: datetime, end: datetime) -> dict[str, float]:
        """CPU seconds of each process from the last sample at or before `begin` to the first at or after `end`."""
        before = max((sample for sample in self.samples if sample.at <= begin), key=lambda sample: sample.at, default=self.samples[0])
        after = min((sample for sample in self.samples if sample.at >= end), key=lambda sample: sample.at, default=self.samples[-1])
        return {name: after.used_s[name] - before.used_s[name] for name in self.pids}
