"""What the helper knows of Hearth: questions, an answer in full sentences, and what the answer must contain.

They are read from facts.txt. The last two questions of an entry are kept for evaluation: training never sees them.
`Entry.keys` are the commands, addresses and names in the answer, which an answer must have to count as right.
"""

import collections
import dataclasses
import functools
import pathlib
import re

HERE = pathlib.Path(__file__).parent
HELD_OUT = 2  # Questions of an entry.
BEGINNINGS = {
    "{HOW}": "[How do I|How can I|How to|What is the way to|Tell me how to|I want to|How would I|Please explain how to|"
             "How does one]",
    "{WHAT}": "[What is|What does|Explain|Tell me about|What do you know about]",
}

_COMMAND = re.compile(r"`(?:cat FILE \| )?(hearth\b[^`]*)`")
_FLAG = re.compile(r"(?<![\w-])(--[a-z][a-z-]*)")
_KEY = re.compile(r"`([^`]+)`|(https?://[\w.:/-]*\w)|(?<![\w`-])(--[a-z-]+)|(/v1/[\w/]+)")


@dataclasses.dataclass(frozen=True)
class Entry:
    topic: str
    questions: tuple  # with alternatives in them
    held_out: tuple
    answer: str

    @property
    def keys(self):
        """What an answer must contain to be right; the answer itself where it names nothing."""
        found = [next(filter(None, groups)) for groups in _KEY.findall(self.answer)]
        return found or [self.answer]


@functools.lru_cache(maxsize=1)
def entries():
    result = []
    text = (HERE / "facts.txt").read_text(encoding="utf-8")
    for block in text.strip().split("\n\n")[1:]:  # The first says how to read it.
        topic, questions, answer = block.split("\n")
        for short, ways in BEGINNINGS.items():
            questions = questions.replace(short, ways)
        # Bars inside brackets separate alternatives, bars with spaces around them questions.
        parts = tuple(part.strip() for part in re.split(r" \| ", questions))
        result.append(Entry(topic, parts[:-HELD_OUT], parts[-HELD_OUT:], answer))
    return tuple(result)


@functools.lru_cache(maxsize=1)
def asked_by_others():
    """(entry, question) of evaluation.txt: questions by somebody who did not know those of facts.txt."""
    by_topic = {entry.topic: entry for entry in entries()}
    text = (HERE / "evaluation.txt").read_text(encoding="utf-8")
    blocks = (block.split("\n") for block in text.strip().split("\n\n")[1:])
    return tuple((by_topic[topic], question) for topic, questions in blocks for question in questions.split(" | "))


@functools.lru_cache(maxsize=1)
def _kept():
    return {_plain(question) for _, question in asked_by_others()}


def _plain(text):
    return text.lower().rstrip("?.! ")


def taught_question(rng, entry):
    """One for training: of a pattern of the entry, in its words or in others that mean the same, and none of
    evaluation.txt."""
    while _plain(question := reword(rng, expand(rng, rng.choice(entry.questions)))) in _kept():
        pass
    return question


@functools.lru_cache(maxsize=1)
def synonyms():
    """Phrases of synonyms.txt, in lower case: what may stand for them."""
    lines = (HERE / "synonyms.txt").read_text(encoding="utf-8").splitlines()[1:]
    found = collections.defaultdict(list)
    for group in (line.split(" | ") for line in lines):
        for phrase in group:
            found[phrase] += group
    return found


def reword(rng, question):
    """The question with some of its phrases, or none, replaced by others of the same meaning."""
    share, result, at = rng.choice([0, 0.2, 0.5]), [], 0
    parts = question.split(" ")
    while at < len(parts):
        for count in range(min(6, len(parts) - at), 0, -1):
            text = " ".join(parts[at:at + count])
            phrase = text.rstrip("?.!,:;")
            group = synonyms().get(phrase.lower())
            if group and rng.random() < share:
                other = rng.choice(group)
                if phrase[:1].isupper():
                    other = other[:1].upper() + other[1:]
                result.append(other + text[len(phrase):])
                at += count
                break
        else:
            result.append(parts[at])
            at += 1
    return " ".join(result)


def expand(rng, template):
    """A question with one of each [a|b] and with or without each (x)."""
    text = re.sub(r"\(([^()\[\]]*)\)", lambda m: rng.choice(["", _choose(rng, m[1])]), template)
    while "[" in text:
        text = re.sub(r"\[([^\[\]]*)\]", lambda m: rng.choice(m[1].split("|")), text)
    text = re.sub(r" +", " ", text).strip()
    return re.sub(r" ([?.,])(?=\s|$)", r"\1", text)


def _choose(rng, text):
    return rng.choice(text.split("|"))


OPENINGS = ["", "", "", "", "", "", "Hi, ", "Hello, ", "Please, ", "Quick question: ", "Sorry, but ", "So ", "Hey, ",
            "And ", "One more thing: ", "I am new here. ", "Good morning. "]
CLOSINGS = ["", "", "", "", "", "", "", " Thanks!", " Thank you.", " Please help.", " I could not find it."]


def typo(rng, text):
    """One slip of the keyboard: two letters swapped, one left out or one doubled."""
    at = rng.randrange(1, max(2, len(text) - 2))
    return rng.choice([text[:at] + text[at + 1:at + 2] + text[at:at + 1] + text[at + 2:], text[:at] + text[at + 1:],
                       text[:at] + text[at:at + 1] + text[at:]])


def dress(rng, question):
    """A question as people type it: with words around it, in lower case, without its mark, with a slip."""
    opening = rng.choice(OPENINGS)
    if opening and opening[-2] in ",:" or opening in ("So ", "And ", "Sorry, but "):
        question = question[:1].lower() + question[1:] if not question.startswith(("I ", "Hearth")) else question
    text = opening + question + rng.choice(CLOSINGS)
    if rng.random() < 0.25:
        text = text.lower()
    if rng.random() < 0.2:
        text = text.rstrip("?.!")
    if rng.random() < 0.1:
        text = typo(rng, text)
    return text


@functools.lru_cache(maxsize=1)
def _asked_words():
    """The words of all questions of training."""
    return sorted({word for entry in entries() for question in entry.questions for word in re.findall(r"[\w'-]+", question)})


def thin_out(rng, question):
    """For training: now and then without some of its words, or with any others in their place, so that no single one decides
    and none that is new disturbs."""
    kind, all_words = rng.random(), question.split()
    if kind < 0.4:
        return question
    if kind < 0.7:
        share = rng.uniform(0.05, 0.3)
        return " ".join(rng.choice(_asked_words()) if rng.random() < share else word for word in all_words)
    share = rng.uniform(0.1, 0.5)
    kept = [word for word in all_words if rng.random() > share]
    return " ".join(kept) if len(kept) > 1 else question


@dataclasses.dataclass(frozen=True)
class Taught:
    """What an answer says of the program: command lines, and flags named beside them, which belong to one of them."""

    topic: str
    commands: tuple
    flags: tuple


def taught():
    """For a test to compare with the program."""
    found = []
    for entry in entries():
        commands = tuple(_COMMAND.findall(entry.answer))
        if commands:
            found.append(Taught(entry.topic, commands, tuple(_FLAG.findall(entry.answer))))
    return found
