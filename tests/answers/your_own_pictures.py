"""Wrong and right answers to the exercises of notebook 14."""

NEW = "import copy\n\ndef with_new_head(model, classes):\n    new = copy.deepcopy(model)\n"
LAYER = "    new.head[-1] = nn.Linear(new.head[-1].in_features, classes)\n"
FREEZE = "    for weights in new.parameters(): weights.requires_grad = False\n"
SURE = "logits.softmax(dim=1).max(dim=1).values"

WRONG = {
    "middle_square": [
        ("def middle_square(image): return image", "You give the whole image back"),
        (
            "def middle_square(image):\n    side = min(image.shape[1:])\n    return image[:, :side, :side]",
            "begins at the top and at the left",
        ),
        (
            "def middle_square(image):\n    side = min(image.shape[1:])\n    return image[:, -side:, -side:]",
            "lies at the bottom and at the right",
        ),
        (
            "def middle_square(image):\n    side = min(image.shape[1:])\n"
            "    top, left = round((image.shape[1] - side) / 2 + 0.1), round((image.shape[2] - side) / 2 + 0.1)\n"
            "    return image[:, top : top + side, left : left + side]",
            "the larger part off in front",
        ),
        (
            "def middle_square(image):\n    side = min(image.shape[1:])\n"
            "    return F.interpolate(image.unsqueeze(0).float(), size=(side, side))[0].to(image.dtype)",
            "You shrink the image",
        ),
        (
            "def middle_square(image):\n    c, h, w = image.shape\n    side = min(h, w)\n    left = (w - side) // 2\n"
            "    return image[:, :, left : left + side]",
            "but no rows",
        ),
        (
            "def middle_square(image):\n    c, h, w = image.shape\n    side = min(h, w)\n    top = (h - side) // 2\n"
            "    return image[:, top : top + side]",
            "but no columns",
        ),
        (
            "def middle_square(image):\n    c, h, w = image.shape\n    side = min(h, w)\n"
            "    top, left = (h - side) // 2, (w - side) // 2\n"
            "    return image[0, top : top + side, left : left + side]",
            "You give one channel",
        ),
        (
            "def middle_square(image):\n    c, h, w = image.shape\n    side = min(h, w)\n"
            "    top, left = (h - side) // 2, (w - side) // 2\n"
            "    return image[:, top : top + side, left : left + side].transpose(1, 2)",
            "Rows and columns are swapped",
        ),
        (
            "def middle_square(image):\n    c, h, w = image.shape\n    side = min(h, w)\n"
            "    top, left = (h - side) / 2, (w - side) / 2\n"
            "    return image[:, top : top + side, left : left + side]",
            "your function raises TypeError",
        ),
    ],
    "with_new_head": [
        (
            "def with_new_head(model, classes):\n    for weights in model.parameters(): weights.requires_grad = False\n"
            "    model.head[-1] = nn.Linear(model.head[-1].in_features, classes)\n    return model",
            "You change the network that was handed over",
        ),
        (NEW + LAYER + "    return new", "other parameters may learn, in the base"),
        (
            NEW
            + "    for weights in new.base.parameters(): weights.requires_grad = False\n"
            + LAYER
            + "    return new",
            "other parameters may learn, in the head",
        ),
        (NEW + LAYER + FREEZE + "    return new", "Nothing in your network may learn"),
        (NEW + FREEZE + "    return new", "logits of shape (4, 3) are wanted"),
        (
            NEW + FREEZE + "    new.head[-1] = nn.Linear(classes, new.head[-1].in_features)\n    return new",
            "Your network fails on an image",
        ),
        (
            NEW + FREEZE + "    if new.head[-1].out_features != classes:\n    " + LAYER + "    return new",
            "has 4 classes already keeps its old last layer",
        ),
        (NEW + FREEZE + LAYER + "    return new.head", "Your network fails on an image"),
        (
            NEW
            + "    for layer in new.modules():\n        if hasattr(layer, 'reset_parameters'): layer.reset_parameters()\n"
            + FREEZE
            + LAYER
            + "    return new",
            "The base has other weights than before",
        ),
        (
            NEW + FREEZE + "    n = new.head[-1].in_features\n"
            "    new.head[-1] = nn.Sequential(nn.Linear(n, 50), nn.ReLU(), nn.Linear(50, classes))\n    return new",
            "a linear layer from 8 features to 3 classes has 27",
        ),
        (
            "def with_new_head(model, classes):\n    for weights in model.parameters(): weights.requires_grad = False\n"
            "    return nn.Sequential(model.base, *model.head[:-1], nn.Linear(model.head[-1].in_features, classes))",
            "You freeze the network that was handed over",
        ),
        (
            "import copy\n\ndef with_new_head(model, classes):\n"
            "    model.head[-1] = nn.Linear(model.head[-1].in_features, classes)\n    return copy.deepcopy(model)",
            "has another last layer now",
        ),
        ("def with_new_head(model, classes): return nn.Linear(8, classes).weight", "A network is wanted"),
    ],
    "dares": [
        ("def dares(logits): return logits.max(dim=1).values > -100", "It answers always"),
        (f"def dares(logits): return {SURE} > 1", "It never answers"),
        (f"def dares(logits): return {SURE} < 0.75", "the wrong way round"),
        (f"def dares(logits): return {SURE} > 0.85", "It is too careful"),
        (f"def dares(logits): return {SURE} > 0.4", "It is too bold"),
        (f"def dares(logits): return {SURE}", "yours gives numbers"),
        (f"def dares(logits): return {SURE}.mean() > 0.7", "is wanted; yours gives"),
        ("def dares(logits): return logits.softmax(dim=1) > 0.7", "is wanted; yours gives"),
        (
            f"def dares(logits):\n    sureness = {SURE}\n    return sureness >= sureness.median()",
            "look at each row by itself",
        ),
        (f"def dares(logits):\n    logits -= logits.mean()\n    return {SURE} > 0.7", "changes the logits"),
        ("def dares(logits): return torch.arange(len(logits)) % 2 == 0", "both so badly"),
    ],
}

