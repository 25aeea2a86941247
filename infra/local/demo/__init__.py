"""The demo: three visitors, whose activities go through the public API, and what becomes of them."""
