"""What people send to Baton and get from it, as models: the signed-in routes' requests and responses, by subject."""

from functions.admin.api import (
    drift,
    elsewhere,
    handoffs,
    health,
    leads,
    noise,
    people,
    permission,
    rescores,
    rules,
    simulations,
)

__all__ = [
    "drift",
    "elsewhere",
    "handoffs",
    "health",
    "leads",
    "noise",
    "people",
    "permission",
    "rescores",
    "rules",
    "simulations",
]
