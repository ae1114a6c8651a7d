"""Perturbations of test rows: noise in words, a distracting sentence, other entities. Labels stay true.

What becomes of a row is a function of the perturbation, the task, the language, the row's id and, where something is
taken from other rows, the rows of its split. Nothing is drawn from a state, so the order of rows bears on nothing.
"""
