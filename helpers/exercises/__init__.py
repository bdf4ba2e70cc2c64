"""The exercises and questions of each notebook, in a module named like it.

exercises.pooling.head_parameters.check(answer)      # then .hint() as often as you like, and .solution()
exercises.ask(*exercises.pooling.QUESTIONS)       # questions with a button for each choice
"""

from helpers.exercises import (
    cifar10,
    convolution,
    data_augmentation,
    dropout,
    fashion_mnist,
    hyperparameters,
    outgrowing_one_machine,
    pooling,
    relu_detection,
    start_here,
    stride_and_padding,
    translation_invariance,
)
from helpers.exercises.grading import Exercise
from helpers.exercises.questions import ask

NOTEBOOKS = (
    start_here, convolution, relu_detection, pooling, stride_and_padding, translation_invariance, data_augmentation,
    hyperparameters, dropout, fashion_mnist, cifar10, outgrowing_one_machine,
)  # fmt: skip

__all__ = ["NOTEBOOKS", "Exercise", "ask", *(module.__name__.split(".")[-1] for module in NOTEBOOKS)]
