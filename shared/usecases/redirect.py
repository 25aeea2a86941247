"""A lead that was joined to another left a redirect; whoever has its id finds the other."""

from shared.domain.handoff import LeadId
from shared.domain.refusals import NotFound
from shared.ports.errors import Unreadable
from shared.ports.leads import LeadRecord, Leads


def live_record(leads: Leads, lead: LeadId) -> LeadRecord | None:
    """The record of a lead, or of the one into which it went; None when there was never such a lead."""
    record = leads.load(lead)
    return record and where_it_went(leads, record)


def where_it_went(leads: Leads, record: LeadRecord) -> LeadRecord | None:
    """The lead that a record leads to, itself if it went nowhere; None when redirects end nowhere or go in a circle."""
    passed = {record.lead}
    end: LeadRecord | None = record
    while end is not None and end.merged_into is not None:
        if end.merged_into in passed:
            return None
        passed.add(end.merged_into)
        end = leads.load(end.merged_into)
    return end


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


def damaged_end(leads: Leads, lead: LeadId) -> LeadId:
    """The first lead that cannot be read on the way from one to where it went; where it ends if all can be."""
    passed: set[LeadId] = set()
    following: LeadId | None = lead
    while following is not None and following not in passed:
        lead = following
        passed.add(lead)
        try:
            record = leads.load(lead)
        except Unreadable:
            break
        following = record.merged_into if record else None
    return lead
