"""What columns are follows from what is told of them, or from headings as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.headings import mapping_of
from shared.domain.refusals import Invalid


@pytest.mark.parametrize(
    ("heading", "target"),
    [
        ("E-Mail", "email"),
        ("Work Email", "email"),
        ("Courriel", "email"),
        ("Correo electrónico", "email"),
        ("User ID", "user_id"),
        ("First name", "lead.first_name"),
        ("Vorname", "lead.first_name"),
        ("Prénom", "lead.first_name"),
        ("Apellidos", "lead.last_name"),
        ("Job Title", "lead.title"),
        ("Téléphone", "lead.phone"),
        ("Firma", "company.name"),
        ("Société", "company.name"),
        ("Anzahl Mitarbeiter", "company.employees:number"),
        ("Land", "company.country"),
        ("Datum", "occurred_at"),
        ("Scanned at", "occurred_at"),
        ("Einwilligung", "consent"),
        ("Opt-In", "consent"),
        ("company.industry", "company.industry"),
        ("qualification.need", "qualification.need"),
        ("Größe in €", "properties.grosse_in"),
        ("Booth visited", "properties.booth_visited"),
        ("2nd call", "properties.column_2nd_call"),
        ("展位", "properties.column"),
        ("id", "properties.id"),
    ],
)
def test_a_heading_is_taken_for_what_it_usually_means(heading: str, target: str) -> None:
    name = "user_id" if target == "email" else "email"
    assert mapping_of([heading, name], {})[heading] == target


@pytest.mark.parametrize("pair", [("Mail", "E-Mail"), ("email", "Work Mail"), ("Phone", "Mobile")])
def test_two_columns_that_seem_to_be_the_same_are_refused_until_somebody_tells_which_it_is(
    pair: tuple[str, str],
) -> None:
    for headings in (["user_id", *pair], ["user_id", *reversed(pair)]):
        with pytest.raises(Invalid, match="both seem to be") as refused:
            mapping_of(headings, {})
        assert refused.value.at == "map"
        assert all(repr(name) in refused.value.message for name in pair)

        found = mapping_of(headings, {pair[1]: "email"}) if pair[1] != "Mobile" else mapping_of(headings, {"Phone": ""})
        assert len(set(found.values())) == 3


@given(headings=st.permutations(["Email", "Note", "note", "N.o.t.e", "展位", "会社", "Phone", "Phone (2)"]))
def test_what_a_column_is_does_not_follow_from_its_place(headings: list[str]) -> None:
    assert mapping_of(headings, {}) == mapping_of(sorted(headings), {})


def test_what_is_told_of_a_column_goes_before_what_others_seem_to_be() -> None:
    found = mapping_of(["Email", "Work Mail", "Notes", "Badge"], {"work mail": "email", "Notes": "", "Badge": "id"})

    assert found == {"Email": "properties.email", "Work Mail": "email", "Notes": "", "Badge": "id"}


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"E-Mial": "email"}, "did you mean 'E-Mail'"),
        ({"Zimmer": "email"}, "there are 'E-Mail', 'Name'"),
        ({"Name": "lead.Name"}, "nothing that the column 'Name' can be"),
        ({"Name": "mail"}, "nothing that the column"),
        ({"Name": "qualification.mood"}, "nothing that the column"),
        ({"Name": "email:number"}, "nothing that the column"),
        ({"Name": "email", "E-Mail": "email"}, "cannot both be email"),
        ({"Name": "company.x:number", "E-Mail": "company.x"}, "cannot both be company.x"),
        ({"E-Mail": ""}, "no column names the people"),
    ],
)
def test_what_cannot_be_is_refused_with_what_could_be(told: dict[str, str], words: str) -> None:
    with pytest.raises(Invalid, match=words) as refused:
        mapping_of(["E-Mail", "Name"], told)
    assert refused.value.at == "map"


@given(headings=st.lists(st.text(min_size=1, max_size=12), unique=True, max_size=12))
def test_no_two_columns_ever_become_the_same(headings: list[str]) -> None:
    found = mapping_of([*headings, "email"], {"email": "email"})

    targets = [target.removesuffix(":number") for target in found.values()]
    assert len(set(targets)) == len(targets) == len(headings) + ("email" not in headings)
