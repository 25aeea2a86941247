"""What people get from Baton, made of what the use cases answer, by subject."""

from functions.admin.replies import drift, handoffs, leads, noise, permission, rescores, rules, simulations

__all__ = ["drift", "handoffs", "leads", "noise", "permission", "rescores", "rules", "simulations"]