RIGHT = {
    "middle_square": [
        "def middle_square(image):\n    rows, columns = image.shape[-2:]\n    side = min(rows, columns)\n"
        "    top = (rows - side) // 2\n    left = (columns - side) // 2\n"
        "    return image.narrow(1, top, side).narrow(2, left, side)",
        "def middle_square(image):\n    c, h, w = image.shape\n    if w > h:\n        left = (w - h) // 2\n"
        "        return image[:, :, left : left + h]\n    top = (h - w) // 2\n    return image[:, top : top + w].clone()",
        "def middle_square(image):\n    c, h, w = image.shape\n    side = min(h, w)\n"
        "    top, left = (h - side) // 2, (w - side) // 2\n"
        "    return F.pad(image, (-left, left + side - w, -top, top + side - h))",
        "def middle_square(image):\n    c, h, w = image.shape\n    while w > h:\n"
        "        image = image[:, :, :-1] if (w - h) % 2 else image[:, :, 1:]\n        w -= 1\n"
        "    while h > w:\n        image = image[:, :-1] if (h - w) % 2 else image[:, 1:]\n        h -= 1\n    return image",
    ],
    "with_new_head": [
        NEW + FREEZE + LAYER + "    return new",
        NEW + "    new.requires_grad_(False)\n" + LAYER + "    return new.eval()",
        NEW + LAYER + "    new.requires_grad_(False)\n    new.head[-1].requires_grad_(True)\n    return new",
        "import copy\n\ndef with_new_head(model, classes):\n    old = copy.deepcopy(model).requires_grad_(False)\n"
        "    return nn.Sequential(old.base, *old.head[:-1], nn.Linear(old.head[-1].in_features, classes))",
        NEW + "    new.requires_grad_(False)\n"
        "    new.head[-1] = nn.Linear(new.head[-1].in_features, classes, bias=False)\n    return new",
    ],
    "dares": [
        f"def dares(logits): return {SURE} >= 0.71",
        "def dares(logits):\n    shares = logits.softmax(dim=1)\n    return -(shares * shares.log()).sum(dim=1) < 1.05",
        "def dares(logits):\n    largest = logits.softmax(dim=1).topk(2, dim=1).values\n"
        "    return largest[:, 0] - largest[:, 1] > 0.6",
        "def dares(logits): return [bool(row.softmax(dim=0).max() > 0.68) for row in logits]",
    ],
}
