from typing import Any, Final

import pytest
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from planner.runtime.faststream import broker_options
from planner.runtime.kafka import KafkaConnection

LOGIN: Final[dict[str, Any]] = {"security_protocol": "SASL_PLAINTEXT", "sasl_username": "u", "sasl_password": "p"}


def test_a_connections_text_does_not_hold_its_password() -> None:
    assert "'p'" not in repr(KafkaConnection(bootstrap="a:1", **LOGIN))


def test_several_brokers_are_told_apart() -> None:
    options = broker_options(KafkaConnection(bootstrap="a:1,b:2"))
    assert options["bootstrap_servers"] == ["a:1", "b:2"]
    assert (type(options["security"]), options["security"].use_ssl) == (BaseSecurity, False)


@pytest.mark.parametrize(
    ("mechanism", "security"), [("PLAIN", SASLPlaintext), ("SCRAM-SHA-256", SASLScram256), ("SCRAM-SHA-512", SASLScram512)]
)
def test_the_login_is_that_of_the_connection(mechanism: str, security: type[BaseSecurity]) -> None:
    made = broker_options(KafkaConnection(bootstrap="a:1", sasl_mechanism=mechanism, **LOGIN))["security"]
    assert (type(made), made.username, made.password, made.use_ssl) == (security, "u", "p", False)


def test_ssl_is_used_where_the_protocol_says_so() -> None:
    made = broker_options(KafkaConnection(bootstrap="a:1", security_protocol="SSL"))["security"]
    assert made.use_ssl
    assert made.ssl_context is not None
