"""Wrong and right answers to the exercises of notebook 04."""


def _size(expression):
    return f"def output_size(n, f, stride, padding):\n    return {expression}"


WRONG = {
    "output_size": [
        (_size("(n - f) // stride + 1"), "forgot the padding."),
        (_size("(n + padding - f) // stride + 1"), "counted the padding once"),
        (_size("(n + 2 * padding - f) // stride"), "the first stop needs no step"),
        (_size("-(-(n + 2 * padding - f) // stride) + 1"), "You round up"),
        (_size("(n + 2 * padding - f) / stride + 1"), "a part of a step is no stop"),
        (_size("float((n + 2 * padding - f) // stride + 1)"), "returns 3.0: rows are whole"),
        (_size("n + 2 * padding - f + 1"), "forgot the stride:"),
        (_size("n - f + 1"), "forgot the stride and the padding"),
        (_size("(n + 2 * padding - f + 1) // stride"), "after the division, not before"),
        (_size("(n + 2 * padding - f - 1) // stride + 1"), "1 too much away"),
        (_size("n // stride"), "the stride alone"),
        (_size("n"), "For n = 7, f = 3, stride = 1, padding = 0 your function's result is 7; right is 5"),
    ],
    "in_features": [
        ("in_features = 49", "forgot the channels"),
        ("in_features = 16 * 49", "32 kernels make 32"),
        ("in_features = 7200", "forgot the pooling"),
        ("in_features = 1152", "forget the padding of the first convolution"),
        ("in_features = 1800", "forgot the floor"),
        ("in_features = 2048", "does not just halve"),
        ("in_features = 6272", "forgot the stride"),
        ("in_features = 15680", "number of weights"),
        ("in_features = (32, 7, 7)", "wanted is a number"),
        ("in_features = 5", "5 is not the number"),
    ],
    "layers": [
        ("layers = [(3, 2, 1)] * 3", "Layer 1, (3, 2, 1), makes 32 of 64, but drops 1 row: 64 + 2·1 − 3 = 63"),
        ("layers = [(3, 3, 1), (7, 4, 0)]", "Layer 2, (7, 4, 0), makes 4 of 22, but drops 3 rows"),
        ("layers = [(3, 3, 1)]", "the way is 64 → 22: it must end at 8"),
        ("layers = []", "the way is 64: it must end at 8"),
        ("layers = [(7, 1, 0)] * 5", "5 layers; at most 4"),
        ("layers = [(2, 2, 0)] * 3", "Layer 1, (2, 2, 0), has an even kernel"),
        ("layers = [(7, 7, 3), (13, 1, 0)]", "reaches over 13 pixels"),
        ("layers = [(57, 1, 0)]", "larger than 7"),
        ("layers = [(1, 9, 0)]", "skips pixels"),
        ("layers = [(3, 0, 1)]", "stride must be a whole number, 1 or more; got 0"),
        ("layers = [3, 3]", "Layer 1 is 3; each layer must be three whole numbers"),
        ("layers = (3, 3, 1)", "one layer, not a list of layers"),
        ("layers = [(3, 3.0, 1)]", "Layer 1 is (3, 3.0, 1)"),
        ("layers = 8", "A list of triples is wanted"),
    ],
}
