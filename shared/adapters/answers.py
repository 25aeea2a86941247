"""What people and programs write for yes and for no, where they are asked for consent."""

from __future__ import annotations

_YES = (
    "granted yes y true 1 x on ok wahr ja j oui o vrai si sí s sim sì vero verdadero waar opt-in optin agree agreed "
    "accept accepted ✓ ✔ ☑"
)
_NO = "denied no n false 0 off falsch nein non faux não nao falso nee onwaar opt-out optout declined unsubscribed ☐"

GRANTED, DENIED = frozenset(_YES.split()), frozenset(_NO.split())
"""Words, casefolded."""
