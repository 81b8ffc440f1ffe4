"""`planner gateway`."""

from planner.gateway.app import serve
from planner.gateway.settings import GatewaySettings
from planner.runtime.lifecycle import run_process


def main() -> None:
    """Serve the HTTP API until SIGTERM."""
    run_process("gateway", GatewaySettings, serve)


if __name__ == "__main__":
    main()
