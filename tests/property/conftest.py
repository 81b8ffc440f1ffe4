"""How hard the laws are tried: `pytest --hypothesis-profile=long` for an hour's worth."""

from hypothesis import HealthCheck, settings

# A shared machine may stop for longer than any deadline; time is measured by `planner bench`.
settings.register_profile("usual", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("long", settings.get_profile("usual"), max_examples=100_000)
settings.load_profile("usual")
