"""Wrong and right answers to the exercises of notebook 07."""


def costs(result, weights="filters * depth * size**2"):
    return (
        f"import numpy as np\ndef costs(filters, depth, size, rows, columns):\n    w = {weights}\n    return {result}"
    )


def how_many(result):
    return f"import math\nimport numpy as np\ndef how_many(size, wanted):\n    return {result}"


ENDING = "nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10)"


def network(*layers, end=ENDING):
    return f"network = nn.Sequential({', '.join(layers)}, {end})"


def own_class(build, forward):
    """Code for a network that is a class with a method of its own."""
    lines = ["class Net(nn.Module):", "    def __init__(self):", "        super().__init__()"]
    lines += [f"        {line}" for line in build] + ["    def forward(self, x):"]
    return "\n".join([*lines, *(f"        {line}" for line in forward), "network = Net()"])


SMALL = ("nn.Conv2d(3, 8, 5, 2, 2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU()",
         "nn.Conv2d(16, 16, 3, padding=1), nn.ReLU()")  # fmt: skip
PARTS = ["self.one = nn.Conv2d(3, 8, 5, 2, 2)", "self.two = nn.Conv2d(8, 16, 3, padding=1)",
         "self.three = nn.Conv2d(16, 16, 3, padding=1)", "self.head = nn.Linear(16, 10)"]  # fmt: skip
BASE = ["x = F.max_pool2d(F.relu(self.one(x)), 2)", "x = F.relu(self.three(F.relu(self.two(x))))"]
MEAN = [*BASE, "return self.head(x.mean(dim=(2, 3)))"]

WRONG = {
    "costs": [
        (costs("w, w * rows * columns"), "forgot the biases"),
        (costs("w + 1, w * rows * columns"), "Every filter has a bias of its own"),
        (costs("w + depth, w * rows * columns"), "one bias, whatever its depth"),
        (costs("w + filters, w * rows * columns", "filters * size**2"), "forgot the depth"),
        (costs("w + 1, w * rows * columns", "depth * size**2"), "one filter alone"),
        (costs("w + filters, w * rows * columns", "filters * depth * size"), "A kernel is square"),
        (costs("w + filters, w"), "those of one stop"),
        (costs("w + filters, w * rows"), "you count one column"),
        (costs("w + filters, w * (rows + columns)"), "rows times columns numbers."),
        (costs("w + filters, (w + filters) * rows * columns"), "biases as products"),
        (costs("w + filters, 2 * w * rows * columns"), "a multiply-add is both together"),
        (costs("w + filters, w * rows * columns * depth"), "The depth counts once"),
        (costs("w + filters, w // filters * rows * columns"), "those of one filter"),
        (costs("w * rows * columns, w + filters"), "the wrong way round"),
        (costs("w + filters"), "2 numbers are wanted"),
        (costs("w + filters, w * rows * columns, 0"), "has 3 numbers; 2 numbers are wanted"),
        (costs("w + filters + 0.5, w * rows * columns"), "is 20.5, which is not a whole number"),
        (costs("w + filters, str(w * rows * columns)"), "at index 1 is the text '360'"),
        (costs("print(w + filters, w * rows * columns)"), "prints, but returns nothing"),
    ],
    "how_many": [
        (how_many("-(-wanted // size)"), "they overlap"),
        (how_many("(wanted - 1) // (size - 1)"), "You round down"),
        (how_many("(wanted - 1) / (size - 1)"), "Layers are whole"),
        (how_many("round((wanted - 1) / (size - 1))"), "You round to the nearest"),
        (how_many("-(-(wanted - size) // (size - 1))"), "forgot the first layer"),
        (how_many("math.ceil(wanted / (size - 1))"), "a layer too many: before the first layer a number sees 1 pixel already"),
        (how_many("math.ceil(math.log(wanted) / math.log(size))"), "You multiply the sizes"),
        (how_many("wanted - size + 1"), "You take one pixel for each further layer"),
        (how_many("1 + (wanted - 1) * (size - 1)"), "what so many layers would see"),
        (how_many("math.ceil((wanted - 1) / (size - 1)) + 0.5"), "is 2.5, which is not a whole number"),
        (how_many("[math.ceil((wanted - 1) / (size - 1))]"), "is a list of 1 number; a single number is wanted"),
        (how_many("math.ceil(wanted / 2)"), "For size = 3, wanted = 5 your function's result is 3; right is 2"),
    ],
    "network": [
        (network("nn.Conv2d(3, 16, 3, padding=1), nn.ReLU()"), "sees 3×3 pixels"),
        (network("nn.Conv2d(3, 8, (21, 1)), nn.ReLU(), nn.Conv2d(8, 16, (3, 1))"), "sees 23×1 pixels"),
        (network("nn.Conv2d(3, 16, 21, 4), nn.ReLU()"), "at most 10,000 parameters are allowed"),
        (network("nn.Conv2d(3, 8, 11), nn.ReLU(), nn.Conv2d(8, 16, 11, 2), nn.ReLU()"), "21×21: at most 10,000 parameters"),
        (network("nn.Conv2d(3, 4, 11), nn.ReLU(), nn.Conv2d(4, 16, 11), nn.ReLU()"), "at most 1,000,000 multiply-adds are allowed"),
        (network("nn.Conv2d(3, 8, 3, 2), nn.AvgPool2d(2), nn.Conv2d(8, 8, 3), nn.Conv2d(8, 16, 3)"), "no ReLU or max pooling"),
        (network("nn.Conv2d(3, 16, 5, 4, 2), nn.Conv2d(16, 16, 5, padding=2)", end=f"{ENDING}, nn.Softmax(1)"), "Those are probabilities"),
        (network(*SMALL, end=f"{ENDING}, nn.ReLU()"), "A ReLU or the like keeps your scores"),
        (network(*SMALL, end="nn.AdaptiveAvgPool2d(1), nn.Linear(16, 10)"), "nn.Flatten()"),
        (network(*SMALL, end="nn.AdaptiveAvgPool2d(1), nn.Linear(1, 10)"), "Is nn.Flatten() missing"),
        (network(*SMALL, end="nn.Flatten(), nn.Linear(16, 10)"), "write nn.Linear(1024, 10)"),
        (network(*SMALL, end="nn.Flatten(), nn.Linear(1024, 10)"), "Layer 8 (Linear) has 10,250 parameters"),
        (network(*SMALL, end="nn.AdaptiveAvgPool2d(1), nn.Flatten()"), "a tensor of shape (2, 16); shape (2, 10) is wanted"),
        (network("nn.Conv2d(1, 8, 5, 2), nn.ReLU(), nn.Conv2d(8, 16, 5)"), "layer 0 (Conv2d) takes 1 channel"),
        ("network = nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))", "no convolution before the layers that see everything"),
        (own_class([*PARTS, "self.more = nn.Parameter(torch.zeros(120_000))"], MEAN), "Net itself, outside its layers, has 120,000 parameters"),
        (own_class([*PARTS, "self.register_buffer('more', torch.zeros(60_000))"], MEAN), "64,266 parameters"),
        ("network = [nn.Conv2d(3, 16, 3, padding=1), nn.ReLU()]", "layers in a list"),
        ("network = nn.Sequential", "is the class Sequential"),
        ("network = 10", "A network is wanted"),
    ],
}  # fmt: skip

