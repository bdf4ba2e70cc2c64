"""Wrong and right answers to the exercises of notebook 01."""

LOOP = """def convolve(image, kernel):
    f = len(kernel)
    rows, columns = image.shape[0] - f + 1, image.shape[1] - f + 1
    result = torch.zeros(rows, columns)
    for row in range(rows):
        for column in range(columns):
            window = image[row : row + f, column : column + f]
            result[row, column] = (window * kernel).sum()
    return result"""


def _loop(old, new, code=LOOP):
    assert old in code
    return code.replace(old, new)


SLOW = _loop(
    """window = image[row : row + f, column : column + f]
            result[row, column] = (window * kernel).sum()""",
    """for i in range(f):
                for j in range(f):
                    result[row, column] += image[row + i, column + j] * kernel[i, j]""",
)

CENTRED = """def convolve(image, kernel):
    h = len(kernel) // 2
    result = torch.zeros(image.shape[0] - 2 * h, image.shape[1] - 2 * h)
    for i in range(h, image.shape[0] - h):
        for j in range(h, image.shape[1] - h):
            window = image[i - h : i + h + 1, j - h : j + h + 1]
            result[i - h, j - h] = (window * kernel).sum()
    return result"""

WRONG = {
    "convolve": [
        (_loop("(window * kernel)", "(window * kernel.flip(0).flip(1))"), "turn the kernel by 180°"),
        (_loop("(window * kernel)", "(window * kernel.fliplr())"), "mirror the kernel, left to right"),
        (_loop("(window * kernel)", "(window * kernel.flipud())"), "mirror the kernel, top to bottom"),
        (_loop("(window * kernel)", "(window * kernel.T)"), "with its rows and columns swapped"),
        (_loop("return result", "return result.T"), "Rows and columns are swapped"),
        (_loop("image.shape[0] - f + 1, image.shape[1] - f + 1", "image.shape[0] - f, image.shape[1] - f"), "that many steps make one stop more"),
        (_loop("torch.zeros(rows, columns)", "torch.zeros(rows + 1, columns + 1)"), "a row and a column too many"),
        (_loop("torch.zeros(rows, columns)", "torch.zeros(image.shape)"), "as large as the image"),
        ("def convolve(image, kernel):\n    f = len(kernel)\n    padded = F.pad(image, (0, f - 1, 0, f - 1))\n"
         "    return F.conv2d(padded[None], kernel[None, None])[0]", "stick out on the right and below"),
        ("def convolve(image, kernel): return F.conv2d(image[None], kernel[None, None], padding=len(kernel) // 2)[0]", "stick out over the edge"),
        ("def convolve(image, kernel):\n    f = len(kernel)\n    return (image[:f, :f] * kernel).sum()", "one stop only"),
        (_loop("image[row : row + f, column : column + f]", "image[:f, :f]"), "Your window does not move"),
        (_loop("    return result", "            return result"), "Only the first stop is filled"),
        (_loop("    return result", "        return result"), "Only the first row of stops"),
        ("def convolve(image, kernel):\n    f = len(kernel)\n    result = torch.zeros(image.shape[0] - f + 1, image.shape[1] - f + 1)\n"
         "    for i in range(len(result)):\n        result[i, i] = (image[i : i + f, i : i + f] * kernel).sum()\n    return result", "Only the stops on the diagonal"),
        (_loop("+=", "=", SLOW), "keep the last of the products"),
        (_loop(".sum()", ".mean()"), "take the mean"),
        (_loop(".sum()", ".max()"), "the largest of the products"),
        (_loop("(window * kernel)", "window"), "do not multiply them by the kernel"),
        (_loop("(window * kernel).sum()", "window.sum() * kernel.sum()"), "multiply the two sums"),
        (_loop("window * kernel", "window @ kernel"), "`@` is the product of matrices"),
        (_loop("(rows, columns)\n", "(rows, columns, dtype=torch.int)\n"), "cut off what stands behind the point"),
        (_loop("    for row", "    total = 0\n    for row").replace("result[row, column] = ", "total += ").replace("sum()\n", "sum()\n            result[row, column] = total\n"),
         "begin anew with 0"),
        ("def convolve(image, kernel): return F.conv2d(image[None], kernel[None, None], stride=len(kernel))[0]", "Your windows lie side by side"),
        (_loop("(rows, columns)\n", "(columns, rows)\n"), "On square images your function is right. On others it is not: count rows and columns apart. For image"),
        (_loop("image.shape[0] - f + 1, image.shape[1] - f + 1", "len(image) - f + 1, len(image) - f + 1"), "On square images your function is right. On others it is not"),
        (_loop("len(kernel)", "3"), "With 3×3 kernels your function is right. With others it is not: take the size from the kernel. For image"),
        (_loop("image.shape[0] - f + 1, image.shape[1] - f + 1", "image.shape[0] - 2, image.shape[1] - 2", SLOW), "take the size from the kernel. For image = a tensor of shape (6, 7)"),
        (_loop("range(rows)", "range(rows - 1)").replace("range(columns)", "range(columns - 1)"), "Your last row and last column of stops stay 0"),
        (CENTRED, "For odd sizes your function is right. For even ones it is not: they have no middle."),
        ("def convolve(image, kernel):\n    turned = kernel.flip(0, 1)[None, None]\n"
         "    return F.conv_transpose2d(image[None, None], turned, padding=len(kernel) - 1)[0, 0]", "leaves the work to `conv_transpose2d`"),
        (_loop(".sum()", ""), "a whole tensor is put where one number belongs"),
        (_loop("row : row + f, column : column + f", "row : f, column : f"), "two tensors of different sizes meet"),
        (_loop("    return result", "    print(result)"), "prints, but returns nothing"),
        ("def convolve(image, kernel): return F.conv2d(image[None], kernel[None, None])[0]", "leaves the work to `conv2d`"),
        ("def convolve(image): return image", "must take (image, kernel); yours takes (image)"),
        (_loop("    f = len", "    image /= 2\n    f = len"), "changes its input 'image'"),
    ],
    "parameters": [
        ("parameters = 12800", "forgot the biases"),
        ("parameters = 32 * 26", "forgot the depth: "),
        ("parameters = 12816", "Biases belong to the kernels"),
        ("parameters = 7", "7 is not the number"),
        ("parameters = 12833", "12,833 is not the number"),
        ("parameters = 12831", "12,831 is not the number"),
        ("parameters = 12832.5", "is 12,832.5, which is not a whole number"),
        ("parameters = 12,832", "Python reads 12,832 as 2 numbers: type 12832"),
        ("parameters = 2592", "5·5 numbers in each of its 16 slices, not 5"),
        ("parameters = 16 * 5 * 5 + 32", "the weights of one kernel only"),
        ("parameters = 32 * 16 + 32", "forgot the size of a kernel"),
        ("parameters = '12832'", "leave out the quotes"),
    ],
    "diagonal": [
        ("diagonal = torch.ones(3, 3)", "add up to 9"),
        ("diagonal = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])", "rising ones must get at least twice as much"),
        ("diagonal = torch.tensor([[0.0, 1, 2], [-1, 0, 1], [-2, -1, 0]])", "fall to the right"),
        ("diagonal = torch.zeros(3, 3)", "silent on every diagonal edge"),
        ("diagonal = torch.ones(2, 2)", "Your kernel has shape (2, 2); shape (3, 3) is wanted"),
        ("diagonal = torch.full((3, 3), torch.nan)", "at index [0, 0] is NaN, which is not a finite number"),
        ("diagonal = [[-2.0, -1, 0], [-1, 0, float('inf')], [0, 1, 2]]", "at index [1, 2] is infinity"),
        ("diagonal = torch.tensor([[-2, -1, 0], [-1, 0, 1], [0, 1, 2]]) + 0j", "a tensor of complex numbers of shape (3, 3)"),
        ("diagonal = torch.eye(3) > 0", "True and False"),
        ("diagonal = torch.zeros(3, 3, device='meta')", "on the meta device, which holds no numbers"),
    ],
}  # fmt: skip

