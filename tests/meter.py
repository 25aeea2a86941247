"""Counts what DynamoDB would charge: calls, and read and write units by the size of the items."""

import math
import threading
from dataclasses import dataclass, field


@dataclass
class Meter:
    """Register it on a client; the sums go on from zero at `reset`. Intake writes from several threads at once, so each
    sum is added to under a lock, and what was asked for is remembered by the thread that asked."""

    calls: int = 0
    reads: float = 0.0
    writes: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)
    _asked: threading.local = field(default_factory=threading.local, repr=False, compare=False)

    def watch(self, client):
        client.meta.events.register("provide-client-params.dynamodb", self._note_request)
        client.meta.events.register("after-call.dynamodb", self._note_answer)
        return self

    def reset(self):
        self.calls, self.reads, self.writes = 0, 0.0, 0.0

    def _note_request(self, params, model, **rest):
        self._asked.consistently = bool(params.get("ConsistentRead"))
        units = 0.0
        if model.name == "PutItem":
            units = _units(params["Item"], 1024)
        elif model.name == "UpdateItem":
            units = 1
        elif model.name == "TransactWriteItems":
            units = sum(2 * _units(each["Put"]["Item"], 1024) for each in params["TransactItems"])
        with self._lock:
            self.calls += 1
            self.writes += units

    def _note_answer(self, parsed, model, **rest):
        units = 0.0
        if model.name == "GetItem":
            units = _units(parsed.get("Item", {}), 4096)
        elif model.name == "BatchGetItem":
            units = sum(_units(item, 4096) for page in parsed["Responses"].values() for item in page)
        elif model.name == "Query":
            units = max(1, math.ceil(sum(map(size, parsed["Items"])) / 4096))
        with self._lock:
            self.reads += units * (1 if self._asked.consistently else 0.5)


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
