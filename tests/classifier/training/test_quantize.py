import numpy as np

from classifier.training.quantize import quantize_columns


def test_weights_keep_seven_bits_so_that_no_host_saturates() -> None:
    weight = np.random.default_rng(2).normal(size=(64, 10)).astype(np.float32) * np.arange(1, 11, dtype=np.float32)
    made = quantize_columns(weight)
    assert made.values.dtype == np.int8
    assert np.abs(made.values).max() == 63
    # Two products of the largest activation and the largest weight fit in 16 bits.
    assert 2 * 255 * int(np.abs(made.values).max()) < 2**15


def test_each_column_is_within_half_a_step_of_its_own_scale() -> None:
    weight = np.random.default_rng(2).normal(size=(64, 10)).astype(np.float32) * np.arange(1, 11, dtype=np.float32)
    made = quantize_columns(weight)
    assert (np.abs(made.values * made.scales - weight) <= made.scales * 0.5001).all()


def test_an_empty_column_does_no_harm() -> None:
    assert not quantize_columns(np.zeros((4, 2), np.float32)).values.any()
