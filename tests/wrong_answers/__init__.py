"""Typical wrong answers to every exercise, in a module named like the notebook's, and what must be said of each.

WRONG: name of the exercise → list of (code of an answer, as a learner would write it; words that the
diagnosis must hold). The code sets the name that the exercise's solution sets.
"""
