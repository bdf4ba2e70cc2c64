"""Wrong and right answers to the exercises of notebook 07."""

HEAD = "nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10)"

WRONG = {
    "costs": [
        ("def costs(filters, depth, size, rows, columns):\n    w = filters * depth * size**2\n    return w, w * rows * columns", "forgot the biases"),
        ("def costs(filters, depth, size, rows, columns):\n    w = filters * size**2\n    return w + filters, w * rows * columns", "forgot the depth"),
        ("def costs(filters, depth, size, rows, columns):\n    w = filters * depth * size**2\n    return w + filters, w", "those of one stop"),
        ("def costs(filters, depth, size, rows, columns):\n    w = filters * depth * size**2 + filters\n    return w, w * rows * columns", "biases as products"),
        ("def costs(filters, depth, size, rows, columns):\n    w = filters * depth * size\n    return w + filters, w * rows * columns", "A kernel is square"),
        ("def costs(filters, depth, size, rows, columns): return filters * depth * size**2 + filters", "2 numbers are wanted"),
    ],
    "how_many": [
        ("def how_many(size, wanted): return -(-wanted // size)", "they overlap"),
        ("def how_many(size, wanted): return (wanted - 1) // (size - 1)", "round down"),
        ("def how_many(size, wanted): return (wanted - 1) / (size - 1)", "Layers are whole"),
        ("def how_many(size, wanted): return -(-(wanted - size) // (size - 1))", "forgot the first layer"),
        ("def how_many(size, wanted): return (wanted - 1) // (size - 1) + 1", "a layer too many"),
    ],
    "network": [
        (f"network = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), {HEAD})", "sees 3×3 pixels"),
        (f"network = nn.Sequential(nn.Conv2d(3, 16, 21, 4), nn.ReLU(), {HEAD})", "at most 10,000 parameters are allowed"),
        (f"network = nn.Sequential(nn.Conv2d(3, 8, 11), nn.ReLU(), nn.Conv2d(8, 16, 11, 2), nn.ReLU(), {HEAD})", "21×21: at most 10,000 parameters"),
        (f"network = nn.Sequential(nn.Conv2d(3, 4, 11), nn.ReLU(), nn.Conv2d(4, 16, 11), nn.ReLU(), {HEAD})", "at most 1,000,000 multiply-adds are allowed"),
        (f"network = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.AvgPool2d(2), nn.Conv2d(8, 8, 3), nn.Conv2d(8, 16, 3), {HEAD})", "no ReLU or max pooling"),
        ("network = nn.Sequential(nn.Conv2d(3, 8, 7, 2), nn.ReLU(), nn.Flatten(), nn.Linear(100, 10))", "does not get through"),
        (f"network = [nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), {HEAD}]", "layers in a list"),
        ("network = nn.Sequential(nn.Conv2d(3, 10, 21), nn.ReLU())", "wanted are 10 scores"),
    ],
}  # fmt: skip
