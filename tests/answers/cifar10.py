"""Wrong and right answers to the exercises of notebook 10."""

SECONDS = "def training_seconds(images, epochs, multiply_adds, rate):\n    return "
ONES = "import random\ndef flip_some(batch):\n    batch = batch.clone()\n"

WRONG = {
    "smooth": [
        (
            "def smooth(label, classes, share):\n"
            "    t = torch.full((classes,), share / (classes - 1))\n    t[label] = 1 - share\n    return t",
            "over the other classes only",
        ),
        (
            "def smooth(label, classes, share):\n"
            "    t = torch.full((classes,), share / classes)\n    t[label] = 1 - share\n    return t",
            "do not add up to 1",
        ),
        (
            "def smooth(label, classes, share):\n"
            "    t = torch.full((classes,), share / classes)\n    t[label] += 1\n    return t",
            "without taking it from the right class",
        ),
        (
            "def smooth(label, classes, share):\n"
            "    t = torch.full((classes,), share / classes)\n    t[label] = 1\n    return t",
            "keeps all of its 1",
        ),
        (
            "def smooth(label, classes, share):\n    t = torch.full((classes,), share)\n    t[label] = 1 - share\n    return t",
            "divide it by the number of classes",
        ),
        (
            "def smooth(label, classes, share):\n    t = torch.zeros(classes)\n    t[label] = 1\n    return t",
            "Nothing is smoothed",
        ),
        (
            "def smooth(label, classes, share):\n    t = torch.zeros(classes)\n    t[label] = 1 - share\n    return t",
            "give it to none",
        ),
        (
            "def smooth(label, classes, share):\n    return torch.full((classes,), share / classes)",
            "still has to get the rest",
        ),
        (
            "def smooth(label, classes, share):\n"
            "    t = torch.full((classes,), share / classes)\n    t[label - 1] += 1 - share\n    return t",
            "classes count from 0",
        ),
        (
            "def smooth(label, classes, share):\n"
            "    t = [share / classes] * classes\n    t[label] += 1 - share\n    return t",
            "they come as a list",
        ),
        ("def smooth(label, classes, share): return 1 - share + share / classes", "shape (4,) is wanted"),
    ],
    "training_seconds": [
        (SECONDS + "images * epochs * multiply_adds * 2 / rate", "the way forward only"),
        (SECONDS + "images * epochs * multiply_adds * 3 / rate", "two operations."),
        (SECONDS + "images * epochs * multiply_adds * 4 / rate", "so forward and back are"),
        (SECONDS + "images * epochs * multiply_adds * 8 / rate", "the way back three times"),
        (SECONDS + "images * multiply_adds * 6 / rate", "forgot the epochs"),
        (SECONDS + "epochs * multiply_adds * 6 / rate", "forgot the images"),
        (SECONDS + "rate / (images * epochs * multiply_adds * 6)", "upside down"),
        (SECONDS + "images * epochs * multiply_adds * 6", "divide them by `rate`"),
        (SECONDS + "images * epochs * multiply_adds * 6 * rate", "you multiply"),
        (SECONDS + "images * epochs * multiply_adds * 6 // rate", "behind the point"),
        (SECONDS + "round(images * epochs * multiply_adds * 6 / rate)", "round to whole seconds"),
        (SECONDS + "images * epochs * multiply_adds * 6 / rate / 60", "in minutes"),
        (SECONDS + "f'{images * epochs * multiply_adds * 6 / rate:.1f} s'", "a single number is wanted"),
    ],
    "flip_some": [
        ("def flip_some(batch): return batch", "No image was flipped"),
        ("def flip_some(batch): return batch.flip(3)", "Every image was flipped"),
        ("def flip_some(batch): return batch.flip(2)", "stands on its head"),
        ("def flip_some(batch): return batch.flip(2, 3)", "half a turn"),
        ("def flip_some(batch): return batch.fliplr()", "the colours have changed places"),
        ("def flip_some(batch): return batch.flip(0)", "The images have changed places"),
        ("def flip_some(batch): return batch[torch.randperm(len(batch))]", "their order must stay"),
        ("def flip_some(batch): return batch.roll(1, 3)", "neither what it was"),
        (ONES + "    batch[::2] = batch[::2].flip(3)\n    return batch", "The same places of the batch"),
        (ONES + "    return batch.flip(3) if random.random() < 0.5 else batch", "one coin for the whole batch"),
        ("def flip_some(batch): return batch[:, :, :, ::-1]", "`.flip(3)` mirrors the columns"),
        ("def flip_some(batch): return batch.float()", "must stay so; yours is torch.float32"),
        ("def flip_some(batch): return batch[0]", "A batch of shape (64, 3, 6, 8) is wanted"),
        ("def flip_some(batch): return [image.flip(2) for image in batch]", "`torch.stack` makes one"),
        (
            "def flip_some(batch):\n    coins = torch.rand(64) < 0.5\n"
            "    return torch.where(coins[:, None, None, None], batch.flip(3), batch)",
            "one for each image is wanted, `len(batch)` of them",
        ),
        (
            "def flip_some(batch):\n    coins = torch.rand(len(batch)) < 0.1\n"
            "    return torch.where(coins[:, None, None, None], batch.flip(3), batch)",
            "% of the images were flipped; about half",
        ),
        (
            "def flip_some(batch):\n    coins = torch.rand(len(batch)) < 0.5\n"
            "    batch[coins] = batch[coins].flip(3)\n    return batch",
            "changes its input 'batch'",
        ),
    ],
}

