"""``firth train MODEL``: one command per model, made from its config when it is called.

To add a model, add a line to :data:`MODELS`: the config class, whose module has ``train``, and one line of help.
"""

from __future__ import annotations

from typing import Any

from cyclopts import App

__all__ = ["MODELS", "app"]

MODELS = {
    "cooc": ("firth.static.cooccurrence:Cooc", "Counts of which words stand near which, for PPMI, SVD and GloVe."),
    "ppmi": ("firth.static.ppmi:PPMI", "Positive pointwise mutual information (Levy, Goldberg and Dagan 2015)."),
    "svd": ("firth.static.svd:SVD", "Word vectors by truncated SVD of PPMI or of log counts (LSA)."),
    "word2vec": ("firth.static.word2vec:Word2Vec", "Word vectors by skip-gram or CBOW (Mikolov et al. 2013)."),
    "fasttext": ("firth.static.fasttext:FastText", "Word vectors with character n-grams (Bojanowski et al. 2017)."),
    "glove": ("firth.static.glove:GloVe", "Word vectors from co-occurrence counts (Pennington et al. 2014)."),
    "ngram": ("firth.lm.ngram:NGram", "N-gram language model, modified Kneser-Ney (Chen and Goodman 1999)."),
    "maxent": ("firth.lm.maxent:MaxEnt", "A maximum entropy language model with word classes (Rosenfeld 1996)."),
    "nnlm": ("firth.lm.nnlm:NNLM", "Neural language model on the words before (Bengio et al. 2003)."),
    "rnn": ("firth.lm.rnn:RNN", "Recurrent language model: Elman, GRU, LSTM, AWD-LSTM (Merity et al. 2018)."),
    "transformer": ("firth.lm.transformer:Transformer", "Causal Transformer as a language model (Vaswani 2017)."),
    "elmo": ("firth.contextual.elmo:Elmo", "Words in context by a language model of both directions (Peters 2018)."),
    "bert": ("firth.contextual.bert:BERT", "Words in context by guessing masked ones (Devlin et al. 2019)."),
}

app = App(name="train", help="Train a model on texts or a corpus.")
for _place, (_model, (_, _help)) in enumerate(MODELS.items()):
    app.command(f"firth.cli.train:{_model}", name=_model, help=_help, sort_key=_place)


def __getattr__(name: str) -> Any:
    if name in MODELS:
        from firth.cli.training import command_for

        return command_for(name, MODELS[name][0])
    raise AttributeError(f"module 'firth.cli.train' has no attribute {name!r}")
