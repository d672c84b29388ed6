"""Scores of vectors on published sets: word similarity and analogies."""

from firth.evaluate.analogy import AnalogyScore, SectionScore, analogies
from firth.evaluate.similarity import SimilarityScore, similarity

__all__ = ["AnalogyScore", "SectionScore", "SimilarityScore", "analogies", "similarity"]
