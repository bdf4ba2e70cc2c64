"""The exercises and questions of each notebook, in a module named like it.

exercises.pooling.head_parameters.check(answer)      # then .hint() as often as you like, and .solution()
exercises.ask(*exercises.pooling.QUESTIONS)       # questions with a button for each choice
"""

from helpers.exercises import (
    broken_cnn_clinic,
    cifar10,
    convolution,
    data_augmentation,
    dropout,
    fashion_mnist,
    hyperparameters,
    looking_inside,
    outgrowing_one_machine,
    pooling,
    relu_detection,
    start_here,
    stride_and_padding,
    translation_invariance,
    your_own_pictures,
)
from helpers.exercises.grading import Exercise
from helpers.exercises.questions import ask

NOTEBOOKS = (
    start_here, convolution, relu_detection, pooling, stride_and_padding, translation_invariance, data_augmentation,
    hyperparameters, dropout, fashion_mnist, cifar10, looking_inside, broken_cnn_clinic,
    outgrowing_one_machine, your_own_pictures,
)  # fmt: skip

__all__ = ["NOTEBOOKS", "Exercise", "ask", *(module.__name__.split(".")[-1] for module in NOTEBOOKS)]
