"""Wrong and right answers to the exercises of notebook 00."""

CLOTHES = """clothes = data.load("fashion_mnist", "train", source="sample")
unseen = data.load("fashion_mnist", "valid", source="sample")
torch.manual_seed(0)
"""
TRAIN = "train.fit(small, clothes, unseen, epochs=1, batch_size=64, lr=0.05, device='cpu')\n"

WRONG = {
    "rows": [
        ("rows = 4", "dropped, not kept"),
        ("rows = 3.5", "no half row"),
        ("rows = 7", "into the third block"),
        ("rows = 14", "into the second block"),
        ("rows = 5", "5 is not the number"),
        ("rows = 3.0003", "is 3.0003, which is not a whole number"),
        ("rows = '3'", "the text '3'; a single number is wanted: leave out the quotes"),
        ("rows = 3,", "a tuple of 1 number; a single number is wanted: leave out the brackets, and any comma"),
        ("rows = 3 + 0j", "the complex number (3+0j); a single number is wanted"),
        ("rows = torch.zeros(2)", "a tensor of shape (2,); a single number is wanted"),
    ],
    "accuracy": [
        ("def accuracy(predictions, labels): return (predictions == labels).sum()", "count the right answers"),
        ("def accuracy(predictions, labels): return 100 * (predictions == labels).float().mean()", "per cent"),
        ("def accuracy(predictions, labels): return (predictions == labels).sum() / 10", "number of classes"),
        ("def accuracy(predictions, labels): return (predictions != labels).float().mean()", "wrong answers"),
        ("def accuracy(predictions, labels): return 0.75", "your function's result is 0.75; right is"),
        ("def accuracy(predictions, labels): return predictions == labels",
         "a tensor of True and False of shape (4,); a single number is wanted"),
        ("def accuracy(predictions, labels): return (predictions == labels).mean()", "raises RuntimeError"),
        ("import numpy as np\ndef accuracy(predictions, labels): return np.mean(predictions == labels)", "raises TypeError"),
        ("def accuracy(predictions, labels): return round(float((predictions == labels).float().mean()), 1)",
         "is 0.8, which is rounded too far: give 3 digits or more"),
    ],
    "small": [
        ("small = models.small_cnn(width=4)", "has your network been trained?"),
        ("small = models.small_cnn(width=16)", "weights; at most 2,000 are allowed"),
        ("small = 'small_cnn(width=4)'", "A network is wanted"),
        ("small = models.small_cnn", "you gave a function"),
        ("small = nn.Sequential(nn.Flatten(), nn.Linear(100, 10))", "takes 100 numbers, but gets 784"),
        ("small = nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(49, 2))", "shape (2, 2); shape (2, 10) is wanted"),
        ("small = nn.Sequential(nn.Flatten(), nn.Linear(784, 10)).requires_grad_(False)", "has 7,850 weights"),
        ("small = train.History()", "`fit` trains in place, and returns its History: hand over `small` itself"),
        ("small = [nn.Flatten(), nn.Linear(784, 2)]", "put them into nn.Sequential"),
        ("small = nn.Sequential(nn.AvgPool2d(4), nn.AdaptiveAvgPool2d(1), nn.Linear(1, 10))", "Is nn.Flatten() missing?"),
        (CLOTHES + "small = nn.Sequential(nn.AvgPool2d(14), nn.Flatten(), nn.Linear(4, 10))\n" + TRAIN, "Train it longer?"),
    ],
}  # fmt: skip

LINEAR = CLOTHES + "small = nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(196, 10))\n"

RIGHT = {
    "rows": [
        "rows = 7 // 2",
        "rows = 28 // 2 // 2 // 2",
        "rows = 3.0",
        "rows = torch.tensor(3)",
        "import math\nrows = math.floor(7 / 2)",
        "import numpy as np\nrows = np.floor(np.float32(3.5))",
        "rows = F.max_pool2d(torch.zeros(1, 7, 7), 2).shape[1]",
    ],
    "accuracy": [
        "def accuracy(predictions, labels): return (predictions == labels).float().mean()",
        "def accuracy(predictions, labels): return 1 - (predictions != labels).sum() / predictions.numel()",
        "def accuracy(predictions, labels): return sum(p == y for p, y in zip(predictions, labels)) / len(labels)",
        "def accuracy(predictions, labels): return (predictions == labels).tolist().count(True) / len(labels)",
        "import numpy as np\ndef accuracy(predictions, labels): return np.mean(np.array(predictions) == np.array(labels))",
        "def accuracy(predictions, labels): return round((predictions == labels).double().mean().item(), 4)",
        "def accuracy(predictions, labels): return (predictions == labels).half().mean(dim=0, keepdim=True)",
    ],
    "small": [
        LINEAR + TRAIN,
        LINEAR + TRAIN + "small.requires_grad_(False)",
        CLOTHES + "small = nn.Sequential(nn.LazyConv2d(8, 4, stride=4), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), "
        "nn.LazyLinear(10))\nsmall(torch.zeros(2, 1, 28, 28))\n" + TRAIN,
        CLOTHES + """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(196, 10))
    def forward(self, x):
        return F.avg_pool2d(x, 2).flatten(1) @ self.weights
small = Net()
descent = torch.optim.Adam(small.parameters(), lr=0.02)
for step in range(100):
    x = (clothes.images[:1000].float() / 255 - 0.3) / 0.35
    F.cross_entropy(small(x), clothes.labels[:1000]).backward()
    descent.step()
    descent.zero_grad()
""",
    ],
}  # fmt: skip
