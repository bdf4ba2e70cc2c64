"""Train a CNN and measure it: `fit`, `evaluate`, `predict`, `normalise`, `History`.

The rooms behind this face: `loop` (fit and its history), `settings` (what is checked before it begins), `evaluation`,
`machine` (what the hardware can do), `optimizers`, `checkpoints`, `identity` (what makes a run this run and no other),
`parallel` (several processes), `recipes` (the ladders).  From a terminal:
`python -m helpers.train --help`.
"""

from helpers.train.evaluation import Evaluation, evaluate, normalise, predict
from helpers.train.loop import History, fit

__all__ = ["Evaluation", "History", "evaluate", "fit", "normalise", "predict"]
