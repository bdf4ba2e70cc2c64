"""Wrong and right answers to the exercises of notebook 08."""

WRONG = {
    "dropout": [
        ("def dropout(x, p): return x", "no number was set to 0"),
        ("def dropout(x, p): return x * (torch.rand(x.shape) >= p)", "not scaled, so the mean sinks"),
        ("def dropout(x, p): return x * (torch.rand(x.shape) >= p) * (1 - p)", "multiplied by 1 − p"),
        ("def dropout(x, p): return F.dropout(x, p) / (1 - p)", "divided by 1 − p twice"),
        ("def dropout(x, p): return x * (torch.rand(x.shape) < p) / (1 - p)", "p is the chance of 0"),
        ("def dropout(x, p):\n    if p == 0: return x\n    return x * (torch.rand(x.shape) >= p) / p", "divided by p"),
        (
            "def dropout(x, p):\n    torch.manual_seed(0)\n    return x * (torch.rand(x.shape) >= p) / (1 - p)",
            "drawn anew at each call",
        ),
        ("def dropout(x, p): return x * (torch.rand(x.shape[-1]) >= p) / (1 - p)", "Whole rows or columns"),
        ("def dropout(x, p): return x * float(torch.rand(1) >= p) / (1 - p)", "one coin for all numbers"),
        (
            "def dropout(x, p):\n"
            "    order = torch.randperm(x.numel()).view(x.shape)\n"
            "    return x * (order >= round(p * x.numel())) / (1 - p)",
            "Just 1,560 of 2,000 are kept, each time",
        ),
        ("def dropout(x, p):\n    x *= torch.rand(x.shape) >= p\n    return x / (1 - p)", "changes its input 'x'"),
        ("def dropout(x, p): return x[torch.rand(x.shape) >= p] / (1 - p)", "a tensor of shape (50, 40) is wanted"),
        ("def dropout(x, p): return (x * (torch.rand(x.shape) >= p) / (1 - p)).numpy()", "array"),
        ("def dropout(x, p): return x * (torch.rand(len(x)) >= p) / (1 - p)", "Your mask does not fit x"),
        (
            "def dropout(x, p):\n    kept = torch.rand(x.shape) >= p\n    return x * kept / kept.float().mean()",
            "the share that happened to be kept",
        ),
        ("dropout = nn.Dropout", "A function of x and p is wanted"),
        ("def dropout(x, p): return 0 * x", "every number was set to 0"),
        ("def dropout(x, p): return torch.rand(x.shape) >= p", "the mask alone"),
        ("def dropout(x, p): return (torch.rand(x.shape) >= p) / (1 - p)", "you return a mask"),
        ("def dropout(x, p): return (x * (torch.rand(x.shape) >= p) / (1 - p)).int()", "torch.int32, where x has"),
        ("def dropout(x, p): return x * (torch.rand(x.shape) >= p) / p", "NaN or infinity"),
        ("def dropout(x, p): return x * (torch.rand(x.shape) >= p / 2) / (1 - p)", "% of the numbers to 0"),
        (
            "def dropout(x, p): return x * (torch.randint(0, 10, x.shape) >= 10 * p) / (1 - p)",
            "For p = 0.22 your function sets",
        ),
        ("def dropout(x, p): return x * (torch.randn(x.shape) >= p) / (1 - p)", "`torch.rand` is"),
        ("def dropout(x, p): return x * torch.randint(0, 2, x.shape) / (1 - p)", "That is an even coin"),
        ("def dropout(x, p): return x * (torch.rand(x.shape) >= p) * 2", "multiplied by 2."),
        ("def dropout(x, p): return (x + torch.rand(x.shape)) * (torch.rand(x.shape) >= p)", "the same factor"),
    ],
    "settings": [
        ("def settings(keep, units): return keep, keep * units, 1 / keep", "takes the chance of 0"),
        ("def settings(keep, units): return 1 - keep, (1 - keep) * units, 1 / keep", "units that are dropped"),
        ("def settings(keep, units): return 1 - keep, keep * units, keep", "multiply by keep"),
        ("def settings(keep, units): return 1 - keep, keep * units, 1", "do not scale"),
        ("def settings(keep, units): return 1 - keep", "3 numbers are wanted"),
        ("def settings(keep, units): return 1 - keep, int(keep * units), 1 / keep", "need not be a whole number"),
        ("def settings(keep, units): return 1 - keep, round(keep * units), 1 / keep", "need not be a whole number"),
        ("def settings(keep, units): return 1 - keep, 1 / keep, keep * units", "The order is: p"),
        ("def settings(keep, units): return 100 * (1 - keep), keep * units, 1 / keep", "in per cent"),
        ("def settings(keep, units): return 1 - keep, keep, 1 / keep", "multiply it by the number of units"),
        ("def settings(keep, units): return 1 - keep, keep * units", "has 2 numbers"),
    ],
    "answers": [
        ("def answers(model, x): return model(x)", "gives two answers"),
        ("def answers(model, x): return model.eval()(x)", "came in train() and is left in eval()"),
        (
            "def answers(model, x):\n    model.eval()\n    logits = model(x)\n    model.train()\n    return logits",
            "came in eval() and is left in train()",
        ),
        (
            "def answers(model, x):\n    was = model.training\n    model.eval()\n    logits = model(x)\n"
            "    model.train(was)\n    return logits",
            "but for `model[0][1]`, its batch norm, in eval(); now `model[0][1]` is in train()",
        ),
        (
            "def answers(model, x):\n    modes = [layer.training for layer in model]\n    model.eval()\n"
            "    logits = model(x)\n    for layer, mode in zip(model, modes): layer.train(mode)\n    return logits",
            "the model itself is one of",
        ),
        (
            "def answers(model, x):\n"
            "    import copy\n    torch.manual_seed(0)\n    return copy.deepcopy(model).train()(x)",
            "but not the one of the whole network",
        ),
        (
            "import copy\n\ndef answers(model, x):\n    model.requires_grad_(False)\n"
            "    return copy.deepcopy(model).eval()(x)",
            "could not be trained any more",
        ),
        (
            "def answers(model, x):\n    was = model.training\n    modes = [layer.training for layer in model.children()]\n"
            "    model.eval()\n    logits = model(x)\n    model.training = was\n"
            "    for layer, mode in zip(model.children(), modes): layer.training = mode\n    return logits",
            "came in train(); now `model[0][0]` is in eval()",
        ),
        (
            "import copy\n\ndef answers(model, x):\n    torch.set_grad_enabled(False)\n"
            "    return copy.deepcopy(model).eval()(x)",
            "leaves gradients switched off",
        ),
        ("def answers(model, x): return model.eval()(x).argmax(1)", "logits of shape (16, 10) are wanted"),
        ("def answers(model, x):\n    model[1][2].eval()\n    return model(x)", "To ask is not to learn"),
        (
            "def answers(model, x):\n    model.eval()\n    logits = model(x)\n    model[1][2].train()\n    return logits",
            "now `model[0]` is in eval()",
        ),
        (
            "def answers(model, x):\n    import copy\n    return copy.deepcopy(model).eval()(x).softmax(dim=1)",
            "logits are the scores before softmax",
        ),
        (
            "def answers(model, x):\n    modes = [layer.training for layer in model.modules()]\n    model[0][1].eval()\n"
            "    model[1][2].p = 0.0\n    logits = model(x)\n"
            "    for layer, mode in zip(model.modules(), modes): layer.training = mode\n    return logits",
            "such as the p of its dropout",
        ),
    ],
}

