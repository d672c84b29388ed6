"""The text classifier: what averages and nets learn, beside scikit-learn's and NumPy's own computations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from torch import nn

from firth import checkpoint as checkpoints
from firth.errors import ConfigError, DataError
from firth.events import Event, Notice
from firth.tasks import classifier_training
from firth.tasks.classifier import MODELS, POOLINGS, Classifier, Trained, train
from firth.tasks.classifier_average import pooled
from firth.tasks.classifier_fit import Block, _Loss, fit
from firth.tasks.classifier_module import ClassifierNet, ClassifierShape
from firth.tasks.ngram_ratios import NgramRatios
from firth.tasks.tagger_module import Inputs, SourceShape
from firth.tasks.word_features import StaticWords
from firth.tasks.word_weights import WordWeights
from firth.vectors.static import Vectors

SMALL: dict[str, Any] = {"hidden": 6, "maps": 6, "widths": (1, 2), "dim": 8, "epochs": 10, "rate": 0.05, "batch": 8}
WORDS = ["fine", "good", "great", "dull", "bad", "poor", "a", "the", "film", "play", "was"]
KINDS = {"good": ("fine", "good", "great"), "bad": ("dull", "bad", "poor")}


def vectors() -> Vectors:
    """Vectors in which good words are near each other, and bad words too."""
    random = np.random.default_rng(1)
    centres = {word: float(kind == "good") * 2 - 1 for kind, some in KINDS.items() for word in some}
    rows = np.array([[centres.get(word, 0.0), *0.3 * random.standard_normal(5)] for word in WORDS])
    return Vectors(WORDS, rows.astype(np.float32))


def texts(n: int, seed: int, unseen: bool = False) -> list[tuple[str, str]]:
    """Sentences with one word of a kind each; the third words of both kinds only where they are to be unseen."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(n):
        kind = str(random.choice(list(KINDS)))
        word = KINDS[kind][2] if unseen else KINDS[kind][int(random.integers(2))]
        filler = [str(w) for w in random.choice(["a", "the", "film", "play", "was"], random.integers(1, 6))]
        found.append((" ".join([*filler, word, *filler[:1]]), kind))
    return found


def fitted(data: Any, representation: Any = (), heldout: Any = None, **options: Any) -> Trained:
    return train(data, Classifier(**{**SMALL, **options}), representation=representation, heldout=heldout, threads=1)


# ------------------------------------------------------------------ what vectors know and labels don't
@pytest.mark.parametrize("kind", MODELS)
def test_words_that_no_label_was_given_for(kind: str) -> None:
    made = fitted(texts(60, 1), vectors(), model=kind, finetune="none", dropout=0.2)
    assert made.model.evaluate(texts(20, 2))["accuracy"] == 1.0
    assert made.model.evaluate(texts(20, 3, unseen=True))["accuracy"] == 1.0
    if kind != "average":
        blind = fitted(texts(60, 1), model=kind).model
        assert blind.evaluate(texts(20, 2))["accuracy"] == 1.0
        filler = [text.replace("great", "poor") for text, _ in texts(20, 3, unseen=True)]
        law = blind.probabilities([text for text, _ in texts(20, 3, unseen=True)])
        assert np.array_equal(law, blind.probabilities(filler))  # all unseen words are one to it


def test_a_class_of_a_word_from_its_vector() -> None:
    pairs = [(word, kind) for kind, some in KINDS.items() for word in some[:2]]
    made = fitted(pairs, vectors(), l2=0.1)
    assert made.model.predict(["great", "poor", "GREAT"]) == ["good", "bad", "good"]


@pytest.mark.parametrize("kind", MODELS)
def test_any_matrix_of_features(kind: str) -> None:
    random = np.random.default_rng(0)
    rows = random.standard_normal((80, 3))
    labels = np.where(rows[:, 1] > 0, "up", "down").tolist()
    made = fitted((rows, labels), model=kind, l2=0.01, dropout=0.0, max_norm=0.0, epochs=15, batch=16)
    assert made.model.evaluate(zip(rows, labels, strict=True))["accuracy"] > 0.95
    several = random.standard_normal((4, 3))
    assert len(made.model.predict([several, rows[0]])) == 2
    with pytest.raises(DataError, match="reads matrices"):
        made.model.predict(["up"])
    with pytest.raises(DataError, match="no matrix of features"):
        made.model.predict([np.zeros(4)])


