"""Does an agent end with a question? Pure: its last words in, the question out.

A question is told as one, and waits for an answer; so what only looks like one must not count: a question that is
quoted or stands in code, one that the agent answers itself, and the politeness with which models like to close.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

LONGEST = 700
"""Characters of a question that are kept: more than a phone shows at once."""

_CONTEXT = 400
"""A paragraph of at most so many characters is shown whole, since its question leans on the rest of it."""


def closing_question(words: str, *, changed: bool) -> str | None:
    """Return what an agent asks at the end of its last words, as it wrote it; None when it asks nothing.

    `changed` says that there is work to show for it: then an offer to do more ("Shall I also …?") asks nothing, and only
    a question with a question mark counts. Without work a request ("Please tell me which …") does too.
    """
    parts = list(_parts(words[-_LOOKED_AT:]))
    asking = _asking(parts, changed=changed)
    if asking is None:
        return None
    start = _beginning(parts, asking)
    return words[-_LOOKED_AT:][start:].strip()[:LONGEST].rstrip() or None


class _Kind(Enum):
    SENTENCE = "sentence"
    ITEM = "item"
    SHOWN = "shown"


class _Line(Enum):
    EMPTY = "empty"
    PROSE = "prose"
    ITEM = "item"
    SHOWN = "shown"


@dataclass(frozen=True, slots=True)
class _Part:
    """A sentence, an item of a list, or what is only shown: code, a quotation, a table.

    `start` is where it begins in the text, `paragraph` which paragraph, or list, it belongs to.
    """

    kind: _Kind
    text: str
    start: int
    paragraph: int


_LOOKED_AT = 6000
_FENCE = re.compile(r" {0,3}(?:```|~~~)")
_ITEM = re.compile(r"\s*(?:[-*+•]|\(?[0-9]{1,2}[.)]|\(?[A-Za-z][.)])\s+(?=\S)")
_SHOWN = re.compile(r"\s*(?:>|\|)")
# A sentence ends behind its mark and what closes around it; scripts without spaces need none behind.
_CLOSERS = r"[\"'”’»」』)\]*_`~]*"
_SENTENCE = re.compile(
    rf"\S.*?(?:[.!?…؟\u037e⁇⁈]+{_CLOSERS}(?=\s|$)|[。！？]+{_CLOSERS}|$)", re.DOTALL
)


def _parts(text: str) -> Iterator[_Part]:
    """Yield what a text consists of, in its order."""
    prose: list[tuple[int, str]] = []
    paragraph, before = 0, _Line.EMPTY
    for at, line, kind in _lines(text):
        if prose and kind is not _Line.PROSE:
            yield from _sentences(prose, paragraph)
            prose = []
        if kind not in (before, _Line.EMPTY):
            paragraph += 1
        if kind is _Line.PROSE:
            prose.append((at, line))
        elif kind is _Line.ITEM:
            yield _Part(_Kind.ITEM, line.strip(), at, paragraph)
        elif kind is _Line.SHOWN:
            yield _Part(_Kind.SHOWN, line, at, paragraph)
        before = kind
    if prose:
        yield from _sentences(prose, paragraph)


def _lines(text: str) -> Iterator[tuple[int, str, _Line]]:
    """Yield each line with where it begins and what it is."""
    at, fenced, listed = 0, False, False
    for line in text.split("\n"):
        fence = _FENCE.match(line) is not None
        if not line.strip():
            kind = _Line.EMPTY
        elif fence or fenced or _SHOWN.match(line):
            kind = _Line.SHOWN
        elif _ITEM.match(line):
            kind = _Line.ITEM
        else:
            # What is indented below an item belongs to it.
            kind = _Line.SHOWN if listed and line[0] in " \t" else _Line.PROSE
        listed = kind is _Line.ITEM or (listed and kind is not _Line.PROSE)
        fenced = fenced is not fence
        yield at, line, kind
        at += len(line) + 1


def _sentences(prose: list[tuple[int, str]], paragraph: int) -> Iterator[_Part]:
    start = prose[0][0]
    text = "\n".join(line for _, line in prose)
    for match in _SENTENCE.finditer(text):
        yield _Part(_Kind.SENTENCE, match[0].strip(), start + match.start(), paragraph)


def _asking(parts: list[_Part], *, changed: bool) -> int | None:
    """Return which part asks: the last that says something of its own, what only waits for the answer left aside."""
    found = None
    for number in range(len(parts) - 1, -1, -1):
        part = parts[number]
        if part.kind is _Kind.SHOWN or not _WORD.search(part.text) or _CLOSING.search(part.text):
            continue
        if _is_question(part.text):
            if changed and _is_offer(part.text):
                continue
            return number
        if part.kind is _Kind.ITEM:
            continue  # one of those to choose from
        if not changed and _REQUEST.search(part.text):
            found = number
        elif not (_WAITING_AFTER_WORK if changed else _WAITING).match(part.text):
            break
    return found


def _beginning(parts: list[_Part], asking: int) -> int:
    """Return where the question begins: with its paragraph where that is short, a list with what stands before it."""
    part = parts[asking]
    first = asking
    while first > 0 and (
        parts[first - 1].paragraph == part.paragraph
        or (parts[first].kind is _Kind.ITEM and parts[first - 1].kind is _Kind.ITEM)
    ):
        first -= 1
    if part.kind is _Kind.ITEM and first > 0 and parts[first - 1].kind is _Kind.SENTENCE:
        first -= 1
    if part.kind is _Kind.SENTENCE and part.start + len(part.text) - parts[first].start > _CONTEXT:
        return part.start
    return parts[first].start


def _is_question(text: str) -> bool:
    """Say whether a sentence or an item asks; what is quoted, code or an address at its end doesn't."""
    end = len(text)
    while end and (text[end - 1] in _DECORATION or _EMOJI.match(text[end - 1])):
        end -= 1
    bare = text[:end]
    return bool(_ASKS.search(bare[-_MARK_CHARACTERS:])) and "://" not in bare.split()[-1]


