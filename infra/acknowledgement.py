"""Findings of cdk-nag that stay as they are, each on one resource and with its reason."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, rule: str, reason: str) -> None:
    """Leave a finding as it is, and say why that is right."""
    Validations.of(construct).acknowledge(Acknowledgment(id=rule, reason=reason))
