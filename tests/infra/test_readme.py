"""The README's picture and tables say what the template says."""

import re
from pathlib import Path

from shared.adapters.dynamodb.keys import DUE_INDEX, STAGE_INDEX, STATE_INDEX, TEMPERATURE_INDEX
from tests.tables import INDEX_KEYS

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
(PICTURE,) = re.findall(r"```mermaid\n(.*?)```", README, re.DOTALL)


def test_the_picture_has_the_functions_of_the_stack(prod):
    assert set(re.findall(r"\b(\w+)\[\1\]", PICTURE)) == set(prod.functions())


def test_the_picture_has_the_tables_of_the_stack(prod):
    tables = {_words(logical_id)[0] for logical_id in prod.of_type("AWS::DynamoDB::Table")}

    assert set(re.findall(r"\b(\w+)\[\(\1\)\]", PICTURE)) == tables


def test_the_picture_has_the_rules_of_the_stack(prod):
    rules = set()
    for logical_id, rule in prod.of_type("AWS::Events::Rule").items():
        types = rule.get("EventPattern", {}).get("detail-type", [])
        rules |= {each for each in types if isinstance(each, str)} or {"".join(_words(logical_id)[:2])}

    assert set(re.findall(r"\b(\w+)\{\{\1\}\}", PICTURE)) == rules


def test_the_tables_have_the_indexes_of_the_stack(prod):
    found = {}
    for table in prod.of_type("AWS::DynamoDB::Table").values():
        for index in table.get("GlobalSecondaryIndexes", []):
            keys = {each["KeyType"]: each["AttributeName"] for each in index["KeySchema"]}
            found[index["IndexName"]] = (keys["HASH"], keys["RANGE"])
            assert index["Projection"]["ProjectionType"] == "KEYS_ONLY"

    assert found == INDEX_KEYS
    for name in (DUE_INDEX, TEMPERATURE_INDEX, STAGE_INDEX, STATE_INDEX):
        hash_key, sort_key = INDEX_KEYS[name]
        assert re.search(rf"`{name}`: `{hash_key}`.* / `{sort_key}`", README), name


def test_every_link_within_the_readme_leads_to_one_of_its_headings():
    without_code = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
    anchors = [_anchor(heading) for heading in re.findall(r"^#+ (.+)$", without_code, re.MULTILINE)]
    links = re.findall(r"\]\(#([^)]*)\)", README)

    assert len(links) > 10
    assert [link for link in links if anchors.count(link) != 1] == []


def _anchor(heading):
    """The name under which a heading can be linked to: no capitals, no marks, hyphens for spaces."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _words(logical_id):
    return re.findall(r"[A-Z][a-z]+", logical_id)
