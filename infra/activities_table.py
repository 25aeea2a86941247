"""The log: every accepted activity, appended once, under the strongest identity that it names."""

from infra.table import Table


class ActivitiesTable(Table):
    """Activities by identity key (`pk`) and activity id (`sk`); nothing looks them up in any other way."""
