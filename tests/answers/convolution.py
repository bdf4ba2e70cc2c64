"""Wrong and right answers to the exercises of notebook 01."""

WRONG = {
    "half": [
        ("half = torch.full((3, 3), 0.5)", "adds up nine neighbours"),
        ("half = [[0, 0, 0], [0, 1.0, 0], [0, 0, 0]]", "the picture itself"),
        ("half = torch.ones(3, 3) / 18", "a blur at half brightness"),
        ("half = torch.zeros(3, 3)", "at index [1, 1] is 0; right is 0.5"),
        ("half = torch.zeros(5, 5)", "has shape (5, 5); shape (3, 3) is wanted"),
    ],
    "parameters": [
        ("parameters = 12800", "forgot the biases"),
        ("parameters = 32 * 26", "forgot the depth: "),
        ("parameters = 12816", "Biases belong to the kernels"),
        ("parameters = 7", "7 is not the number"),
    ],
    "diagonal": [
        ("diagonal = torch.ones(3, 3)", "add up to 9"),
        ("diagonal = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])", "must favour the rising ones"),
        ("diagonal = torch.tensor([[0.0, 1, 2], [-1, 0, 1], [-2, -1, 0]])", "fall to the right"),
        ("diagonal = torch.zeros(3, 3)", "silent on every diagonal edge"),
        ("diagonal = torch.ones(2, 2)", "has shape (2, 2); shape (3, 3) is wanted"),
    ],
}
