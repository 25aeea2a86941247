"""What can go wrong behind a port, in words that every adapter shares."""


class PortError(Exception):
    """Something behind a port failed."""


class Unavailable(PortError):
    """The service cannot answer now; the same call may succeed later."""


class Conflict(PortError):
    """Somebody else wrote first: read again and decide again."""


class Unreadable(PortError):
    """What is stored is damaged, so that reading it again tells nothing."""


class SecretMissing(PortError):
    """No secret is stored under the name: put it with `baton secrets set NAME`."""
