"""What one step does: recipe -> data -> backbone + head -> training loop -> checkpoint -> metrics.

Nothing here knows the sweep around a step, Ray, or the tracker: `python -m trainables RECIPE.json` carries out
one step in a plain process, and gives the numbers that a cluster would give.
"""
