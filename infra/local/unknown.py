"""What the emulator's CloudFormation does not know: the whole difference between a stack here and one on AWS."""

from typing import Final

UNKNOWN_TO_THE_EMULATOR: Final = frozenset(
    {
        "AWS::Events::Archive",
        "AWS::Events::ApiDestination",
        "AWS::Events::Connection",
    }
)
