"""The README's picture and tables say what the template says."""

import re
from pathlib import Path

from shared.adapters.dynamodb.keys import DUE_INDEX, STAGE_INDEX, TEMPERATURE_INDEX
from tests.tables import INDEX_KEYS

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
(PICTURE,) = re.findall(r"```mermaid\n(.*?)```", README, re.DOTALL)


def test_the_picture_has_the_functions_of_the_stack(prod):
    functions = {
        resource["Properties"]["Handler"].split(".")[1] for resource in prod.of("AWS::Lambda::Function").values()
    }

    assert set(re.findall(r"\b(\w+)\[\1\]", PICTURE)) == functions


def test_the_picture_has_the_tables_of_the_stack(prod):
    tables = {_first_word(logical_id) for logical_id in prod.of("AWS::DynamoDB::GlobalTable")} | {
        _first_word(logical_id) for logical_id in prod.of("AWS::DynamoDB::Table")
    }

    assert set(re.findall(r"\b(\w+)\[\(\1\)\]", PICTURE)) == tables


def test_the_picture_has_the_rules_of_the_stack(prod):
    rules = set()
    for logical_id, resource in prod.of("AWS::Events::Rule").items():
        pattern = resource["Properties"].get("EventPattern", {})
        rules |= set(pattern.get("detail-type", [])) or {_words(logical_id)[0] + _words(logical_id)[1]}

    assert set(re.findall(r"\b(\w+)\{\{\1\}\}", PICTURE)) == rules


def test_the_tables_have_the_indexes_of_the_stack(prod):
    found = {}
    for table in [*prod.of("AWS::DynamoDB::GlobalTable").values(), *prod.of("AWS::DynamoDB::Table").values()]:
        for index in table["Properties"].get("GlobalSecondaryIndexes", []):
            keys = {each["KeyType"]: each["AttributeName"] for each in index["KeySchema"]}
            found[index["IndexName"]] = (keys["HASH"], keys["RANGE"])
            assert index["Projection"]["ProjectionType"] == "KEYS_ONLY"

    assert found == INDEX_KEYS
    for name in (DUE_INDEX, TEMPERATURE_INDEX, STAGE_INDEX):
        hash_key, sort_key = INDEX_KEYS[name]
        assert re.search(rf"`{name}`: `{hash_key}`.* / `{sort_key}`", README), name


def _words(logical_id):
    return re.findall(r"[A-Z][a-z]+", logical_id)


def _first_word(logical_id):
    return _words(logical_id)[0]
