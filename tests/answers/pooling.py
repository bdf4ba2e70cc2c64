"""Wrong and right answers to the exercises of notebook 03."""

LOOP = """def max_pool(values):
    rows, columns = values.shape[0] // 2, values.shape[1] // 2
    pooled = torch.zeros(rows, columns)
    for row in range(rows):
        for column in range(columns):
            pooled[row, column] = WINDOW
    return pooled"""
NET = """class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.relu = nn.ReLU()
        self.head = nn.Linear(16, 10)
        self.two, self.one = nn.Conv2d(8, 16, 3), nn.Conv2d(3, 8, 3)
    def forward(self, x):
        x = F.max_pool2d(self.relu(self.one(x)), 2)
        return END
model = Net()"""
BASE = "nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 10, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()"

WRONG = {
    "max_pool": [
        ("def max_pool(values): return F.avg_pool2d(values[None], 2)[0]", "the mean of each window"),
        ("def max_pool(values): return -F.max_pool2d(-values[None], 2)[0]", "the smallest number"),
        ("def max_pool(values): return F.max_pool2d(values[None], 2, stride=1)[0]", "windows overlap: they move by 1"),
        ("def max_pool(values): return F.max_pool2d(values[None], 2, ceil_mode=True)[0]", "you round up"),
        ("def max_pool(values):\n    h, w = values.shape\n    return values[: h // 2 * 2 : 2, : w // 2 * 2 : 2]", "upper left number"),
        ("def max_pool(values): return F.max_pool2d(values[None], 2)[0].clamp(min=0)", "starts at 0"),
        ("def max_pool(values): return F.max_pool2d(values[None], (1, 2))[0]", "one row high"),
        ("def max_pool(values): return F.max_pool2d(values[None], (2, 1))[0]", "one column wide"),
        ("def max_pool(values): return values.max()", "is 5, a single number; a tensor of shape (1, 2) is wanted"),
        (LOOP.replace("WINDOW", "values[row : row + 2, column : column + 2].max()"), "begins 1 further than the last"),
        ("import numpy as np\n" + LOOP.replace("WINDOW", "np.max(values[2 * row : 2 * row + 2, 2 * column : 2 * column + 2])"),
         "raises TypeError in line 7"),
        ("def max_pool(values): return F.max_pool2d(values[None], 2)[0]", "leaves the work to `max_pool2d`"),
        ("def max_pool(values): return F.max_pool1d(F.max_pool1d(values, 2).T, 2).T", "leaves the work to `max_pool1d`"),
        ("def max_pool(values): return F.max_pool3d(values[None, None], (1, 2, 2))[0, 0]", "leaves the work to `max_pool3d`"),
        ("def max_pool(values): return nn.MaxPool2d(2)(values[None])", "has shape (1, 1, 2); shape (1, 2) is wanted"),
    ],
    "head_parameters": [
        ("head_parameters = 64 * 14 * 14 * 10 + 10", "forgot the pooling"),
        ("head_parameters = 64 * 7 * 7 * 10", "forgot the biases"),
        ("head_parameters = 64 * 7 * 7 * 10 + 64", "not for each map"),
        ("head_parameters = 7 * 7 * 10 + 10", "forgot the 64 maps"),
        ("head_parameters = 32 * 7 * 7 * 10 + 10", "halved the maps"),
        ("head_parameters = 16 * 7 * 7 * 10 + 10", "a quarter of the maps"),
        ("head_parameters = 64 * 7 * 14 * 10 + 10", "halved one axis only"),
        ("head_parameters = 650", "global average pooling"),
        ("head_parameters = 3136", "how many numbers come in"),
        ("head_parameters = 3146", "You give each number one weight"),
        ("head_parameters = 3", "3 is not the number"),
        ("head_parameters = 31369", "31,369 is not the number"),
        ("head_parameters = 31373", "31,373 is not the number"),
        ("head_parameters = 31,370", "Python reads 31,370 as 2 numbers: type 31370"),
    ],
    "model": [
        ("model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3, stride=4), nn.Flatten(), nn.Linear(196, 10))",
         "fails on 48×48: a larger image sends more numbers"),
        ("model = models.small_cnn(3, width=16)", "parameters; 3,000 are allowed"),
        ("model = nn.Sequential(nn.Conv2d(3, 50, 3), nn.ReLU(), nn.Conv2d(50, 10, 3)).requires_grad_(False)", "Your network has 5,910 parameters"),
        ("model = nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))", "has no convolution"),
        ("model = nn.Sequential(nn.Conv2d(3, 10, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())", "one convolution only"),
        ("model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 10, 3), nn.AdaptiveAvgPool2d(1))",
         "a tensor of shape (2, 10, 1, 1); shape (2, 10) is wanted"),
        (NET.replace("END", "F.relu(self.head(self.two(x).mean(dim=(2, 3))))"), "A ReLU or the like keeps your scores"),
        ("model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 10, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(10, 10))",
         "No ReLU stands between your convolutions"),
        (f"model = nn.Sequential({BASE}, nn.Softmax(1))", "Those are probabilities"),
        (f"model = nn.Sequential({BASE}, nn.LogSoftmax(1))", "logarithms of probabilities"),
        (f"model = nn.Sequential({BASE}, nn.Sigmoid())", "lie between 0 and 1"),
        ("model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 10, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())",
         "of 3×32×32: layer 0 (Conv2d) takes 1 channel"),
        ("model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 16, 3), nn.AdaptiveAvgPool2d(1), nn.Linear(16, 10))",
         "put nn.Flatten() before it"),
        ("model = [nn.Conv2d(3, 4, 3), nn.ReLU()]", "put them into nn.Sequential"),
        ("model = 'small_cnn'", "A network is wanted"),
        (NET.replace("Net()", "Net").replace("END", "self.head(self.two(x).mean(dim=(2, 3)))"), "with brackets: Net()"),
    ],
}  # fmt: skip