# ------------------------------------------------------------------ averages
@pytest.mark.parametrize("n_labels", [2, 3])
def test_the_optimum_is_that_of_scikit_learn(n_labels: int) -> None:
    random = np.random.default_rng(n_labels)
    x = random.standard_normal((150, 4))
    gold = (x @ random.standard_normal((4, n_labels)) + random.standard_normal((150, n_labels))).argmax(1)
    found = fit([Block(x, np.ones((4, 1)))], gold.astype(np.int32), n_labels, 0.5)
    # Of two labels scikit-learn weighs one vector, our two are half of it each, with half of the squares in all.
    oracle = LogisticRegression(C=4.0 if n_labels == 2 else 2.0, tol=1e-10, max_iter=5000).fit(x, gold)
    ours = x @ found.weights[0] + found.constant
    law = np.exp(ours - ours.max(1, keepdims=True))
    assert np.allclose(law / law.sum(1, keepdims=True), oracle.predict_proba(x), atol=1e-5)


def test_scales_and_blocks_are_one_set_of_features() -> None:
    random = np.random.default_rng(3)
    x, gold = random.standard_normal((60, 5)), random.integers(0, 3, 60).astype(np.int32)
    scale = random.uniform(0.5, 2, (5, 3))
    apart = fit([Block(x[:, :2], scale[:2]), Block(x[:, 2:], scale[2:])], gold, 3, 1.0)
    whole = fit([Block(x, scale)], gold, 3, 1.0)
    assert np.allclose(np.concatenate(apart.weights), whole.weights[0], atol=1e-5)
    # A scale is a weaker penalty: W' = s W has the penalty W'^2 / s^2.
    one = fit([Block(x, np.full((5, 1), 2.0))], gold, 3, 4.0)
    other = fit([Block(x, np.ones((5, 1)))], gold, 3, 1.0)
    assert np.allclose(one.weights[0], other.weights[0], atol=1e-5)


def test_pooled_vectors_and_weights_of_words() -> None:
    source = StaticWords(vectors())
    words = ["the", "film", "was", "fine"]
    rows = source.arrays([words])[0].astype(np.float64)
    assert np.allclose(pooled([words], [source], "mean-max"), np.concatenate([rows.mean(0), rows.max(0)]))
    docs = [text.split() for text, _ in texts(30, 1)]
    weights = WordWeights.fitted(docs, "idf")
    assert weights is not None
    oracle = TfidfVectorizer(analyzer=lambda text: text).fit(docs)
    expected = [oracle.idf_[oracle.vocabulary_[word]] for word in words]
    assert np.allclose(weights.of(words), expected)
    assert np.allclose(pooled([words], [source], "mean", weights), np.average(rows, axis=0, weights=expected))
    sif = WordWeights.fitted([["a", "a", "a", "pear"]], "sif")
    assert sif is not None
    assert np.allclose(sif.of(["a", "pear", "plum"]), [1e-3 / (1e-3 + 0.75), 1e-3 / (1e-3 + 0.25), 1.0])
    assert pooled([[]], [source], "mean", weights).tolist() == [[0.0] * 6]


def test_ngrams_are_scaled_as_wang_and_manning_do() -> None:
    docs = [["good", "film"], ["not", "good"], ["good"]]
    ngrams, ratios = NgramRatios.fitted(docs, np.array([1, 0, 1], np.int32), 2, 2)
    assert ngrams.names == ["film", "good", "good film", "not", "not good"]
    p, q = np.array([2, 3, 2, 1, 1]), np.array([1, 2, 1, 2, 2])  # texts of label 1 and of label 0 that have it, + 1
    expected = np.log((p / p.sum()) / (q / q.sum()))
    assert np.allclose(ratios, np.stack([-expected, expected], 1))
    negated = [("not good", "bad"), ("not dull", "good"), ("good", "good"), ("dull", "bad")] * 5
    assert fitted(negated, vectors(), ngrams=2, l2=0.1).model.evaluate(negated)["accuracy"] == 1.0
    assert fitted(negated, ngrams=1, l2=0.1).model.evaluate(negated)["accuracy"] == 0.5


