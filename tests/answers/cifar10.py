"""Wrong and right answers to the exercises of notebook 10."""

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
            "def smooth(label, classes, share):\n    t = torch.full((classes,), share)\n    t[label] = 1 - share\n    return t",
            "divide it by the number of classes",
        ),
        (
            "def smooth(label, classes, share):\n    t = torch.zeros(classes)\n    t[label] = 1\n    return t",
            "Nothing is smoothed",
        ),
    ],
    "training_seconds": [
        ("def training_seconds(pictures, epochs, multiply_adds, rate): return pictures * epochs * multiply_adds * 2 / rate", "the way forward only"),
        ("def training_seconds(pictures, epochs, multiply_adds, rate): return pictures * epochs * multiply_adds * 3 / rate", "two operations."),
        ("def training_seconds(pictures, epochs, multiply_adds, rate): return pictures * multiply_adds * 6 / rate", "forgot the epochs"),
        ("def training_seconds(pictures, epochs, multiply_adds, rate): return rate / (pictures * epochs * multiply_adds * 6)", "upside down"),
    ],
    "flip_some": [
        ("def flip_some(batch): return batch", "No picture was flipped"),
        ("def flip_some(batch): return batch.flip(3)", "Every picture was flipped"),
        ("def flip_some(batch): return batch.flip(2)", "stands on its head"),
        ("def flip_some(batch): return batch.flip(1)", "the colours have changed places"),
        ("def flip_some(batch):\n    batch = batch.clone()\n    batch[::2] = batch[::2].flip(3)\n    return batch", "The same places of the batch"),
        ("def flip_some(batch): return batch.float()", "must stay so; yours is torch.float32"),
        ("def flip_some(batch): return batch[0]", "A batch of shape (64, 3, 6, 8) is wanted"),
        ("def flip_some(batch):\n    c = torch.rand(len(batch)) < 0.1\n    return torch.where(c[:, None, None, None], batch.flip(3), batch)", "% of the pictures were flipped; about half"),
    ],
}  # fmt: skip
