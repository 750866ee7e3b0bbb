"""Which last words of an agent are a question to the person, and which only look like one."""

from __future__ import annotations

import pytest

from sandbox.question import LONGEST, closing_question

# Each asks, whether or not there is work to show.
ASKS = {
    "plain": "Which of the two configs is used?",
    "behind what it rests on": "I found a.yml and b.yml. Which one is used?",
    "with context in an earlier paragraph": "I read the code.\n\nShould the greeting be formal or casual?",
    "in bold": "**Which database should I use?**",
    "a choice in the words of an offer": "Both licenses fit. Which one do you want me to use?",
    "what is wanted": "What would you like the greeting to say?",
    "one of two": "Shall the year come first or last?",
    "with an emoji behind": "Which database should I use? 🤔",
    "in brackets": "I need to know one thing (which database?)",
    "with a waiting sentence behind": "Which database should I use? Let me know and I'll go on.",
    "with choices behind": "Which database should I use?\n\n1. PostgreSQL\n2. SQLite",
    "with choices and a waiting sentence": "Which one?\n- PostgreSQL\n- SQLite\n\nPlease tell me.",
    "with code behind": "Should the output look like this?\n\n```\nHello, world!\n```",
    "as a list of questions": "Open questions:\n\n1. Which file?\n2. Which format?",
    "as a list with an indented explanation": "Open:\n- Which file?\n  There are two of them.",
    "with a quoted name": 'Shall the function be called "farewell" or "goodbye"?',
    "twice": "Is this about main? Or about release-7?",
    "with a full-width mark": "應該用哪個資料庫？",
    "in Chinese without a mark": "是用 PostgreSQL 吗。",
    "in Japanese": "どちらのデータベースを使いますか。",
    "in Spanish": "¿Qué base de datos uso?",
    "in Arabic": "أي قاعدة بيانات أستخدم؟",
    "in Greek": "Ποια βάση δεδομένων\u037e",
    "in French, with a space": "Quelle base de données faut-il utiliser ?",
    "in German": "Ich habe zwei Stellen gefunden. Welche ist gemeint?",
    "surprised": "Is that really wanted?!",
    "after an open fence that was closed": "```\nx\n```\nWhich x?",
    "before a polite end": "Which database should I use? Anything else?",
}

# Each asks only where nothing was changed: after work it is politeness, or an offer of more.
ASKS_WITHOUT_WORK = {
    "leave to begin": "The fix is a rename in 40 files. Would you like me to go ahead?",
    "approval of a plan": "I'd move the parser into a module of its own. What do you think?",
    "approval of what was shown": "Like this: `add(2, 2)`. Is that what you had in mind?",
    "what comes next": "All tests pass. What would you like me to do next?",
    "an opinion": "I would split it in two. Thoughts?",
    "leave, in German": "Das wären 40 Dateien. Soll ich damit weitermachen?",
    "leave, in French": "Cela touche 40 fichiers. Voulez-vous que je continue ?",
    "leave, in Spanish": "Son 40 archivos. ¿Quieres que siga?",
    "leave, in Chinese": "需要我继续吗？",
    "leave, in Japanese": "このまま進めましょうか？",
    "for the task itself": "Hello! What would you like me to work on?",
    "a request": "There are two greeters. Please tell me which one you mean.",
    "a request without please": "There are two greeters. Tell me which one you mean.",
    "a request, in German": "Es gibt zwei. Bitte sag mir, welche gemeint ist.",
    "with a recommendation behind": "A or B? I'd recommend A. Once you decide I'll start.",
    "with what it waits for in a paragraph behind": "Which one?\n\nI need this before I can start.",
}

# None of these asks anything.
ASKS_NOTHING = {
    "empty": "",
    "blank": " \n\n ",
    "a statement": "Added farewell(name) to greeter, with two tests.",
    "a question that it answers": "Why did it fail? The cache was stale. It is fixed now.",
    "a polite end": "All tests pass. Anything else?",
    "a polite end in full": "Done. Is there anything else I can help you with?",
    "a polite end, any questions": "Done. Any questions?",
    "a polite end, in German": "Fertig. Kann ich sonst noch etwas tun?",
    "a polite end, in French": "C'est fait. Autre chose ?",
    "a polite end, in Spanish": "Hecho. ¿Algo más?",
    "a polite end, in Chinese": "完成了。还有什么需要帮助的吗？",
    "a closing without a mark": "Done. Let me know if you want changes.",
    "a quotation": "The prompt now reads “Are you sure?”",
    "a quotation in straight marks": 'The prompt now reads "Are you sure?"',
    "a quoted line": "It prints:\n\n> Are you sure?",
    "code": "It prints:\n\n```\nAre you sure?\n```",
    "an open fence": "It prints:\n\n```\nAre you sure?",
    "inline code": "The pattern is now `colou?`",
    "an address": "See https://example.com/search?",
    "a table": "| question | answer |\n|---|---|\n| which? |",
    "a list of what was done": "Done:\n\n- renamed it\n- added tests",
    "a list behind a question it answers": "Why? Here is why.\n\n- the cache\n- the clock",
    "a heading that asks, with an answer": "## Why was it slow?\n\nThe cache was stale.",
    "a question long before the end": "Which one? I chose A.\n\n" + "It works.\n\n" * 40,
}


@pytest.mark.parametrize("changed", [True, False], ids=["with work", "without work"])
@pytest.mark.parametrize("words", ASKS.values(), ids=ASKS.keys())
def test_a_question_to_the_person_is_one(words: str, changed: bool) -> None:
    assert closing_question(words, changed=changed)


@pytest.mark.parametrize("words", ASKS_WITHOUT_WORK.values(), ids=ASKS_WITHOUT_WORK.keys())
def test_what_asks_for_leave_is_a_question_only_where_nothing_was_done(words: str) -> None:
    assert closing_question(words, changed=False)
    assert closing_question(words, changed=True) is None


@pytest.mark.parametrize("changed", [True, False], ids=["with work", "without work"])
@pytest.mark.parametrize("words", ASKS_NOTHING.values(), ids=ASKS_NOTHING.keys())
def test_what_only_looks_like_a_question_is_none(words: str, changed: bool) -> None:
    assert closing_question(words, changed=changed) is None


@pytest.mark.parametrize(
    ("words", "question"),
    [
        ("I read it.\n\nThere are two. Which one?", "There are two. Which one?"),
        ("I read it.\n\nWhich one?\n- a\n- b", "Which one?\n- a\n- b"),
        ("I read it.\n\nOpen:\n\n1. Which?\n2. When?\n", "Open:\n\n1. Which?\n2. When?"),
        (f"{'It is long. ' * 50}Which one? Tell me.", "Which one? Tell me."),
        ("Which one?\n\n```\nx\n```", "Which one?\n\n```\nx\n```"),
        ("There are two. Please tell me which one.", "There are two. Please tell me which one."),
    ],
)
def test_the_question_comes_with_what_it_leans_on(words: str, question: str) -> None:
    assert closing_question(words, changed=False) == question


def test_a_long_question_is_cut_and_a_long_text_costs_little() -> None:
    found = closing_question("Which one?\n" + "- a choice\n" * 200, changed=True)
    assert found is not None
    assert len(found) <= LONGEST
    assert closing_question("a? " * 100_000, changed=False)
    assert closing_question("(" * 200_000, changed=False) is None
    assert closing_question("a\n- " * 100_000, changed=False) is None
    for text in ("*" * 100_000 + "x", "?" * 50_000 + "!" * 50_000 + "x", ".a" * 50_000):
        assert closing_question(text, changed=False) is None