def test_the_penalty_is_chosen_by_heldout_texts() -> None:
    noisy = [(text, kind if n % 5 else "bad") for n, (text, kind) in enumerate(texts(80, 1))]
    heard: list[Event] = []
    made = train(noisy, Classifier(ngrams=2), representation=vectors(), heldout=texts(40, 2), listen=heard.append)
    losses = made.heldout[:-1]
    assert made.heldout[-1] == min(loss for loss in losses if loss is not None)
    chosen = made.model.metadata["l2"]
    assert any(isinstance(event, Notice) and f"l2 {chosen:g} has" in event.message for event in heard)
    fixed = train(noisy, Classifier(ngrams=2, l2=chosen), representation=vectors(), heldout=texts(40, 2))
    assert fixed.heldout[0] == pytest.approx(made.heldout[-1], abs=1e-4)
    # N-grams that say nothing: a tenth of the texts sees that, though the ratios of its own n-grams would hide it.
    random = np.random.default_rng(1)
    empty = [(" ".join(map(str, random.integers(0, 500, 8))), str(label)) for label in random.integers(0, 2, 200)]
    assert train(empty, Classifier(ngrams=1)).model.metadata["l2"] >= 100
    alone = train(noisy, Classifier(), representation=vectors())
    assert alone.model.evaluate(texts(40, 2))["accuracy"] > 0.9


# ------------------------------------------------------------------ nets
def net(
    kind: str, pooling: str, layers: int = 0, sources: tuple[SourceShape, ...] = (SourceShape(5),)
) -> ClassifierNet:
    own = {"cnn": {"widths": (2, 3), "maps": 4}, "lstm": {"hidden": 4, "layers": layers or 1}, "contextual": {}}[kind]
    made = ClassifierNet(ClassifierShape(kind, sources, 3, pooling, **own))  # type: ignore[arg-type]
    made.reset(1)
    if made.query is not None:
        nn.init.normal_(made.query)
    return made.eval()


def test_the_cnn_is_that_of_kim() -> None:
    made = net("cnn", "max")
    text = np.random.default_rng(0).standard_normal((4, 5)).astype(np.float32)
    found = made(Inputs([4], [torch.from_numpy(text[:, None])])).detach().numpy()[0]
    maps = []
    for filters, width in zip(made.filters, (2, 3), strict=True):
        weight, bias = filters.weight.detach().numpy(), filters.bias.detach().numpy()
        padded = np.concatenate([np.zeros((width - 1, 5)), text, np.zeros((width - 1, 5))])
        windows = [padded[i : i + width] for i in range(len(padded) - width + 1)]
        answers = np.array(
            [[max(0.0, (w * f.T).sum() + b) for f, b in zip(weight, bias, strict=True)] for w in windows]
        )
        maps.append(answers.max(0))
    expected = np.concatenate(maps) @ made.output.weight.detach().numpy().T + made.output.bias.detach().numpy()
    assert np.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(("kind", "pooling"), [(kind, way) for kind in MODELS[1:] for way in POOLINGS[kind]])
def test_filler_changes_nothing(kind: str, pooling: str) -> None:
    made, random = net(kind, pooling, layers=2), np.random.default_rng(1)
    rows = [random.standard_normal((n, 5)).astype(np.float32) for n in (1, 7, 3)]
    beside = np.full((9, 3, 5), 3.0, np.float32)  # filler that is no zeros, as rows of learnt vectors are
    for column, row in enumerate(rows):
        beside[: len(row), column] = row
    together = made(Inputs([1, 7, 3], [torch.from_numpy(beside[:7])]))
    alone = torch.cat([made(Inputs([len(row)], [torch.from_numpy(row[:, None])])) for row in rows])
    assert torch.allclose(together, alone, atol=1e-6)


