"""Counts what DynamoDB would charge: calls, and read and write units by the size of the items."""

import math
from dataclasses import dataclass


@dataclass
class Meter:
    """Register it on a client; the sums go on from zero at `reset`."""

    calls: int = 0
    reads: float = 0.0
    writes: float = 0.0

    def watch(self, client):
        client.meta.events.register("provide-client-params.dynamodb", self._note_request)
        client.meta.events.register("after-call.dynamodb", self._note_answer)
        return self

    def reset(self):
        self.calls, self.reads, self.writes = 0, 0.0, 0.0

    def _note_request(self, params, model, **rest):
        self.calls += 1
        self._consistent = bool(params.get("ConsistentRead"))
        if model.name == "PutItem":
            self.writes += _units(params["Item"], 1024)
        elif model.name == "UpdateItem":
            self.writes += 1
        elif model.name == "TransactWriteItems":
            self.writes += sum(2 * _units(each["Put"]["Item"], 1024) for each in params["TransactItems"])

    def _note_answer(self, parsed, model, **rest):
        price = 1 if getattr(self, "_consistent", False) else 0.5
        if model.name == "GetItem":
            self.reads += price * _units(parsed.get("Item", {}), 4096)
        elif model.name == "BatchGetItem":
            items = [item for page in parsed["Responses"].values() for item in page]
            self.reads += price * sum(_units(item, 4096) for item in items)
        elif model.name == "Query":
            self.reads += price * max(1, math.ceil(sum(map(size, parsed["Items"])) / 4096))


def size(item):
    """Bytes of an item as DynamoDB counts them: names and values; a number takes about half its digits."""
    return sum(len(name) + _value(value) for name, value in item.items())


def _value(value):
    ((kind, content),) = value.items()
    if kind == "N":
        return len(content) // 2 + 2
    if kind == "BOOL":
        return 1
    return len(content.encode()) if kind == "S" else len(content)


def _units(item, unit):
    return max(1, math.ceil(size(item) / unit))
