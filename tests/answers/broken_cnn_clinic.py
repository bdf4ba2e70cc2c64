"""Answers to the exercises of notebook 12."""

SICK = """def rescued(model, x, labels):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for epoch in range(10):
        x = x[torch.randperm(len(x))]
        for start in range(0, len(x), 50):
            logits = model(x[start : start + 50])
            loss = F.cross_entropy(logits, labels[start : start + 50])
            loss.backward()
            optimizer.zero_grad()
            optimizer.step()
            losses.append(loss.item())
    return losses"""  # as the notebook gives it

MENDED = """def rescued(model, x, labels):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(10):
        for batch in torch.randperm(len(x)).split(50):
            logits = model(x[batch])
            loss = F.cross_entropy(logits, labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()"""


def but(old, new, code=MENDED):
    assert old in code
    return code.replace(old, new)


RATIO = "import math\n\ndef first_loss_check(logits, labels):\n    loss = F.cross_entropy(logits, labels).item()\n    return "

WRONG = {
    "first_loss_check": [
        (RATIO + "loss / math.log(10)", "You take ln(10) for any number of classes"),
        (RATIO + "loss / math.log(len(logits))", "number of images for that of classes"),
        (RATIO + "loss", "That is the loss itself"),
        (RATIO + "math.log(logits.shape[1]) / loss", "upside down"),
        (RATIO + "loss - math.log(logits.shape[1])", "That is the difference"),
        (RATIO + "loss / math.log2(logits.shape[1])", "to the base 2"),
        (RATIO + "loss / math.log10(logits.shape[1])", "to the base 10"),
        (RATIO + "loss / logits.shape[1]", "guessing costs its logarithm"),
        (but("logits, labels).item", "logits.softmax(dim=1), labels).item", RATIO) + "loss / math.log(logits.shape[1])",
         "a patient of this ward"),
        (but("labels).item", "labels, reduction='sum').item", RATIO) + "loss / math.log(logits.shape[1])", "That is the sum"),
        ("def first_loss_check(logits, labels): return (logits.argmax(1) == labels).double().mean()", "That is the accuracy"),
        ("def first_loss_check(logits, labels): print(F.cross_entropy(logits, labels))", "prints, but returns nothing"),
    ],
    "leaked": [
        ("def leaked(train_images, valid_images):\n"
         "    return sum(any(torch.equal(a, b) for b in valid_images) for a in train_images)", "You count the training images"),
        ("def leaked(train_images, valid_images):\n"
         "    return sum(torch.equal(a, b) for a in train_images for b in valid_images)", "You count pairs"),
        ("def leaked(train_images, valid_images):\n    known = {a.numpy().tobytes() for a in train_images}\n"
         "    return len(known & {a.numpy().tobytes() for a in valid_images})", "counts twice: each of them flatters"),
        ("def leaked(train_images, valid_images):\n"
         "    found = sum(any(torch.equal(a, b) for b in train_images) for a in valid_images)\n"
         "    return found / len(valid_images)", "That is their share"),
        ("def leaked(train_images, valid_images):\n"
         "    return sum(not any(torch.equal(a, b) for b in train_images) for a in valid_images)", "that have not leaked"),
        ("def leaked(train_images, valid_images):\n"
         "    return int(any(torch.equal(a, b) for a in valid_images for b in train_images))", "whether any has leaked"),
        ("def leaked(train_images, valid_images):\n"
         "    return sum(torch.equal(a, b) for a, b in zip(train_images, valid_images))", "may lie anywhere"),
        ("def leaked(train_images, valid_images):\n    sums = [a.sum() for a in train_images]\n"
         "    return sum(any(a.sum() == s for s in sums) for a in valid_images)", "You compare sums"),
        ("def leaked(train_images, valid_images):\n"
         "    return sum(bool((a == train_images).any()) for a in valid_images)", "makes no equal image"),
    ],
    "rescued": [
        (SICK, "at `optimizer.step()` all gradients are 0 or missing"),
        (but("            loss.backward()\n            optimizer.zero_grad()\n", "            optimizer.zero_grad()\n            loss.backward()\n", SICK),
         "came with the label"),
        (but("            optimizer.zero_grad()\n", ""), "the sum of all gradients so far"),
        (but("            optimizer.step()", "            pass"), "no optimizer makes a step"),
        (but("model.parameters()", "nn.Linear(3, 3).parameters()"), "does the optimizer have the parameters of `model`"),
        (but("model(x[batch])", "model(x[batch]).softmax(dim=1)"), "has softmax in it"),
        (but("lr=0.1", "lr=0.0001"), "Is the learning rate still 0.1"),
        (but("lr=0.1", "lr=1e30"), "NaN or infinite"),
        (but("range(10)", "range(1)"), "After 10 steps"),
        (but("    for epoch", "    x.mul_(2)\n    for epoch"), "changes x or labels themselves"),
        ("def rescued(model, x):\n    return 1", "must take (model, x, labels)"),
    ],
}  # fmt: skip