def test_pooling_of_the_lstm() -> None:
    """The last states are those behind the last word and before the first; attention with no query is the mean."""
    last, mean, attention = (net("lstm", pooling) for pooling in ("last", "mean", "attention"))
    x = torch.randn(6, 1, 5, generator=torch.Generator().manual_seed(1))
    states = last._read(x, [6])
    assert torch.equal(last._pooled(states, torch.ones(6, 1, dtype=torch.bool)),
                       torch.cat([states[5, :, :4], states[0, :, 4:]], 1))  # fmt: skip
    assert attention.query is not None
    nn.init.zeros_(attention.query)
    attention.output.load_state_dict(mean.output.state_dict())
    for one, other in ((attention.ahead, mean.ahead), (attention.back, mean.back)):
        one.load_state_dict(other.state_dict())
    assert torch.allclose(attention(Inputs([6], [x])), mean(Inputs([6], [x])), atol=1e-6)


def test_rows_of_the_output_are_no_longer_than_max_norm() -> None:
    made = fitted(texts(30, 1), vectors(), model="cnn", max_norm=0.5, rate=0.1)
    net = made.model.scorer.net  # type: ignore[attr-defined]
    norms = net.output.weight.detach().norm(dim=1)
    assert torch.all(norms <= 0.5 + 1e-5)
    free = fitted(texts(30, 1), vectors(), model="cnn", max_norm=0.0, rate=0.1).model.scorer.net  # type: ignore
    assert torch.all(free.output.weight.detach().norm(dim=1) > 0.5)


def test_channels_and_vectors_that_learn() -> None:
    given = vectors()
    both = fitted(texts(30, 1), given, model="cnn", finetune="both").model
    still, learnt = both.sources
    assert still.vectors["fine"].tolist() == given["fine"].tolist() != learnt.vectors["fine"].tolist()  # type: ignore
    assert learnt.vectors["great"].tolist() == given["great"].tolist()  # type: ignore[attr-defined]  # not in training
    tuned = fitted(texts(30, 1), given, model="cnn", finetune="static").model
    assert len(tuned.sources) == 1
    assert tuned.scorer.net.shape.dim == 6 == both.scorer.net.shape.dim // 2  # type: ignore[attr-defined]


class Contexts:
    """Three layers, of which only the second knows the word; the others are noise."""

    dim = 6

    def __init__(self, table: np.ndarray | None = None) -> None:
        self.table = vectors().matrix if table is None else table

    def encode(self, sentences: Iterable[Sequence[str]]) -> list[np.ndarray]:
        return [self.table[[WORDS.index(word) for word in sentence]].reshape(-1, 6) for sentence in sentences]

    def encode_layers(self, sentences: Iterable[Sequence[str]]) -> list[np.ndarray]:
        noise = np.random.default_rng(5)
        return [
            np.stack([noise.standard_normal(rows.shape), rows, noise.standard_normal(rows.shape)]).astype(np.float32)
            for rows in self.encode(sentences)
        ]

    def module(self, *, freeze: bool = True) -> nn.Module:
        assert not freeze
        return TunedContexts(self)


class TunedContexts(nn.Module):
    def __init__(self, contexts: Contexts) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.from_numpy(contexts.table.copy()))

    def forward(self, sentences: Sequence[Sequence[str]]) -> torch.Tensor:
        rows = [self.table[[WORDS.index(word) for word in sentence]] for sentence in sentences]
        return nn.utils.rnn.pad_sequence(rows, batch_first=True)

    def model(self) -> Contexts:
        return Contexts(self.table.detach().numpy())


