"""Wrong and right answers to the exercises of notebook 00."""

WRONG = {
    "rows": [
        ("rows = 4", "dropped, not kept"),
        ("rows = 3.5", "no half a row"),
        ("rows = 7", "into the third block"),
        ("rows = 5", "5 is not the number"),
        ("rows = '3'", "the text '3'; a single number is wanted: leave out the quotes"),
    ],
    "accuracy": [
        ("def accuracy(predictions, labels): return (predictions == labels).sum()", "count the right answers"),
        ("def accuracy(predictions, labels): return 100 * (predictions == labels).float().mean()", "per cent"),
        ("def accuracy(predictions, labels): return (predictions == labels).sum() / 10", "number of classes"),
        ("def accuracy(predictions, labels): return (predictions != labels).float().mean()", "wrong answers"),
        ("def accuracy(predictions, labels): return 0.75", "your function's result is 0.75; right is"),
    ],
    "small": [
        ("small = models.small_cnn(width=4)", "has your network been trained?"),
        ("small = models.small_cnn(width=16)", "weights; at most 2,000 are allowed"),
        ("small = 'small_cnn(width=4)'", "A network is wanted"),
        ("small = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(100, 10))", "cannot be multiplied"),
    ],
}
