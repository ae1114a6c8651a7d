"""The kinds of steps that a sweep is made of."""
