import numpy as np
import pytest

from core import combine as module
from core.combine import combine
from core.errors import FacetteError, InputError
from core.types import FeatureBlock

RNG = np.random.default_rng(0)
A = RNG.normal(5, 3, (50, 4)).astype(np.float32)
B = RNG.normal(-2, 100, (50, 30)).astype(np.float32)


def energy(values: np.ndarray) -> float:
    return float((values.astype(float) ** 2).sum(axis=1).mean())


def test_a_single_block_stays_as_it_is():
    matrix = combine({"a": FeatureBlock(A)})
    assert np.array_equal(matrix.values, A) and matrix.slices == {"a": (0, 4)}


def test_several_blocks_are_standardised_with_equal_energy():
    matrix = combine({"a": A, "b": B})
    assert matrix.values.dtype == np.float32 and matrix.slices == {"a": (0, 4), "b": (4, 34)}
    for start, stop in matrix.slices.values():
        part = matrix.values[:, start:stop]
        np.testing.assert_allclose(part.mean(axis=0), 0, atol=1e-6)
        np.testing.assert_allclose(part.std(axis=0), 1 / np.sqrt(stop - start), rtol=1e-5)
        assert energy(part) == pytest.approx(1, rel=1e-5)


def test_weights_multiply_each_block():
    matrix = combine({"a": A, "b": B}, weights=(2, 0))
    assert energy(matrix.values[:, :4]) == pytest.approx(4, rel=1e-5)
    assert not matrix.values[:, 4:].any()


def test_l2_gives_rows_of_length_1_and_keeps_zero_rows():
    block = A.copy()
    block[7] = 0
    matrix = combine({"a": block, "b": B}, scale="l2", weights=(1, 3))
    lengths = np.linalg.norm(matrix.values[:, :4], axis=1)
    np.testing.assert_allclose(np.delete(lengths, 7), 1, rtol=1e-5)
    assert lengths[7] == 0
    np.testing.assert_allclose(np.linalg.norm(matrix.values[:, 4:], axis=1), 3, rtol=1e-5)


def test_none_joins_the_values():
    assert np.array_equal(combine({"a": A, "b": B}, scale="none").values, np.hstack([A, B]))


def test_constant_columns_become_0():
    block = np.hstack([A, np.full((50, 1), 0.1, np.float32), np.full((50, 1), 1e8)])
    matrix = combine({"a": block, "b": B})
    assert not matrix.values[:, 4:6].any()
    assert energy(matrix.values[:, :6]) == pytest.approx(1, rel=1e-5)
    assert not combine({"a": np.ones((5, 2)), "b": np.ones((5, 1))}).values.any()


def test_chunks_change_nothing(monkeypatch):
    whole = combine({"a": A, "b": B}).values
    monkeypatch.setattr(module, "CHUNK", 64)
    np.testing.assert_allclose(combine({"a": A, "b": B}).values, whole, rtol=1e-5, atol=1e-7)


def test_missing_rows_become_the_mean_row():
    block = A.copy()
    block[[3, 10]] = np.nan
    mean = np.delete(A, [3, 10], axis=0).mean(axis=0)
    np.testing.assert_allclose(combine({"a": block}).values[3], mean, rtol=1e-5)
    joined = combine({"a": block, "b": B}).values
    np.testing.assert_allclose(joined[[3, 10], :4], 0, atol=1e-6)
    assert np.isnan(block[3]).all(), "the input was changed"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_names_block_and_image(bad):
    block = A.copy()
    block[12, 2] = bad
    with pytest.raises(FacetteError, match="hog: image 12 has"):
        combine({"lbp": B, "hog": block})


def test_a_block_without_any_values_is_an_error():
    with pytest.raises(FacetteError, match=r"a: not a single image"):
        combine({"a": np.full((4, 2), np.nan), "b": np.ones((4, 2))})


def test_the_same_descriptor_twice():
    matrix = combine([("hog", A), ("hog", B), ("hog", A)])
    assert matrix.slices == {"hog": (0, 4), "hog#2": (4, 34), "hog#3": (34, 38)}


def test_block_pca_keeps_the_directions_of_most_variance():
    wide = np.hstack([A[:, :2] * 100, RNG.normal(0, 0.01, (50, 20))])
    matrix = combine({"a": wide, "b": B}, scale="none", block_pca=2)
    assert matrix.values.shape == (50, 4)
    centred = wide[:, :2] - wide[:, :2].mean(axis=0)
    assert energy(matrix.values[:, :2]) == pytest.approx(energy(centred), rel=1e-4)
    scaled = combine({"a": wide, "b": A}, block_pca=3)
    assert scaled.slices == {"a": (0, 3), "b": (3, 6)}
    assert energy(scaled.values[:, :3]) == pytest.approx(1, rel=1e-5)
    assert combine({"b": B}, block_pca=3).values.shape == (50, 3)


@pytest.mark.parametrize("weights", [(1,), (1, 2, 3), (-1, 1), (0, 0), (float("nan"), 1), ()])
def test_wrong_weights(weights):
    with pytest.raises(InputError, match=r"^weights: got "):
        combine({"a": A, "b": B}, weights=weights)


def test_wrong_scale_pca_and_blocks():
    with pytest.raises(InputError, match=r"^scale: got max, allowed is one of standard, l2, none"):
        combine({"a": A}, scale="max")
    with pytest.raises(InputError, match=r"^block_pca: got 0"):
        combine({"a": A}, block_pca=0)
    with pytest.raises(InputError, match="none"):
        combine({})
    with pytest.raises(FacetteError, match="a 50, b 49"):
        combine({"a": A, "b": B[:49]})
