"""Generated documents with a question: what the quoting reader learns from.

A task has numbered passages, a question, and an answer that is the unit (sentence, line or table row) which answers it,
word for word, with the number of its passage; or the sentence that the sources do not say. Around the unit stand
others that nearly fit: the same thing with another attribute, another thing with the same one.

The question stands before the passages and after them: a network that reads from left to right can then compare every
sentence with it as it reads (Liu et al., "Lost in the Middle", 2023, query-aware contextualization).
"""

import dataclasses

import domains
import words

NOT_SAID = "The sources do not say."
RULE = "Answer from these sources alone and cite them as [n]. If they do not say, say so."


@dataclasses.dataclass
class Fact:
    """Something that a unit states. Two facts of one key would contradict each other."""

    key: tuple
    unit: str
    question: str
    entity: str = ""
    label: str = ""
    value: str = ""
    tabular: bool = True  # "label: value" under the entity as title says the same


@dataclasses.dataclass
class Passage:
    title: str
    units: list
    gap: str  # between units


@dataclasses.dataclass
class Task:
    """Passages and a question about them."""

    passages: list
    first: int  # number of the first passage; later turns of a chat go on counting
    question: str
    answer: str
    number: int  # of the answer's passage; 0 = the sources do not say
    unit: str


def capital(text):
    return text[:1].upper() + text[1:]


def _in_context(rng, statement):
    """A statement as a sentence, sometimes with more around it."""
    slots = {"y": words.year(rng), "d": words.date(rng), "p": words.person(rng), "w": words.word(rng)}
    if rng.random() < 0.15 and not statement.startswith(("In ", "At ", "As ", "For ", "It ")):
        head = rng.choice(domains.BEGINNINGS).format(**slots)
        statement = head + (statement[:1].lower() + statement[1:] if statement.startswith("The ") else statement)
    if rng.random() < 0.15 and statement.endswith("."):
        statement = statement[:-1] + rng.choice(domains.ENDINGS).format(**slots) + "."
    return capital(statement)


def _attribute_fact(rng, attribute, entity, held_out):
    value = domains.VALUES[attribute.value](rng)
    question = rng.choice(attribute.held_out if held_out else attribute.questions)
    return Fact((entity, attribute.name), _in_context(rng, rng.choice(attribute.statements).format(e=entity, v=value)),
                question.format(e=entity), entity, attribute.name, value)


def _free_fact(rng, entity, label, held_out):
    value = rng.choice([words.quantity, words.number, words.money, words.percent, words.code, words.phrase])(rng)
    statement = rng.choice(domains.FREE_STATEMENTS).format(
        e=entity, a=label, v=value, w=words.word(rng), y=words.year(rng))
    question = rng.choice(domains.FREE_HELD_OUT if held_out else domains.FREE_QUESTIONS).format(e=entity, a=label)
    return Fact((entity, label), _in_context(rng, statement), capital(question), entity, label, value)


def _event_fact(rng, person, verb, thing):
    base, past = verb.split("/")
    slots = {"p": person, "base": base, "past": past, "o": thing, "v": words.year(rng), "l": words.place(rng)}
    asked = rng.choice(list(domains.EVENT_QUESTIONS))
    return Fact((person, verb), _in_context(rng, rng.choice(domains.EVENT_STATEMENTS).format(**slots)),
                rng.choice(domains.EVENT_QUESTIONS[asked]).format(**slots), person, tabular=False)


