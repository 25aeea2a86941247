"""A lead that was joined to another left a redirect; whoever has its id finds the other."""

from shared.domain.handoff import LeadId
from shared.domain.refusals import NotFound
from shared.ports.leads import LeadRecord, Leads


def live_record(leads: Leads, lead: LeadId) -> LeadRecord | None:
    """The record of a lead, or of the one into which it went; None when there was never such a lead."""
    record = leads.load(lead)
    while record is not None and record.merged_into is not None:
        record = leads.load(record.merged_into)
    return record


def find_live(leads: Leads, lead: LeadId) -> LeadRecord:
    """The record of a lead, or of the one into which it went.

    Raises:
        NotFound: there is no such lead.
    """
    record = live_record(leads, lead)
    if record is None:
        msg = "there is no such lead"
        raise NotFound(msg)
    return record
