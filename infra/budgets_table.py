"""What all functions took of each budget in its present window."""

from constructs import Construct

from infra.table import Table


class BudgetsTable(Table):
    """Counts by a hash of budget and window (`pk`) and kind (`sk`), which expire soon; nobody follows their changes."""

    def __init__(self, scope: Construct, construct_id: str, *, protected: bool) -> None:
        super().__init__(scope, construct_id, protected=protected, streams=False)
