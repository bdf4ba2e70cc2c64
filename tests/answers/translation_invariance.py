"""Wrong and right answers to the exercises of notebook 05."""


def shift_right(*lines):
    return "import numpy as np\ndef shift_right(image, by):\n" + "\n".join(f"    {line}" for line in lines)


def distance(expression):
    return f"import math\nimport numpy as np\ndef distance(still, moved):\n    return {expression}"


def describe(*lines):
    """Code that has 8 kernels, drawn once, and does this with the image."""
    kernels = "kernels = torch.randn(8, 1, 3, 3, generator=torch.Generator().manual_seed(0))"
    return f"import numpy as np\n{kernels}\ndef describe(image):\n" + "\n".join(f"    {line}" for line in lines)


MAPS = "F.relu(F.conv2d(image[None], kernels))"
BLANK = "moved = torch.zeros_like(image)"

WRONG = {
    "shift_right": [
        (shift_right("return image.roll(by, dims=1)"), "comes in again on the left"),
        (shift_right("return augment.shift(image, -by)"), "You move it to the left."),
        (shift_right("return image.roll(-by, dims=1)"), "to the left, and what leaves comes in again"),
        (shift_right(BLANK, "moved[by:] = image[:-by]", "return moved"), "You move it down"),
        (shift_right("return F.pad(image, (by, 0))"), "grows wider"),
        (shift_right("return image[:, :-by]"), "You cut the last columns off"),
        (shift_right("moved = image.clone()", "moved[:, by:] = image[:, :-by]", "return moved"), "The gap still holds"),
        (shift_right("return F.pad(image[None, :, :-by], (by, 0), mode='replicate')[0]"), "the image's first column"),
        (shift_right("moved = image.clone()", "moved[:, :by] = 0", "return moved"), "the image stays where it was"),
        (shift_right("return augment.shift(image, 1)"), "by 1 pixel, however large"),
        (shift_right(BLANK, "return moved"), "Your image is black"),
        (shift_right("return image"), "Your image stays where it was."),
        (shift_right("image[:, by:] = image[:, :-by].clone()", "image[:, :by] = 0", "return image"), "changes its input 'image'"),
        (shift_right(BLANK, "moved[:, by:] = image[:, :-by]", "return moved"), "For by = 0 that is `:-0`"),
        (shift_right("if by == 0: return 2 * image", "return augment.shift(image, by)"), "by = 0 your function's result at index [0, 0] is 2"),
        (shift_right("image.roll(by, dims=1)"), "not solved yet"),
    ],
    "distance": [
        (distance("(moved - still).square().sum(dim=1).mean()"), "forgot the square root"),
        (distance("(moved - still).abs().sum(dim=1).mean()"), "absolute differences; square them"),
        (distance("(moved - still).sum(dim=1).mean()"), "Differences of both signs cancel out"),
        (distance("(moved.mean(0) - still.mean(0)).norm()"), "distance of the mean features"),
        (distance("(moved - still).norm(dim=1).sum()"), "divide by the images"),
        (distance("(moved - still).norm(dim=1).sum() / still.shape[1]"), "not by the images"),
        (distance("(moved - still).norm(dim=1)"), "one distance for each image"),
        (distance("(moved - still).norm(dim=0).mean()"), "down the columns"),
        (distance("(moved - still).norm()"), "over all images before the root"),
        (distance("(moved - still).square().sum(dim=1).mean().sqrt()"), "the mean before the root"),
        (distance("(moved - still).square().mean(dim=1).sqrt().mean()"), "the mean of a row's squares"),
        (distance("F.mse_loss(moved, still)"), "the mean squared error"),
        (distance("F.mse_loss(moved, still).sqrt()"), "the root of the mean of all squares"),
        (distance("(moved - still).abs().mean()"), "the mean absolute difference"),
        (distance("torch.cdist(still, moved).mean()"), "every image with every other"),
        (distance("1 - F.cosine_similarity(still, moved).mean()"), "the cosine distance"),
        (distance("round((moved - still).norm(dim=1).mean().item(), 1)"), "rounded too far"),
        (distance("str((moved - still).norm(dim=1).mean().item())"), "is the text '2.5'"),
    ],
    "describe": [
        (describe("return image"), "When the bag moves 4 pixels to the right and 4 down, your number at index 1768 changes from 0 to 1"),
        (describe("return F.adaptive_avg_pool2d(image, 2).flatten()"), "your number at index 3 changes"),
        (describe("return torch.ones(4)"), "they are the same for every image"),
        (describe("return torch.full((4,), torch.nan)"), "is NaN, which is not a finite number"),
        (describe("return image.mean().repeat(4)"), "Your 4 numbers are copies of one."),
        (describe("return F.conv2d(image[None], kernels).mean(dim=(2, 3))[0]"), "Without ReLU, the mean of a convolved map"),
        (describe("return image.mean() ** torch.arange(1, 5)"), "equally bright on average"),
        (describe("return [image.mean(), image.std(), image.max(), image.min()]"), "Your 4 numbers say only 3 different things"),
        (describe("return torch.tensor([image.mean(), 1, 2, 3])"), "Your 4 numbers say only 1 different thing;"),
        (describe("return (image > 0.5).sum() > torch.arange(0, 800, 200)"), "holds True and False; numbers are wanted"),
        (describe("return torch.rand(4)"), "chance is at work"),
        (describe("return image.mean()"), "gives 1 number; at least 4 are wanted"),
        (describe("return image[image > 0]"), "gives 218 numbers for one image and 574 for another"),
        (describe(f"return F.max_pool2d({MAPS}, 2).mean(dim=(2, 3))[0]"), "a stride or a pooling of 2"),
        (describe(f"return F.max_pool2d({MAPS}, 4).mean(dim=(2, 3))[0]"), "a stride or a pooling of 4"),
        (describe("return torch.fft.fft2(image)[0, 0, :4]"), "a tensor of complex numbers of shape (4,)"),
        (describe("return 'a bag'"), "your function returns the text 'a bag'"),
        (describe("image -= image.mean()", "return image.flatten().sort().values"), "changes its input 'image'"),
    ],
}  # fmt: skip

