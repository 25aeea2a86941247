"""E-mail addresses as identities, and user ids that are some: one writing for one mailbox, and never one for two."""

from __future__ import annotations

import re
from functools import lru_cache
from unicodedata import normalize

from email_validator import EmailNotValidError, validate_email

from shared.domain.activity import Identity, IdentityKind
from shared.domain.refusals import Invalid

MAX_LENGTH = 254
_MAX_LABEL = 63
"""Characters between two dots in DNS. To find out that a longer label is none takes time by the square of its own."""
_REMEMBERED = 1024
_PLAIN_LOCAL = re.compile(r"[A-Za-z0-9_+-]+(\.[A-Za-z0-9_+-]+)*", re.ASCII)
"""What stands before most people's @, and says nothing that anybody could mind."""


def email_identity(text: str, at: str) -> Identity:
    """The identity that an address names: in lower case, composed (NFC), its domain as DNS writes it (IDNA 2008).

    An address with look-alikes of other letters stays another address; nothing is looked up in DNS. Two addresses
    that differ in dots or in a `+tag` are two: only their provider knows better.

    Raises:
        Invalid: the text is not the address of a mailbox on the internet.
    """
    address = text.strip()
    local, _, domain = address.rpartition("@")
    if len(address) > MAX_LENGTH:
        msg = f"an e-mail address has at most {MAX_LENGTH} characters"
        raise Invalid(msg, at)
    if any(len(label) > _MAX_LABEL for label in domain.split(".")):
        msg = f"this is not an e-mail address: more than {_MAX_LABEL} letters between two dots after the @"
        raise Invalid(msg, at)
    mailbox, fault = _plain_mailbox(local, domain) if _is_plain(local, domain) else _mailbox(address)
    if fault:
        msg = f"this is not an e-mail address: {fault}"
        raise Invalid(msg, at)
    if any(not letter.isascii() and normalize("NFC", letter).isascii() for letter in local):
        msg = "this is not an e-mail address: a letter before the @ only looks like a plain one"
        raise Invalid(msg, at)
    return Identity(IdentityKind.EMAIL, mailbox)


def user_identity(text: str) -> Identity | None:
    """The identity that a user id names, whatever it came in: the mailbox, if it is an address; nobody, if blank."""
    name = text.strip()
    if "@" in name:
        try:
            return email_identity(name, "user_id")
        except Invalid:
            pass
    return Identity(IdentityKind.USER_ID, name) if name else None


def _is_plain(local: str, domain: str) -> bool:
    # What DNS writes in Punycode is longer in letters, and its length counts with what stands before it.
    return _PLAIN_LOCAL.fullmatch(local) is not None and domain.isascii() and "xn--" not in domain.lower()


def _plain_mailbox(local: str, domain: str) -> tuple[str, str]:
    """What `_mailbox` says, in a tenth of its time where many people of one domain come together."""
    somebody, fault = _mailbox(f"a@{domain}")
    return f"{local.lower()}{somebody[1:]}", fault


@lru_cache(maxsize=_REMEMBERED)
def _mailbox(address: str) -> tuple[str, str]:
    """The one writing, and what is wrong with it; remembered, as a batch mostly names a few people again and again."""
    try:
        valid = validate_email(address, check_deliverability=False)
    except EmailNotValidError as error:
        return "", str(error)
    domain = (valid.ascii_domain or valid.domain).lower()
    return f"{normalize('NFC', ''.join(map(_lower, valid.local_part)))}@{domain}", ""


def _lower(letter: str) -> str:
    """A letter in lower case if that has no other upper case: the Greek ϴ (U+03F4) is no Θ, and ẞ no ß, before an @."""
    lower = letter.lower()
    return lower if lower.upper() == letter else letter
