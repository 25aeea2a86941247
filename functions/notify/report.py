"""What `notify` logs and counts of a delivery, and of channels that were down: ids and names of channels alone."""

from __future__ import annotations

from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.metrics import MetricUnit

from shared.domain.moments import SECOND
from shared.usecases.delivery import Delivery
from shared.usecases.recover import Recovery

_log = Logger(service="notify")


def report_recovery(recovery: Recovery) -> None:
    """Log and count which channels are down, and what was sent to those that are back."""
    told = {
        "sent": {place.text: count for place, count in recovery.sent.items()},
        "down": {place.text: error for place, error in recovery.down.items()},
        "channels_with_missed_messages": recovery.waiting,
    }
    if recovery.down:
        with single_metric("ChannelsDown", MetricUnit.Count, len(recovery.down), namespace="Baton"):
            _log.error("channels are down, and what they miss is put by", extra=told)
    elif recovery.sent or recovery.waiting:
        _log.info("channels are back", extra=told)


def report(delivery: Delivery) -> None:
    """Log what became of a message, and count the seconds that a handoff took on each channel."""
    for mark, microseconds in delivery.sent.items():
        if microseconds is not None:
            with single_metric(
                "SecondsToNotify", MetricUnit.Seconds, microseconds / SECOND, namespace="Baton"
            ) as metric:
                metric.add_dimension("channel", mark)
    told = {
        "handoff": delivery.key.text,
        "sent": list(delivery.sent),
        "failed": delivery.failed,
        "not_configured": delivery.missing,
        "withheld": delivery.withheld,
        "put_by": delivery.put_by,
        "without_the_story": delivery.unbriefed,
    }
    if delivery.failed:
        _log.error("a message has not gone out on every channel", extra=told)
    elif delivery.missing or delivery.withheld or delivery.put_by or delivery.unbriefed:
        _log.warning("a message has not gone out whole on every channel, and is dealt with", extra=told)
    else:
        _log.info("a message has gone out", extra=told)