RIGHT = {
    "costs": [
        costs("[w + filters, w * rows * columns]"),
        costs("np.array([w + filters, w * rows * columns])"),
        costs("torch.tensor([w + filters, w * rows * columns])"),
        costs("(w + filters) * 1.0, np.int64(w * rows * columns)"),
        costs("torch.tensor(w + filters), torch.tensor([w * rows * columns])"),
        "def costs(maps, depth, size, rows, columns):\n    layer = nn.Conv2d(depth, maps, size)\n"
        "    return models.count_parameters(layer), layer.weight.numel() * rows * columns",
        "def costs(filters, depth, size, rows, columns):\n    one = depth * size * size\n"
        "    return filters * (one + 1), sum(one for _ in range(filters * rows * columns))",
    ],
    "how_many": [
        how_many("-(-(wanted - 1) // (size - 1))"),
        how_many("(wanted + size - 3) // (size - 1)"),
        how_many("np.ceil((wanted - 1) / (size - 1))"),
        how_many("float(math.ceil((wanted - 1) / (size - 1)))"),
        how_many("torch.tensor((wanted - 1) / (size - 1)).ceil()"),
        how_many("1 if wanted <= size else 1 + how_many(size, wanted - size + 1)"),
        "def how_many(kernel, view):\n    layers, seen = 0, 1\n    while seen < view:\n        layers += 1\n"
        "        seen += kernel - 1\n    return layers",
    ],
    "network": [
        network(*SMALL),
        network(*SMALL, end="nn.Conv2d(16, 10, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()"),
        network(*SMALL).replace("nn.ReLU()", "nn.ReLU6()"),
        network(*SMALL).replace("nn.ReLU()", "nn.PReLU()"),
        network(*SMALL).replace("nn.ReLU()", "nn.ELU()").replace("3, padding=1)", "3), nn.ZeroPad2d(1)"),
        network(*SMALL).replace("nn.Conv2d(3, ", "nn.LazyConv2d(").replace("nn.Linear(16, ", "nn.LazyLinear("),
        network("nn.Conv2d(3, 8, (5, 1), 2), nn.Conv2d(8, 8, (1, 5)), nn.ReLU(), nn.MaxPool2d(2)",
                "nn.Conv2d(8, 16, (5, 1)), nn.Conv2d(16, 16, (1, 5)), nn.ReLU()"),
        network("nn.Conv2d(3, 8, 4, 2), nn.ReLU(), nn.MaxPool2d(2)", "nn.Conv2d(8, 16, 4, padding='same'), nn.ReLU()",
                "nn.Conv2d(16, 16, 4, padding='same')"),
        network("nn.Conv2d(3, 8, 3, dilation=5), nn.ReLU(), nn.MaxPool2d(2)", "nn.Conv2d(8, 16, 3, dilation=3), nn.ReLU()"),
        network("nn.AvgPool2d(4), nn.Conv2d(3, 16, 5, padding=2), nn.BatchNorm2d(16), nn.ReLU()"),
        own_class(PARTS, MEAN),
        own_class(PARTS, [*BASE, "return self.head(F.adaptive_avg_pool2d(x, 1).flatten(1))"]),
        own_class([*PARTS[:3], "self.four = nn.Conv2d(16, 10, 1)"], [*BASE, "return self.four(x).mean((2, 3), keepdim=True).flatten(1)"]),
    ],
}  # fmt: skip
