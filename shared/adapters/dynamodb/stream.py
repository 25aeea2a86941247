"""What a DynamoDB stream delivers to a Lambda, as the items that the adapters read."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any


def new_image(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """The item after the change, binaries decoded; None when the item was removed."""
    image = record["dynamodb"].get("NewImage")
    return None if image is None else {name: _decoded(value) for name, value in image.items()}


def _decoded(value: dict[str, Any]) -> dict[str, Any]:
    if isinstance(binary := value.get("B"), str):
        return {"B": base64.b64decode(binary)}
    return value
