"""Wrong and right answers to the exercises of notebook 02."""

KERNEL = "torch.tensor([[-1.0, -1, -1], [-1, 1, 1], [-1, 1, 1]])"

WRONG = {
    "my_relu": [
        ("def my_relu(values): return abs(values)", "the absolute value"),
        ("def my_relu(values): return values.clamp(max=0)", "keep what is below 0; ReLU"),
        ("def my_relu(values): return values[values > 0]", "drop the negative numbers"),
        ("def my_relu(values): return (values > 0).float()", "ReLU keeps the number itself"),
        ("def my_relu(values): return values > 0", "holds True and False; numbers are wanted"),
        ("def my_relu(values):\n    values[values < 0] = 0\n    return values", "changes its input 'values'"),
        ("def my_relu(values): return max(0, values)", "raises RuntimeError"),
        ("def my_relu(values): return torch.max(values, 0)", "what torch.max gives along an axis, a tuple (values, indices)"),
        ("def my_relu(values): return F.relu(values)", "your function leaves the work to `relu`"),
        ("def my_relu(values): return F.relu6(values)", "at index [2] is 6; right is 400"),
        ("def my_relu(values): return values.clamp(min=0).sum()", "a single number; a tensor of shape (2, 2) is wanted"),
        ("def my_relu(values): return values.clamp(min=0).flatten()", "has shape (4,); shape (2, 2) is wanted"),
    ],
    "dead": [
        ("def dead(activations): return (activations.amax(dim=(0, 2, 3)) == 0).float().mean()", "their share"),
        ("def dead(activations): return (activations[0].amax(dim=(1, 2)) == 0).sum()", "first image only"),
        ("def dead(activations): return (activations.sum(dim=(2, 3)) == 0).any(dim=0).sum()", "0 in some image"),
        ("def dead(activations): return (activations.sum(dim=(2, 3)) == 0).sum()", "once for each image"),
        ("def dead(activations): return int((activations == 0).sum())", "count the zeros"),
        ("def dead(activations): return (activations.sum(dim=(0, 2, 3)) > 0).sum()", "maps that live"),
        ("def dead(activations): return (activations.amax(dim=(0, 2, 3)) <= 0.01).sum()", "almost 0 lives"),
        ("def dead(activations): return (activations.mean(dim=(0, 2, 3)) < 0.0001).sum()", "almost 0 lives"),
        ("def dead(activations): return (activations.std(dim=(0, 2, 3)) == 0).sum()", "1 everywhere lives"),
        ("def dead(activations): return (activations.amin(dim=(0, 2, 3)) == 0).sum()", "hold a 0 somewhere"),
        ("def dead(activations): return (activations.amax(dim=(1, 2, 3)) == 0).sum()", "You count images"),
        ("def dead(activations):\n    n = 0\n    for m in range(activations.shape[1]):\n"
         "        if activations[:, m] == 0:\n            n += 1\n    return n", "raises RuntimeError in line 4"),
        ("def dead(activations): return activations.amax(dim=(0, 2, 3)) == 0",
         "a tensor of True and False of shape (3,); a single number is wanted"),
    ],
    "corner": [
        (f"corner = ({KERNEL}, -5)", "silent everywhere"),
        (f"corner = ({KERNEL}, 1)", "where all is black"),
        ("corner = (torch.ones(3, 3), -3.0)", "inside the square"),
        (f"corner = ({KERNEL}, -1.0)", "The bias must be lower"),
        ("corner = (torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]), 0)", "finds an edge, not a corner"),
        ("corner = (torch.tensor([[-1.0, -1, -1], [1, 1, -1], [1, 1, -1]]), -3)",
         "most strongly at the upper right corner"),
        ("corner = (torch.tensor([[-1.0, 0, -1], [0, 4, 0], [-1, 0, -1]]), -2.5)", "just as strongly"),
        ("corner = (torch.zeros(2, 2), 0)", "has shape (2, 2); shape (3, 3) is wanted"),
        ("corner = (torch.zeros(3, 3), 'low')", "Your bias is the text 'low'; a single number is wanted"),
        (f"corner = ({KERNEL}, float('nan'))", "Your bias is NaN, which is not a finite number"),
        ("corner = (torch.full((3, 3), torch.inf), -3)", "Your kernel at index [0, 0] is infinity"),
        (f"corner = ({KERNEL}, -3 + 0j)", "Your bias is the complex number"),
        ("corner = torch.zeros(3, 3)", "A pair (kernel, bias) is wanted"),
    ],
}  # fmt: skip

RIGHT = {
    "my_relu": [
        "def my_relu(values): return torch.where(values > 0, values, 0)",
        "def my_relu(values): return values.clamp(min=0)",
        "def my_relu(values): return torch.maximum(values, torch.zeros(1))",
        "def my_relu(values):\n    result = values.clone()\n    result[result < 0] = 0\n    return result",
        "def my_relu(values): return (values + values.abs()) / 2",
        "import numpy as np\ndef my_relu(values): return np.maximum(values.numpy(), 0)",
        "def my_relu(values):\n    if values.ndim:\n        return [my_relu(part) for part in values]\n"
        "    return max(0, values)",
        "my_relu = lambda values: F.threshold(values, 0, 0)",
    ],
    "dead": [
        "def dead(activations): return (activations.sum(dim=(0, 2, 3)) == 0).sum()",
        "def dead(activations): return (activations == 0).all(dim=3).all(dim=2).all(dim=0).sum().item()",
        "def dead(activations): return sum(not activations[:, m].any() for m in range(activations.shape[1]))",
        "def dead(activations):\n    count = 0\n    for m in range(activations.shape[1]):\n"
        "        if activations[:, m].max() == 0:\n            count += 1\n    return count",
        "import numpy as np\ndef dead(activations): return np.sum(np.max(activations.numpy(), axis=(0, 2, 3)) == 0)",
        "def dead(activations): return activations.shape[1] - torch.count_nonzero(activations.amax(dim=(0, 2, 3)))",
        "def dead(activations): return (activations.amax(dim=(0, 2, 3)) == 0).float().sum(dim=0, keepdim=True)",
    ],
    "corner": [
        f"corner = ({KERNEL}, -2)",
        f"corner = [{KERNEL}.tolist(), torch.tensor([-3.0])]",
        f"import numpy as np\ncorner = (np.array({KERNEL}), np.float32(-3.5))",
        "corner = (torch.tensor([[-1, -1, 0], [-1, 1, 1], [0, 1, 0]]), torch.tensor(-2.5, requires_grad=True))",
        "corner = ([torch.tensor([-2.0, -2, -2]), torch.tensor([-2.0, 2, 2]), torch.tensor([-2.0, 2, 2])], -6)",
    ],
}  # fmt: skip
