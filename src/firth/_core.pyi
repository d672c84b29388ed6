"""Types of the native core."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

# ---------------------------------------------------------------- CPU level
def cpu_level() -> str: ...
def cpu_levels() -> list[str]: ...
def use_cpu_level(name: str) -> None: ...

# ---------------------------------------------------------------- text
class TextPass:
    def __init__(
        self,
        tokenizer: str,
        lower: bool,
        fold_digits: bool,
        threads: int,
        ids_file: int,
        ends_file: int,
        block: int = ...,
        blank_lines: bool = False,
    ) -> None: ...
    def feed(self, bytes: NDArray[np.uint8]) -> None: ...
    def feed_file(self, file: int, offset: int, n: int) -> int: ...
    def feed_tokens(
        self,
        bytes: NDArray[np.uint8],
        separator: int,
        token_ends: NDArray[np.int64],
        sentence_ends: NDArray[np.int64],
    ) -> None: ...
    def add_words(self, bytes: NDArray[np.uint8], ends: NDArray[np.int64]) -> None: ...
    def feed_ids(self, ids: NDArray[np.int32], ends: NDArray[np.int64], phrases: PairMap) -> None: ...
    def end_text(self) -> None: ...
    def finish(self) -> dict[str, NDArray[np.int64] | NDArray[np.uint8] | int]: ...
    @property
    def tokens(self) -> int: ...
    @property
    def sentences(self) -> int: ...
    @property
    def empty_tokens(self) -> int: ...

class PairMap:
    def __init__(self, pairs: NDArray[np.uint64], ids: NDArray[np.int32]) -> None: ...

def count_pairs(
    ids: NDArray[np.int32],
    ends: NDArray[np.int64],
    wanted: NDArray[np.uint8],
    min_count: int,
    shards: int,
    threads: int,
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]: ...
def split_text(text: bytes, tokenizer: str) -> tuple[list[bytes], NDArray[np.int64]]: ...
def normalise_word(word: bytes, lower: bool, fold_digits: bool) -> bytes: ...
def code_point_properties(code: int) -> int: ...

# ---------------------------------------------------------------- vectors and their files
class WordIndex:
    def __init__(self, blob: NDArray[np.uint8], offsets: NDArray[np.int64], gap: int) -> None: ...
    def find(self, word: bytes) -> int: ...
    @property
    def duplicates(self) -> list[int]: ...

class Rows:
    def __init__(self, dim: int, limit: int) -> None: ...
    def reserve(self, rows: int) -> None: ...
    def feed_text(self, piece: NDArray[np.uint8], last: bool) -> tuple[int, str]: ...
    def feed_binary(self, piece: NDArray[np.uint8], last: bool) -> tuple[int, str]: ...
    @property
    def n(self) -> int: ...
    @property
    def first_nonfinite(self) -> int: ...
    @property
    def nonfinite_rows(self) -> int: ...
    def take(self) -> tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.int64]]: ...

def hits_above(
    products: NDArray[np.float32], inverse: NDArray[np.float32], floors: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]: ...
def trailing_numbers(line: NDArray[np.uint8]) -> int: ...
def rows_as_text(
    matrix: NDArray[np.float32],
    blob: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    gap: int,
    start: int,
    stop: int,
) -> bytes: ...
def rows_as_binary(
    matrix: NDArray[np.float32],
    blob: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    gap: int,
    start: int,
    stop: int,
) -> bytes: ...

# ---------------------------------------------------------------- character n-grams
def fnv_hash(text: bytes) -> int: ...
def word_ngram_rows(word: bytes, minn: int, maxn: int, buckets: int) -> NDArray[np.int32]: ...
def ngram_rows(
    blob: NDArray[np.uint8], offsets: NDArray[np.int64], gap: int, minn: int, maxn: int, buckets: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]: ...
def compose_rows(
    own: NDArray[np.uint8],
    grams: NDArray[np.uint8],
    starts: NDArray[np.int64],
    items: NDArray[np.int32],
    out: NDArray[np.float32],
    threads: int,
) -> None: ...
def murmur3(text: bytes, seed: int) -> tuple[int, int, int, int]: ...
def floret_word_rows(
    word: bytes, minn: int, maxn: int, buckets: int, hashes: int, seed: int, begin: bytes, end: bytes
) -> NDArray[np.int32]: ...
def floret_rows(
    blob: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    gap: int,
    minn: int,
    maxn: int,
    buckets: int,
    hashes: int,
    seed: int,
    begin: bytes,
    end: bytes,
) -> tuple[NDArray[np.int64], NDArray[np.int32]]: ...

# ---------------------------------------------------------------- co-occurrences
class NGramCounter:
    def __init__(self, order: int, n_words: int, eos: int, threads: int, spill: int) -> None: ...
    def add(
        self, ids: NDArray[np.int32], ends: NDArray[np.int64], word_of: NDArray[np.int32], begin: int, end: int
    ) -> None: ...
    def spill(self) -> None: ...
    @property
    def spilled(self) -> int: ...
    def close(self) -> list[int]: ...
    def fill(
        self, words: list[NDArray[np.int32]], firsts: list[NDArray[np.int64]], counts: list[NDArray[np.uint32]]
    ) -> None: ...

def ngram_suffixes(
    first: NDArray[np.int64],
    words: NDArray[np.int32],
    suffix: NDArray[np.int32],
    below_first: NDArray[np.int64],
    parents_words: NDArray[np.int32],
    out: NDArray[np.int32],
    threads: int,
) -> None: ...
def ngram_left_counts(suffix: NDArray[np.int32], out: NDArray[np.uint32], threads: int) -> None: ...
def ngram_estimate(
    first: NDArray[np.int64],
    suffix: NDArray[np.int32],
    counts: NDArray[np.uint32],
    keep: NDArray[np.uint8],
    kind: str,
    discount: list[float],
    k: float,
    n_outputs: float,
    lower: NDArray[Any],
    out: NDArray[Any],
    gamma: NDArray[Any],
    threads: int,
) -> None: ...
def ngram_logs(values: NDArray[Any], out: NDArray[np.float32], threads: int) -> None: ...

class CoocCounter:
    def __init__(
        self,
        occurrences: NDArray[np.int64],
        weights: NDArray[np.uint64],
        left: bool,
        right: bool,
        budget: int,
        threads: int,
        spill: int,
    ) -> None: ...
    @property
    def piece(self) -> int: ...
    @property
    def pairs(self) -> int: ...
    @property
    def tokens(self) -> int: ...
    @property
    def spilled(self) -> int: ...
    def place(
        self,
        ids: NDArray[np.int32],
        ends: NDArray[np.int64],
        word_of: NDArray[np.int32],
        keep: NDArray[np.uint32],
        key: int,
        begin: int,
        end: int,
    ) -> None: ...
    def work(self, milliseconds: int) -> int: ...
    def close(self) -> None: ...
    def lengths(self, out: NDArray[np.int64]) -> None: ...
    def fill(self, unit: float, columns: NDArray[np.int32], values: NDArray[np.float64]) -> None: ...
    def write(self, unit: float, file: int) -> None: ...

def sparse_product(
    starts: NDArray[np.int64],
    columns: NDArray[np.int32],
    values: NDArray[np.float32],
    x: NDArray[np.float32],
    out: NDArray[np.float32],
    threads: int,
) -> None: ...

# ---------------------------------------------------------------- training
class Word2VecTrainer:
    def __init__(self, task: dict[str, object]) -> None: ...
    @property
    def rounds_per_epoch(self) -> int: ...
    @property
    def round(self) -> int: ...
    @property
    def loss(self) -> float: ...
    @property
    def pairs(self) -> int: ...
    def seek(self, round: int, loss: float, pairs: int) -> None: ...
    def run(self, count: int, threads: int) -> None: ...

def init_rows(rows: NDArray[np.float32], first: int, dim: int, seed: int) -> None: ...
def logistic_step(
    x: NDArray[np.floating],
    y: NDArray[np.floating],
    seen: NDArray[np.floating],
    total: NDArray[np.floating],
    rate: float,
) -> tuple[NDArray[np.floating], NDArray[np.floating], float]: ...
def path_step(
    x: NDArray[np.floating], y: NDArray[np.floating], codes: NDArray[np.uint8], rate: float
) -> tuple[NDArray[np.floating], NDArray[np.floating], float]: ...
def own_step(
    x: NDArray[np.floating], y: NDArray[np.floating], rate: float
) -> tuple[NDArray[np.floating], NDArray[np.floating], float]: ...
def softmax_step(
    x: NDArray[np.floating], y: NDArray[np.floating], times: NDArray[np.int32], rate: float
) -> tuple[NDArray[np.floating], NDArray[np.floating], float]: ...

# ---------------------------------------------------------------- product quantisation
def pq_fit(
    rows: NDArray[np.float32], dsub: int, seed: int, iterations: int, threads: int = 0
) -> NDArray[np.float32]: ...
def pq_encode(rows: NDArray[np.float32], centroids: NDArray[np.float32], threads: int = 0) -> NDArray[np.uint8]: ...

# ---------------------------------------------------------------- fastText's classifier
class LabelledText:
    def __init__(self, prefix: str) -> None: ...
    def feed(self, text: bytes) -> None: ...
    def end_text(self) -> None: ...
    def documents(
        self,
        min_count: int,
        min_count_label: int,
        word_ngrams: int,
        minn: int,
        maxn: int,
        buckets: int,
        together: bool,
    ) -> dict[str, Any]: ...

class SupervisedTrainer:
    def __init__(self, task: dict[str, Any]) -> None: ...
    @property
    def rounds_per_epoch(self) -> int: ...
    @property
    def round(self) -> int: ...
    @property
    def loss(self) -> float: ...
    @property
    def pairs(self) -> int: ...
    def seek(self, round: int, loss: float, pairs: int) -> None: ...
    def run(self, count: int, threads: int) -> None: ...
    def gather_own(self, threads: int) -> None: ...
    def spread_own(self, threads: int) -> None: ...

class FeatureSpace:
    def __init__(
        self,
        words: NDArray[np.uint8],
        offsets: NDArray[np.int64],
        gap: int,
        labels: NDArray[np.uint8],
        label_offsets: NDArray[np.int64],
        label_gap: int,
        prefix: str,
        word_ngrams: int,
        minn: int,
        maxn: int,
        buckets: int,
        all_buckets: bool,
        kept: NDArray[np.int32],
        rows: NDArray[np.int32],
    ) -> None: ...
    def encode(
        self, text: bytes, threads: int = 0
    ) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]: ...

class LabelScorer:
    def __init__(self, output: NDArray[np.float32], loss: int, counts: NDArray[np.int64]) -> None: ...
    def best(
        self, hidden: NDArray[np.float32], there: NDArray[np.uint8], k: int, threshold: float, threads: int = 0
    ) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.int64]]: ...

def mean_rows(
    matrix: NDArray[np.float32], rows: NDArray[np.int32], ends: NDArray[np.int64], threads: int = 0
) -> NDArray[np.float32]: ...
def label_paths(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.uint8]]: ...
def init_row_numbers(
    rows: NDArray[np.float32], numbers: NDArray[np.int64], dim: int, seed: int, threads: int = 0
) -> None: ...
def classifier_step(
    hidden: NDArray[np.floating],
    output: NDArray[np.floating],
    target: int,
    seen: NDArray[np.floating],
    total: NDArray[np.floating],
    rate: float,
) -> tuple[NDArray[np.floating], NDArray[np.floating], float]: ...

# ---------------------------------------------------------------- GloVe
class GloveTrainer:
    def __init__(
        self,
        entries: NDArray[np.uint8],
        begin: NDArray[np.int64],
        first: NDArray[np.int32],
        rows: NDArray[np.float32],
        columns: NDArray[np.float32],
        rate: float,
        seed: int,
    ) -> None: ...
    @property
    def rounds_per_epoch(self) -> int: ...
    @property
    def round(self) -> int: ...
    @property
    def loss(self) -> float: ...
    @property
    def pairs(self) -> int: ...
    def seek(self, round: int, loss: float, pairs: int) -> None: ...
    def run(self, count: int, threads: int) -> None: ...

def cut_into_tiles(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    values: NDArray[np.floating],
    first: NDArray[np.int32],
    row_words: NDArray[np.int32],
    column_places: NDArray[np.int32],
    stripe: int,
    run: int,
    x_max: float,
    alpha: float,
    threads: int,
    begin: NDArray[np.int64],
    entries: NDArray[np.uint8],
) -> int: ...
def glove_steps(
    entries: NDArray[np.uint8], rows: NDArray[np.floating], columns: NDArray[np.floating], rate: float
) -> float: ...

# ---------------------------------------------------------------- n-gram models in use
class NGramQuery:
    def __init__(self, levels: list[tuple[Any, ...]], eos: int, bos: int, threads: int) -> None: ...
    def score(
        self,
        ids: NDArray[np.int32],
        ends: NDArray[np.int64],
        level: int,
        node: int,
        out: NDArray[np.float64],
        lengths: NDArray[np.uint8] | None,
        threads: int,
    ) -> tuple[int, int]: ...

# ---------------------------------------------------------------- ARPA files
def read_arpa(text: NDArray[np.uint8], seed: int, threads: int) -> dict[str, Any]: ...
def write_arpa(
    levels: list[tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]],
    bytes: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    bos: int,
    file: int,
    threads: int,
) -> None: ...

# ---------------------------------------------------------------- log-linear models
class ContextTree:
    def __init__(
        self,
        levels: NDArray[np.int64],
        children: NDArray[np.int64],
        first: NDArray[np.int64],
        target: NDArray[np.int32],
        symbol: NDArray[np.int32],
    ) -> None: ...
    def forward(
        self,
        ended: NDArray[np.int64],
        above: NDArray[np.int32],
        weights: NDArray[np.float64],
        scores: NDArray[np.float64],
        sums: NDArray[np.float64],
        threads: int,
    ) -> float: ...
    def backward(
        self,
        ended: NDArray[np.int64],
        above: NDArray[np.int32],
        scores: NDArray[np.float64],
        sums: NDArray[np.float64],
        mass: NDArray[np.float64],
        expected: NDArray[np.float64],
        threads: int,
    ) -> None: ...
    def score(
        self,
        log_scores: NDArray[np.float32],
        log_sums: NDArray[np.float64],
        contexts: NDArray[np.int32],
        targets: NDArray[np.int32],
        out: NDArray[np.float64],
        threads: int,
    ) -> None: ...

def exchange_classes(
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    count: NDArray[np.int64],
    classes: NDArray[np.int32],
    n_classes: int,
    movable: int,
    sweeps: int,
) -> int: ...
def dot_in_blocks(a: NDArray[np.float64], b: NDArray[np.float64], threads: int) -> float: ...
def lbfgs_direction(
    steps: NDArray[np.floating],
    changes: NDArray[np.floating],
    products: NDArray[np.float64],
    order: NDArray[np.int32],
    direction: NDArray[np.float64],
    threads: int,
) -> None: ...

# ---------------------------------------------------------------- LSTM
class LstmWeights:
    def __init__(self, w_ih: NDArray[np.float32], w_hh: NDArray[np.float32], w_hr: NDArray[np.float32]) -> None: ...
    def holds(self, w_ih: NDArray[np.float32], w_hh: NDArray[np.float32], w_hr: NDArray[np.float32]) -> bool: ...

def lstm_forward(
    directions: list[tuple[Any, ...]],
    begin: NDArray[np.int64],
    cell_clip: float,
    projection_clip: float,
    threads: int,
) -> None: ...
def lstm_backward(
    directions: list[tuple[Any, ...]],
    begin: NDArray[np.int64],
    cell_clip: float,
    projection_clip: float,
    threads: int,
) -> None: ...

# ---------------------------------------------------------------- characters
def char_filters(
    ids: NDArray[np.int32],
    starts: NDArray[np.int32],
    vectors: NDArray[np.float32],
    weights: list[NDArray[np.float32]],
    best: NDArray[np.float32],
    place: NDArray[np.uint16] | None,
    threads: int,
) -> bool: ...
def char_filters_back(
    ids: NDArray[np.int32],
    starts: NDArray[np.int32],
    vectors: NDArray[np.float32],
    weights: list[NDArray[np.float32]],
    d_best: NDArray[np.float32],
    place: NDArray[np.uint16],
    d_vectors: NDArray[np.float32],
    d_weights: list[NDArray[np.float32]],
    threads: int,
) -> None: ...
