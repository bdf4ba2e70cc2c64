"""Wrong and right answers to the exercises of notebook 00."""

SETS = """training_set = data.load("fashion_mnist", "train", source="sample")
validation_set = data.load("fashion_mnist", "valid", source="sample")
torch.manual_seed(0)
"""
TRAIN = "train.fit(small, training_set, validation_set, epochs=2, batch_size=64, lr=0.05, device='cpu')\n"

WRONG = {
    "rows": [
        ("rows = 7", "dropped, not kept"),
        ("rows = 6.5", "no half row"),
        ("rows = 13", "into the third block"),
        ("rows = 26", "into the second block"),
        ("rows = 3", "an image of 28×28"),
        ("rows = ((52 - 2) // 2 - 2) // 2 // 2 - 1", "takes two rows away"),
        ("rows = 52 // 3", "You divide by 3"),
        ("rows = 5", "5 is not the number"),
        ("rows = 6.0003", "is 6.0003, which is not a whole number"),
        ("rows = '6'", "the text '6'; a single number is wanted: leave out the quotes"),
        ("rows = 6,", "a tuple of 1 number; a single number is wanted: leave out the brackets, and any comma"),
        ("rows = 6 + 0j", "the complex number (6+0j); a single number is wanted"),
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
        ("small = models.small_cnn(width=2)", "has your network been trained?"),
        ("small = models.small_cnn(width=16)", "24,058 parameters; at most 500 are allowed"),
        ("small = 'small_cnn(width=2)'", "A network is wanted"),
        ("small = models.small_cnn", "you gave a function"),
        ("small = nn.Sequential(nn.Flatten(), nn.Linear(100, 10))", "takes 100 numbers, but gets 784"),
        ("small = nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(49, 2))", "shape (2, 2); shape (2, 10) is wanted"),
        ("small = nn.Sequential(nn.Flatten(), nn.Linear(784, 10)).requires_grad_(False)", "has 7,850 parameters"),
        ("small = train.History()", "`fit` trains in place, and returns its History: hand over `small` itself"),
        ("small = [nn.Flatten(), nn.Linear(784, 2)]", "put them into nn.Sequential"),
        ("small = nn.Sequential(nn.AvgPool2d(4), nn.AdaptiveAvgPool2d(1), nn.Linear(1, 10))", "Is nn.Flatten() missing?"),
        (SETS + "small = nn.Sequential(nn.AvgPool2d(14), nn.Flatten(), nn.Linear(4, 10))\n" + TRAIN, "Train it longer, or with a larger `lr`?"),
    ],
}  # fmt: skip

LINEAR = SETS + "small = nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(49, 10))\n"

RIGHT = {
    "rows": [
        "rows = 13 // 2",
        "rows = 52 // 2**3",
        "rows = 6.0",
        "rows = torch.tensor(6)",
        "import math\nrows = math.floor(13 / 2)",
        "import numpy as np\nrows = np.floor(np.float32(6.5))",
        "rows = models.small_cnn(width=2).base(torch.zeros(1, 1, 52, 52)).shape[2]",
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
        SETS + "small = nn.Sequential(nn.MaxPool2d(2), nn.AvgPool2d(2), nn.Flatten(), nn.LazyLinear(10))\n"
        "small(torch.zeros(2, 1, 28, 28))\n" + TRAIN,
        SETS + """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(49, 10))
    def forward(self, x):
        return F.avg_pool2d(x, 4).flatten(1) @ self.weights
small = Net()
descent = torch.optim.Adam(small.parameters(), lr=0.05)
for step in range(150):
    x = (training_set.images[:4000].float() / 255 - 0.3) / 0.35
    F.cross_entropy(small(x), training_set.labels[:4000]).backward()
    descent.step()
    descent.zero_grad()
""",
    ],
}  # fmt: skip
