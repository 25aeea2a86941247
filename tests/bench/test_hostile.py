import pytest

from tests.bench.hostile import lines


@pytest.mark.bench
def test_every_hostile_request_is_measured(capsys):
    with capsys.disabled():
        for line in lines():
            print(line)  # noqa: T201


def test_no_hostile_request_is_a_fault_of_ours():
    told = list(lines(share=0))

    assert {line["status"] for line in told} <= {200, 303, 400, 403, 413, 422}
    assert len({(line["route"], line["request"]) for line in told}) == len(told) > 70
