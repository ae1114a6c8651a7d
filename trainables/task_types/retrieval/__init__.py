"""Sentence retrieval without training: the nearest neighbour among the sentences of the other side."""
