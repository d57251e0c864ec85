from alerting.evidence import Candidates
from tests.alerting.made import START


def test_a_minute_with_very_many_negative_stories_still_relates():
    held = Candidates()
    for story in range(1026):
        held.relate("topic/x", START, [story])
    assert len(held.stories("topic/x", START, START + 1)) >= 200
