"""What generated documents talk about: kinds of things, what can be said of them and how it is asked.

What can be said of them is in attributes.txt. The last question of an attribute is kept for evaluation: training
never sees it.
"""

import dataclasses
import functools
import pathlib

import words

HERE = pathlib.Path(__file__).parent

KINDS = {
    "building": lambda rng: rng.choice(["{} Tower", "{} Bridge", "{} Hall", "the {} building", "{} Station"]).format(
        words.made_up(rng)),
    "town": words.place,
    "person": words.person,
    "company": words.company,
    "substance": lambda rng: rng.choice(
        [words.made_up(rng).lower(), words.made_up(rng), "compound " + words.code(rng)]),
    "machine": lambda rng: rng.choice(["the {}", "model {}", "the pump {}", "the printer {}", "the sensor {}"]).format(
        words.code(rng)),
    "animal": lambda rng: rng.choice(["the {}", "the {} bird", "the {} fish", "the {} beetle"]).format(
        words.made_up(rng).lower()),
    "course": lambda rng: rng.choice(["the course {}", "the {} seminar", "the {} workshop"]).format(
        rng.choice([words.code(rng), words.made_up(rng)])),
    "contract": lambda rng: rng.choice(["contract {}", "policy {}", "order {}", "invoice {}"]).format(words.code(rng)),
    "programme": lambda rng: rng.choice(["{}", "the {} library", "the command {}", "the service {}"]).format(
        rng.choice([words.made_up(rng).lower(), words.code(rng).lower()])),
    "dish": lambda rng: rng.choice(["{} soup", "{} cake", "{} stew", "{} bread", "{} sauce"]).format(
        words.made_up(rng)),
    "book": lambda rng: rng.choice(["“{} {}”", "“The {} {}”"]).format(words.word(rng).capitalize(),
                                                                     words.word(rng).capitalize()),
    "trip": lambda rng: rng.choice(["train {}", "flight {}", "bus {}", "ferry {}"]).format(words.code(rng)),
    "study": lambda rng: rng.choice(["the {} study", "the {} trial", "experiment {}"]).format(
        rng.choice([words.made_up(rng), words.code(rng)])),
    "room": lambda rng: rng.choice(["room {}", "laboratory {}", "office {}", "hall {}"]).format(
        rng.choice([words.code(rng), words.integer(rng, 1, 999)])),
    "plant": lambda rng: rng.choice(["the {} rose", "{} wheat", "the {} tree", "{} moss"]).format(words.made_up(rng)),
    "star": lambda rng: rng.choice(["the star {}", "planet {}", "the moon {}", "comet {}"]).format(
        rng.choice([words.made_up(rng), words.code(rng)])),
    "club": lambda rng: rng.choice(["the {} club", "{} United", "FC {}", "the {} choir"]).format(words.made_up(rng)),
}

VALUES = {
    "m": lambda rng: words.number(rng) + rng.choice([" m", " metres", " feet", " km"]),
    "kg": lambda rng: words.number(rng) + rng.choice([" kg", " g", " tonnes", " pounds"]),
    "degrees": lambda rng: words.number(rng) + rng.choice([" °C", " K", " degrees", " °F"]),
    "time": lambda rng: words.number(rng) + rng.choice([" minutes", " hours", " days", " weeks", " s", " months"]),
    "years": lambda rng: words.integer(rng, 1, 400) + " years",
    "power": lambda rng: words.number(rng) + rng.choice([" W", " kW", " MW", " V", " A"]),
    "speed": lambda rng: words.number(rng) + rng.choice([" km/h", " m/s", " mph", " knots"]),
    "size": lambda rng: words.number(rng) + rng.choice([" GB", " MB", " GiB", " KB"]),
    "litres": lambda rng: words.number(rng) + rng.choice([" litres", " mL", " L"]),
    "share": words.percent,
    "money": words.money,
    "year": words.year,
    "date": words.date,
    "clock": words.clock,
    "weekday": lambda rng: rng.choice(words.WEEKDAYS),
    "colour": lambda rng: rng.choice(words.COLOURS),
    "count": words.integer,
    "person": words.person,
    "place": words.place,
    "company": words.company,
    "code": words.code,
    "word": words.word,
    "phrase": words.phrase,
    "name": words.made_up,
    "quantity": words.quantity,
    "port": lambda rng: str(rng.randint(80, 65535)),
}

@dataclasses.dataclass(frozen=True)
class Attribute:
    """Something that can be said of a kind of things."""

    kind: str
    name: str
    value: str
    statements: tuple
    questions: tuple
    held_out: tuple


def _read(line):
    kind, name, value, statements, questions = (part.strip() for part in line.split(" | "))
    questions = tuple(question.strip() for question in questions.split(";"))
    assert kind in KINDS and value in VALUES, line
    return Attribute(kind, name, value, tuple(s.strip() for s in statements.split(";")), questions[:-1], questions[-1:])


