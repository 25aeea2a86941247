"""The texts of rule files: what people read of one, held against its document, by which leads are scored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.adapters.yaml12 import YamlError, load_yaml
from shared.domain.difference import differences
from shared.domain.meaning import value_of
from shared.domain.reading import RuleFileError, parse_rule_file


def says_otherwise(text: str, document: Mapping[str, Any]) -> bool:
    """Whether a text says something else than a document, or nothing that can be read."""
    try:
        told = load_yaml(text)
        if value_of(told or {}) == value_of(document):
            return False
        read, counts = parse_rule_file(told), parse_rule_file(document)
        return read != counts or bool(differences(read, counts))  # for Python `true` is 1, for a rule it is not
    except (YamlError, RuleFileError):
        return True
