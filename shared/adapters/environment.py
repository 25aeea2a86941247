"""Settings of a function to and from its environment: one pydantic model serves the function and the stack."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

S = TypeVar("S", bound="FunctionSettings")


class SettingsError(Exception):
    """A function's environment does not hold what its settings need."""


class FunctionSettings(BaseModel):
    """Base of every function's settings; a field `leads_table` stands in the environment as `LEADS_TABLE`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def environment(self) -> dict[str, str]:
        """The environment variables that `load` reads back into an equal model."""
        values = self.model_dump(mode="json")
        return {
            name.upper(): values[name] if field.annotation is str else json.dumps(values[name], separators=(",", ":"))
            for name, field in type(self).model_fields.items()
        }


def load(model: type[S], environment: Mapping[str, str] | None = None) -> S:
    """Read a function's settings.

    Raises:
        SettingsError: a variable is missing or does not fit; the message names each.
    """
    source = os.environ if environment is None else environment
    values = {}
    for name, field in model.model_fields.items():
        text = source.get(name.upper())
        if text is not None:
            values[name] = text if field.annotation is str else json.loads(text)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        msg = f"the function's environment does not fit {model.__name__}: {problems}"
        raise SettingsError(msg) from error
