"""Typical wrong answers and differently written right ones to every exercise, in a module named like the notebook's.

WRONG: name of the exercise → list of (code of an answer, as a learner would write it; words that the
diagnosis must hold), six at least.  RIGHT: name of the exercise → list of codes, each of which must be
accepted, four at least.  The code sets the name that the exercise's solution sets.
"""