RIGHT = {
    "first_loss_check": [
        RATIO + "loss / math.log(logits.shape[1])",
        "def first_loss_check(logits, labels):\n"
        "    return F.cross_entropy(logits, labels) / torch.log(torch.tensor(logits.size(1)))",
        "import numpy as np\n\ndef first_loss_check(logits, labels):\n"
        "    return nn.CrossEntropyLoss()(logits, labels).item() / np.log(len(logits[0]))",
        "def first_loss_check(logits, labels):\n    chances = logits.softmax(dim=1)[torch.arange(len(labels)), labels]\n"
        "    even = torch.full_like(chances, 1 / logits.shape[1])\n"
        "    return chances.log().mean() / even.log().mean()",
        "def first_loss_check(logits, labels):\n"
        "    guessing = F.cross_entropy(torch.zeros_like(logits), labels)\n"
        "    return F.cross_entropy(logits, labels) / guessing",
    ],
    "leaked": [
        "def leaked(train_images, valid_images):\n"
        "    return sum(any(torch.equal(a, b) for b in train_images) for a in valid_images)",
        "def leaked(train_images, valid_images):\n    known = {a.numpy().tobytes() for a in train_images}\n"
        "    return len([a for a in valid_images if a.numpy().tobytes() in known])",
        "def leaked(train_images, valid_images):\n"
        "    far = (train_images.flatten(1)[:, None].int() - valid_images.flatten(1).int()).abs().sum(2)\n"
        "    return (far == 0).any(0).sum()",
        "def leaked(train_images, valid_images):\n    known = [a.tolist() for a in train_images]\n    number = 0\n"
        "    for image in valid_images:\n        if image.tolist() in known:\n            number += 1\n    return number",
    ],
    "rescued": [
        MENDED,
        but("loss = F.cross_entropy(logits, labels[batch])", "loss = nn.CrossEntropyLoss()(logits, labels[batch])"),
        but("torch.optim.SGD(model.parameters(), lr=0.1)", "torch.optim.Adam(model.parameters(), lr=0.01)"),
        but("x = x[torch.randperm(len(x))]", "order = torch.randperm(len(x))\n        x, labels = x[order], labels[order]",
            but("            loss.backward()\n            optimizer.zero_grad()\n            optimizer.step()\n",
                "            loss.backward()\n            optimizer.step()\n            optimizer.zero_grad()\n", SICK)),
        but("optimizer.zero_grad()", "for weight in model.parameters(): weight.grad = None"),
        but("loss = F.cross_entropy(logits, labels[batch])", "loss = F.nll_loss(logits.log_softmax(dim=1), labels[batch])"),
        "def rescued(model, x, labels):\n    for step in range(150):\n        batch = torch.randint(len(x), (50,))\n"
        "        loss = F.cross_entropy(model(x[batch]), labels[batch])\n"
        "        gradients = torch.autograd.grad(loss, list(model.parameters()))\n        with torch.no_grad():\n"
        "            for weight, gradient in zip(model.parameters(), gradients):\n                weight -= 0.1 * gradient",
    ],
}  # fmt: skip
