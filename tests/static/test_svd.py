"""SVD against LAPACK and SciPy; the same bytes on any threads; what it refuses."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import random_array
from scipy.sparse.linalg import svds

from firth import _core
from firth.errors import ConfigError, DataError
from firth.events import Notice
from firth.static.counts import WordByWord
from firth.static.krylov import largest_singular
from firth.static.svd import SVD, train
from firth.static.task import aligned_rows
from firth.vectors.words import Words

CATS = ["I have a cat", "cat eat fish", "I have a apple"]


def sparse(n: int, seed: int = 1, density: float = 0.01) -> WordByWord:
    """A random matrix whose columns fade, so that its singular values do."""
    found = random_array((n, n), density=density, rng=np.random.default_rng(seed), format="csr")
    found = found.multiply(1 / np.sqrt(np.arange(1, n + 1))).tocsr()
    found.sort_indices()
    words = Words.of(map(str, range(n)))
    arrays = found.indptr.astype(np.int64), found.indices.astype(np.int32), found.data.astype(np.float32)
    return WordByWord(words, np.ones(n, np.int64), *arrays)


@settings(max_examples=30, deadline=None)
@given(
    n=st.integers(1, 60), blocks=st.integers(1, 5), threads=st.integers(1, 3), level=st.sampled_from(_core.cpu_levels())
)
def test_the_native_product_is_scipys(n: int, blocks: int, threads: int, level: str) -> None:
    matrix, width, before = sparse(n, density=0.3), 16 * blocks, _core.cpu_level()
    x, out = aligned_rows(n, width), aligned_rows(n, width)
    x[:] = np.random.default_rng(n).standard_normal(x.shape)
    out[:] = np.nan
    _core.use_cpu_level(level)
    try:
        _core.sparse_product(matrix.indptr, matrix.indices, matrix.values, x, out, threads)
    finally:
        _core.use_cpu_level(before)
    np.testing.assert_allclose(out, matrix.matrix @ x, atol=1e-5)


def test_the_product_refuses_what_does_not_fit() -> None:
    matrix, x = sparse(20), aligned_rows(20, 16)
    parts = matrix.indptr, matrix.indices, matrix.values
    with pytest.raises(ValueError, match="does not fit"):
        _core.sparse_product(*parts, x, aligned_rows(19, 16), 1)
    with pytest.raises(ValueError, match="multiple of 16"):
        _core.sparse_product(*parts, np.zeros((20, 8), np.float32), np.zeros((20, 8), np.float32), 1)


def test_singular_values_and_vectors_against_scipy() -> None:
    matrix = sparse(1500)
    found = largest_singular(matrix, 40, threads=2)
    left, values, _ = svds(matrix.matrix.astype(np.float64), k=40)
    order = np.argsort(-values)
    assert (found.values**2).sum() >= 0.9995 * (values**2).sum()
    np.testing.assert_allclose(found.values[:10], values[order][:10], rtol=1e-4)
    cosines = np.abs(np.einsum("ij,ij->j", found.left[:, :5], left[:, order][:, :5]))
    np.testing.assert_allclose(cosines, 1, atol=1e-3)
    np.testing.assert_allclose(found.left.T @ found.left, np.eye(40), atol=1e-4)
    np.testing.assert_allclose(matrix.matrix.T @ found.left, found.right * found.values, atol=2e-3 * values.max())


def test_a_matrix_of_low_rank_gives_as_many_values() -> None:
    base = sparse(700)
    low = base.matrix.toarray()[:, :5] @ base.matrix.toarray()[:5]
    low = low + np.outer(np.arange(700) % 3, np.arange(700) % 2)
    from scipy.sparse import csr_array

    found = csr_array(low.astype(np.float32))
    matrix = WordByWord(
        base.words, base.counts, found.indptr.astype(np.int64), found.indices.astype(np.int32), found.data
    )
    rank = int(np.linalg.matrix_rank(low.astype(np.float32), tol=1e-6 * np.linalg.norm(low, 2)))
    assert 0 < rank <= 6
    assert len(largest_singular(matrix, 30).values) == rank


def test_the_same_bytes_on_any_threads_and_any_threads_of_blas() -> None:
    code = (
        "import sys, hashlib; sys.path.insert(0, 'tests/static'); from test_svd import sparse\n"
        "from firth.static.krylov import largest_singular\n"
        "found = largest_singular(sparse(2000), 30, threads=int(sys.argv[1]))\n"
        "print(hashlib.sha256(found.left.tobytes() + found.right.tobytes()).hexdigest())\n"
    )
    here = largest_singular(sparse(2000), 30, threads=3)
    wanted = hashlib.sha256(here.left.tobytes() + here.right.tobytes()).hexdigest()
    for threads, of_blas in (("1", "2"), ("2", "1")):
        settings = os.environ | {"OPENBLAS_NUM_THREADS": of_blas}
        said = subprocess.run(
            [sys.executable, "-c", code, threads], capture_output=True, text=True, check=True, env=settings
        )
        assert said.stdout.strip() == wanted


def test_the_cats_of_the_issue_have_their_svd() -> None:
    config = SVD(window=0, weights="flat", min_count=1, matrix="log", dim=7, power=1)
    made = train(CATS, config, keep_output=True)
    from firth.static.cooccurrence import Cooc
    from firth.static.cooccurrence import train as count

    dense = np.log1p(count(CATS, Cooc(window=0, weights="flat", min_count=1)).model.matrix.toarray())
    values = np.linalg.svd(dense, compute_uv=False)
    np.testing.assert_allclose(made.singular_values, values, atol=1e-6)
    assert made.explained == pytest.approx(1)
    gram = made.vectors.matrix @ made.vectors.matrix.T  # U S^2 U^T = M M^T
    np.testing.assert_allclose(gram, dense @ dense.T, atol=1e-5)
    assert made.vectors.output is not None


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_the_power_stretches_and_the_context_is_added(power: float) -> None:
    base = SVD(min_count=1, dim=3, power=power)
    made = train(CATS * 2, base, keep_output=True)
    both = train(CATS * 2, SVD(min_count=1, dim=3, power=power, add_context=True))
    lengths = np.linalg.norm(made.vectors.matrix, axis=0)
    np.testing.assert_allclose(lengths, made.singular_values**power, rtol=1e-5)
    assert made.vectors.output is not None
    np.testing.assert_allclose(both.vectors.matrix, made.vectors.matrix + made.vectors.output, atol=1e-6)


def test_words_of_one_kind_come_together() -> None:
    random = np.random.default_rng(1)
    kinds = [[f"{kind}{i}" for i in range(10)] for kind in ("fruit", "tool")]
    text = [" ".join(random.choice(kinds[i % 2], 6)) for i in range(400)]
    vectors = train(text, SVD(min_count=1, dim=4)).vectors
    assert {word[:4] for word, _ in vectors.nearest("fruit0", n=9)} == {"frui"}


def test_dimensions_beyond_the_rank_are_zero_and_told() -> None:
    heard: list[object] = []
    made = train(["a b", "a b", "c d", "c d"], SVD(min_count=1, dim=4, alpha=1, matrix="log"), listen=heard.append)
    assert made.vectors.dim == 4
    made = train(["a a", "a a"], SVD(min_count=1, dim=1, matrix="log"))
    assert made.singular_values[0] > 0


def test_bad_input() -> None:
    with pytest.raises(ConfigError, match="greater than the number of words"):
        train(CATS, SVD(min_count=1, dim=8))
    with pytest.raises(DataError, match="nothing is left"):
        train(["a b", "a b"], SVD(min_count=1, dim=1, shift=1000))


def test_the_report_of_rank() -> None:
    heard: list[object] = []
    made = train(["a a b"] * 3 + ["b"] * 3, SVD(min_count=1, dim=2, shift=1.2, alpha=1), listen=heard.append)
    rank = int((made.singular_values > 0).sum())
    told = any(isinstance(event, Notice) and f"rank {rank}" in event.message for event in heard)
    assert told == (rank < 2)
