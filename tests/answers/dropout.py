"""Wrong and right answers to the exercises of notebook 08."""

WRONG = {
    "dropout": [
        ("def dropout(x, p): return x", "no number was set to 0"),
        ("def dropout(x, p): return x * (torch.rand(x.shape) >= p)", "not scaled, so the mean sinks"),
        ("def dropout(x, p): return x * (torch.rand(x.shape) >= p) * (1 - p)", "multiplied by 1 − p"),
        ("def dropout(x, p): return x * (torch.rand(x.shape) < p) / (1 - p)", "p is the chance of 0"),
        ("def dropout(x, p):\n    if p == 0: return x\n    return x * (torch.rand(x.shape) >= p) / p", "divided by p"),
        (
            "def dropout(x, p):\n    torch.manual_seed(0)\n    return x * (torch.rand(x.shape) >= p) / (1 - p)",
            "drawn anew at each call",
        ),
        ("def dropout(x, p): return x * (torch.rand(x.shape[-1]) >= p) / (1 - p)", "Whole rows or columns"),
        (
            "def dropout(x, p):\n"
            "    order = torch.randperm(x.numel()).view(x.shape)\n"
            "    return x * (order >= round(p * x.numel())) / (1 - p)",
            "Just 1,600 of 2,000 are kept, each time",
        ),
        ("def dropout(x, p):\n    x *= torch.rand(x.shape) >= p\n    return x / (1 - p)", "changes its input 'x'"),
        ("def dropout(x, p): return x[torch.rand(x.shape) >= p] / (1 - p)", "a tensor of shape (50, 40) is wanted"),
        ("def dropout(x, p): return 0 * x", "every number was set to 0"),
        ("def dropout(x, p): return x * (torch.rand(x.shape) >= p / 2) / (1 - p)", "% of the numbers to 0"),
        ("def dropout(x, p): return x * (torch.rand(x.shape) >= p) * 2", "multiplied by 2."),
        ("def dropout(x, p): return (x + torch.rand(x.shape)) * (torch.rand(x.shape) >= p)", "the same factor"),
    ],
    "settings": [
        ("def settings(keep, units): return keep, keep * units, 1 / keep", "takes the chance of 0"),
        ("def settings(keep, units): return 1 - keep, (1 - keep) * units, 1 / keep", "units that are dropped"),
        ("def settings(keep, units): return 1 - keep, keep * units, keep", "multiply by keep"),
        ("def settings(keep, units): return 1 - keep, keep * units, 1", "do not scale"),
        ("def settings(keep, units): return 1 - keep", "wanted are 3 numbers"),
    ],
    "answers": [
        ("def answers(model, x): return model(x)", "gives two answers"),
        ("def answers(model, x): return model.eval()(x)", "came in train() and is left in eval()"),
        (
            "def answers(model, x):\n    model.eval()\n    logits = model(x)\n    model.train()\n    return logits",
            "came in eval() and is left in train()",
        ),
        (
            "def answers(model, x):\n"
            "    import copy\n    torch.manual_seed(0)\n    return copy.deepcopy(model).train()(x)",
            "but not the one of the whole network",
        ),
        ("def answers(model, x): return model.eval()(x).argmax(1)", "logits of shape (16, 10) are wanted"),
        ("def answers(model, x):\n    model[5].eval()\n    return model(x)", "To ask is not to learn"),
        (
            "def answers(model, x):\n    model.eval()\n    logits = model(x)\n    model[5].train()\n    return logits",
            "a part of it is in another mode",
        ),
    ],
}
