from alerting.counting.eventtime import FOREVER, NEVER, Inputs, Verdict
from classifier.packing import encode_range
from classifier.scores import decode_columns
from ingest.instants import MINUTE
from tests.alerting.made import START, score_range, scored

BOUND = 2 * MINUTE


def feed(inputs: Inputs, scores):
    columns = decode_columns(encode_range(scores))
    verdict, fresh, lost = inputs.admit(columns)
    if verdict is not Verdict.AHEAD:
        inputs.of(scores).move(columns, BOUND)
    return verdict, fresh.rows["offset"].tolist(), lost


def documents(start: int, stop: int):
    return [scored(offset, START + offset * MINUTE) for offset in range(start, stop)]


def test_what_a_crash_writes_again_is_counted_once_however_it_is_cut():
    inputs = Inputs()
    assert feed(inputs, score_range(documents(0, 10))) == (Verdict.COUNTED, list(range(10)), 0)
    assert feed(inputs, score_range(documents(0, 10))) == (Verdict.REPEATED, [], 0)
    assert feed(inputs, score_range(documents(5, 15))) == (Verdict.COUNTED, [10, 11, 12, 13, 14], 0)


def test_a_range_beyond_the_position_waits_for_its_writer_to_write_it_again():
    inputs = Inputs()
    feed(inputs, score_range(documents(0, 10)))
    assert feed(inputs, score_range(documents(20, 30))) == (Verdict.AHEAD, [], 0)
    assert feed(inputs, score_range(documents(10, 30)))[1] == list(range(10, 30))


def test_an_unknown_partition_must_begin_with_its_first_range():
    inputs = Inputs()
    assert feed(inputs, score_range(documents(5, 10)))[0] is Verdict.AHEAD
    assert feed(inputs, score_range(documents(5, 10), first=True)) == (Verdict.COUNTED, [5, 6, 7, 8, 9], 0)


def test_expired_positions_make_a_second_first_range_which_counts_nothing_twice():
    inputs = Inputs()
    feed(inputs, score_range(documents(0, 10)))
    assert feed(inputs, score_range(documents(0, 20), first=True))[1] == list(range(10, 20))


def test_a_first_range_beyond_the_position_says_how_much_was_lost():
    inputs = Inputs()
    feed(inputs, score_range(documents(0, 10)))
    assert feed(inputs, score_range(documents(25, 30), first=True)) == (Verdict.SKIPPED, list(range(25, 30)), 15)


def test_an_announced_skip_moves_the_position_and_says_how_much_was_lost():
    inputs = Inputs()
    feed(inputs, score_range(documents(0, 10)))
    assert feed(inputs, score_range([], start=10, next=40, skipped="retention")) == (Verdict.SKIPPED, [], 30)
    assert feed(inputs, score_range(documents(40, 41)))[0] is Verdict.COUNTED


def test_a_log_that_lost_its_newest_records_is_counted_on_from_there_once():
    inputs = Inputs()
    feed(inputs, score_range(documents(0, 10)))
    lost = score_range([], start=10, next=6, skipped="newest records lost")
    feed(inputs, lost)
    assert feed(inputs, score_range(documents(6, 12)))[1] == [6, 7, 8, 9, 10, 11]
    feed(inputs, lost)  # written again by a crash
    assert feed(inputs, score_range(documents(6, 14)))[1] == [12, 13]


def test_a_log_made_again_is_counted_from_its_own_beginning():
    inputs = Inputs()
    feed(inputs, score_range(documents(0, 10)))
    feed(inputs, score_range([], log_id="L2", start=10, next=0, skipped="deleted and made again"))
    assert feed(inputs, score_range(documents(0, 5), log_id="L2"))[1] == [0, 1, 2, 3, 4]
    assert list(inputs.known) == ["L2/0"]


def test_after_lost_scores_each_partition_may_jump_once():
    inputs = Inputs()
    feed(inputs, score_range(documents(0, 10)))
    inputs.forgive()
    assert feed(inputs, score_range(documents(20, 30))) == (Verdict.GAP, list(range(20, 30)), 10)
    assert feed(inputs, score_range(documents(40, 50)))[0] is Verdict.AHEAD


