"""What `planner bench burst` found."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RawComparison:
    """A bare loop over the same records. `ratio`: Planner's fires a second to the loop's.

    `cpu_us_per_fire`: of the process that ran the loop, to be held against that of the owner.
    """

    loop: str
    fires: int
    fires_per_s: float
    cpu_us_per_fire: float
    ratio: float


@dataclass(frozen=True, slots=True)
class BurstReport:
    """`fires_per_s`: from the due instant to the last append of an action, by the broker's time stamps. Lateness likewise, in whole ms."""

    plans: int
    partitions: int
    fired: int
    lost: int
    doubled: int
    early: int
    took_s: float
    fires_per_s: float
    first_ms: float
    lateness_ms: Mapping[str, float]
    records_per_fire: float
    bytes_per_fire: float
    cpu_us_per_fire: Mapping[str, float]
    raw: tuple[RawComparison, ...]

    @property
    def ok(self) -> bool:
        """Whether each plan fired once, and not early."""
        return not (self.lost or self.doubled or self.early)

    def document(self) -> dict[str, Any]:
        """For JSON, numbers to three decimals."""
        rounded: dict[str, Any] = _rounded(asdict(self))
        return rounded

    def lines(self) -> Iterator[tuple[str, str]]:
        """For people: a name and a value each."""
        yield "plans, partitions", f"{self.plans:,}, {self.partitions}"
        yield "fired, lost, doubled, early", f"{self.fired:,}, {self.lost}, {self.doubled}, {self.early}"
        yield "fires a second", f"{self.fires_per_s:,.0f}"
        yield "first and last action after the due instant", f"{self.first_ms:,.0f} ms, {self.took_s * 1000:,.0f} ms"
        yield "lateness " + ", ".join(self.lateness_ms), ", ".join(f"{value:,.0f}" for value in self.lateness_ms.values()) + " ms"
        yield "records and bytes a fire", f"{self.records_per_fire:.2f}, {self.bytes_per_fire:,.0f}"
        for process, cost in self.cpu_us_per_fire.items():
            yield f"CPU of {process} a fire", f"{cost:.1f} µs"
        for raw in self.raw:
            yield f"aiokafka {raw.loop}, the same records", f"{raw.fires_per_s:,.0f} fires a second; Planner {raw.ratio:.2f} times as many"
            yield f"CPU of aiokafka {raw.loop} a fire", f"{raw.cpu_us_per_fire:.1f} µs"


def _rounded(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list | tuple) else value
