"""Wrong and right answers to the exercises of notebook 06."""


def shift_each(body, draw="right, down = torch.randint(-most, most + 1, (2,)).tolist()"):
    """Code that loops over the pictures, with this draw, and does this to each."""
    return (
        "def shift_each(batch, most):\n    moved = []\n    for picture in batch:\n"
        f"        {draw}\n        moved.append({body})\n    return torch.stack(moved)"
    )


MOVED = "augment.shift(picture, right, down)"
KEEPS = 'keeps = {{"digits": {}, "tomatoes": {}, "hands": {}}}'
DIGITS, TOMATOES, HANDS = '{"shift", "grey"}', '{"shift", "mirror", "turn"}', '{"shift", "turn", "grey"}'

WRONG = {
    "shift_each": [
        ("def shift_each(batch, most): return batch", "No picture was moved"),
        (
            "def shift_each(batch, most):\n    right, down = torch.randint(-most, most + 1, (2,)).tolist()\n"
            "    return augment.shift(batch, right, down)",
            "All pictures of a batch were moved alike",
        ),
        (shift_each(MOVED, "right, down = torch.randint(-most, most, (2,)).tolist()"), "one before `high`"),
        (shift_each(MOVED, "right, down = torch.randint(0, most + 1, (2,)).tolist()"), "to the right and down only"),
        (shift_each(MOVED, "right, down = torch.randint(-most, most + 1, ()).item(), 0"), "sideways only"),
        (shift_each(MOVED, "right = down = torch.randint(-most, most + 1, ()).item()"), "draw two numbers"),
        (shift_each(MOVED, "right, down = torch.randint(-2 * most, 2 * most + 1, (2,)).tolist()"), "was moved by 4 pixels"),
        (shift_each("picture.roll((right, down), (2, 1))"), "has no gap"),
        (shift_each(f"{MOVED}.float()"), "must stay so; yours is torch.float32"),
        (shift_each(f"{MOVED}.flip(-1)"), "is not a copy that was moved as a whole"),
        ("def shift_each(batch, most): return batch[0]", "you return a tensor of shape (2, 6, 7)"),
        (
            "def shift_each(batch, most):\n    for i in range(len(batch)): batch[i] = augment.shift(batch[i], most)\n    return batch",
            "changes its input 'batch'",
        ),
    ],
    "keeps": [
        (KEEPS.format('{"shift", "grey", "mirror"}', TOMATOES, HANDS), "A mirrored 2 is no digit"),
        (KEEPS.format('{"shift", "grey", "turn"}', TOMATOES, HANDS), "is a 9"),
        (KEEPS.format(DIGITS, '{"shift", "mirror", "turn", "grey"}', HANDS), "The label is in the colour"),
        (KEEPS.format(DIGITS, TOMATOES, '{"shift", "mirror", "turn", "grey"}'), "A mirrored left hand"),
        (KEEPS.format('{"shift"}', TOMATOES, HANDS), "digits lack a change. Try grey"),
        (KEEPS.format(DIGITS, TOMATOES, '{"shift", "grey"}'), "hands lack a change. Try turn"),
        (KEEPS.format(DIGITS, TOMATOES, '{"flip"}'), "'flip' is not one of"),
        (KEEPS.format(DIGITS, TOMATOES, '"shift"'), "a set of words is wanted"),
        (f'keeps = {{"digits": {DIGITS}}}', "'tomatoes' is missing"),
        ('keeps = ["shift"]', "A dict is wanted"),
    ],
    "my_augment": [
        ("def my_augment(batch): return batch", "No picture changes visibly"),
        ("def my_augment(batch): return batch.flip(3)", "Called twice with the same batch"),
        (
            "def my_augment(batch): return (batch * (0.5 + 0.4 * torch.rand(()))).byte()",
            "draw once for the whole batch",
        ),
        ("def my_augment(batch): return augment.random_flip(batch)", "become only 2 different ones"),
        (
            "def my_augment(batch):\n    some = torch.rand(len(batch), 1, 1, 1) < 0.3\n"
            "    return torch.where(some, augment.random_shift(batch, 3), batch)",
            "at least half should",
        ),
        ("def my_augment(batch): return augment.random_turn(augment.random_shift(batch, 4))", "Change less"),
        ("def my_augment(batch): return augment.random_shift(batch, 2) / 255", "must stay so; yours is torch.float32"),
        ("def my_augment(batch): return batch[:, :, 2:-2, 2:-2]", "your function returns a tensor of shape (500, 1, 24, 24)"),
        ("def my_augment(batch): return batch.add_(1)", "changes its input 'batch'"),
    ],
}  # fmt: skip
