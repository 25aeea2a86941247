"""What the columns of a list are: told by a mapping, or guessed from headings as people write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from unicodedata import combining, normalize

from shared.adapters.names import snake_case
from shared.domain.refusals import Invalid

NUMBER = ":number"
"""After a target: what is written as a number is one; anything else, such as 51-200, stays text."""

LEFT_OUT = ""
"""The target of a column that says nothing."""

PEOPLE = ("email", "user_id", "anonymous_id")
"""The targets of which a list needs one, because they name people."""

_TARGET = re.compile(
    r"email|user_id|anonymous_id|id|type|occurred_at|channel|consent"
    r"|(?:(?:lead|company|properties)\.[a-z][a-z0-9_]{0,99}|qualification\.(?:authority|budget|need|timeline))"
    rf"(?:{NUMBER})?"
)
_TARGETS = (
    "email, user_id, anonymous_id, id, type, occurred_at, channel, consent, lead.*, company.*, "
    "qualification.authority, .budget, .need, .timeline, or properties.*"
)

_USUAL: dict[str, str] = {
    "email": "e_mail email_address e_mail_address mail mail_address work_email work_e_mail work_mail business_email "
    "email_adresse e_mail_adresse emailadresse mailadresse adresse_e_mail adresse_email adresse_mail courriel correo "
    "correo_electronico direccion_de_correo indirizzo_email indirizzo_e_mail posta_elettronica e_mailadres emailadres "
    "endereco_de_email",
    "user_id": "userid user_identifier",
    "occurred_at": "date datum date_time datetime timestamp scanned_at scan_date scan_time visited_at visit_date "
    "registered_at registration_date submitted_at attended_at zeitpunkt zeitstempel erfasst_am gescannt_am "
    "besucht_am scanned "
    "date_de_visite horodatage fecha fecha_y_hora data_e_ora data_visita data_hora tijdstip",
    "lead.first_name": "first_name firstname given_name forename vorname prenom nombre nome voornaam primeiro_nome",
    "lead.last_name": "last_name lastname surname family_name nachname familienname nom nom_de_famille apellido "
    "apellidos cognome achternaam sobrenome",
    "lead.name": "name full_name contact_name attendee attendee_name ansprechpartner nom_complet nombre_completo "
    "nome_completo nome_e_cognome volledige_naam",
    "lead.title": "title job_title jobtitle position role job_role funktion berufsbezeichnung fonction poste "
    "intitule_du_poste cargo puesto ruolo qualifica functie",
    "lead.phone": "phone phone_number telephone telephone_number mobile mobile_phone cell telefon telefonnummer mobil "
    "mobiltelefon handy numero_de_telephone portable telefono movil cellulare telefoon telefoonnummer telefone",
    "company.name": "company company_name organisation organization employer account_name firma firmenname "
    "unternehmen societe entreprise empresa azienda societa bedrijf bedrijfsnaam",
    "company.employees:number": "employees employee_count number_of_employees headcount company_size mitarbeiter "
    "mitarbeiterzahl mitarbeiteranzahl anzahl_mitarbeiter effectif effectifs nombre_d_employes empleados "
    "numero_de_empleados dipendenti numero_dipendenti medewerkers aantal_medewerkers funcionarios",
    "company.industry": "industry sector branche secteur secteur_d_activite industria settore setor",
    "company.country": "country land pays pais paese",
    "company.website": "website company_website webseite site_web site_internet sitio_web sito_web",
    "consent": "opt_in optin marketing_consent permission einwilligung zustimmung consentement consentimiento consenso "
    "toestemming consentimento",
    "qualification.budget": "budget",
    "qualification.timeline": "timeline timeframe zeitrahmen",
}
_GUESSES = {name: target for target, names in _USUAL.items() for name in names.split()}


def mapping_of(headings: Iterable[str], told: Mapping[str, str]) -> dict[str, str]:
    """The target of every column: what is told of it, the target that it is called by, or the usual meaning.

    A column that nobody knows becomes a property under its heading in snake_case. Which column comes first decides
    nothing: where two seem to be the same, somebody has to tell. A heading that is told may be written in other upper
    and lower case.

    Raises:
        Invalid: a told heading or target does not exist, two columns have or seem to have one target, or nothing names
            the people.
    """
    found = list(headings)
    chosen = {_heading(name, found): _target(target, name) for name, target in told.items()}
    for target in {target for target in chosen.values() if target}:
        same = [name for name, other in chosen.items() if _bare(other) == _bare(target)]
        if len(same) > 1:
            msg = f"{' and '.join(map(repr, same))} cannot both be {_bare(target)}"
            raise Invalid(msg, "map")
    taken = {_bare(target) for target in chosen.values()}
    guessed: dict[str, str] = {}
    for name in sorted(found):
        usual = None if name in chosen else _usual(name)
        if usual and _bare(usual) not in taken:
            if other := guessed.get(_bare(usual)):
                msg = f"{other!r} and {name!r} both seem to be {_bare(usual)}: tell which of them it is by mapping it"
                raise Invalid(msg, "map")
            chosen[name] = usual
            guessed[_bare(usual)] = name
    taken |= guessed.keys()
    for name in sorted(found):
        if name not in chosen:
            chosen[name] = _property(name, taken)
            taken.add(chosen[name])
    if not taken & set(PEOPLE):
        msg = f"no column names the people: map one to {' or '.join(PEOPLE)}"
        raise Invalid(msg, "map")
    return {name: chosen[name] for name in found}


def _heading(name: str, headings: list[str]) -> str:
    same = [heading for heading in headings if heading == name.strip()]
    same = same or [heading for heading in headings if heading.casefold() == name.strip().casefold()]
    if same:
        return same[0]
    near = get_close_matches(name, headings, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(map(repr, headings[:20]))}"
    msg = f"the list has no column {name[:100]!r}; {hint}"
    raise Invalid(msg, "map")


def _target(target: str, heading: str) -> str:
    if target == LEFT_OUT or _TARGET.fullmatch(target):
        return target
    msg = f"{target[:100]!r} is nothing that the column {heading[:100]!r} can be: it is {_TARGETS}"
    raise Invalid(msg, "map")


def _usual(heading: str) -> str | None:
    """What a column of this heading usually is."""
    if _TARGET.fullmatch(heading) and heading not in {"id", "type"}:
        return heading
    plain = _plain(heading)
    return plain if plain in {"email", "user_id", "anonymous_id", "occurred_at", "consent"} else _GUESSES.get(plain)


def _property(heading: str, taken: set[str]) -> str:
    plain = _plain(heading)
    name = f"properties.{plain if plain[:1].isalpha() else f'column_{plain}'.rstrip('_')}"[:100]
    number = 1
    while name in taken:
        number += 1
        name = f"{name.removesuffix(f'_{number - 1}')}_{number}"
    return name


def _plain(heading: str) -> str:
    """The heading in snake_case and plain letters: `Größe` as `grosse`."""
    letters = (letter for letter in normalize("NFKD", heading.replace("ß", "ss")) if not combining(letter))
    return snake_case("".join(letter if letter.isascii() else " " for letter in letters))


def _bare(target: str) -> str:
    return target.removesuffix(NUMBER)
