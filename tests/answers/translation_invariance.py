"""Wrong and right answers to the exercises of notebook 05."""

CONVOLVED = "F.relu(F.conv2d(image[None], torch.ones(8, 1, 3, 3) * torch.arange(8.0).view(8, 1, 1, 1)))"

WRONG = {
    "shift_right": [
        ("def shift_right(image, by): return image.roll(by, dims=1)", "comes in again on the left"),
        ("def shift_right(image, by): return augment.shift(image, -by)", "to the left"),
        (
            "def shift_right(image, by): return augment.shift(image, 0, by) if by < len(image) else 0 * image",
            "You move it down",
        ),
        ("def shift_right(image, by): return F.pad(image, (by, 0))", "grows wider"),
        ("def shift_right(image, by):\n    image[:, :by] = 0\n    return image", "changes its input 'image'"),
    ],
    "distance": [
        ("def distance(still, moved): return (moved - still).square().sum(dim=1).mean()", "forgot the square root"),
        ("def distance(still, moved): return (moved - still).abs().sum(dim=1).mean()", "absolute differences"),
        ("def distance(still, moved): return (moved.mean(0) - still.mean(0)).norm()", "distance of the mean features"),
        ("def distance(still, moved): return (moved - still).norm(dim=1).sum()", "divide by the pictures"),
        ("def distance(still, moved): return (moved - still).norm(dim=1)", "one distance a picture"),
    ],
    "describe": [
        ("def describe(image): return image.flatten()", "Is there still a place in them?"),
        ("def describe(image): return torch.ones(4)", "two pictures of different classes get the same numbers"),
        ("def describe(image): return image.mean(dim=(1, 2))", "1 numbers a picture; give 4 at least"),
        (
            f"def describe(image): return F.max_pool2d({CONVOLVED}, 2).mean(dim=(2, 3))[0]",
            "Even shifts change nothing, odd ones do",
        ),
        ("def describe(image): return [1, 2, 3, 4]", "your function returns a list"),
        ("def describe(image): return image", "your function returns a tensor of shape (1, 44, 44)"),
    ],
}