RIGHT = {
    "smooth": [
        "def smooth(label, classes, share):\n"
        "    return (1 - share) * F.one_hot(torch.tensor(label), classes) + share / classes",
        "def smooth(label, classes, share):\n    t = torch.zeros(classes)\n    t[label] = 1\n"
        "    return t * (1 - share) + share / classes",
        "def smooth(label, classes, share):\n    t = [share / classes for _ in range(classes)]\n"
        "    t[label] = 1 - share + share / classes\n    return torch.tensor(t)",
        "def smooth(label, classes, share): return torch.eye(classes)[label].lerp(torch.ones(classes) / classes, share)",
        "import numpy as np\ndef smooth(label, classes, share):\n    t = np.full(classes, share / classes)\n"
        "    t[label] += 1 - share\n    return torch.from_numpy(t)",
        "def smooth(label, classes, share):\n    part = share / classes\n"
        "    return torch.where(torch.arange(classes) == label, 1 - share + part, part)",
    ],
    "training_seconds": [
        SECONDS + "round(6 * multiply_adds * images * epochs / rate, 2)",
        SECONDS + "3 * 2 * multiply_adds / rate * images * epochs",
        "def training_seconds(images, epochs, multiply_adds, rate):\n    forward = 2 * multiply_adds\n"
        "    back = 2 * forward\n    return (forward + back) * images * epochs / rate",
        SECONDS + "torch.tensor(6.0) * images * epochs * multiply_adds / rate",
        "import numpy as np\n" + SECONDS + "np.prod([6.0, images, epochs, multiply_adds]) / rate",
    ],
    "flip_some": [
        ONES + "    for i in range(len(batch)):\n        if random.random() < 0.5:\n"
        "            batch[i] = batch[i].flip(2)\n    return batch",
        ONES + "    coins = torch.rand(len(batch)) < 0.5\n    batch[coins] = batch[coins].flip(-1)\n    return batch",
        "import random\ndef flip_some(batch):\n"
        "    return torch.stack([p.flip(-1) if random.random() < 0.5 else p for p in batch])",
        "def flip_some(batch):\n    from torchvision.transforms import v2\n    flip = v2.RandomHorizontalFlip()\n"
        "    return torch.stack([flip(image) for image in batch])",
        ONES + "    some = torch.randperm(len(batch))[: len(batch) // 2]\n    batch[some] = batch[some].flip(3)\n"
        "    return batch",
        "import numpy as np\ndef flip_some(batch):\n    pixels = batch.numpy().copy()\n"
        "    coins = np.random.rand(len(pixels)) < 0.5\n    pixels[coins] = pixels[coins, :, :, ::-1]\n"
        "    return torch.from_numpy(pixels)",
    ],
}
