"""Wrong and right answers to the exercises of notebook 11."""

DROP = "def drop(model, image, label, top, left, size):\n"
COVER = "    covered = image.clone()\n    covered[:, top:top + size, left:left + size] = 0\n"
BOTH = "    with torch.no_grad():\n        shares = model(torch.stack([image, covered])).softmax(1)[:, label]\n"
PEAKS = "def favourite(maps, labels, label):\n    peaks = maps.amax(dim=(2, 3))\n    mine = labels == label\n"

WRONG = {
    "favourite": [
        ("def favourite(maps, labels, label):\n    means = maps.mean(dim=(2, 3))\n    mine = labels == label\n"
         "    return (means[mine].mean(0) - means[~mine].mean(0)).argmax()", "You take the mean of each map"),
        (PEAKS + "    return peaks[mine].mean(0).argmax()", "images of the class alone"),
        (PEAKS + "    return peaks[mine].max(0).values.argmax()", "single strongest image"),
        (PEAKS + "    return (peaks[mine].amax(0) - peaks[~mine].amax(0)).argmax()", "over all images at once"),
        (PEAKS + "    return (peaks[~mine].mean(0) - peaks[mine].mean(0)).argmax()", "the wrong way round"),
        (PEAKS + "    return (peaks[mine].mean(0) - peaks[~mine].mean(0)).abs().argmax()", "drop the sign"),
        (PEAKS + "    return (peaks[mine].mean(0) / peaks[~mine].mean(0)).argmax()", "divide the two means"),
        (PEAKS + "    return (peaks[mine].sum(0) - peaks[~mine].sum(0)).argmax()", "take means"),
        (PEAKS + "    return (peaks[mine].mean(0) - peaks[~mine].mean(0)).max()", "its number is wanted"),
        (PEAKS + "    return peaks[mine].mean(0) - peaks[~mine].mean(0)", "leads of all maps"),
        (PEAKS + "    return (peaks[mine].mean(0) - peaks[~mine].mean(0)).argmax() + 1", "from 1"),
        ("def favourite(maps, labels, label):\n    return maps[labels == label].argmax()", "For maps ="),
        (PEAKS + "    mine = mine.nonzero()\n    return (peaks[mine].mean(0) - peaks[~mine].mean(0)).argmax()",
         "your function's result"),
    ],
    "drop": [
        (DROP + COVER + BOTH + "    return shares[1] - shares[0]", "after minus before"),
        (DROP + COVER + BOTH + "    return shares[1]", "how far has it fallen"),
        (DROP + COVER + "    logits = model(torch.stack([image, covered]))[:, label]\n    return logits[0] - logits[1]",
         "You compare logits"),
        (DROP + COVER.replace("top:top + size, left:left + size", "left:left + size, top:top + size") + BOTH
         + "    return shares[0] - shares[1]", "mix up rows and columns"),
        (DROP + "    covered = torch.zeros_like(image)\n"
         "    covered[:, top:top + size, left:left + size] = image[:, top:top + size, left:left + size]\n" + BOTH
         + "    return shares[0] - shares[1]", "cover all the rest"),
        (DROP + "    label = model(image.unsqueeze(0)).argmax()\n" + COVER + BOTH + "    return shares[0] - shares[1]",
         "the network answers"),
        (DROP + COVER.replace("[:,", "[0,") + BOTH + "    return shares[0] - shares[1]", "one channel only"),
        (DROP + COVER.replace("+ size", "+ size + 1") + BOTH + "    return shares[0] - shares[1]", "one pixel too large"),
        (DROP + COVER + BOTH + "    return 1 - shares[1] / shares[0]", "as a share of what it was"),
        (DROP + COVER + BOTH + "    return 100 * (shares[0] - shares[1])", "You give per cent"),
        (DROP + COVER.replace("= 0", "= 1") + BOTH + "    return shares[0] - shares[1]", "fill the square with 1"),
        (DROP + COVER + BOTH + "    return abs(shares[0] - shares[1])", "You drop the sign"),
        (DROP + "    before = model(image.unsqueeze(0)).softmax(1)[0, label]\n"
         "    image[:, top:top + size, left:left + size] = 0\n"
         "    return before - model(image.unsqueeze(0)).softmax(1)[0, label]", "covers the image itself"),
        (DROP + COVER + "    shares = model(torch.stack([image, covered])).softmax(1)\n    return shares[0] - shares[1]",
         "A single number is wanted"),
        (DROP + COVER.replace("= 0", "= image.mean()") + BOTH + "    return shares[0] - shares[1]", "For label ="),
    ],
    "blind": [
        ("blind = (torch.ones(2, 3, 3), torch.ones(2, 3, 3))", "Grad-CAM is 2 in row 0, column 0"),
        ("blind = (torch.zeros(2, 3, 3), torch.ones(2, 3, 3))", "Your maps are 0 everywhere"),
        ("blind = (torch.ones(2, 3, 3), torch.zeros(2, 3, 3))", "Your gradients are 0 everywhere"),
        ("blind = (torch.ones(2, 3, 3), -torch.ones(2, 3, 3))", "adds up to -18, below 0"),
        ("gradients = torch.tensor([[-1.0, 0, 1]] * 6).reshape(2, 3, 3)\nblind = (torch.ones(2, 3, 3), gradients)",
         "adds up to 0"),
        ("gradients = torch.tensor([[-1.0, 0, 1]] * 6).reshape(2, 3, 3)\nblind = (gradients, gradients)",
         "behind a ReLU nothing is below 0"),
        ("blind = torch.zeros(2, 3, 3)", "A pair (maps, gradients) is wanted"),
        ("blind = (torch.ones(3, 3), torch.ones(3, 3))", "has shape (3, 3); shape (2, 3, 3) is wanted"),
        ("blind = (torch.ones(2, 3, 3), torch.full((2, 3, 3), torch.nan))", "Your second part at index [0, 0, 0] is NaN"),
    ],
}  # fmt: skip

