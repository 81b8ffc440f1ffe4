"""What the gateway counts."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class GatewayMetrics:
    """One set for each registry; `app.py` makes it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "planner_gateway_requests_total", "Requests answered, by route and status.", ["method", "route", "status"], registry=registry
        )
        self.request_seconds = Histogram(
            "planner_gateway_request_seconds",
            "Time from a request's head to its answer's, by route.",
            ["method", "route"],
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=registry,
        )
        self.commands = Counter(
            "planner_gateway_commands_total", "Commands by outcome: accepted, rejected, late, unavailable.", ["outcome"], registry=registry
        )
        self.waiting = Gauge("planner_gateway_commands_waiting", "Requests that wait for their command's outcome.", registry=registry)
        self.events = Counter("planner_gateway_events_total", "Plan events read.", registry=registry)
