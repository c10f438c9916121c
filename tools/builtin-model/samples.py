"""The stream of training samples: which kinds come how often at which stage, as token ids with weights.

A sample is a function of the seed and its index alone, so that training can go on anywhere.
"""

import bisect
import dataclasses
import itertools
import random

import facts
import out_of_scope
import reading
import words

SYSTEM_TEXTS = ["You are a helpful assistant.", "You are hearth-helper.", "Answer briefly.", "Answer from the sources."]

# How often the kinds come, by stage: copying lines, reading at levels 0 to 4, help, out of scope. Samples of help are
# short, so that many of them cost little.
MIXES = {
    0: {"lines": 1, "read0": 6, "read1": 1, "help": 2, "other": 0.5},
    1: {"lines": 0.4, "read0": 3, "read1": 4, "help": 2, "other": 0.6},
    2: {"read0": 2, "read1": 5, "read2": 1, "help": 14, "other": 3},
    3: {"read0": 2, "read1": 5, "read2": 2, "read3": 0.4, "help": 14, "other": 3},
    4: {"read0": 1, "read1": 3, "read2": 1.5, "read3": 0.3, "help": 36, "other": 13},
    5: {"read0": 0.4, "read1": 1.5, "read2": 2, "read3": 1.2, "read4": 0.6, "help": 24, "other": 10},
}


DECIDED = 14  # tokens of an answer after which it is clear which one it is


def _lines(rng):
    """Lines of made-up text under letters, one of which is asked for: the shortest way to copying."""
    lines = [" ".join(rng.choice([words.word, words.made_up, words.quantity, words.code, words.date])(rng)
                      for _ in range(rng.randint(2, 7))) for _ in range(rng.randint(1, 5))]
    marks = rng.sample("ABCDEFGHJKLMNPQRSTUVWXYZ", len(lines))
    wanted = rng.randrange(len(lines))
    text = "\n".join(f"{mark}: {line}" for mark, line in zip(marks, lines))
    return f"{text}\n\nRepeat {marks[wanted]}.", lines[wanted]


def turn(rng, kind, held_out=False):
    """(question, answer) of a kind."""
    if kind == "lines":
        return _lines(rng)
    if kind.startswith("read"):
        task = reading.task(rng, int(kind[4:]), held_out=held_out)
        return reading.prompt(task), task.answer
    if kind == "help":
        entry = rng.choice(facts.entries())
        if held_out:
            return facts.dress(rng, facts.expand(rng, rng.choice(entry.held_out))), entry.answer
        return facts.thin_out(rng, facts.dress(rng, facts.taught_question(rng, entry))), entry.answer
    question = facts.dress(rng, out_of_scope.question(rng, held_out))
    return question if held_out else facts.thin_out(rng, question), out_of_scope.ANSWER


@dataclasses.dataclass
class Sample:
    """Token ids with what training needs to know of them, by place."""

    kind: str
    ids: list
    answers: list  # whether a token belongs to an answer
    # Of what is to be read, see guidance.py:
    # Last token of a unit: (is it the answer, id of the unit's first, ids of two tokens from the passage's number on).
    ends: dict = dataclasses.field(default_factory=dict)
    # By the token before one of the answer:
    starts: dict = dataclasses.field(default_factory=dict)  # before the first one: last token of the unit
    origins: dict = dataclasses.field(default_factory=dict)  # before another of the unit: where that one is copied from
    numbers: dict = dataclasses.field(default_factory=dict)  # before one of the number: last token of the unit
    # Of questions about Hearth and of others:
    topic: int = -1  # its entry, or their number for anything else
    question: tuple = (0, 0)  # first token, one behind the last


def chat_ids(vocabulary, messages, rng=None):
    """Ids of a chat as the file's template writes it, with the answers' places: (ids, flags). With `rng` some words of the
    questions are spelled as Vocabulary.encode() says."""
    ids, answers = [], []
    for role, content in messages:
        head = [vocabulary.turn_start] + vocabulary.encode(role + "\n")
        body = vocabulary.encode(content, rng if role == "user" else None) + [vocabulary.turn_end]
        tail = vocabulary.encode("\n")
        ids += head + body + tail
        answers += [False] * len(head) + [role == "assistant"] * len(body) + [False] * len(tail)
    return ids, answers


