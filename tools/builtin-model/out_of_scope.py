"""Questions that have nothing to do with Hearth, of many kinds, and the answer to all of them."""

import words

ANSWER = (
    "I cannot answer that: I am hearth-helper, a very small model that knows Hearth alone and quotes from sources that "
    "you give me. Get a larger model for everything else: `hearth fit` says which ones this machine can run, and "
    "`hearth pull NAME` fetches one.")

# {w} and {x} are words of the dictionary, {n} a made-up name, {k} a known one, {p} a program, {i} and {j} numbers.
TEMPLATES = """
What is the capital of {k}?
Who is the president of {k}?
How far is it from {k} to {k}?
What is the weather like in {k}?
Will it rain tomorrow in {k}?
Write a poem about {w}.
Write me a {x} story about a {w}.
Tell me a joke about {w}.
Tell me a joke.
Tell me a story.
Sing a song.
Translate "{w} {x}" into {l}.
How do you say {w} in {l}?
What does the word {w} mean?
What is the opposite of {w}?
Spell {w} backwards.
What is {i} plus {j}?
What is {i} * {j}?
Calculate {i} + {j}.
What is the square root of {i}?
Solve x + {i} = {j}.
Is {i} a prime number?
How many {w} are there in a {x}?
Write a Python function that sorts {w}.
Write a program in {c} that prints {w}.
How do I read a file in {c}?
Fix this code: print({w})
Explain {s} to me.
What is {s}?
Can you help me with my {s} homework?
Who invented the {w}?
Who discovered {s}?
Who was {n}?
When was {n} born?
Who wrote {n}?
When did the {w} war end?
Who won the {w} cup in {y}?
What happened in {y}?
Give me a recipe for {w} soup.
How do I cook {w}?
How long must I boil a {w}?
What should I eat today?
Is {w} healthy?
I have a pain in my {w}. What should I do?
Which {w} should I buy?
What is the price of {w}?
How do I repair a {w}?
How do I clean my {w}?
How do I make money with {w}?
Is it legal to {w} a {x}?
Write an email to {n} about the {w}.
Write an application for a job as a {w}.
Summarise the book {n}.
Summarise the history of {k}.
Recommend a film about {w}.
What is the best {w} in {k}?
Where can I find a {w} in {k}?
Plan a trip to {k} for {i} days.
What time is it in {k}?
What day is it today?
Who are your parents?
Do you love me?
What do you think about {w}?
Do you believe in {w}?
What is the meaning of life?
Are you conscious?
I am sad today.
I feel {w}.
Let us talk about {w}.
Give me ten ideas for a {w}.
Give me advice about my {w}.
Make a list of {w} names.
What rhymes with {w}?
Compare {w} and {x}.
What is the difference between a {w} and a {x}?
Why is the {w} {x}?
Why do {w} {x}?
How does a {w} work?
How old is the {w}?
How tall is {n}?
How heavy is a {w}?
How many people live in {k}?
Is {n} larger than {k}?
{w} {x}
{w}?
Can you {w} the {x}?
Draw a {w}.
Play {w} with me.
Explain the {w} of the {x}.
What is the {w} of {n}?
What are the rules of {w}?
Which {w} is the fastest?
Correct my sentence: the {w} {x} are {w}.
Continue: once upon a time there was a {w}
asdf {w}
Who is your favourite {w}?
What is the {w} stock worth today?
Should I invest in {w}?
What do {w} eat?
Where do {w} live?
How do I get to {k}?
How do I lose weight?
How do I learn {l}?
What colour is a {w}?
What is the chemical formula of {w}?
How do I install {p}?
How do I uninstall {p}?
What is {p}?
How do I use {p}?
Which port does {p} use?
Is {p} free?
How do I update {p}?
{p} does not work.
How do I delete a file in {p}?
How do I make a key for my {w}?
How do I copy a {w}?
Where are the {w} stored?
What does {w} cost?
How much memory has a {w}?
How do I train a model of a {w}?
Which {w} is right for me?
How do I stop my {w}?
Why is my {w} so slow?
List all {w}.
Show me a {w}.
How do I run a {w}?
How do I import {w} from {k}?
Which {w} is good for {x}?
When does the {w} open?
Where was {n} born?
What is {n} famous for?
How many days has {y}?
What language do people speak in {k}?
What is the currency of {k}?
Which countries border {k}?
What should I see in {k}?
How do I open {p}?
How do I configure {p}?
Where are the settings of {p}?
How do I stop {p}?
How do I restart {p}?
Why is {p} so slow?
Which version of {p} do I have?
How do I set up {p} on my phone?
Does {p} work offline?
What does {p} cost?
What are alternatives to {p}?
How do I export my data from {p}?
How do I import a file into {p}?
How do I print in {p}?
How do I write a loop in {c}?
What is a pointer in {c}?
How do I sort a list in {c}?
Write a {c} script for me.
Convert this to {c}: x = {i}
What is the difference between {c} and Python?
How much is {i} minus {j}?
What is {i} percent of {j}?
Round {i} to the nearest ten.
Is {s} hard to learn?
Give me a summary of {s}.
Who came up with {s}?
What should I know about {s}?
Quiz me on {s}.
Write an essay about {s}.
Write a song about {k}.
Write a speech for {n}.
Write a letter of thanks to {n}.
Reply to this message: {w} {x} {w}
Rewrite this: the {w} was {x}.
Make this text shorter: {w} {x} {w} {x}
What is another word for {w}?
Use {w} in a sentence.
Is {w} a noun?
Where does the word {w} come from?
How is {w} spelled in {l}?
Say something in {l}.
How do I grow {w}?
How do I build a {w}?
How do I paint a {w}?
How do I sell my {w}?
How do I remove a {w} stain?
How do I fix a broken {w}?
How do I change a {w}?
How do I measure a {w}?
How do I keep a {w} warm?
How do I talk to a {w}?
How do I choose a {w}?
How do I find a {w}?
How do I share a {w} with my {x}?
How long does a {w} live?
How fast is a {w}?
How big is a {w}?
What is inside a {w}?
What happens when a {w} is {x}?
Can I eat {w}?
Can a {w} {x}?
Could you recommend a {w}?
Should I {w} my {x}?
My {w} is {x}, what now?
My {w} does not {x}.
I want to {w} a {x}.
I need a {w}.
I have {i} {w} and lose {j}, how many are left?
Tell me something about {n}.
Tell me about {k}.
Tell me a secret.
Tell me the news.
What did you do yesterday?
How old are you?
Do you like {w}?
Are you {x}?
Can you feel {w}?
Guess my {w}.
Let us play a game.
What is today's date?
Good night
I am bored.
I hate {w}.
That {w} is {x}.
the {w} of {n} in {k}
{w} {x} {w} {x}
{w} for {x}
best {w} {k}
{s}
""".strip().splitlines()
HELD_OUT = """
Name the longest river of {k}.
Compose a haiku on {w}.
Divide {i} by {j}.
What causes {w}?
Who painted the {w}?
Teach me {l}.
Debug my {c} code please.
What shall I wear in {k}?
Invent a name for my {w}.
Is there life on {n}?
How is {w} made?
Prove that {s} is true.
Which medicine helps against {w}?
Describe the {x} {w} to a child.
What is your opinion on {s}?
How do I remove {p}?
How do I create a {w}?
Where do I download {p}?
""".strip().splitlines()

