"""Wrong and right answers to the exercises of notebook 06."""

IMPORTS = "import random\nimport numpy as np\nfrom torchvision.transforms import v2\n"
MOVED = "augment.shift(image, right, down)"
DRAWN = "right, down = torch.randint(-most, most + 1, (2,)).tolist()"


def shift_each(body=MOVED, draw=DRAWN, end="torch.stack(moved)"):
    """Code that loops over the images, with this draw, and does this to each."""
    return (
        f"{IMPORTS}rng = np.random.default_rng()\ndef shift_each(batch, most):\n    moved = []\n    for image in batch:\n"
        f"        {draw}\n        moved.append({body})\n    return {end}"
    )


def my_augment(*lines):
    lines = "\n".join(f"    {line}" for line in lines)
    return f"{IMPORTS}rng = np.random.default_rng(0)\ndef my_augment(batch):\n{lines}"


def of_each(transform):
    """Code that changes each image by a transform of v2."""
    return my_augment(f"transform = v2.{transform}", "return torch.stack([transform(image) for image in batch])")


KEEPS = 'keeps = {{"digits": {}, "tomatoes": {}, "hands": {}}}'
DIGITS, TOMATOES, HANDS = '{"shift", "grey"}', '{"shift", "mirror", "turn"}', '{"shift", "turn", "grey"}'
SOME = "some = torch.rand(len(batch), 1, 1, 1) < 0.25"
FACTOR = "factor = 0.5 + torch.rand(len(batch), 1, 1, 1)"

WRONG = {
    "shift_each": [
        ("def shift_each(batch, most): return batch", "No image was moved"),
        ("def shift_each(batch, most): return torch.zeros_like(batch)", "Image 0 is black"),
        (
            "def shift_each(batch, most):\n    right, down = torch.randint(-most, most + 1, (2,)).tolist()\n"
            "    return augment.shift(batch, right, down)",
            "All images of a batch were moved alike",
        ),
        (shift_each(draw="right, down = torch.randint(-most, most, (2,)).tolist()"), "one before `high`"),
        (shift_each(draw="right, down = torch.randint(0, most + 1, (2,)).tolist()"), "to the right and down only"),
        (shift_each(draw="right, down = random.choices([-most, most], k=2)"), "Every image moves by −2 or 2"),
        (shift_each(draw="right, down = (int(random.uniform(-most, most)) for _ in 'xy')"), "shifts by −2, 2 never came up"),
        (shift_each(draw="right, down = random.randint(1, most), random.randint(1, most)"), "shifts by −2, −1, 0 never came up"),
        (shift_each(draw="right, down = torch.randint(-most, most + 1, ()).item(), 0"), "sideways only"),
        (shift_each(draw="right, down = 0, torch.randint(-most, most + 1, ()).item()"), "up and down only"),
        (shift_each(draw="right = down = torch.randint(-most, most + 1, ()).item()"), "decides the move down"),
        (shift_each(draw="right, down = torch.randint(-2 * most, 2 * most + 1, (2,)).tolist()"), "was moved by 4 pixels"),
        (shift_each(draw="right, down = random.randint(-2, 2), random.randint(-2, 2)"), "does your function use `most`?"),
        (shift_each("image.roll((right, down), (2, 1))"), "has no gap"),
        (shift_each(f"{MOVED} if random.random() < 0.3 else image"), "were not moved at all"),
        (shift_each(f"{MOVED}.float()"), "must stay so; yours holds torch.float32"),
        (shift_each(f"{MOVED}.flip(-1)"), "is not a copy that was moved as a whole"),
        ("def shift_each(batch, most):\n    torch.manual_seed(0)\n    return augment.random_shift(batch, most)", "is a seed set"),
        (
            "def shift_each(batch, most):\n    return torch.cat([augment.random_shift(batch[:-1], most), batch[-1:]])",
            "Image 59 never moved, in 6 batches",
        ),
        ("def shift_each(batch, most): return batch[0]", "your function returns a tensor of shape (2, 6, 7)"),
        (shift_each(end="moved[0], moved[1]"), "your function returns a tuple of 2 things"),
        (
            "def shift_each(batch, most):\n    for i in range(len(batch)): batch[i] = augment.shift(batch[i], most)\n    return batch",
            "changes its input 'batch'",
        ),
    ],
    "keeps": [
        (KEEPS.format('{"shift", "grey", "mirror"}', TOMATOES, HANDS), "Take mirror out of digits. A mirrored 2 is no 2"),
        (KEEPS.format('{"shift", "grey", "turn"}', TOMATOES, HANDS), "is a 9"),
        (KEEPS.format(DIGITS, '{"shift", "mirror", "turn", "grey"}', HANDS), "The label is in the colour"),
        (KEEPS.format(DIGITS, TOMATOES, '{"shift", "mirror", "turn", "grey"}'), "A mirrored left hand"),
        (KEEPS.format('{"shift"}', TOMATOES, HANDS), "For digits a change is missing. Think of grey"),
        (KEEPS.format(DIGITS, TOMATOES, '{"shift", "grey"}'), "For hands a change is missing. Think of turn"),
        (KEEPS.format("set()", TOMATOES, HANDS), "For digits a change is missing. Think of shift"),
        (KEEPS.format("{}", TOMATOES, HANDS), "it is an empty dict. Write set()"),
        (KEEPS.format(DIGITS, TOMATOES, '{"flip"}'), "'hands' holds the text 'flip', which is not one of"),
        (KEEPS.format("[1]", TOMATOES, HANDS), "'digits' holds 1, which is not one of"),
        (KEEPS.format(DIGITS, TOMATOES, '"shift"'), "a set of words is wanted"),
        (f'keeps = {{"digits": {DIGITS}}}', "'tomatoes' is missing"),
        ('keeps = ["shift"]', "A dict is wanted"),
    ],
    "my_augment": [
        (my_augment("return batch"), "No image changes visibly"),
        (my_augment("print(augment.random_shift(batch, 2))"), "prints, but returns nothing"),
        (my_augment("return batch.flip(3)"), "Called twice with the same batch"),
        (my_augment("return (batch * (0.5 + 0.4 * torch.rand(()))).byte()"), "draw once for the whole batch"),
        (my_augment("return augment.random_flip(batch)"), "become only 2 different ones; at least 8 are wanted"),
        (my_augment("return augment.random_turn(batch)"), "become only 4 different ones"),
        (my_augment(SOME, "return torch.where(some, augment.random_shift(batch, 3), batch)"), "at least half should"),
        (
            my_augment(SOME, "noise = torch.randint_like(batch, 256)", "return torch.where(some, noise, augment.random_shift(batch, 2))"),
            "are no more like the one that they were made of",
        ),
        (my_augment(SOME, "return torch.where(some, 0, augment.random_shift(batch, 2))"), "too little is left of them"),
        (my_augment(SOME, "return torch.where(some, batch[torch.randperm(len(batch))], augment.random_shift(batch, 2))"), "you mix or swap images"),
        (my_augment(FACTOR, "return (batch * factor).byte()"), "In uint8, 250 + 10 is 4"),
        (my_augment("return batch + torch.randint(0, 60, (len(batch), 1, 1, 1), dtype=torch.uint8)"), "Numbers run over"),
        (my_augment("return (batch.int() + torch.randint(-25, 26, batch.shape)).to(torch.uint8)"), "Numbers run over"),
        (my_augment("factor = rng.uniform(0.5, 1.5, (len(batch), 1, 1, 1))", "return torch.from_numpy(batch.numpy() * factor).to(torch.uint8)"), "run over"),
        (my_augment("return augment.cutout(augment.random_shift(batch, 4), 18)"), "Change less"),
        (my_augment("return augment.random_shift(batch, 2) / 255"), "must stay so; yours holds torch.float32"),
        (my_augment("return batch[:, :, 2:-2, 2:-2]"), "your function returns a tensor of shape (300, 1, 24, 24)"),
        (my_augment("return augment.random_shift(batch, 2).squeeze()"), "your function returns a tensor of shape (300, 28, 28)"),
        (my_augment("return [augment.shift(image, random.randint(-2, 2)) for image in batch]"), "a list of 300 things; `torch.stack(…)`"),
        (my_augment("return augment.random_shift(batch, 2).numpy()"), "an array of shape (300, 1, 28, 28); `torch.from_numpy"),
        (my_augment("return batch.add_(1)"), "changes its input 'batch'"),
    ],
}  # fmt: skip

