"""Nothing is called impossible that could happen, and nothing sure that could fail."""

from hypothesis import given
from hypothesis import strategies as st

from shared.domain import conditions
from shared.domain.conditions import parse_condition
from shared.domain.engine import compile_rules
from shared.domain.impossible import Reach, always, never
from shared.domain.moments import DAY, Moment
from shared.domain.reading import RuleFileError, parse_rule_file
from shared.domain.rulefile import RuleFile
from shared.domain.stages import ACTIVITY_ROOTS, parse_stage_condition
from tests.unit.domain.leads import activity
from tests.unit.domain.random_rules import START, VALUES, activities, documents, of_activity, stage_conditions

numbers = st.sampled_from([-1, 0, 0.25, 0.5, 0.75, 1, 1.5, 2, 100, 200, 300])
values = st.sampled_from([*VALUES, "blue", "redblue", "r", [1], ["blue"]]) | numbers


@given(of_activity, st.lists(st.tuples(values, values, values, values), min_size=20, max_size=40))
def test_no_activity_meets_a_condition_that_never_holds_and_each_one_that_always_does(raw, some):
    condition = parse_condition(raw, ACTIVITY_ROOTS)
    holds = conditions.holds(condition)
    for x, y, z, channel in some:
        met = holds(activity("seen", x=x, y=y, deep={"z": z}, channel=channel))
        assert not (met and never(condition))
        assert met or not always(condition)


@given(documents(), stage_conditions, activities())
def test_no_lead_enters_a_stage_that_is_said_to_be_out_of_reach(document, enter, some):
    try:
        file = parse_rule_file(document)
    except RuleFileError:
        return
    condition, reach = parse_stage_condition(enter), Reach.of(file)
    staged = RuleFile.model_validate({**document, "stages": [{"name": "a", "enter": enter}]})
    reached = compile_rules(staged).replay(some, Moment(START + 60 * DAY))[0].stage
    assert not (reached and never(condition, reach))
    if some and always(condition, reach) and not document["vetoes"]:
        assert reached == "a" or all(each.occurred_at > START + 60 * DAY for each in some)
