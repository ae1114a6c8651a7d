"""Bitext mining without training: which sentences of two texts are translations of each other."""