RIGHT = {
    "favourite": [
        "def favourite(maps, labels, label):\n    mine = labels == label\n    peaks = maps.flatten(2).max(dim=2).values\n"
        "    return int((peaks[mine].mean(0) - peaks[~mine].mean(0)).argmax())",
        "def favourite(maps, labels, label):\n    best, number = -1e9, None\n    for k in range(maps.shape[1]):\n"
        "        mine, others = [], []\n        for image, y in zip(maps, labels):\n"
        "            (mine if y == label else others).append(image[k].max().item())\n"
        "        lead = sum(mine) / len(mine) - sum(others) / len(others)\n"
        "        if lead > best: best, number = lead, k\n    return number",
        PEAKS + "    return (peaks[mine].mean(0) - peaks.mean(0)).argmax()",  # the mean of all: the same map leads
        "import numpy as np\ndef favourite(maps, labels, label):\n    peaks = maps.numpy().max(axis=(2, 3))\n"
        "    mine = labels.numpy() == label\n    return np.argmax(peaks[mine].mean(0) - peaks[~mine].mean(0))",
        PEAKS + "    return (peaks[mine].mean(0) - peaks[~mine].mean(0)).sort(descending=True).indices[0]",
    ],
    "drop": [
        DROP + COVER + "    model.eval()\n    before = model(image.unsqueeze(0)).softmax(dim=1)[0, label]\n"
        "    after = model(covered.unsqueeze(0)).softmax(dim=1)[0, label]\n    return (before - after).item()",
        DROP + "    mask = torch.ones_like(image)\n    mask[:, top:top + size, left:left + size] = 0\n"
        "    ask = lambda x: F.softmax(model(x[None])[0], dim=0)[label]\n    return ask(image) - ask(image * mask)",
        DROP + "    covered = image.clone()\n    for row in range(top, top + size):\n"
        "        for column in range(left, left + size):\n            covered[:, row, column] = 0\n" + BOTH
        + "    return float(shares[0]) - float(shares[1])",
        DROP + "    import math\n" + COVER + "    shares = []\n    for one in (image, covered):\n"
        "        powers = [math.exp(z) for z in model(one.unsqueeze(0))[0].tolist()]\n"
        "        shares.append(powers[label] / sum(powers))\n    return shares[0] - shares[1]",
    ],
    "blind": [
        "maps = torch.zeros(2, 3, 3)\nmaps[0, 0, 0] = 5\ngradients = torch.zeros(2, 3, 3)\ngradients[0, 0, 0] = 1\n"
        "gradients[0, 2, 2] = -1\nblind = (maps, gradients)",
        "gradients = torch.tensor([[-2.0, 1, 1]] * 6).reshape(2, 3, 3)\nblind = [gradients.relu(), gradients]",
        "torch.manual_seed(0)\ngradients = torch.randn(2, 3, 3) - 2\ngradients[:, 0, 0] = 1\n"
        "maps = torch.zeros(2, 3, 3)\nmaps[:, 0, 0] = 1\nblind = (maps, gradients)",
        "blind = ([[[1, 0, 0]] + [[0, 0, 0]] * 2, [[0, 0, 0]] * 3], [[[3, -5, 0]] + [[0, 0, 0]] * 2, [[0, 0, 0]] * 3])",
        "import numpy as np\ngradients = -np.ones((2, 3, 3))\ngradients[1, 1, 1] = 8\nblind = ((gradients > 0) * 2.0, gradients)",
    ],
}  # fmt: skip