def _is_offer(text: str) -> bool:
    """Say whether a question after work is politeness; one that names a choice ("which …") isn't."""
    if _OPINION.search(text):
        return True
    return _OFFER.search(text) is not None and not (_WHICH.search(text) or _WHAT.match(text))


_WORD = re.compile(r"\w")
_DECORATION = " \t\n*_~)]"
_EMOJI = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf\ufe0f]")
_MARK_CHARACTERS = 20
_ASKS = re.compile(r"(?:[?？؟\u037e⁇⁈‽]!*|(?:ですか|ますか|でしょうか|吗|嗎)[。.]?)$")

_CLOSING = re.compile(
    r"\b(?:any(?:thing)? (?:else|other|further|more)\b|any questions|something else\b|(?:does|did|hope) (?:that|this) helps?"
    r"|need (?:any|further|more) help|(?:sonst|noch) (?:etwas|was|fragen|irgend)|kann ich (?:sonst|dir sonst|ihnen sonst)"
    r"|autre chose|d['’]autres questions|algo más|alguna otra|(?:mais alguma|outra) coisa|algo mais"
    r"|altre domande|qualcos['’]altro|ещё что-нибудь|что-нибудь ещё|другие вопросы)"
    r"|(?:还|還)(?:有|需要)(?:什么|什麼|其他|别的)|其他(?:问题|需要)|(?:他|ほか)に(?:何|も|ご)",
    re.IGNORECASE,
)
"""How models say goodbye; it asks for nothing."""