RIGHT = {
    "shift_each": [
        "def shift_each(images, most): return augment.random_shift(images, most)",
        shift_each(draw="right, down = random.randint(-most, most), random.randint(-most, most)"),
        shift_each(draw="right, down = rng.integers(-most, most + 1, 2)"),
        shift_each("augment.shift(image, numbers[0], numbers[1])", "numbers = torch.randint(-most, most + 1, (2,))"),
        shift_each(end="moved"),
        shift_each(f"{MOVED}.numpy()", end="np.stack(moved)"),
        "def shift_each(batch, most):\n    result = torch.zeros_like(batch)\n    for i in range(len(batch)):\n"
        "        right, down = torch.randint(-most, most + 1, (2,)).tolist()\n"
        "        result[i] = augment.shift(batch[i], right, down)\n    return result",
        "def shift_each(batch, most):\n    padded, moved = F.pad(batch, [most] * 4), []\n    for image in padded:\n"
        "        top, left = torch.randint(0, 2 * most + 1, (2,)).tolist()\n"
        "        moved.append(image[:, top:top + batch.shape[2], left:left + batch.shape[3]])\n    return torch.stack(moved)",
    ],
    "keeps": [
        KEEPS.format('["grey", "shift"]', '["turn", "shift", "mirror"]', '["grey", "turn", "shift"]'),
        KEEPS.format('("grey", "shift")', f"frozenset({TOMATOES})", HANDS),
        'every = {"shift", "mirror", "turn", "grey"}\nkeeps = dict(digits=every - {"mirror", "turn"}, '
        'tomatoes=every - {"grey"}, hands=every - {"mirror"})',
        "import numpy as np\n" + KEEPS.format('np.array(["shift", "grey"])', TOMATOES, HANDS),
        f'keeps = {{"hands": {HANDS}, "digits": {DIGITS}, "tomatoes": {TOMATOES}, "shoes": {TOMATOES}}}',
    ],
    "my_augment": [
        "my_augment = augment.Augment(flip=True, shift=2, cutout=6)",
        my_augment("return augment.random_colour(augment.random_shift(batch, 2))"),
        my_augment(FACTOR, "return (batch * factor).round().clamp(0, 255).byte()"),
        my_augment("return (batch + 25 * torch.randn(batch.shape)).clamp(0, 255).to(torch.uint8)"),
        my_augment(
            "noise = rng.integers(-25, 26, batch.shape)",
            "return torch.from_numpy((batch.numpy() + noise).clip(0, 255).astype(np.uint8))",
        ),
        my_augment("return torch.stack([augment.shift(p, random.randint(-2, 2), random.randint(-2, 2)) for p in batch])"),
        of_each("RandomRotation(15)"),
        of_each("Compose([v2.RandomHorizontalFlip(), v2.RandomResizedCrop(28, (0.7, 1.0))])"),
    ],
}  # fmt: skip
