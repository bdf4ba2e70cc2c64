"""Wrong and right answers to the exercises of notebook 09."""

WRONG = {
    "accuracy_of": [
        ("def accuracy_of(matrix): return (matrix.diagonal() / matrix.sum(dim=1)).mean()", "mean of the classes"),
        ("def accuracy_of(matrix): return matrix.diagonal().sum() / len(matrix)", "number of classes"),
        ("def accuracy_of(matrix): return matrix.diagonal().sum()", "count the right answers"),
        ("def accuracy_of(matrix): return matrix.diagonal() / matrix.sum(dim=1)", "one share a class"),
    ],
    "report": [
        ("def report(valid, test): return max(test)", "used the test set to choose"),
        ("def report(valid, test): return max(valid)", "validation accuracy by which you chose"),
        ("def report(valid, test): return test.mean()", "mean of all runs"),
        ("def report(valid, test): return int(valid.argmax())", "which run you chose"),
    ],
    "rates": [
        ("rates = {0.01: 0.8}", "try four at least"),
        ("rates = {0.01: 0.8, 0.02: 0.82, 0.03: 0.81, 0.04: 0.8}", "narrow range"),
        ("rates = {0.001: 0.5, 0.01: 0.6, 0.1: 0.7, 1.0: 0.8}", "stands at the edge"),
        ("rates = {0.001: 50, 0.01: 60, 0.1: 70, 1.0: 60}", "in per cent?"),
        ("rates = [0.5, 0.6]", "A dict"),
    ],
}
