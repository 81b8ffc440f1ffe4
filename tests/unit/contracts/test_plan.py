from planner_contracts.plan import PlanDefinition


def test_defaults_are_shown_as_a_caller_would_write_them() -> None:
    # The API showed `"limit": null` for a policy that has none, and ten seconds as 10.0.
    definition = PlanDefinition.model_validate({"action": "content.publish", "execute_at": "2030-01-01T00:00:00Z"})
    shown = definition.model_dump_json(include={"overlap", "retry"})
    assert shown == (
        '{"overlap":{"policy":"allow"},'
        '"retry":{"max_attempts":1,"initial_seconds":10,"multiplier":2,"max_seconds":3600,"retry_on":["failure","timeout"]}}'
    )


def test_a_fraction_of_a_second_stays() -> None:
    definition = PlanDefinition.model_validate(
        {"action": "content.publish", "execute_at": "2030-01-01T00:00:00Z", "retry": {"initial_seconds": 2.5}}
    )
    assert definition.model_dump(mode="json")["retry"]["initial_seconds"] == 2.5