def test_there_is_no_watermark_before_every_partition_of_every_input_was_heard_of():
    inputs = Inputs()
    feed(inputs, score_range(documents(0, 10), partitions=2))
    assert inputs.watermark(("news",)) == NEVER
    feed(inputs, score_range(documents(0, 3), partition=1, partitions=2))
    assert inputs.watermark(("news",)) == START + 2 * MINUTE - BOUND
    assert inputs.watermark(("news", "comments")) == NEVER


def test_a_quiet_partition_moves_time_by_being_read_to_its_end_and_only_then():
    inputs = Inputs()
    feed(inputs, score_range(documents(0, 10)))
    later = START + 500 * MINUTE
    feed(inputs, score_range([], start=10, next=10, end=11, read_at=later))
    assert inputs.watermark(("news",)) == START + 9 * MINUTE - BOUND
    feed(inputs, score_range([], start=10, next=10, end=10, read_at=later))
    assert inputs.watermark(("news",)) == later - BOUND


def test_in_a_replay_a_partition_at_its_end_drops_out_and_the_last_closes_all():
    inputs = Inputs()
    feed(inputs, score_range(documents(0, 10), partitions=2, final=True))
    feed(inputs, score_range(documents(0, 3), partition=1, partitions=2))
    assert inputs.watermark(("news",)) == START + 2 * MINUTE - BOUND
    feed(inputs, score_range([], partition=1, partitions=2, start=3, next=3, final=True))
    assert inputs.watermark(("news",)) == FOREVER


def test_a_log_made_again_with_fewer_partitions_does_not_wait_for_those_that_are_gone():
    inputs = Inputs()
    for partition in range(3):
        feed(inputs, score_range(documents(0, 3), partition=partition, partitions=3))
    feed(inputs, score_range(documents(0, 30), log_id="L2", partitions=2))
    feed(inputs, score_range(documents(0, 30), log_id="L2", partition=1, partitions=2))
    assert inputs.watermark(("news",)) == START + 29 * MINUTE - BOUND


def test_a_zombie_of_a_log_that_is_gone_does_not_displace_the_one_that_took_its_name():
    inputs = Inputs()
    feed(inputs, score_range(documents(0, 3)))
    feed(inputs, score_range(documents(0, 3), log_id="L2"))
    feed(inputs, score_range(documents(0, 3)))
    assert feed(inputs, score_range(documents(3, 6), log_id="L2"))[1] == [3, 4, 5]


def test_scores_that_were_lost_before_a_skip_are_counted_too():
    inputs = Inputs()
    feed(inputs, score_range(documents(0, 10)))
    inputs.forgive()
    assert feed(inputs, score_range([], start=50, next=80, skipped="retention")) == (Verdict.SKIPPED, [], 70)


def test_a_repetition_does_not_use_up_the_jump():
    inputs = Inputs()
    feed(inputs, score_range(documents(0, 10)))
    inputs.forgive()
    feed(inputs, score_range(documents(5, 10)))
    assert feed(inputs, score_range(documents(20, 30)))[0] is Verdict.GAP


def test_what_is_written_again_after_the_end_does_not_undo_it():
    inputs = Inputs()
    feed(inputs, score_range(documents(0, 10), final=True))
    feed(inputs, score_range(documents(5, 8)))
    assert inputs.watermark(("news",)) == FOREVER


def test_a_writer_that_begins_beyond_the_position_with_nothing_found_tells_a_gap_for_good():
    """Somebody has moved the position of its group: it says where it begins before it has read anything."""
    inputs = Inputs()
    feed(inputs, score_range(documents(0, 10)))
    inputs.forgiven.add("L1/0")
    assert feed(inputs, score_range([], start=40, next=40)) == (Verdict.GAP, [], 30)
    assert feed(inputs, score_range(documents(40, 50))) == (Verdict.COUNTED, list(range(40, 50)), 0)
    assert feed(inputs, score_range([], start=50, next=50)) == (Verdict.COUNTED, [], 0)


def test_dead_letters_alone_tell_no_gap_as_they_may_be_the_rest_of_a_step():
    inputs = Inputs()
    feed(inputs, score_range(documents(0, 10)))
    assert feed(inputs, score_range([], start=40, next=42, dead=2))[0] is Verdict.AHEAD


def test_a_writer_whose_position_was_moved_back_counts_nothing_twice():
    inputs = Inputs()
    feed(inputs, score_range(documents(0, 10)))
    assert feed(inputs, score_range([], start=4, next=4)) == (Verdict.COUNTED, [], 0)
    assert feed(inputs, score_range(documents(4, 12)))[1] == [10, 11]