@functools.lru_cache(maxsize=1)
def attributes():
    """All attributes by kind."""
    by_kind = {kind: [] for kind in KINDS}
    for line in (HERE / "attributes.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        attribute = _read(line)
        by_kind[attribute.kind].append(attribute)
    return by_kind


# Attributes named by words of the dictionary: what is asked can be found by comparing words alone.
FREE_STATEMENTS = [
    "The {a} of {e} is {v}.", "{e} has a {a} of {v}.", "For {e}, the {a} is {v}.",
    "The {a} that was measured for {e} is {v}.",
    "{e} shows a {a} of {v}.", "As to {e}, its {a} came to {v}.", "At {v}, the {a} of {e} was higher than before.",
    "The report gives {v} as the {a} of {e}.", "According to the {w} office, the {a} of {e} is {v}.",
    "{e}: {a} {v}.", "In {y}, {e} reached a {a} of {v}.", "The {a} of {e}, which the {w} committee set, is {v}.",
    "{v} is what the {a} of {e} came to.", "The {a} of {e} has been put at {v}.", "They gave {e} a {a} of {v}.",
    "{v} was noted as the {a} of {e}.", "In the case of {e}, the {a} amounts to {v}.", "With a {a} of {v}, {e} is no {w}.",
    "Nobody at the {w} doubted that the {a} of {e} is {v}.",
]
FREE_QUESTIONS = [
    "What is the {a} of {e}?", "What {a} does {e} have?", "Which {a} is given for {e}?", "Tell me the {a} of {e}.",
    "What was the {a} for {e}?", "{e}: what is the {a}?", "{a} of {e}?", "How large is the {a} of {e}?",
    "Please find the {a} of {e}.", "What do the sources say about the {a} of {e}?", "I need the {a} of {e}.",
    "Could you tell me the {a} of {e}?", "Do you know the {a} of {e}?", "{e}'s {a}?", "What is {e}'s {a}?",
    "Give me the {a} of {e}.", "I would like to know the {a} of {e}.", "As to {e}, what is its {a}?",
    "What {a} was measured for {e}?", "State the {a} of {e}.", "Which {a} has {e}?", "Show me the {a} for {e}.",
    "Say what {a} {e} has.", "What are we told about the {a} of {e}?", "Is there a {a} given for {e}?", "Name the {a} of {e}.",
    "What does {e} have as its {a}?", "Any word on the {a} of {e}?", "What do we know of {e}'s {a}?",
]
FREE_HELD_OUT = ["Can you look up the {a} of {e}?", "What value has the {a} of {e}?", "How much is {e}'s {a}?"]

# Things that happen: base form and past of a verb.
VERBS = (
    "build/built buy/bought sell/sold paint/painted open/opened close/closed find/found lose/lost repair/repaired "
    "visit/visited describe/described measure/measured invent/invented win/won carry/carried move/moved "
    "clean/cleaned order/ordered print/printed test/tested count/counted record/recorded collect/collected "
    "deliver/delivered inspect/inspected remove/removed replace/replaced sign/signed publish/published teach/taught "
    "rent/rented plant/planted cook/cooked translate/translated photograph/photographed approve/approved "
    "reject/rejected install/installed"
).split()
EVENT_STATEMENTS = [
    "{p} {past} the {o} in {v}.", "In {v}, {p} {past} the {o}.", "{p} {past} the {o} at {l} in {v}.",
    "The {o} was {past} by {p} in {v}.", "It was {p} who {past} the {o} in {v}.",
]
EVENT_QUESTIONS = {
    "who": ["Who {past} the {o}?", "By whom was the {o} {past}?", "Which person {past} the {o}?",
            "Who was it that {past} the {o}?", "Name the person who {past} the {o}.", "Tell me who {past} the {o}."],
    "what": ["What did {p} {base}?", "What was {past} by {p}?", "What is known that {p} {past}?", "Which thing did {p} {base}?",
             "What is it that {p} {past}?", "Tell me what {p} {past}."],
    "when": ["When did {p} {base} the {o}?", "In which year did {p} {base} the {o}?", "When was the {o} {past}?",
             "What year was it when {p} {past} the {o}?", "Tell me when {p} {past} the {o}.", "In what year was the {o} {past}?"],
}
# Around a statement: what stands there in real texts and must be copied with it.
BEGINNINGS = ["In {y}, ", "As of {d}, ", "According to {p}, ", "Note that ", "By the way, ", "As the {w} shows, ",
              "However, ",
              "Since the {w} was changed, ", "For the {w}, ", "At present, ", "Today ", "In the {w}, "]
ENDINGS = [", as {p} says", " (see the {w})", ", which surprised the {w}", " at present", ", more than the {w}",
           " since {y}",
           " according to the {w}", " and not less", ", without the {w}"]
FILLERS = [
    "The {w} {x} was kept near the {z} for some time.", "Most visitors prefer the {w} {x}.", "A {w} may {x} the {z}.",
    "There is no {w} without a {x}.", "This {w} is described in another {x}.", "Some say that the {w} {x} is older.",
    "It is not clear whether the {w} was a {x}.", "The {w} and the {x} were moved to the {z}.",
    "Please keep the {w} away from the {x}.", "Further details of the {w} follow below.", "The {w} was changed in {y}.",
    "Everyone who has a {w} should read the {x} first.", "See also the {w} {x}.", "The {w} {x} is closed on {d}.",
]
