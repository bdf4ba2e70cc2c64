"""Questions that many get wrong at first: a button for each choice, and an answer to each."""

import html
from typing import NamedTuple

import ipywidgets

from helpers.widgets.live import Live, status


class Choice(NamedTuple):
    """words: what stands on the button.  why: what is said when it is picked; of a wrong one, why it is wrong."""

    words: str
    why: str
    right: bool = False


class Question(NamedTuple):
    """text: the question.  choices: `Choice`s, of which just one is right."""

    text: str
    choices: tuple


class Questions(Live):
    """What `ask` shows.  `buttons[i][j]` is choice j of question i, `answers[i]` says what is to be said of it."""

    def __init__(self, questions):
        self.buttons, self.answers = [], []
        children = []
        for number, question in enumerate(questions, start=1):
            answer = ipywidgets.HTML()
            buttons = [self._button(choice, answer) for choice in question.choices]
            self.buttons.append(buttons)
            self.answers.append(answer)
            children += [ipywidgets.HTML(f"<b>{number}. {html.escape(question.text)}</b>"), *buttons, answer]
        numbered = list(enumerate(questions, start=1))
        words = [f"{n}. {q.text} ({' / '.join(choice.words for choice in q.choices)})" for n, q in numbered]
        self._page = "".join(_twin(*one) for one in numbered)
        super().__init__(children, "\n".join(words))

    def still(self):
        """The twin: the choices, and the answers folded away."""
        return {"text/html": self._page}

    def _button(self, choice, answer):
        button = ipywidgets.Button(
            description=choice.words,
            tooltip=choice.words,
            layout=ipywidgets.Layout(width="max-content", max_width="100%"),
        )

        def picked(button):
            sign = "\N{CHECK MARK}" if choice.right else "\N{BALLOT X}"
            # both, or a screen reader reads out two texts
            button.description = button.tooltip = f"{sign} {choice.words}"
            button.button_style = "success" if choice.right else "danger"
            answer.value = status(_answer(choice))

        button.on_click(picked)
        return button


def ask(*questions):
    """Show questions with a button a choice; whichever is picked is explained.

    Buttons are reached with the Tab key and pressed with Space or Enter.  Where no kernel runs, the
    choices are listed and the answers folded away.  Raises ValueError for a question without just
    one right choice, or with a choice that is not explained.
    """
    for question in questions:
        if sum(choice.right for choice in question.choices) != 1:
            raise ValueError(f"just one choice must be right: {question.text!r}")
        if not all(choice.why.strip() for choice in question.choices):
            raise ValueError(f"every choice must be explained: {question.text!r}")
    return Questions(questions)


def _answer(choice):
    return f"{'Right.' if choice.right else 'Not so.'} {choice.why}"


def _twin(number, question):
    choices = "".join(f"<li>{html.escape(choice.words)}</li>" for choice in question.choices)
    answers = "".join(f"<li>{html.escape(_answer(choice))}</li>" for choice in question.choices)
    return (
        f"<p><b>{number}. {html.escape(question.text)}</b></p><ol type='a'>{choices}</ol>"
        f"<details><summary>Answers</summary><ol type='a'>{answers}</ol></details>"
    )