def _reading_sample(vocabulary, rng, kind, messages):
    task = reading.task(rng, int(kind[4:]))
    layout = reading.laid_out(task, rule=rng.random() < 0.6)
    messages = messages + [("user", layout.text), ("assistant", task.answer)]
    made = Sample(kind, *chat_ids(vocabulary, messages))
    start = len(chat_ids(vocabulary, messages[:-2] + [("user", "")])[0]) - 2  # Behind an empty text stand two tokens.
    bytes_to = list(itertools.accumulate(len(vocabulary.tokens[index]) for index in made.ids[start:]))
    place_of = lambda character: start + bisect.bisect_right(bytes_to, len(layout.text[:character].encode()))
    for index, (first, last, number) in enumerate(layout.units):
        first_id = vocabulary.encode(layout.text[first:last + 1])[0]
        made.ends[place_of(last)] = (index == layout.answer, first_id, *vocabulary.encode(f"{number}]")[:2])
    if task.number:
        _mark_answer(vocabulary, made, task, layout, place_of)
    return made


def _mark_answer(vocabulary, made, task, layout, place_of):
    """Where the tokens of the answer come from. `place_of` tells the token of a character of the prompt."""
    first, last, _ = layout.units[layout.answer]
    unit, whole, number_at = task.unit.encode(), len(task.answer.encode()), len(f"{task.unit} [".encode())
    place, at = made.answers.index(True) - 1, 0
    while at < whole:
        if at == 0:
            made.starts[place] = place_of(last)
        elif at < len(unit):
            made.origins[place] = place_of(first + len(unit[:at].decode(errors="ignore")))
        elif number_at <= at < whole - 1:
            made.numbers[place] = place_of(last)
        place += 1
        at += len(vocabulary.tokens[made.ids[place]])


def sample(vocabulary, seed, index, stage):
    """The sample with that index."""
    rng = random.Random(f"{seed}/{stage}/{index}")
    mix = MIXES[stage]
    kind = rng.choices(list(mix), list(mix.values()))[0]
    messages = []
    if rng.random() < (0.03 if kind == "help" else 0.1):
        messages.append(("system", rng.choice(SYSTEM_TEXTS)))
    if kind.startswith("read"):
        return _reading_sample(vocabulary, rng, kind, messages)
    if kind in ("help", "other"):
        while rng.random() < 0.1 and len(messages) < 6:  # Earlier turns of the same chat.
            question, answer = turn(rng, rng.choice(["help", "help", "other"]))
            messages += [("user", question), ("assistant", answer)]
    question, answer = turn(rng, kind)
    ids, answers = chat_ids(vocabulary, messages + [("user", question), ("assistant", answer)], rng)
    if kind in ("help", "other") and rng.random() < 0.6:
        # What follows has been decided by then, and is known from the other samples.
        end = len(answers) - answers[::-1].index(False, 1) + DECIDED
        ids, answers = ids[:end], answers[:end]
    if kind not in ("help", "other"):
        return Sample(kind, ids, answers)
    topic = next((i for i, entry in enumerate(facts.entries()) if entry.answer == answer), len(facts.entries()))
    return Sample(kind, ids, answers, topic=topic, question=_last_question(vocabulary, ids, answers))


def _last_question(vocabulary, ids, answers):
    """(first token, one behind the last) of the text that the last answer belongs to."""
    place = len(answers) - answers[::-1].index(True)
    while answers[place - 1]:
        place -= 1
    end = place - ids[:place][::-1].index(vocabulary.turn_end) - 1
    begin = end - ids[:end][::-1].index(vocabulary.turn_start)
    return begin + len(vocabulary.encode("user\n")), end


def text_for_vocabulary(seed, count):
    """Texts as they will be read and written, for the vocabulary to be trained on."""
    rng = random.Random(f"{seed}/vocabulary")
    for index in range(count):
        for kind in ("read1", "help", "other", "read2"):
            question, answer = turn(rng, kind)
            yield question
            if index % 4 == 0:
                yield answer