KNOWN = (
    "France Germany Japan Brazil India China Italy Spain Kenya Egypt Canada Mexico Australia Norway Peru Poland Turkey "
    "Greece Paris London Berlin Tokyo Rome Madrid Cairo Vienna Moscow Sydney Lisbon Oslo Dublin Prague Athens Seoul "
    "Mars Europe Africa"
).split()
LANGUAGES = (
    "French German Spanish Italian Latin Chinese Japanese Russian Arabic Greek Swedish Turkish Hindi Polish").split()
CODE = "Python C++ Java JavaScript Rust Go Ruby PHP C SQL Haskell".split()
PROGRAMMES = (
    "Windows;Docker;Python;Firefox;Photoshop;Excel;Word;Git;Linux;nginx;MySQL;Blender;Chrome;Spotify;Android;WordPress;"
    "Kubernetes;Outlook;Minecraft;Zoom;Node.js;Postgres;Apache;VLC;Steam;Teams").split(";")
SUBJECTS = (
    "gravity;photosynthesis;quantum mechanics;evolution;black holes;the French Revolution;algebra;relativity;inflation;"
    "history;chemistry;the Pythagorean theorem;climate change;democracy;philosophy;electricity;DNA;calculus;"
    "the stock market;yoga;chess"
).split(";")


def question(rng, held_out=False):
    template = rng.choice(HELD_OUT if held_out else TEMPLATES)
    return template.format(
        w=words.word(rng), x=words.word(rng), n=rng.choice([words.made_up, words.person])(rng), k=rng.choice(KNOWN),
        l=rng.choice(LANGUAGES), c=rng.choice(CODE), p=rng.choice(PROGRAMMES),
        s=rng.choice(SUBJECTS), y=words.year(rng), i=rng.randint(2, 999), j=rng.randint(2, 999))