def _family(rng, size, held_out):
    """Facts that are easily mistaken for each other."""
    style = rng.random()
    facts = []
    if style < 0.45:
        kind = rng.choice(list(domains.KINDS))
        attributes = domains.attributes()[kind]
        entities = [domains.KINDS[kind](rng) for _ in range(max(2, size // 2))]
        asked = rng.choice(attributes)
        facts.append(_attribute_fact(rng, asked, entities[0], held_out))
        for _ in range(size - 1):
            if rng.random() < 0.5:
                facts.append(_attribute_fact(rng, asked, rng.choice(entities[1:]), held_out))
            else:
                facts.append(_attribute_fact(rng, rng.choice(attributes), rng.choice(entities), held_out))
    elif style < 0.8:
        make = rng.choice([*domains.KINDS.values(), words.made_up, words.code])
        entities = [make(rng) for _ in range(max(2, size // 2))]
        labels = [rng.choice([words.word, words.phrase])(rng) for _ in range(max(2, size // 2))]
        facts.append(_free_fact(rng, entities[0], labels[0], held_out))
        for _ in range(size - 1):
            facts.append(_free_fact(rng, rng.choice(entities), rng.choice(labels), held_out))
    else:
        people = [words.person(rng) for _ in range(max(2, size // 2))]
        verbs = rng.sample(domains.VERBS, max(2, size // 2))
        for _ in range(size):
            facts.append(_event_fact(rng, rng.choice(people), rng.choice(verbs), words.phrase(rng)))
    return facts


def _filler(rng):
    return rng.choice(domains.FILLERS).format(
        w=words.word(rng), x=words.word(rng), z=words.word(rng), y=words.year(rng), d=rng.choice(words.WEEKDAYS))


def _title(rng, entity=None):
    if entity and rng.random() < 0.5:
        return capital(entity)
    name = rng.choice([words.made_up(rng), capital(words.phrase(rng)), words.word(rng), words.code(rng)])
    return rng.choice([
        name, name, f"{name}.pdf", f"{name}.md", f"{name}, p. {rng.randint(1, 300)}", f"Report on {name}",
        f"{name} › {capital(words.word(rng))}", f"Manual {name}", f"{name} {words.year(rng)}",
    ])


def _table(rng, facts):
    """A passage that is a list of one thing's attributes: (title, units), the facts with their lines as units."""
    entity = facts[0].entity
    mark = rng.choice([": ", " | ", " = ", ": "])
    rows = []
    for fact in facts:
        fact.unit = capital(fact.label) + mark + fact.value
        rows.append(fact.unit)
    return capital(entity), rows


def _distinct(facts):
    """Without those that contradict an earlier one or answer the same question."""
    keys, questions, kept = set(), set(), []
    for fact in facts:
        if fact.key not in keys and fact.question not in questions:
            keys.add(fact.key)
            questions.add(fact.question)
            kept.append(fact)
    return kept


def _passages(rng, facts, size, longest):
    """Passages that state the facts, among fillers; units of facts may change."""
    passages, loose = [], list(facts)
    tabular = [fact for fact in facts if fact.tabular]
    if tabular and rng.random() < 0.3:
        entity = rng.choice(tabular).entity
        members = [fact for fact in tabular if fact.entity == entity]
        rng.shuffle(members)
        loose = [fact for fact in facts if fact not in members]
        passages.append(Passage(*_table(rng, members), "\n"))
    units = [fact.unit for fact in loose] + [_filler(rng) for _ in range(rng.randint(0, max(1, size // 3)))]
    rng.shuffle(units)
    while units:
        take = rng.randint(1, longest)
        owner = rng.choice(loose).entity if loose and rng.random() < 0.2 else None
        passages.append(Passage(_title(rng, owner), units[:take], rng.choice([" ", " ", " ", "\n"])))
        units = units[take:]
    if not passages:
        passages.append(Passage(_title(rng), [_filler(rng)], " "))
    rng.shuffle(passages)
    return passages


def _as_typed(rng, question):
    if rng.random() < 0.1:
        question = question.rstrip("?")
    if rng.random() < 0.1:
        question = question[:1].lower() + question[1:]
    return question


def task(rng, level, held_out=False):
    """Levels 0 to 4 say how much there is to read: about 130, 190, 330, 630 and 1,050 tokens of prompt."""
    low, high = [(1, 4), (3, 8), (6, 16), (14, 36), (34, 50)][level]
    size = rng.randint(low, high)
    facts = _family(rng, max(1, size * 2 // 3), held_out)
    while len(facts) < size:
        facts += _family(rng, min(3, size - len(facts)), held_out)
    facts = _distinct(facts)
    # The question is drawn first: whether the sources say it must not show in what they are like.
    rng.shuffle(facts)
    wanted = facts[0]
    missing = rng.random() < 0.3
    passages = _passages(rng, facts[1:] if missing else facts, size, [2, 3, 4, 8, 10][level])
    first = rng.randint(2, 40) if rng.random() < 0.2 else 1
    text = _as_typed(rng, wanted.question)
    if missing:
        return Task(passages, first, text, NOT_SAID, 0, "")
    # By identity: lines like "Fee: 3 EUR" may stand in tables of other things as well.
    homes = (number for number, passage in enumerate(passages, first) if any(unit is wanted.unit for unit in passage.units))
    number = next(homes)
    return Task(passages, first, text, f"{wanted.unit} [{number}]", number, wanted.unit)


@dataclasses.dataclass
class Layout:
    """A task's prompt, and where in it (in characters) stands what the answer is made of."""

    text: str
    units: list  # (first character, last one, number of its passage) of each
    answer: int = -1  # which of them is the answer


def laid_out(task, rule=True):
    """The user's message with the passages and the question, as the product's retrieval writes it."""
    layout = Layout(f"Question: {task.question}\n\nSources:", [])
    text = layout.text
    for number, passage in enumerate(task.passages, task.first):
        text += f"\n\n[{number}] ({passage.title}) "
        for index, unit in enumerate(passage.units):
            text += passage.gap if index else ""
            if unit is task.unit:
                layout.answer = len(layout.units)
            layout.units.append((len(text), len(text) + len(unit) - 1, number))
            text += unit
    layout.text = text + "\n\n" + (RULE + "\n\n" if rule else "") + f"Question: {task.question}"
    return layout


def prompt(task):
    return laid_out(task).text
