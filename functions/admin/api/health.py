"""The response that tells that the API works."""

from __future__ import annotations

from typing import Literal

from functions.admin.api.fields import Response


class HealthResponse(Response):
    """The API answers."""

    status: Literal["ok"] = "ok"
