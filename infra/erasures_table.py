"""Who was erased, by names that nobody can read back."""

from constructs import Construct

from infra.table import Table


class ErasuresTable(Table):
    """Tombstones and erasures, apart from the leads: when these are restored from a backup, it still knows all of them.

    Nobody follows its changes.
    """

    def __init__(self, scope: Construct, construct_id: str, *, protected: bool) -> None:
        super().__init__(scope, construct_id, protected=protected, streams=False)