RIGHT = {
    "dropout": [
        "def dropout(x, p): return torch.where(torch.rand_like(x) < p, 0, x / (1 - p))",
        "def dropout(x, p): return F.dropout(x, p)",
        "dropout = lambda x, p: nn.Dropout(p)(x)",
        "def dropout(x, p): return x * torch.bernoulli(torch.full(x.shape, 1 - p)) / (1 - p)",
        "def dropout(x, p):\n    result = x.clone() / (1 - p)\n    result[torch.rand(x.shape) < p] = 0\n    return result",
        "def dropout(x, p):\n    import numpy as np\n    mask = np.random.rand(*x.shape) >= p\n"
        "    return x * torch.from_numpy(mask) / (1 - p)",
        "import random\n\ndef dropout(x, p):\n    result = []\n    for number in x.flatten().tolist():\n"
        "        result.append(0.0 if random.random() < p else number / (1 - p))\n"
        "    return torch.tensor(result).reshape(x.shape)",
        "def dropout(x, p): return x.double() * (torch.rand(x.shape) > p).double() * (1 / (1 - p))",
    ],
    "settings": [
        "def settings(keep, units): return [1 - keep, units * keep, 1 / keep]",
        "def settings(keep, units):\n    p = 1 - keep\n    return p, units * (1 - p), 1 / (1 - p)",
        "def settings(keep, units): return round(1 - keep, 2), round(keep * units, 2), round(1 / keep, 2)",
        "def settings(keep, units): return torch.tensor([1 - keep, keep * units, 1 / keep])",
        "def settings(keep, units):\n    import numpy as np\n    return np.array([1 - keep, keep * units, 1 / keep])",
        "def settings(keep, units): return torch.tensor(1 - keep), units - units * (1 - keep), keep**-1",
    ],
    "answers": [
        "import copy\n\ndef answers(model, x): return copy.deepcopy(model).eval()(x)",
        "def answers(model, x):\n    modes = [layer.training for layer in model.modules()]\n    model.eval()\n"
        "    logits = model(x)\n    for layer, mode in zip(model.modules(), modes): layer.train(mode)\n    return logits",
        "@torch.inference_mode()\ndef answers(model, x):\n"
        "    modes = {name: layer.training for name, layer in model.named_modules()}\n    model.train(False)\n"
        "    try:\n        return model(x)\n    finally:\n"
        "        for name, layer in model.named_modules():\n            layer.training = modes[name]",
        "def answers(model, x):\n    training = [layer for layer in model.modules() if layer.training]\n    model.eval()\n"
        "    with torch.no_grad():\n        logits = torch.cat([model(image[None]) for image in x])\n"
        "    for layer in training:\n        layer.training = True\n    return logits",
    ],
}
