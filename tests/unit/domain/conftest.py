import os

from hypothesis import HealthCheck, settings

# How many examples each property is tried on: `EXAMPLES=2000 pytest tests/unit/domain` is what the long check runs.
settings.register_profile(
    "baton",
    max_examples=int(os.environ.get("EXAMPLES", "60")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
settings.load_profile("baton")