def test_layers_are_weighed_and_contexts_learn() -> None:
    frozen = fitted(texts(60, 1), Contexts(), model="contextual", finetune="none", dropout=0.0)
    (weights,) = frozen.model.mixes
    assert sum(weights) == pytest.approx(1)
    assert weights[1] == max(weights) > 0.5  # the layer that is no noise
    before = Contexts()
    tuned = fitted(texts(60, 1), before, model="contextual", finetune_scale=1.0)
    assert tuned.model.mixes == []
    learnt = tuned.model.sources[0].representation.table  # type: ignore[attr-defined]
    assert not np.allclose(learnt[WORDS.index("fine")], before.table[WORDS.index("fine")])
    assert np.array_equal(learnt[WORDS.index("great")], before.table[WORDS.index("great")])  # not in training
    assert np.array_equal(before.table, vectors().matrix)


# ------------------------------------------------------------------ runs
def test_the_same_alone_and_among_others() -> None:
    data, asked = texts(40, 1), [text for text, _ in texts(30, 2)] + ["", "zzz", "film " * 10_000]
    for kind in MODELS:
        model = fitted(data, vectors(), model=kind, epochs=2).model
        together = model.probabilities(asked)
        alone = np.concatenate([model.probabilities([text]) for text in asked])
        assert np.allclose(together, alone, atol=1e-6)
        assert np.allclose(together.sum(1), 1)


@pytest.mark.parametrize("kind", MODELS)
def test_the_same_data_and_seed_give_the_same_bytes(kind: str) -> None:
    laws = [fitted(texts(30, 1), vectors(), model=kind, epochs=2).model.probabilities(["fine film"]) for _ in range(2)]
    assert np.array_equal(*laws)


