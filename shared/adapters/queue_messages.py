"""Messages that SQS delivers to a function, each by itself: what fails comes again, what is done does not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from shared.adapters.faults import fault


class Log(Protocol):
    """Where a failure is told; Powertools' logger is one."""

    def error(self, msg: str, *, extra: Mapping[str, object]) -> None:
        """Tell of a failure."""
        ...


def work_through(event: dict[str, Any], context: Any, work: Callable[[Any], None], log: Log, failure: str) -> Any:
    """Do a batch of messages, whose bodies are JSON, and answer which of them failed."""
    # Imported here: a stream's batch, for which most functions are started, needs none of it.
    from aws_lambda_powertools.utilities.batch import (  # noqa: PLC0415
        BatchProcessor,
        EventType,
        process_partial_response,
    )

    def work_on(record: Any) -> None:
        try:
            work(json.loads(record.body))
        except Exception as error:
            # Without the traceback: what it quotes may name somebody.
            log.error(failure, extra={"message_id": record.message_id, **fault(error)})  # noqa: TRY400
            raise

    return process_partial_response(
        event=event,
        record_handler=work_on,
        processor=BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False),
        context=context,
    )