RIGHT = {
    "max_pool": [
        "def max_pool(values):\n    h, w = values.shape[0] // 2, values.shape[1] // 2\n"
        "    return values[: 2 * h, : 2 * w].reshape(h, 2, w, 2).amax(dim=(1, 3))",
        "def max_pool(values): return values.unfold(0, 2, 2).unfold(1, 2, 2).amax(dim=(2, 3))",
        "def max_pool(values):\n    h, w = values.shape[0] // 2 * 2, values.shape[1] // 2 * 2\n"
        "    rows = torch.maximum(values[0:h:2], values[1:h:2])\n"
        "    return torch.maximum(rows[:, 0:w:2], rows[:, 1:w:2])",
        "def max_pool(values):\n    h, w = values.shape\n"
        "    return [[max(values[r, c], values[r, c + 1], values[r + 1, c], values[r + 1, c + 1]).item() "
        "for c in range(0, w - 1, 2)] for r in range(0, h - 1, 2)]",
        "import numpy as np\ndef max_pool(values):\n    grid = values.numpy()\n    h, w = grid.shape[0] // 2, grid.shape[1] // 2\n"
        "    pooled = np.empty((h, w))\n    for r in range(h):\n        for c in range(w):\n"
        "            pooled[r, c] = grid[2 * r : 2 * r + 2, 2 * c : 2 * c + 2].max()\n    return pooled",
    ],
    "head_parameters": [
        "head_parameters = 31370",
        "head_parameters = (64 * 7 * 7 + 1) * 10",
        "head_parameters = sum(p.numel() for p in nn.Linear(64 * 7 * 7, 10).parameters())",
        "head_parameters = models.count_parameters(nn.Linear(64 * 7 * 7, 10))",
        "head_parameters = torch.tensor([31370.0])",
    ],
    "model": [
        "model = nn.Sequential(nn.LazyConv2d(8, 3), nn.ReLU(), nn.LazyConv2d(16, 3), nn.ReLU(), nn.AdaptiveMaxPool2d(1), "
        "nn.Flatten(), nn.LazyLinear(10))",
        NET.replace("END", "self.head(F.relu(self.two(x)).mean(dim=(2, 3)))"),
        NET.replace("END", "self.head(self.relu(self.two(x)).flatten(2).max(dim=2).values)"),
        "model = nn.Sequential(nn.Conv2d(3, 10, 3), nn.GELU(), nn.Conv2d(10, 10, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(1))",
        "model = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.MaxPool2d(2), nn.Conv2d(8, 10, 1), "
        "nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2))",
        f"model = nn.Sequential({BASE}).eval()",
        "model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 10, 3), nn.AdaptiveMaxPool2d(1), nn.Flatten())",
        "model = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.ReLU(), nn.Conv2d(8, 10, 3, bias=False), nn.AdaptiveMaxPool2d(1), nn.Flatten())",
        "class Residual(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.one, self.two, self.skip = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(3, 8, 1)\n"
        "    def forward(self, x): return F.relu(self.two(F.relu(self.one(x))) + self.skip(x))\n"
        "model = nn.Sequential(Residual(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))",
    ],
}  # fmt: skip