@pytest.mark.parametrize("kind", ["cnn", "lstm"])
def test_an_interrupted_run_goes_on_to_the_same_bytes(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = Classifier(**{**SMALL, "model": kind, "finetune": "static", "epochs": 4})
    args: dict[str, Any] = {"representation": vectors(), "heldout": texts(10, 2), "threads": 1}
    whole = train(texts(30, 1), options, **args)
    steps = 0
    shorten = ClassifierNet.shorten

    def stop(self: ClassifierNet) -> None:
        nonlocal steps
        steps += self.training
        if steps == 9:
            raise KeyboardInterrupt
        shorten(self)

    real = classifier_training.Run
    monkeypatch.setattr(classifier_training, "Run", lambda *given: real(*given, save_seconds=0.0))
    monkeypatch.setattr(ClassifierNet, "shorten", stop)
    with pytest.raises(KeyboardInterrupt):
        train(texts(30, 1), options, checkpoint=tmp_path / "kept", **args)
    assert checkpoints.exists(tmp_path / "kept")
    monkeypatch.setattr(ClassifierNet, "shorten", shorten)
    again = train(texts(30, 1), options, checkpoint=tmp_path / "kept", resume=True, **args)
    assert (again.losses, again.heldout) == (whole.losses, whole.heldout)
    state, other = (made.model.scorer.net.state_dict() for made in (again, whole))  # type: ignore[attr-defined]
    assert all(torch.equal(value, other[name]) for name, value in state.items())
    with pytest.raises(DataError, match="another job"):
        train(texts(31, 1), options, checkpoint=tmp_path / "kept", resume=True, **args)


def test_the_best_parameters_on_heldout_texts_are_kept() -> None:
    wrong = [(text, "bad" if kind == "good" else "good") for text, kind in texts(30, 2)]
    made = fitted(texts(40, 1), vectors(), wrong, model="cnn", rate=0.01)
    assert made.heldout[0] is not None
    assert made.model.evaluate(wrong)["accuracy"] == pytest.approx(1 - min(made.heldout))  # type: ignore[type-var]


def test_a_temperature_makes_probabilities_honest() -> None:
    noisy = [(text, kind if n % 3 else "bad") for n, (text, kind) in enumerate(texts(90, 1))]
    own: dict[str, Any] = {"model": "cnn", "dropout": 0.0, "rate": 0.1, "max_norm": 0.0}
    sure, honest = (fitted(noisy[:45], vectors(), noisy[45:], calibrate=on, **own).model for on in (False, True))
    assert honest.temperature != 1.0 == sure.temperature
    assert np.array_equal(sure.scores(["fine film"]), honest.scores(["fine film"]))
    assert honest.evaluate(noisy[45:])["log_loss"] < sure.evaluate(noisy[45:])["log_loss"]
    average = fitted(noisy[:45], vectors(), noisy[45:], calibrate=True, l2=1000.0).model
    assert average.temperature < 1  # so strong a penalty is too unsure


# ------------------------------------------------------------------ bad input
@pytest.mark.parametrize("kind", MODELS)
def test_empty_texts_and_labels_unseen_in_training_are_told(kind: str) -> None:
    heard: list[Event] = []
    data = [*texts(30, 1), ("", "good"), ("...", "good")]
    made = train(data, Classifier(**{**SMALL, "model": kind}), representation=vectors(),
                 heldout=[*texts(5, 2), ("a play", "odd"), ("", "good")], threads=1, listen=heard.append)  # fmt: skip
    said = [event.message for event in heard if isinstance(event, Notice)]
    assert "2 of 32 training texts have no words" in said
    assert "1 of 7 held-out texts have no words" in said
    assert "1 held-out texts have labels unseen in training: odd" in said
    scores = made.model.evaluate([("fine", "good"), ("", "good"), ("a play", "odd")])
    assert (scores["n"], scores["empty"], scores["unseen"]) == (3, 1, 1)
    assert scores["confusion"][2][2] == 0
    law = made.model.probabilities(["", "!"])
    assert np.array_equal(law[0], law[1])


def test_one_label_alone() -> None:
    for kind in MODELS:
        made = fitted([("fine film", "good"), ("film", "good")], vectors(), model=kind, epochs=1)
        assert made.model.probabilities(["dull"]).tolist() == [[1.0]]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([], "no training texts"),
        ([("fine", None)], "label of text 1 is none"),
        ([("fine", "")], "label of text 1 is empty"),
        ([("fine", "x"), "y"], "cannot read|no such file"),
        ([("fine", "x", 3)], "no pair"),
        ([(3, "x")], "no text"),
        ([("fine", "x"), (np.zeros(3), "y")], "some texts are words and some are matrices"),
        ((np.zeros((3, 2)), ["x"]), "rows and labels differ in number"),
        ([(np.zeros(2), "x"), (np.zeros(3), "y")], "no matrix of features"),
        ([(np.array([np.nan, 1.0]), "x")], "no finite number|not a finite number"),
    ],
)
@pytest.mark.parametrize("kind", ["average", "cnn"])
def test_data_that_is_none(kind: str, data: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        train(data, Classifier(**{**SMALL, "model": kind}), threads=1, representation=())


def test_options_that_do_not_fit() -> None:
    with pytest.raises(ConfigError, match="pooling does not go with the model"):
        Classifier(model="cnn", pooling="last")
    with pytest.raises(ConfigError, match="widths"):
        Classifier(widths=())
    with pytest.raises(ConfigError, match="widths"):
        Classifier(widths=(3, 0))
    with pytest.raises(ConfigError, match="nothing to average"):
        fitted(texts(5, 1))
    with pytest.raises(ConfigError, match="held-out texts"):
        fitted(texts(5, 1), vectors(), calibrate=True)
    with pytest.raises(ConfigError, match="given features"):
        fitted((np.zeros((2, 2)), ["a", "b"]), vectors())
    with pytest.raises(DataError, match="no text has a word"):
        fitted([("...", "a")], model="cnn")


def test_the_gradient_is_that_of_finite_differences() -> None:
    random = np.random.default_rng(4)
    dense, sparse = random.standard_normal((12, 3)), csr_array(random.integers(0, 2, (12, 4)).astype(float))
    blocks = [Block(dense, random.uniform(0.5, 2, (3, 1))), Block(sparse, random.standard_normal((4, 3)))]
    loss = _Loss(blocks, random.integers(0, 3, 12).astype(np.int32), 3, 0.7)
    x = random.standard_normal(7 * 3 + 3)
    _, gradient = loss(x)
    for place in range(len(x)):
        step = np.zeros_like(x)
        step[place] = 1e-6
        assert gradient[place] == pytest.approx((loss(x + step)[0] - loss(x - step)[0]) / 2e-6, abs=1e-7)
