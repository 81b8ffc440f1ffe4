"""What `planner bench next` found."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one call: median and p99 of the wall clock, and CPU time on average."""

    calls: int
    median_us: float
    p99_us: float
    cpu_us: float


@dataclass(frozen=True, slots=True)
class Aim:
    """A figure and what it shall not exceed."""

    what: str
    most: float
    measured: float

    @property
    def met(self) -> bool:
        """Whether it does not."""
        return self.measured <= self.most


@dataclass(frozen=True, slots=True)
class NextReport:
    """`costs` by kind of rule and library; where none is named it is Planner. `ratios`: Planner's median to a library's."""

    calls: int
    costs: Mapping[str, Cost]
    ratios: Mapping[str, float]
    aims: tuple[Aim, ...]

    def document(self) -> dict[str, Any]:
        """For JSON, numbers to three decimals."""
        return {
            "calls": self.calls,
            "costs": {name: {key: round(value, 3) for key, value in asdict(cost).items()} for name, cost in self.costs.items()},
            "ratios": {name: round(ratio, 3) for name, ratio in self.ratios.items()},
            "aims": [{"what": aim.what, "most": aim.most, "measured": round(aim.measured, 3), "met": aim.met} for aim in self.aims],
        }
