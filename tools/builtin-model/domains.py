"""What generated documents talk about: kinds of things, what can be said of them and how it is asked.

A line of ATTRIBUTES is `kind | attribute | value | statements | questions`. {e} is the thing, {v} the value. The last
question of a line is kept for evaluation: training never sees it.
"""

import dataclasses
import functools

import words

KINDS = {
    "building": lambda rng: rng.choice(["{} Tower", "{} Bridge", "{} Hall", "the {} building", "{} Station"]).format(
        words.made_up(rng)),
    "town": words.place,
    "person": words.person,
    "company": words.company,
    "substance": lambda rng: rng.choice([words.made_up(rng).lower(), words.made_up(rng), "compound " + words.code(rng)]),
    "machine": lambda rng: rng.choice(["the {}", "model {}", "the pump {}", "the printer {}", "the sensor {}"]).format(
        words.code(rng)),
    "animal": lambda rng: rng.choice(["the {}", "the {} bird", "the {} fish", "the {} beetle"]).format(
        words.made_up(rng).lower()),
    "course": lambda rng: rng.choice(["the course {}", "the {} seminar", "the {} workshop"]).format(
        rng.choice([words.code(rng), words.made_up(rng)])),
    "contract": lambda rng: rng.choice(["contract {}", "policy {}", "order {}", "invoice {}"]).format(words.code(rng)),
    "programme": lambda rng: rng.choice(["{}", "the {} library", "the command {}", "the service {}"]).format(
        rng.choice([words.made_up(rng).lower(), words.code(rng).lower()])),
    "dish": lambda rng: rng.choice(["{} soup", "{} cake", "{} stew", "{} bread", "{} sauce"]).format(words.made_up(rng)),
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

ATTRIBUTES = """
building | height | m | {e} is {v} high.; The height of {e} is {v}.; {e} rises {v} above the ground. | How high is {e}?; What is the height of {e}?; How tall is {e}?
building | architect | person | {e} was designed by {v}.; The architect of {e} is {v}.; {v} drew the plans of {e}. | Who designed {e}?; Who is the architect of {e}?; Who planned {e}?
building | opened | year | {e} was opened in {v}.; The opening of {e} was in {v}.; Since {v}, {e} has been open to visitors. | When was {e} opened?; In which year did {e} open?; What year was the opening of {e}?
building | floors | count | {e} has {v} floors.; There are {v} floors in {e}. | How many floors does {e} have?; What is the number of floors of {e}?; How many storeys has {e}?
building | cost | money | Building {e} cost {v}.; {e} was built for {v}.; The construction of {e} took {v}. | How much did {e} cost?; What did it cost to build {e}?; What was the cost of {e}?
town | population | count | {e} has {v} inhabitants.; The population of {e} is {v}.; {v} people live in {e}. | How many people live in {e}?; What is the population of {e}?; How many inhabitants does {e} have?
town | founded | year | {e} was founded in {v}.; The town of {e} dates from {v}. | When was {e} founded?; How old is the town of {e}?; In what year was {e} founded?
town | mayor | person | The mayor of {e} is {v}.; {v} is the mayor of {e}.; {e} is governed by mayor {v}. | Who is the mayor of {e}?; What is the name of {e}'s mayor?; Which person is mayor of {e}?
town | river | name | {e} lies on the river {v}.; The river {v} flows through {e}. | On which river does {e} lie?; Which river flows through {e}?; What is the river of {e}?
town | elevation | m | {e} lies {v} above the sea.; The elevation of {e} is {v}. | How high above the sea is {e}?; What is the elevation of {e}?; At what height does {e} lie?
person | born | date | {e} was born on {v}.; The birthday of {e} is {v}. | When was {e} born?; What is {e}'s date of birth?; On which day was {e} born?
person | birthplace | place | {e} was born in {v}.; {e} comes from {v}.; {v} is the birthplace of {e}. | Where was {e} born?; Where does {e} come from?; What is the birthplace of {e}?
person | job | word | {e} works as a {v}.; {e} is a {v} by trade. | What does {e} do for a living?; What is {e}'s job?; As what does {e} work?
person | employer | company | {e} works for {v}.; {e} is employed by {v}.; {v} employs {e}. | For whom does {e} work?; Who employs {e}?; Which company does {e} work for?
person | phone | code | The phone extension of {e} is {v}.; {e} can be reached at extension {v}. | What is the phone extension of {e}?; How can I reach {e} by phone?; At which extension is {e}?
company | founder | person | {e} was founded by {v}.; The founder of {e} is {v}. | Who founded {e}?; Who is the founder of {e}?; By whom was {e} founded?
company | revenue | money | {e} had a revenue of {v}.; The revenue of {e} was {v}.; Sales of {e} came to {v}. | What was the revenue of {e}?; How much revenue did {e} have?; What revenue did {e} make?
company | employees | count | {e} has {v} employees.; {v} people work at {e}.; The staff of {e} numbers {v}. | How many employees does {e} have?; How many people work at {e}?; What is the number of employees of {e}?
company | seat | place | {e} has its seat in {v}.; The headquarters of {e} are in {v}.; {e} is based in {v}. | Where is {e} based?; Where does {e} have its seat?; Where are the headquarters of {e}?
company | director | person | {e} is led by {v}.; The director of {e} is {v}. | Who leads {e}?; Who is the director of {e}?; Who is in charge of {e}?
substance | boiling point | degrees | {e} boils at {v}.; The boiling point of {e} is {v}. | At what temperature does {e} boil?; What is the boiling point of {e}?; When does {e} boil?
substance | melting point | degrees | {e} melts at {v}.; The melting point of {e} is {v}. | At what temperature does {e} melt?; What is the melting point of {e}?; When does {e} melt?
substance | density | quantity | The density of {e} is {v}.; {e} has a density of {v}. | How dense is {e}?; What is the density of {e}?; What density does {e} have?
substance | colour | colour | {e} is {v}.; The colour of {e} is {v}.; {e} turns {v} in air. | What colour is {e}?; What is the colour of {e}?; Which colour does {e} have?
substance | dose | quantity | The daily dose of {e} is {v}.; Take {v} of {e} a day. | What is the daily dose of {e}?; How much {e} should be taken a day?; What dose of {e} is right?
machine | weight | kg | {e} weighs {v}.; The weight of {e} is {v}. | How much does {e} weigh?; What is the weight of {e}?; How heavy is {e}?
machine | power | power | {e} needs {v}.; The power of {e} is {v}.; {e} draws {v} under load. | How much power does {e} need?; What is the power of {e}?; What power does {e} draw?
machine | price | money | {e} costs {v}.; The price of {e} is {v}.; {e} is sold for {v}. | How much does {e} cost?; What is the price of {e}?; What do I pay for {e}?
machine | warranty | time | The warranty of {e} lasts {v}.; {e} comes with a warranty of {v}. | How long is the warranty of {e}?; What warranty does {e} have?; For how long is {e} under warranty?
machine | maker | company | {e} is made by {v}.; The maker of {e} is {v}.; {v} builds {e}. | Who makes {e}?; Who is the maker of {e}?; Which company builds {e}?
machine | range | m | The range of {e} is {v}.; {e} has a range of {v}. | What is the range of {e}?; How far does {e} reach?; What range does {e} have?
animal | lifespan | years | {e} lives for {v}.; {e} reaches an age of {v}. | How long does {e} live?; What age does {e} reach?; How old does {e} get?
animal | food | phrase | {e} eats {v}.; {e} feeds on {v}. | What does {e} eat?; What does {e} feed on?; What is the food of {e}?
animal | length | m | {e} grows to {v}.; The length of {e} is {v}. | How long is {e}?; How large does {e} grow?; What is the length of {e}?
animal | eggs | count | {e} lays {v} eggs.; A nest of {e} holds {v} eggs. | How many eggs does {e} lay?; What number of eggs does {e} lay?; How many eggs are in a nest of {e}?
animal | home | place | {e} is found near {v}.; {e} lives in the forests of {v}. | Where is {e} found?; Where does {e} live?; What is the home of {e}?
course | teacher | person | {e} is taught by {v}.; The teacher of {e} is {v}. | Who teaches {e}?; Who is the teacher of {e}?; By whom is {e} taught?
course | room | code | {e} takes place in room {v}.; The room of {e} is {v}. | Where does {e} take place?; In which room is {e}?; What is the room of {e}?
course | day | weekday | {e} is held on {v}.; {e} takes place every {v}. | On which day is {e} held?; When does {e} take place?; What weekday is {e}?
course | fee | money | The fee for {e} is {v}.; {e} costs {v}. | What is the fee for {e}?; How much does {e} cost?; What does one pay for {e}?
course | participants | count | {e} takes at most {v} participants.; Up to {v} people may join {e}. | How many participants does {e} take?; How many people may join {e}?; What is the largest number of participants in {e}?
contract | amount | money | The amount of {e} is {v}.; {e} is about {v}.; Under {e}, {v} are due. | What is the amount of {e}?; How much is due under {e}?; What sum is {e} about?
contract | due | date | {e} is due on {v}.; The due date of {e} is {v}. | When is {e} due?; What is the due date of {e}?; By what date must {e} be paid?
contract | notice | time | The notice period of {e} is {v}.; {e} can be ended with {v} of notice. | What is the notice period of {e}?; How much notice does {e} need?; With what notice can {e} be ended?
contract | signed by | person | {e} was signed by {v}.; {v} signed {e}. | Who signed {e}?; By whom was {e} signed?; Whose signature is on {e}?
contract | begins | date | {e} begins on {v}.; {e} runs from {v}. | When does {e} begin?; From when does {e} run?; What is the start date of {e}?
programme | port | port | {e} listens on port {v}.; The default port of {e} is {v}. | On which port does {e} listen?; What is the default port of {e}?; Which port does {e} use?
programme | memory | size | {e} needs {v} of memory.; {e} uses {v} of memory. | How much memory does {e} need?; What memory does {e} use?; How large is the memory use of {e}?
programme | licence | name | {e} is under the {v} licence.; The licence of {e} is {v}. | What licence does {e} have?; Under which licence is {e}?; What is the licence of {e}?
programme | version | code | The current version of {e} is {v}.; {e} was released as {v}. | What is the current version of {e}?; As what was {e} released?; Which version of {e} is current?
programme | timeout | time | The timeout of {e} is {v}.; {e} gives up after {v}. | What is the timeout of {e}?; After what time does {e} give up?; How long does {e} wait?
programme | option | word | The option --{v} makes {e} faster.; {e} is made quiet with --{v}. | Which option makes {e} faster or quiet?; Which option of {e} is described?; What option does {e} have?
dish | baking time | time | {e} needs {v} in the oven.; Bake {e} for {v}. | How long is {e} in the oven?; How long do I bake {e}?; What is the baking time of {e}?
dish | ingredient | phrase | {e} is made of {v}.; The main ingredient of {e} is {v}. | What is {e} made of?; What is the main ingredient of {e}?; What goes into {e}?
dish | servings | count | {e} serves {v} people.; The recipe of {e} is for {v} people. | How many people does {e} serve?; For how many people is {e}?; What number of people is {e} for?
dish | heat | degrees | {e} is cooked at {v}.; Heat {e} to {v}. | At what temperature is {e} cooked?; How hot must {e} be?; To what temperature is {e} heated?
book | author | person | {e} was written by {v}.; The author of {e} is {v}.; {v} wrote {e}. | Who wrote {e}?; Who is the author of {e}?; By whom is {e}?
book | pages | count | {e} has {v} pages.; There are {v} pages in {e}. | How many pages does {e} have?; How long is {e}?; What is the number of pages of {e}?
book | published | year | {e} was published in {v}.; {e} came out in {v}. | When was {e} published?; In which year did {e} come out?; What year is {e} from?
book | publisher | company | {e} was published by {v}.; The publisher of {e} is {v}. | Who published {e}?; Who is the publisher of {e}?; By which company was {e} published?
trip | departure | clock | {e} leaves at {v}.; The departure of {e} is at {v}. | When does {e} leave?; At what time is the departure of {e}?; What is the departure time of {e}?
trip | arrival | clock | {e} arrives at {v}.; The arrival of {e} is at {v}. | When does {e} arrive?; At what time is the arrival of {e}?; What is the arrival time of {e}?
trip | goal | place | {e} goes to {v}.; The destination of {e} is {v}. | Where does {e} go?; What is the destination of {e}?; To which place does {e} go?
trip | platform | code | {e} leaves from platform {v}.; The platform of {e} is {v}. | From which platform does {e} leave?; What is the platform of {e}?; Where do I board {e}?
study | participants | count | {e} had {v} participants.; {v} people took part in {e}.; In {e}, {v} patients were examined. | How many participants did {e} have?; How many people took part in {e}?; What was the sample size of {e}?
study | effect | share | {e} found an improvement of {v}.; In {e}, the effect was {v}. | What improvement did {e} find?; What was the effect in {e}?; How large was the effect found by {e}?
study | length | time | {e} lasted {v}.; {e} ran over {v}. | How long did {e} last?; Over what time did {e} run?; What was the length of {e}?
study | leader | person | {e} was led by {v}.; The head of {e} was {v}. | Who led {e}?; Who was the head of {e}?; Under whose direction was {e}?
study | error | share | The error of {e} was {v}.; {e} reported an error rate of {v}. | What was the error of {e}?; What error rate did {e} report?; How large was the error in {e}?
room | seats | count | {e} has {v} seats.; There is room for {v} people in {e}. | How many seats does {e} have?; How many people fit into {e}?; For how many people is {e}?
room | key | person | The key to {e} is with {v}.; {v} has the key to {e}. | Who has the key to {e}?; Where is the key to {e}?; Whom do I ask for the key to {e}?
room | temperature | degrees | {e} is kept at {v}.; The temperature in {e} is {v}. | At what temperature is {e} kept?; What is the temperature in {e}?; How warm is {e}?
plant | flowers | colour | {e} has {v} flowers.; The flowers of {e} are {v}. | What colour are the flowers of {e}?; Which flowers does {e} have?; In what colour does {e} bloom?
plant | height | m | {e} grows {v} tall.; {e} reaches a height of {v}. | How tall does {e} grow?; What height does {e} reach?; How high is {e}?
plant | water | litres | {e} needs {v} of water.; Give {e} {v} of water. | How much water does {e} need?; What amount of water does {e} need?; How much do I water {e}?
star | distance | quantity | {e} is {v} away.; The distance to {e} is {v}. | How far away is {e}?; What is the distance to {e}?; How distant is {e}?
star | discovered | person | {e} was discovered by {v}.; {v} discovered {e}. | Who discovered {e}?; By whom was {e} discovered?; Who found {e}?
star | orbit | time | {e} takes {v} for one orbit.; One orbit of {e} lasts {v}. | How long does one orbit of {e} last?; How much time does {e} take for one orbit?; What is the orbital period of {e}?
club | trainer | person | The trainer of {e} is {v}.; {e} is trained by {v}. | Who trains {e}?; Who is the trainer of {e}?; What is the name of {e}'s trainer?
club | members | count | {e} has {v} members.; {v} people are members of {e}. | How many members does {e} have?; How many people are in {e}?; What is the number of members of {e}?
club | fee | money | The yearly fee of {e} is {v}.; Members of {e} pay {v} a year. | What is the yearly fee of {e}?; How much do members of {e} pay?; What does it cost to be in {e}?
club | founded | year | {e} was founded in {v}.; {e} has existed since {v}. | When was {e} founded?; Since when has {e} existed?; In what year was {e} founded?
"""


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
    for line in ATTRIBUTES.strip().splitlines():
        attribute = _read(line)
        by_kind[attribute.kind].append(attribute)
    return by_kind


# Attributes named by words of the dictionary: what is asked can be found by comparing words alone.
FREE_STATEMENTS = [
    "The {a} of {e} is {v}.", "{e} has a {a} of {v}.", "For {e}, the {a} is {v}.", "The {a} that was measured for {e} is {v}.",
    "{e} shows a {a} of {v}.", "As to {e}, its {a} came to {v}.", "At {v}, the {a} of {e} was higher than before.",
    "The report gives {v} as the {a} of {e}.", "According to the {w} office, the {a} of {e} is {v}.",
    "{e}: {a} {v}.", "In {y}, {e} reached a {a} of {v}.", "The {a} of {e}, which the {w} committee set, is {v}.",
]
FREE_QUESTIONS = [
    "What is the {a} of {e}?", "What {a} does {e} have?", "Which {a} is given for {e}?", "Tell me the {a} of {e}.",
    "What was the {a} for {e}?", "{e}: what is the {a}?", "{a} of {e}?", "How large is the {a} of {e}?",
    "Please find the {a} of {e}.", "What do the sources say about the {a} of {e}?", "I need the {a} of {e}.",
]
FREE_HELD_OUT = ["Can you look up the {a} of {e}?", "What value has the {a} of {e}?", "How much is {e}'s {a}?"]

# Things that happen: base form and past of a verb.
VERBS = (
    "build/built buy/bought sell/sold paint/painted open/opened close/closed find/found lose/lost repair/repaired "
    "visit/visited describe/described measure/measured invent/invented win/won break/broke carry/carried move/moved "
    "clean/cleaned order/ordered print/printed test/tested count/counted record/recorded collect/collected "
    "deliver/delivered inspect/inspected remove/removed replace/replaced sign/signed publish/published teach/taught "
    "rent/rented plant/planted cook/cooked translate/translated draw/drew photograph/photographed approve/approved "
    "reject/rejected install/installed"
).split()
EVENT_STATEMENTS = [
    "{p} {past} the {o} in {v}.", "In {v}, {p} {past} the {o}.", "{p} {past} the {o} at {l} in {v}.",
    "The {o} was {past} by {p} in {v}.", "It was {p} who {past} the {o} in {v}.",
]
EVENT_QUESTIONS = {
    "who": ["Who {past} the {o}?", "By whom was the {o} {past}?", "Which person {past} the {o}?"],
    "what": ["What did {p} {base}?", "What was {past} by {p}?", "What is known that {p} {past}?"],
    "when": ["When did {p} {base} the {o}?", "In which year did {p} {base} the {o}?", "When was the {o} {past}?"],
}
FILLERS = [
    "The {w} {x} was kept near the {z} for some time.", "Most visitors prefer the {w} {x}.", "A {w} may {x} the {z}.",
    "There is no {w} without a {x}.", "This {w} is described in another {x}.", "Some say that the {w} {x} is older.",
    "It is not clear whether the {w} was a {x}.", "The {w} and the {x} were moved to the {z}.",
    "Please keep the {w} away from the {x}.", "Further details of the {w} follow below.", "The {w} was changed in {y}.",
    "Everyone who has a {w} should read the {x} first.", "See also the {w} {x}.", "The {w} {x} is closed on {d}.",
]
