"""Wrong and right answers to the exercises of notebook 09."""

WRONG = {
    "accuracy_of": [
        ("def accuracy_of(matrix): return (matrix.diagonal() / matrix.sum(dim=1)).mean()", "mean of the classes"),
        ("def accuracy_of(matrix): return (matrix.diagonal() / matrix.sum(dim=0)).mean()", "mean over the answers'"),
        ("def accuracy_of(matrix): return matrix.diagonal().sum() / len(matrix)", "number of classes"),
        ("def accuracy_of(matrix): return matrix.diagonal().sum() / matrix.numel()", "the matrix's cells"),
        ("def accuracy_of(matrix): return matrix.diagonal().sum()", "count the right answers"),
        ("def accuracy_of(matrix): return matrix.diagonal() / matrix.sum(dim=1)", "one share a class"),
        ("def accuracy_of(matrix): return matrix.diagonal() / matrix.sum(dim=0)", "one share for each answer"),
        ("def accuracy_of(matrix): return 1 - matrix.trace() / matrix.sum()", "share of mistakes"),
        ("def accuracy_of(matrix): return 100 * matrix.trace() / matrix.sum()", "in per cent"),
        ("def accuracy_of(matrix): return matrix.trace() // matrix.sum()", "You drop the fraction"),
        ("def accuracy_of(matrix): return matrix.fliplr().trace() / matrix.sum()", "the other diagonal"),
        (
            "def accuracy_of(matrix):\n    right = matrix.trace()\n    return right / (matrix.sum() - right)",
            "You divide by the mistakes",
        ),
        ("def accuracy_of(matrix): return f'{matrix.trace() / matrix.sum():.2f}'", "a single number is wanted"),
    ],
    "report": [
        ("def report(valid, test): return max(test)", "used the test set to choose"),
        ("def report(valid, test): return max(valid)", "validation accuracy by which you chose"),
        ("def report(valid, test): return sum(test) / len(test)", "mean of all runs"),
        ("def report(valid, test): return int(valid.argmax())", "which run you chose; report its"),
        ("def report(valid, test): return valid[test.argmax()]", "You chose by the test set"),
        ("def report(valid, test): return int(valid.argmax()), test[valid.argmax()]", "report the accuracy alone"),
        ("def report(valid, test): return max(zip(valid, test))", "Those are two numbers"),
        ("def report(valid, test): return test[-1]", "the last run, whatever"),
        ("def report(valid, test): return min(test)", "modest, but still chosen"),
        ("def report(valid, test): return (max(valid) + test[valid.argmax()]) / 2", "mix in the validation accuracy"),
        ("def report(valid, test):\n    valid.sort()\n    return test[valid.index(max(valid))]", "its input 'valid'"),
        ("def report(valid, test): return tested[valid.argmax()]", "NameError"),
    ],
    "rates": [
        ("rates = {0.01: 0.8}", "try four at least"),
        ("rates = {0.01: 0.8, 0.02: 0.82, 0.03: 0.81, 0.04: 0.8}", "narrow range"),
        ("rates = {-0.01: 0.1, 0.01: 0.6, 0.1: 0.7, 1.0: 0.6}", "greater than 0; one of yours is -0.01"),
        ("rates = {0: 0.1, 0.01: 0.6, 0.1: 0.7, 1.0: 0.6}", "greater than 0; one of yours is 0."),
        ("rates = {0.001: 0.5, 0.01: 0.6, 0.1: 0.7, 1.0: 0.8}", "stands at the edge"),
        ("rates = {0.001: 0.7, 0.01: 0.6, 0.1: 0.7, 1.0: 0.6}", "lr=0.001, stands at the edge"),
        ("rates = {0.02: 0.6, 0.002: 0.6, 0.2: 0.6, 2.0: 0.6}", "lr=0.002, stands at the edge"),
        ("rates = {0.001: 0.5, 0.01: 0.8, 0.1: 0.8, 1.0: 0.6}", "are equally good"),
        ("rates = {0.001: 0.1, 0.01: 0.11, 0.1: 0.09, 1.0: 0.1}", "none of these networks has learned"),
        ("rates = {0.001: 50, 0.01: 60, 0.1: 70, 1.0: 60}", "in per cent?"),
        ("rates = {0.001: 0.5, 0.01: 0.8, 0.1: 0.7, 1.0: float('nan')}", "only guesses, so note 0.1"),
        ("rates = {0.001: [0.5], 0.01: [0.8], 0.1: [0.7], 1.0: [0.1]}", "history.valid_accuracy[-1]"),
        ("rates = {'0.001': 0.5, '0.01': 0.8, '0.1': 0.7, '1.0': 0.1}", "one of yours is the text '0.001'"),
        ("rates = [0.5, 0.6]", "A dict"),
    ],
}

RIGHT = {
    "accuracy_of": [
        "def accuracy_of(matrix): return float(matrix.trace() / matrix.sum())",
        "def accuracy_of(matrix):\n    right = 0\n    for c in range(len(matrix)):\n        right += matrix[c, c]\n"
        "    return right / matrix.sum()",
        "def accuracy_of(matrix):\n    import numpy as np\n    m = matrix.numpy()\n    return np.trace(m) / np.sum(m)",
        "def accuracy_of(matrix):\n    rows = matrix.tolist()\n    right = sum(rows[c][c] for c in range(len(rows)))\n"
        "    return round(right / sum(map(sum, rows)), 4)",
        "def accuracy_of(matrix): return (matrix * torch.eye(len(matrix))).sum() / matrix.sum()",
        "def accuracy_of(matrix): return torch.diag(matrix).sum().item() / matrix.sum().item()",
    ],
    "report": [
        "def report(valid, test): return test[valid.index(max(valid))]",
        "def report(valid, test): return test[torch.argmax(valid)].item()",
        "def report(valid, test):\n    import numpy as np\n    return test[np.argmax(valid)]",
        "def report(valid, test): return max(zip(valid, test))[1]",
        "def report(valid, test):\n    best = 0\n    for run in range(len(valid)):\n"
        "        if valid[run] > valid[best]:\n            best = run\n    return test[best]",
        "def report(valid, test): return test[valid == valid.max()]",
        "def report(valid, test):\n    import numpy as np\n    return test[np.flatnonzero(valid == valid.max())[0]]",
        "def report(valid, test): return dict(zip(valid, test))[max(valid)]",
        "def report(valid, test): return round(float(test[valid.argmax()]), 2)",
    ],
    "rates": [
        "rates = {0.001: 0.65, 0.01: 0.83, 0.1: 0.71, 1.0: 0.1}",
        "rates = {0.007: 0.6, 0.05: 0.8, 0.1: 0.75, 0.7: 0.2}",
        "rates = {1: 0.1, 0.1: 0.7, 0.01: 0.8, 0.001: 0.6, 0.0001: 0.3}",
        "import numpy as np\nrates = {lr: np.float32(1 - abs(lr - 0.01)) for lr in np.logspace(-4, 0, 5)}",
        "rates = {torch.tensor(lr): torch.tensor(share) for lr, share in [(0.01, 0.8), (0.1, 0.7), (2, 0.1), (1e-4, 0.3)]}",
        "rates = {0.001: 0.8, 0.01: 0.7, 0.1: 0.8, 1.0: 0.1, 0.0001: 0.3}",
    ],
}
