"""The same connection in FastStream's words."""

from typing import Any

from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from planner.runtime.kafka import KafkaConnection

_SASL: dict[str, type[SASLPlaintext | SASLScram256 | SASLScram512]] = {
    "PLAIN": SASLPlaintext,
    "SCRAM-SHA-256": SASLScram256,
    "SCRAM-SHA-512": SASLScram512,
}


def broker_options(connection: KafkaConnection) -> dict[str, Any]:
    """`bootstrap_servers` and `security` for a KafkaBroker."""
    return {"bootstrap_servers": connection.bootstrap.split(","), "security": _security(connection)}


def _security(connection: KafkaConnection) -> BaseSecurity:
    context = connection.options()["ssl_context"]
    if not connection.security_protocol.startswith("SASL"):
        return BaseSecurity(ssl_context=context)
    return _SASL[connection.sasl_mechanism](
        username=connection.sasl_username or "", password=connection.sasl_password or "", ssl_context=context
    )
