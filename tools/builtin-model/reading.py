"""Generated documents with a question: what the quoting reader learns from.

A task has numbered passages, a question, and an answer that is the unit (sentence, line or table row) which answers it,
word for word, with the number of its passage; or the sentence that the sources do not say. Around the unit stand
others that nearly fit: the same thing with another attribute, another thing with the same one.
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
class Task:
    """Passages and questions about them."""

    passages: list  # (title, text)
    questions: list  # of Question


@dataclasses.dataclass
class Question:
    text: str
    answer: str
    number: int  # of the passage, from 1; 0 = the sources do not say
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
    """A passage that is a list of one thing's attributes: (title, units, facts with their lines as units)."""
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
    """[title, units, gap between them] of passages that state the facts, among fillers; units of facts may change."""
    passages, loose = [], list(facts)
    tabular = [fact for fact in facts if fact.tabular]
    if tabular and rng.random() < 0.3:
        entity = rng.choice(tabular).entity
        members = [fact for fact in tabular if fact.entity == entity]
        rng.shuffle(members)
        loose = [fact for fact in facts if fact not in members]
        passages.append([*_table(rng, members), "\n"])
    units = [fact.unit for fact in loose] + [_filler(rng) for _ in range(rng.randint(0, max(1, size // 3)))]
    rng.shuffle(units)
    while units:
        take = rng.randint(1, longest)
        owner = rng.choice(loose).entity if loose and rng.random() < 0.2 else None
        passages.append([_title(rng, owner), units[:take], rng.choice([" ", " ", " ", "\n"])])
        units = units[take:]
    if not passages:
        passages.append([_title(rng), [_filler(rng)], " "])
    rng.shuffle(passages)
    return passages


def _as_typed(rng, question):
    if rng.random() < 0.1:
        question = question.rstrip("?")
    if rng.random() < 0.1:
        question = question[:1].lower() + question[1:]
    return question


def task(rng, level, asked=1, held_out=False):
    """Passages with up to `asked` questions. Levels 0 to 4 say how much there is to read: about 60, 120, 250, 600 and
    1,500 tokens."""
    low, high = [(1, 4), (3, 8), (6, 16), (14, 36), (40, 64)][level]
    size = rng.randint(low, high)
    facts = _family(rng, max(1, size * 2 // 3), held_out)
    while len(facts) < size:
        facts += _family(rng, min(3, size - len(facts)), held_out)
    facts = _distinct(facts)
    # Every question is drawn first: whether the sources say it must not show in what they are like.
    rng.shuffle(facts)
    wanted = facts[:asked]
    missing = [fact for fact in wanted if rng.random() < 0.22]
    said = [fact for fact in facts if fact not in missing]
    passages = _passages(rng, said, size, [2, 3, 4, 8, 10][level])

    questions = []
    for fact in wanted:
        text = _as_typed(rng, fact.question)
        if fact in missing:
            questions.append(Question(text, NOT_SAID, 0, ""))
            continue
        # By identity: lines like "Fee: 3 EUR" may stand in tables of other things as well.
        homes = (number for number, (_, units, _) in enumerate(passages, 1) if any(unit is fact.unit for unit in units))
        number = next(homes)
        questions.append(Question(text, f"{fact.unit} [{number}]", number, fact.unit))
    return Task([(title, gap.join(units)) for title, units, gap in passages], questions)


def prompt(task, rule=True):
    """The user's message with the passages and the first question, as the product's retrieval writes it."""
    sources = "\n\n".join(f"[{number}] ({title}) {text}" for number, (title, text) in enumerate(task.passages, 1))
    return f"Sources:\n\n{sources}\n\n" + (RULE + "\n\n" if rule else "") + follow_up(task.questions[0])


def follow_up(question):
    """A later question about the passages of the same chat."""
    return f"Question: {question.text}"
