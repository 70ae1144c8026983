"""A submitted form as people read it: answers in words, in the reader's language where it is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from callflow import numbers
from callflow.web.forms.form import Answer, Form, chosen
from callflow.web.forms.question import Question
from callflow.web.forms.source import Forms

Kept = Mapping[str, str]


def pack(answers: Mapping[str, Answer]) -> dict[str, str]:
    """Return answers as the store keeps them: text each, several choices separated by blanks."""
    texts = {name: " ".join(a) if isinstance(a, list) else a for name, a in answers.items()}
    return {name: text for name, text in texts.items() if text}


def unpack(form: Form, kept: Kept) -> dict[str, Answer]:
    """Return kept answers as the form's questions understand them."""
    return {
        name: kept[name].split() if question.kind == "many" else kept[name]
        for name, question in form.questions()
        if name in kept
    }


def readable(forms: Forms, form: Form, kept: Kept, language: str) -> Iterator[tuple[str, str]]:
    """Yield every answered question with its answer in words, in the order of asking."""
    answers = unpack(form, kept)
    for name, question in form.questions():
        if answers.get(name) and question.kind != "consent":
            yield forms.text(question.ask, language), in_words(forms, question, answers[name], language)


def readable_page(
    forms: Forms, questions: Mapping[str, Question], answers: Mapping[str, Answer], language: str
) -> list[tuple[str, str]]:
    """Return the questions of one page with their answers in words, "" where there is none."""
    return [
        (forms.text(question.ask, language), in_words(forms, question, answers.get(name, ""), language))
        for name, question in questions.items()
    ]


def as_given(questions: Mapping[str, Question], answers: Mapping[str, Answer]) -> dict[str, list[str]]:
    """Return kept answers as a browser would send them, to judge them again."""
    given: dict[str, list[str]] = {}
    for name, question in questions.items():
        answer = answers.get(name, "")
        if question.kind == "date" and isinstance(answer, str) and answer:
            year, month, day = answer.split("-")
            given |= {f"{name}.day": [day], f"{name}.month": [month], f"{name}.year": [year]}
        else:
            given[name] = list(chosen(answer))
    return given


def in_words(forms: Forms, question: Question, answer: Answer, language: str) -> str:
    """Return one answer as people write it."""
    if isinstance(answer, list):
        return ", ".join(
            forms.text(question.choices[key], language) for key in answer if key in question.choices
        )
    if question.kind == "one":
        return forms.text(question.choices.get(answer, answer), language)
    if question.kind == "files":
        return answer
    if question.kind == "date":
        return written_date(answer)
    if question.kind == "phone":
        return numbers.written(answer)
    return "✓" if question.kind == "consent" and answer else answer


def written_date(iso: str) -> str:
    """Return an ISO date as Germans write it, "03.11.1987"; other text as it is."""
    try:
        return f"{date.fromisoformat(iso):%d.%m.%Y}"
    except ValueError:
        return iso
