import pytest

from tests.bench.speed import CANDIDATES, activities, leads, peers


@pytest.mark.bench
def test_every_candidate_is_measured(capsys):
    with capsys.disabled():
        for line in (*peers(), *leads()):
            print(line)  # noqa: T201


def test_the_candidates_that_are_installed_agree_about_the_points():
    made = {}
    for name, (candidate, _) in CANDIDATES.items():
        try:
            made[name] = candidate()
        except ImportError:
            continue
    del made["dict lookup, no conditions (floor)"]
    baton = made.pop("Baton, matched and earned")
    for activity in activities(300):
        for name, earn in made.items():
            assert earn(activity) * 10**9 == baton(activity), (name, activity)
