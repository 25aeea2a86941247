"""The emulator, with one thing put right: a compressed body reaches a function whole.

An HTTP API hands a body on in base64 unless it is text. The emulator tells text by the content type alone, so it takes
the gzip that clients label `application/json` for text, and what is no UTF-8 in it is lost. Run as
`python -m infra.local.gateway`.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from ministack.app import main  # type: ignore[import-untyped]
from ministack.services import apigateway  # type: ignore[import-untyped]

_GZIP = b"\x1f\x8b"

_is_packed: ContextVar[bool] = ContextVar("is_packed", default=False)
_is_text = apigateway._v2_request_body_is_text
_invoke = apigateway._invoke_lambda_proxy


def _is_text_in_truth(content_type: str | None) -> bool:
    return not _is_packed.get() and bool(_is_text(content_type))


async def _invoke_whole(*asked: Any, **more: Any) -> Any:
    mark = _is_packed.set(any(isinstance(each, bytes) and each.startswith(_GZIP) for each in asked))
    try:
        return await _invoke(*asked, **more)
    finally:
        _is_packed.reset(mark)


apigateway._v2_request_body_is_text = _is_text_in_truth
apigateway._invoke_lambda_proxy = _invoke_whole

if __name__ == "__main__":
    main()
