import pytest

from tests.bench.speed import CANDIDATES, leads, peers


@pytest.mark.bench
def test_every_candidate_is_measured(capsys):
    with capsys.disabled():
        for line in (*peers(), *leads()):
            print(line)  # noqa: T201


def test_the_candidates_that_are_installed_earn_the_same_points():
    assert [line["candidate"] for line in peers(300)] == list(CANDIDATES)
