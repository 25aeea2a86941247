"""DynamoDB's errors in the words of the ports: the one place that knows its error codes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError  # noqa: A004 (botocore's own name)

from shared.ports.errors import Conflict, Unavailable

_CONFLICTS = {"ConditionalCheckFailedException", "TransactionConflictException", "TransactionInProgressException"}
_PASSING = {
    "InternalServerError",
    "InternalServerErrorException",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "ThrottlingException",
}
_CANCELLED_BY_OTHERS = {"ConditionalCheckFailed", "TransactionConflict", "DuplicateItem"}


@contextmanager
def translated() -> Iterator[None]:
    """Turn what botocore raises into `Conflict` or `Unavailable`; anything else is a defect and passes through."""
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code == "TransactionCanceledException":
            raise _cancelled(error) from error
        if code in _CONFLICTS:
            raise Conflict(code) from error
        if code in _PASSING:
            raise Unavailable(code) from error
        raise
    except (ConnectionError, HTTPClientError) as error:
        raise Unavailable(type(error).__name__) from error


def _cancelled(error: ClientError) -> Exception:
    reasons: list[dict[str, str]] = error.response.get("CancellationReasons", [])  # type: ignore[assignment]
    codes = {reason.get("Code", "None") for reason in reasons} - {"None"}
    if codes & _CANCELLED_BY_OTHERS:
        return Conflict(", ".join(sorted(codes)))
    if codes and codes <= {"ThrottlingError", "ProvisionedThroughputExceeded"}:
        return Unavailable(", ".join(sorted(codes)))
    return error
