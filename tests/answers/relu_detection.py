"""Wrong and right answers to the exercises of notebook 02."""

WRONG = {
    "my_relu": [
        ("def my_relu(values): return abs(values)", "the absolute value"),
        ("def my_relu(values): return values.clamp(max=0)", "keep what is below 0; ReLU"),
        ("def my_relu(values): return values[values > 0]", "drop the negative numbers"),
        ("def my_relu(values): return (values > 0).float()", "ReLU keeps the number itself"),
        ("def my_relu(values):\n    values[values < 0] = 0\n    return values", "changes its input 'values'"),
        ("def my_relu(values): return max(0, values)", "raises RuntimeError"),
    ],
    "dead": [
        ("def dead(activations): return (activations.amax(dim=(0, 2, 3)) == 0).float().mean()", "their share"),
        ("def dead(activations): return (activations[0].amax(dim=(1, 2)) == 0).sum()", "first picture only"),
        ("def dead(activations): return (activations.sum(dim=(2, 3)) == 0).any(dim=0).sum()", "0 in some picture"),
        ("def dead(activations): return (activations.sum(dim=(2, 3)) == 0).sum()", "once for each picture"),
        ("def dead(activations): return int((activations == 0).sum())", "count the zeros"),
        ("def dead(activations): return (activations.sum(dim=(0, 2, 3)) > 0).sum()", "maps that live"),
    ],
    "corner": [
        ("corner = (torch.tensor([[-1.0, -1, -1], [-1, 1, 1], [-1, 1, 1]]), -5)", "silent everywhere"),
        ("corner = (torch.tensor([[-1.0, -1, -1], [-1, 1, 1], [-1, 1, 1]]), 1)", "where all is black"),
        ("corner = (torch.ones(3, 3), -3.0)", "inside the square"),
        ("corner = (torch.tensor([[-1.0, -1, -1], [-1, 1, 1], [-1, 1, 1]]), -1.0)", "The bias must be lower"),
        ("corner = (torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]), 0)", "finds an edge, not a corner"),
        (
            "corner = (torch.tensor([[-1.0, -1, -1], [1, 1, -1], [1, 1, -1]]), -3)",
            "most strongly at the upper right corner",
        ),
        ("corner = (torch.tensor([[-1.0, 0, -1], [0, 4, 0], [-1, 0, -1]]), -2.5)", "just as strongly"),
        ("corner = (torch.zeros(2, 2), 0)", "has shape (2, 2); shape (3, 3) is wanted"),
        ("corner = (torch.zeros(3, 3), 'low')", "Your bias is the text 'low'"),
        ("corner = torch.zeros(3, 3)", "A pair (kernel, bias) is wanted"),
    ],
}