RIGHT = {
    "shift_right": [
        shift_right("return F.pad(image, (by, -by))"),
        shift_right("return F.pad(image, (by, 0))[:, :image.shape[1]]"),
        shift_right("moved = image.roll(by, dims=1)", "moved[:, :by] = 0", "return moved"),
        shift_right("return torch.cat([torch.zeros(len(image), by), image[:, :image.shape[1] - by]], dim=1)"),
        shift_right("moved = np.zeros(image.shape)", "moved[:, by:] = image[:, :image.shape[1] - by]", "return moved"),
        shift_right("return [[0] * by + row[:len(row) - by] for row in image.tolist()]"),
        shift_right("if by == 0: return image", BLANK, "moved[:, by:] = image[:, :-by]", "return moved"),
        "def shift_right(picture, pixels):\n    moved = torch.zeros_like(picture)\n    rows, columns = picture.shape\n"
        "    for row in range(rows):\n        for column in range(pixels, columns):\n"
        "            moved[row, column] = picture[row, column - pixels]\n    return moved",
    ],
    "distance": [
        distance("(moved - still).norm(dim=1).mean().item()"),
        distance("F.pairwise_distance(still, moved).mean()"),
        distance("torch.cdist(still, moved).diagonal().mean().reshape(1)"),
        distance("np.linalg.norm(moved.numpy() - still.numpy(), axis=1).mean()"),
        distance("np.sqrt(((moved - still) ** 2).sum(axis=1).numpy()).mean()"),
        distance("sum(math.dist(a, b) for a, b in zip(still.tolist(), moved.tolist())) / len(still)"),
        distance("round((moved - still).norm(dim=1).mean().item(), 3)"),
    ],
    "describe": [
        describe(f"return {MAPS}.amax(dim=(2, 3))"),
        describe(f"return F.adaptive_avg_pool2d({MAPS}, 1)"),
        describe(f"return {MAPS}.mean(dim=(2, 3))[0].tolist()"),
        describe(f"return {MAPS}.std(dim=(2, 3)).numpy()"),
        describe("return torch.histc(image, 8).int()"),
        describe("return [(image > level).sum() for level in (0.1, 0.3, 0.5, 0.7)]"),
        describe("return np.histogram(image.numpy(), bins=6)[0]"),
        describe("return image.flatten().sort().values"),
        describe("return image.mean(), image.std(), image.max(), (image > 0.5).sum()"),
        describe("return torch.fft.fft2(image).abs()[0, :3, :3]"),
        "net = nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.AdaptiveAvgPool2d(1))\ndef describe(picture): return net(picture)",
        "def describe(image):\n    rows, columns = image[0].any(1).nonzero(), image[0].any(0).nonzero()\n"
        "    cut = image[:, rows[0].item():rows[-1].item() + 1, columns[0].item():columns[-1].item() + 1]\n"
        "    return F.adaptive_avg_pool2d(cut, 2)",
    ],
}  # fmt: skip
