"""Words, names, numbers and units that documents are made of.

Everything is drawn from a random.Random, so that a seed decides it. English words come from Debian's package
wamerican (public domain); names are made of syllables, so that no reader can know them beforehand.
"""

import functools

DICTIONARY = "/usr/share/dict/words"

ONSETS = "b br c ch d dr f fl g gr h j k kl l m n p pr qu r s sh sk st t th tr v w z".split()
VOWELS = "a e i o u ai au ea ee ia io ou y".split()
CODAS = "l m n r s t x nd rk lt sh ck".split() + [""] * 8
NAME_ENDINGS = "a o en er in is on um us ix el ar ia or ing ley ton berg ford ville stad".split()

FIRST_NAMES = (
    "Anna Ben Clara David Elena Farid Grace Hugo Ines Jonas Karim Lena Marco Nadia Omar Paula Quinn Rosa Samir Tara "
    "Ulrich Vera Walter Xenia Yusuf Zoe Alice Bruno Chen Dora Emil Fatima Georg Hana Ivan Julia Kofi Lucia Mina Noah"
).split()

MONTHS = "January February March April May June July August September October November December".split()
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
COLOURS = "red blue green yellow black white grey brown orange purple silver golden pink dark-blue".split()
UNITS = (
    "m km cm mm kg g mg t s ms min h days weeks months years K °C °F Pa kPa bar V A W kW MW kWh J Hz kHz MHz GHz L mL "
    "m² km² m³ % dB lux mol EUR USD GB MB GiB TB bits pages people seats items euros dollars points litres tonnes"
).split()
NUMBER_WORDS = "two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty fifty".split()


@functools.lru_cache(maxsize=1)
def dictionary():
    """The common words of the dictionary: lower case, letters only, 3 to 10 of them, sorted."""
    with open(DICTIONARY, encoding="utf-8") as lines:
        words = {line.strip() for line in lines}
    return sorted(word for word in words if word.isascii() and word.islower() and word.isalpha() and 2 < len(word) < 11)


def word(rng):
    """A word of the dictionary."""
    return rng.choice(dictionary())


def syllable(rng):
    return rng.choice(ONSETS) + rng.choice(VOWELS) + rng.choice(CODAS)


def made_up(rng, least=1, most=2):
    """A name that nobody has read before, with a capital."""
    text = "".join(syllable(rng) for _ in range(rng.randint(least, most))) + rng.choice(NAME_ENDINGS)
    return text.capitalize()


def code(rng):
    """An identifier like RX-204, B7 or kd_91."""
    letters = "".join(rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(rng.randint(1, 3)))
    digits = str(rng.randint(1, 9999))
    return rng.choice([letters + "-" + digits, letters + digits, letters.lower() + "_" + digits])


def person(rng):
    return rng.choice(FIRST_NAMES) + " " + made_up(rng)


def place(rng):
    return rng.choice(["", "", "", "Port ", "New ", "Lake ", "Mount ", "Saint "]) + made_up(rng)


def company(rng):
    return made_up(rng) + rng.choice(["", " Ltd", " GmbH", " Inc", " Works", " Systems", " & Sons", " Group"])


def integer(rng, low=1, high=9999):
    """A whole number, small ones as likely as large ones; sometimes with a comma between thousands."""
    top = rng.choice([high, max(low, high // 10), max(low, high // 100)])
    value = rng.randint(low, max(low, top))
    return f"{value:,}" if value > 999 and rng.random() < 0.4 else str(value)


def number(rng):
    kind = rng.random()
    if kind < 0.55:
        return integer(rng)
    if kind < 0.85:
        return f"{rng.uniform(0, 10 ** rng.randint(0, 3)):.{rng.randint(1, 3)}f}"
    if kind < 0.95:
        return rng.choice(NUMBER_WORDS)
    return f"-{rng.randint(1, 200)}"


def quantity(rng):
    return number(rng) + " " + rng.choice(UNITS)


def year(rng):
    return str(rng.randint(1650, 2035))


def date(rng):
    day, index, when = rng.randint(1, 28), rng.randrange(12), year(rng)
    month = MONTHS[index]
    return rng.choice([f"{day} {month} {when}", f"{month} {day}, {when}", f"{when}-{index + 1:02}-{day:02}",
                       f"{day} {month}"])


def clock(rng):
    return f"{rng.randint(0, 23)}:{rng.randint(0, 59):02}"


def money(rng):
    return rng.choice(["€{}", "${}", "{} EUR", "{} dollars", "£{}"]).format(integer(rng, 1, 99999))


def percent(rng):
    return f"{rng.randint(0, 100)}{rng.choice(['', '.' + str(rng.randint(0, 9))])}%"


def phrase(rng):
    """Two or three words of the dictionary."""
    return " ".join(word(rng) for _ in range(rng.randint(2, 3)))