RIGHT = {
    "convolve": [
        SLOW,
        "def convolve(image, kernel):\n    f = len(kernel)\n    return (image.unfold(0, f, 1).unfold(1, f, 1) * kernel).sum(dim=(2, 3))",
        "def convolve(image, kernel):\n    f = len(kernel)\n    rows, columns = len(image) - f + 1, len(image[0]) - f + 1\n"
        "    return [[float((image[r : r + f, c : c + f] * kernel).sum()) for c in range(columns)] for r in range(rows)]",
        "def convolve(image, kernel):\n    f = len(kernel)\n    rows, columns = image.shape[0] - f + 1, image.shape[1] - f + 1\n"
        "    return sum(kernel[i, j] * image[i : i + rows, j : j + columns] for i in range(f) for j in range(f))",
        "import numpy as np\ndef convolve(image, kernel):\n    image, kernel = image.numpy(), kernel.numpy()\n"
        "    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)\n    return (windows * kernel).sum(axis=(2, 3))",
        "def convolve(picture, weights):\n    f = weights.shape[0]\n    result = torch.empty(picture.shape[0] - f + 1, picture.shape[1] - f + 1)\n"
        "    for row in range(len(result)):\n        for column in range(len(result[0])):\n"
        "            result[row][column] = torch.sum(picture[row : row + f, column : column + f] * weights)\n    return result",
        "def convolve(image, kernel):\n    f = len(kernel)\n    columns = F.unfold(image[None, None], f)[0]\n"
        "    return (kernel.flatten() @ columns).view(image.shape[0] - f + 1, image.shape[1] - f + 1)",
    ],
    "parameters": [
        "parameters = 12832",
        "parameters = 12_832.0",
        "parameters = sum(p.numel() for p in nn.Conv2d(16, 32, 5).parameters())",
        "import numpy as np\nparameters = np.prod([32, 16, 5, 5]) + 32",
        "parameters = torch.tensor([32 * 16 * 5 * 5 + 32])",
        "parameters = torch.tensor(12832.0)",
    ],
    "diagonal": [
        "diagonal = torch.tensor([[-1, -1, 0], [-1, 0, 1], [0, 1, 1]])",
        "diagonal = [[2, 1, 0], [1, 0, -1], [0, -1, -2]]",
        "diagonal = [[-0.2, -0.2, 0.1], [0.2, -0.1, 0.1], [0, -0.1, 0.2]]",  # twice as strong, but for rounding
        "import numpy as np\ndiagonal = np.array([[-1, -1, 0], [-1, 0, 1], [0, 1, 1]]) / 1e6",
        "diagonal = [torch.tensor([-3.0, -1, 0]), torch.tensor([-1.0, 0, 1]), torch.tensor([0, 1.0, 3])]",
        "diagonal = 1e9 * torch.tensor([[0, -1, 0], [-1, 0, 1], [0, 1, 0]], dtype=torch.double)",
    ],
}  # fmt: skip
