"""What people and programs write for yes and for no, where they are asked for consent or for a qualification fact."""

from __future__ import annotations

import re

from shared.domain.activity import Json

_YES = (
    "granted yes y true 1 x on ok wahr ja j oui o vrai si sí s sim sì vero verdadero waar opt-in optin agree agreed "
    "accept accepted ✓ ✔ ☑"
)
_NO = "denied no n false 0 off falsch nein non faux não nao falso nee onwaar opt-out optout declined unsubscribed ☐"

GRANTED, DENIED = frozenset(_YES.split()), frozenset(_NO.split())
"""Words, casefolded."""

_NONE = "none nothing kein keine keiner keines aucun aucune ninguno ninguna nessuno nessuna nenhum geen"
_NOTHING = frozenset(_NONE.split())
_RATING, _ZERO = re.compile(r"[1-5]"), re.compile(r"0+([.,]0+)?")


def read_fact(told: Json) -> Json:
    """What a qualification fact says: a text that is a yes or a no, or a rating from 1 to 5, is read as that.

    Of several answers, as a form's checkboxes give them, those are left that are no "no" and not empty. Other words
    and numbers stay what they are.
    """
    if isinstance(told, list | tuple):
        said = [read for each in told if (read := read_fact(each)) not in (None, "")]
        found = [each for each in said if each is not False]
        return found[0] if len(found) == 1 else found or (False if said else "")
    if not isinstance(told, str):
        return told
    text = told.strip()
    if _RATING.fullmatch(text):
        return int(text)
    word = text.rstrip(".!").casefold()
    if word in DENIED or word in _NOTHING or _ZERO.fullmatch(text):
        return False
    return True if word in GRANTED else text
