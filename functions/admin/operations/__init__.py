"""What each signed-in route does: read the request, ask the use case, make the response."""

from __future__ import annotations

from collections.abc import Mapping

from functions.admin.operations.drift import check_leads, list_drift, repair_lead
from functions.admin.operations.handoffs import answer_handoff, get_handoff, list_handoffs
from functions.admin.operations.leads import adjust_score, get_lead, list_leads, merge_leads, qualify_lead, unmerge_lead
from functions.admin.operations.noise import list_noise, mark_noise, unmark_noise
from functions.admin.operations.permission import erase_lead, export_lead, record_consent
from functions.admin.operations.reading import Operation
from functions.admin.operations.rescores import ask_for_rescore, catch_up, list_rescores
from functions.admin.operations.rules import (
    approve_draft,
    compare_document,
    compare_rules,
    draft_rules,
    get_active_rules,
    get_draft,
    get_rule_version,
    list_drafts,
    list_rule_versions,
    propose_draft,
    publish_draft,
    publish_rules,
    roll_back_rules,
    withdraw_draft,
)
from functions.admin.operations.simulations import simulate_rules

OPERATIONS: Mapping[str, Operation] = {
    operation.__name__: operation
    for operation in (
        list_leads,
        get_lead,
        adjust_score,
        merge_leads,
        unmerge_lead,
        record_consent,
        qualify_lead,
        list_handoffs,
        get_handoff,
        answer_handoff,
        export_lead,
        erase_lead,
        check_leads,
        list_drift,
        repair_lead,
        list_noise,
        mark_noise,
        unmark_noise,
        list_rescores,
        ask_for_rescore,
        catch_up,
        get_active_rules,
        list_rule_versions,
        get_rule_version,
        compare_rules,
        compare_document,
        publish_rules,
        roll_back_rules,
        list_drafts,
        draft_rules,
        get_draft,
        propose_draft,
        approve_draft,
        withdraw_draft,
        publish_draft,
        simulate_rules,
    )
}
"""By the name that the table of routes gives them."""

__all__ = ["OPERATIONS", "Operation"]
