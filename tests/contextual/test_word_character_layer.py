"""The token layer of words and characters against one projection of both, side by side."""

from __future__ import annotations

import torch

from firth.contextual.bilm import BiLM
from firth.contextual.shape import CharacterShape, Shape
from firth.contextual.spelling import Spelling
from firth.contextual.word_character_layer import WordCharacterLayer
from firth.contextual.word_spelling import WordSpelling
from firth.contextual.word_table import WordTable


def made() -> tuple[WordCharacterLayer, WordSpelling]:
    reader = WordSpelling.of(WordTable(["ab", "ba"]), Spelling.codepoints("ab", 7))
    shape = Shape(CharacterShape(reader.n_ids, 3, ((1, 4), (2, 5)), 1, "relu", 7), 6, 4, words=5, word_dim=2)
    net = BiLM(shape, pad=reader.marks.pad)
    net.reset(torch.Generator().manual_seed(3))
    layer = net.tokens
    assert isinstance(layer, WordCharacterLayer)
    return layer, reader


def test_two_projections_added_up_are_one_of_both_vectors_side_by_side() -> None:
    layer, reader = made()
    rows = torch.from_numpy(reader.rows(["ab", "xyz", "ba", "abab"])).long()
    with torch.no_grad():
        found = layer(rows)
        both = torch.cat([layer.words.projection.weight, layer.projection.weight], 1)
        bias = layer.words.projection.bias + layer.projection.bias
        # What the characters give, before their projection: that of a layer whose projection leaves all as it is.
        layer.projection.weight = torch.nn.Parameter(torch.eye(9))
        layer.projection.bias = torch.nn.Parameter(torch.zeros(9))
        characters = super(WordCharacterLayer, layer).forward(rows[:, 1:])
        words = layer.words.embedding[rows[:, 0]]
        wanted = torch.cat([words, characters], 1) @ both.t() + bias
    torch.testing.assert_close(found, wanted)


def test_an_unknown_word_has_its_spelling_and_the_unknown_words_vector() -> None:
    layer, reader = made()
    rows = torch.from_numpy(reader.rows(["abab", "ba"])).long()
    assert rows[:, 0].tolist() == [0, 4]
    with torch.no_grad():
        whole, alone = layer(rows), layer(rows[:, 1:])
    assert torch.equal(whole[0], alone[0])
    assert not torch.allclose(whole[1], alone[1])