_OPINION = re.compile(
    r"\b(?:what do you think|how does (?:this|that|it) (?:look|sound)|sounds? (?:good|right|ok)|make sense|thoughts\?|feedback\?"
    r"|(?:does|do) (?:this|that|it|these|those) (?:look|work|sound|match|fit)|is (?:this|that|it) what you|okay\?|interested"
    r"|what['’]?s next|next\?|like me to work on|would (?:that|this|it) (?:help|work|be)|ready to)",
    re.IGNORECASE,
)
_OFFER = re.compile(
    r"\b(?:(?:would|do|did) you (?:like|want|prefer me)|want me to|may i\b|(?:can|could) i (?:also|help)"
    r"|(?:should|shall) (?:i|we) (?:also|now|proceed|continue|go ahead|go on|keep going|open|commit|push|merge|start|add)\b"
    r"|(?:soll|darf|kann) ich (?:noch|auch|jetzt|dir|ihnen|damit|weiter)|m(?:ö|oe)cht(?:est du|en sie|et ihr)"
    r"|(?:willst|magst) du|wollen sie|(?:veux|souhaites|aimerais)-tu|(?:voulez|souhaitez|aimeriez)-vous|puis-je"
    r"|dois-je (?:aussi|également|maintenant|continuer)|(?:quieres?|desea[sn]?|(?:te|le) gustaría) que|¿(?:quieres|quiere|deseas?)"
    r"|(?:você )?(?:quer|gostaria|deseja)\b|(?:vuoi|vuole|desideri|desidera) che|хо(?:чешь|тите)\b)"
    r"|(?:需要|要|想让|想要)我|要不要|(?:し|いたし|進め)ま(?:しょうか|すか)|よろしいで",
    re.IGNORECASE,
)
"""After work these offer more; without any they ask for leave to begin."""

_WHICH = re.compile(
    r"\b(?:which|welche[rsmn]?|quel(?:le)?s?|cuál(?:es)?|qua(?:l|is|le|li))\b|哪|どちら|どの",
    re.IGNORECASE,
)
_WHAT = re.compile(
    r"\W*(?:what|where|who|when|how many|how much|was|wo|wann|où|quand|dónde|cuándo|onde|dove)\b",
    re.IGNORECASE,
)

_REQUEST = re.compile(
    r"\b(?:please|kindly) (?:\w+ )?(?:tell|let me know|clarify|confirm|specify|choose|pick|decide|provide|share|paste|send|point|give"
    r"|describe|advise|reply|answer|explain|name)\b|\b(?:tell me|let me know) (?:which|what|how|whether|where|who|when)\b"
    r"|\bbitte (?:sag|sagen|teil|teilen|gib|geben|nenn|nennen|best(?:ä|ae)tig|wähl|erklär|beschreib)"
    r"|\bmerci de (?:me )?(?:dire|préciser|confirmer|indiquer)|\b(?:dis|dites|indique|indiquez|précise|précisez)-moi"
    r"|\bpor favor,? (?:dime|indica|indícame|confirma|aclara|diga|confirme|informe)|请(?:告诉|提供|说明|确认|选择)|教えてください|お知らせください",
    re.IGNORECASE,
)

_WAITING_AFTER_WORK = re.compile(
    r"\W*(?:let me know|please (?:let|tell|confirm|advise|decide|choose)|tell me\b|(?:just )?reply\b|your (?:call|choice)"
    r"|sag(?:en sie)? mir|lass(?:en sie)? (?:es )?mich wissen|dis(?:-|tes-)moi|avísame|dime)",
    re.IGNORECASE,
)

_WAITING = re.compile(
    rf"(?:{_WAITING_AFTER_WORK.pattern})|\W*(?:once|as soon as|when you|if you|after (?:you|that)|until|before|without|with (?:that|this|your)"
    r"|then i|i(?:['’]ll| will| can(?:['’]t|not)?| need|['’]m waiting|['’]d| would| recommend| suggest| lean| am|['’]ve not| have not| haven['’]t)"
    r"|my (?:recommendation|suggestion|default)|by default|either|both|nothing (?:was|has been|is)|no (?:files?|changes?|code)"
    r"|ich (?:brauche|warte|kann|würde|habe)|sobald|ohne|dann|je (?:peux|ne peux|préfère|propose)|dès que|sans|en cuanto|sin)\b",
    re.IGNORECASE,
)
"""What stands behind a question without taking it back: why it is asked, and what comes of the answer."""
