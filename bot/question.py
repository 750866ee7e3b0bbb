"""The question of a Run that asks back, as people read it. Pure."""

from __future__ import annotations

import re

from sandbox.report import Report

_MARKS = re.compile(r"\*\*|`|^#{1,6} +", re.MULTILINE)


def question_apart(report: Report) -> tuple[str, str]:
    """Return an agent's last words without its question, and the question without the marks of Markdown."""
    question = report.question
    if not question:
        return report.summary, ""
    before, _, behind = report.summary.rpartition(question)
    said = "\n\n".join(filter(None, (before.strip(), behind.strip())))
    return said, _MARKS.sub("", question).strip()
