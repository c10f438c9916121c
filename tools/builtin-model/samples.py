"""The stream of training samples: which kinds come how often at which stage, as token ids with weights.

A sample is a function of the seed and its index alone, so that training can go on anywhere.
"""

import random

import facts
import out_of_scope
import reading
import words

SYSTEM_TEXTS = ["You are a helpful assistant.", "You are hearth-helper.", "Answer briefly.", "Answer from the sources."]

# How often the kinds come, by stage: copying lines, reading at levels 0 to 3, help, out of scope.
MIXES = {
    0: {"copy": 1, "read0": 6, "read1": 1, "help": 2, "other": 0.5},
    1: {"copy": 0.4, "read0": 3, "read1": 4, "help": 2, "other": 0.6},
    2: {"copy": 0.2, "read0": 1, "read1": 4, "read2": 3, "help": 1.5, "other": 0.6},
    3: {"read0": 0.5, "read1": 2, "read2": 4, "read3": 1.2, "help": 1.2, "other": 0.6},
}


def _copy(rng):
    """Lines of made-up text under letters, one of which is asked for: the shortest way to copying."""
    lines = [" ".join(rng.choice([words.word, words.made_up, words.quantity, words.code, words.date])(rng)
                      for _ in range(rng.randint(2, 7))) for _ in range(rng.randint(1, 5))]
    marks = rng.sample("ABCDEFGHJKLMNPQRSTUVWXYZ", len(lines))
    wanted = rng.randrange(len(lines))
    text = "\n".join(f"{mark}: {line}" for mark, line in zip(marks, lines))
    return f"{text}\n\nRepeat {marks[wanted]}.", lines[wanted]


def _reading_turns(rng, level):
    """Some questions about the same passages: what is read once serves several answers."""
    task = reading.task(rng, level, asked=rng.choice([1, 2, 4, 6]))
    prompts = [reading.prompt(task, rule=rng.random() < 0.6)]
    prompts += [reading.follow_up(question) for question in task.questions[1:]]
    return [(prompt, question.answer) for prompt, question in zip(prompts, task.questions)]


def turn(rng, kind, held_out=False):
    """(question, answer) of a kind."""
    if kind == "copy":
        return _copy(rng)
    if kind.startswith("read"):
        task = reading.task(rng, int(kind[4:]), held_out=held_out)
        return reading.prompt(task), task.questions[0].answer
    if kind == "help":
        entry = rng.choice(facts.entries())
        template = rng.choice(entry.held_out if held_out else entry.questions)
        return facts.dress(rng, facts.expand(rng, template)), entry.answer
    return facts.dress(rng, out_of_scope.question(rng, held_out)), out_of_scope.ANSWER


def chat_ids(vocabulary, messages):
    """Ids of a chat as the file's template writes it, with the answers' places: (ids, flags)."""
    ids, answers = [], []
    for role, content in messages:
        head = [vocabulary.turn_start] + vocabulary.encode(role + "\n")
        body = vocabulary.encode(content) + [vocabulary.turn_end]
        tail = vocabulary.encode("\n")
        ids += head + body + tail
        answers += [False] * len(head) + [role == "assistant"] * len(body) + [False] * len(tail)
    return ids, answers


def sample(vocabulary, seed, index, stage):
    """(kind, ids, flags of the answer's tokens) of the sample with that index."""
    rng = random.Random(f"{seed}/{stage}/{index}")
    mix = MIXES[stage]
    kind = rng.choices(list(mix), list(mix.values()))[0]
    messages = []
    if rng.random() < 0.1:
        messages.append(("system", rng.choice(SYSTEM_TEXTS)))
    if kind in ("help", "other"):
        while rng.random() < 0.3 and len(messages) < 6:  # Earlier turns of the same chat.
            question, answer = turn(rng, rng.choice(["help", "help", "other"]))
            messages += [("user", question), ("assistant", answer)]
    turns = _reading_turns(rng, int(kind[4:])) if kind.startswith("read") else [turn(rng, kind)]
    for question, answer in turns:
        messages += [("user", question), ("assistant", answer)]
    return (kind,) + chat_ids(vocabulary, messages)


def text_for_vocabulary(seed, count):
    """Texts as they will be read and written, for the vocabulary to be trained on."""
    rng = random.Random(f"{seed}/vocabulary")
    for index in range(count):
        for kind in ("read1", "help", "other", "read2"):
            question, answer = turn(rng, kind)
            yield question
            if index % 4 == 0:
                yield answer
