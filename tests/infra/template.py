"""A synthesised template, asked by what resources are and how they refer to each other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Properties = Mapping[str, Any]


@dataclass(frozen=True)
class Template:
    document: Mapping[str, Any]
    metadata: Mapping[str, list[dict[str, Any]]]

    def of_type(self, resource_type: str) -> dict[str, Properties]:
        """Properties by logical id."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.document["Resources"].items()
            if resource["Type"] == resource_type
        }

    def resource(self, name: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.document["Resources"][name]
        return found

    def functions(self) -> dict[str, str]:
        """Logical ids by the folder that the handler lives in."""
        return {p["Handler"].split(".")[1]: name for name, p in self.of_type("AWS::Lambda::Function").items()}

    def statements(self, verb: str) -> list[Mapping[str, Any]]:
        """What a function's role allows."""
        role = target(self.resource(self.functions()[verb])["Properties"]["Role"])
        return [
            statement
            for policy in self.of_type("AWS::IAM::Policy").values()
            if role in map(target, policy["Roles"])
            for statement in policy["PolicyDocument"]["Statement"]
        ]

    def dead_letter_queues(self) -> set[str]:
        """Every queue that some edge gives up to."""
        text = json.dumps(self.document["Resources"])
        return {
            name
            for name, queue in self.of_type("AWS::SQS::Queue").items()
            if "RedrivePolicy" not in queue and name in text
        }

    def alarmed(self, metric: str, name: str) -> list[Properties]:
        """The alarms that watch a metric of a resource."""
        return [
            alarm
            for alarm in self.of_type("AWS::CloudWatch::Alarm").values()
            if alarm["MetricName"] == metric and any(name in referred(d["Value"]) for d in alarm["Dimensions"])
        ]


def target(value: Any) -> str:
    """The logical id that a reference names."""
    if "Ref" in value:
        return str(value["Ref"])
    return str(value["Fn::GetAtt"][0])


def referred(value: Any) -> set[str]:
    """Every logical id that is named anywhere inside."""
    return set(_referred(value))


def _referred(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if "Ref" in value:
            yield value["Ref"]
        elif "Fn::GetAtt" in value:
            yield value["Fn::GetAtt"][0]
        else:
            for inner in value.values():
                yield from _referred(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _referred(inner)


def listed(value: Any) -> list[Any]:
    """What a policy writes either as one or as a list of them."""
    return value if isinstance(value, list) else [value]
