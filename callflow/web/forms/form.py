"""A form: steps of questions, one page each, with branches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import Field, model_validator

from callflow.web.forms.question import CHOOSING, Name, Question, Stop, Strict, Text

Answer = str | list[str]
Answers = Mapping[str, Answer]


class QuestionError(ValueError):
    """A question that does not fit the others; `question` is its name."""

    def __init__(self, question: str, message: str) -> None:
        super().__init__(f"{question}: {message}")
        self.question = question


class Step(Strict):
    """One page: its heading and its questions."""

    title: Text
    intro: str = ""
    questions: Mapping[Name, Question] = Field(min_length=1)


class Form(Strict):
    """A request form: pages of ours, or the address of a form elsewhere.

    Args:
        title: what it is about, in German.
        steps: pages in their order, by name.
        url: https address of an external form; then there are no steps.
    """

    title: Text
    steps: Mapping[Name, Step] = Field(default_factory=dict)
    url: str = Field(default="", pattern=r"^(https://[^\s#]+)?$")

    @model_validator(mode="after")
    def _pages_or_address(self) -> Form:
        if bool(self.steps) == bool(self.url):
            raise ValueError("a form has either steps or the url of an external form")
        return self

    @model_validator(mode="after")
    def _branches_look_back(self) -> Form:
        seen: dict[str, Question] = {}
        for name, question in self.questions():
            if name in seen:
                raise QuestionError(name, "is asked twice")
            for other, wanted in question.when.items():
                _check_branch(name, other, wanted, seen.get(other))
            seen[name] = question
        return self

    def questions(self) -> Iterator[tuple[str, Question]]:
        """Yield every question with its name, in the order of asking."""
        for step in self.steps.values():
            yield from step.questions.items()

    def texts(self) -> Iterator[str]:
        """Yield every text that a patient may read."""
        yield self.title
        for step in self.steps.values():
            yield from filter(None, (step.title, step.intro))
            for question in step.questions.values():
                yield from question.texts()

    def followed_by(self, last: Form) -> Form:
        """Return this form with the steps of another one after its own."""
        return self if self.url else Form(title=self.title, steps={**self.steps, **last.steps})


@dataclass(frozen=True, slots=True)
class Page:
    """A step as it stands for given answers.

    Args:
        name: the step's name.
        step: the step.
        questions: those that are asked now, by name.
    """

    name: str
    step: Step
    questions: Mapping[str, Question]


def pages(form: Form, answers: Answers) -> list[Page]:
    """Return the steps that have something to ask, given the answers so far."""
    every = (Page(name, step, _asked(step, answers)) for name, step in form.steps.items())
    return [page for page in every if page.questions]


def stop(questions: Mapping[str, Question], answers: Answers) -> Stop | None:
    """Return the strongest reason to stop among the answers: an emergency goes before a call."""
    found = {
        question.stops[choice]
        for name, question in questions.items()
        for choice in chosen(answers.get(name, ""))
        if choice in question.stops
    }
    if "emergency" in found:
        return "emergency"
    return "call" if found else None


def chosen(answer: Answer) -> Sequence[str]:
    """Return an answer's choices as a list."""
    return answer if isinstance(answer, list) else [answer] if answer else []


def _asked(step: Step, answers: Answers) -> dict[str, Question]:
    return {name: question for name, question in step.questions.items() if _applies(question, answers)}


def _applies(question: Question, answers: Answers) -> bool:
    return all(set(chosen(answers.get(other, ""))) & set(wanted) for other, wanted in question.when.items())


def _check_branch(name: str, other: str, wanted: tuple[str, ...], question: Question | None) -> None:
    if question is None:
        raise QuestionError(name, f"when names {other}, which is not asked before it")
    if question.kind not in CHOOSING or set(wanted) - set(question.choices):
        raise QuestionError(name, f"when asks for answers that {other} does not offer")
