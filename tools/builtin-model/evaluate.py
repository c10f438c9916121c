"""Asks a served model unseen questions: evaluate.py URL [--model NAME] [--count N] [--seed N] [--transcript FILE]

Questions about Hearth are paraphrases that training never saw, and all of those in evaluation.txt, whose author had not
seen those of training; documents are generated from a new seed, and asked about in words that training never saw. Works with any model behind /v1/chat/completions. Prints one JSON object.
"""

import argparse
import json
import random
import urllib.error
import urllib.request

import facts
import out_of_scope
import reading


def ask(options, question):
    """The likeliest answer."""
    body = {"messages": [{"role": "user", "content": question}], "temperature": 0, "max_tokens": 200}
    if options.model:
        body["model"] = options.model
    request = urllib.request.Request(options.url.rstrip("/") + "/v1/chat/completions", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=600) as reply:
            return json.load(reply)["choices"][0]["message"]["content"] or ""
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{options.url}: {error.code} {error.read().decode(errors='replace')}")


def _help_task(entry, question):
    """(question, answer, check of an answer)."""
    return question, entry.answer, {"correct": lambda text: all(key in text for key in entry.keys)}


def help_tasks(rng, count):
    """Paraphrases about Hearth as people type them, topics in turn."""
    topics = list(facts.entries())
    rng.shuffle(topics)
    for index in range(count):
        entry = topics[index % len(topics)]
        yield _help_task(entry, facts.dress(rng, facts.expand(rng, rng.choice(entry.held_out))))


def tasks_of_others(rng):
    """What others would ask about Hearth, as they wrote it."""
    asked = list(facts.asked_by_others())
    rng.shuffle(asked)
    for entry, question in asked:
        yield _help_task(entry, question)


def scope_tasks(rng, count):
    for _ in range(count):
        question = facts.dress(rng, out_of_scope.question(rng, held_out=True))
        yield question, out_of_scope.ANSWER, {"correct": lambda text: text.strip() == out_of_scope.ANSWER}


def reading_tasks(rng, count, level, answerable):
    made = 0
    while made < count:
        task = reading.task(rng, level, held_out=True)
        if (task.number > 0) != answerable:
            continue
        made += 1
        if answerable:
            checks = {"exact": lambda text, task=task: text.strip() == task.answer,
                      "passage": lambda text, task=task: text.strip().endswith(f"[{task.number}]"),
                      "false_refusal": lambda text: text.strip() == reading.NOT_SAID}
        else:
            checks = {"correct": lambda text: text.strip() == reading.NOT_SAID}
        yield reading.prompt(task), task.answer, checks


def share(options, tasks, transcript, shown):
    """Shares of the answers that pass each check; the first `shown` go to the transcript."""
    passed, total = {}, 0
    for question, expected, checks in tasks:
        text = ask(options, question)
        total += 1
        for name, check in checks.items():
            passed[name] = passed.get(name, 0) + bool(check(text))
        if total <= shown:
            transcript.append((question, expected, text))
    return {name: round(value / total, 3) for name, value in passed.items()} | {"asked": total}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--model")
    parser.add_argument("--count", type=int, default=100, help="questions of a kind")
    parser.add_argument("--seed", type=int, default=20261128)
    parser.add_argument("--transcript", help="file for 30 of the questions with their answers, in Markdown")
    options = parser.parse_args()

    transcript, figures = [], {}
    draw = lambda kind: random.Random(f"evaluation/{options.seed}/{kind}")
    figures["help, paraphrases"] = share(options, help_tasks(draw("help"), options.count), transcript, 5)
    figures["help, asked by others"] = share(options, tasks_of_others(draw("others")), transcript, 8)
    figures["out of scope"] = share(options, scope_tasks(draw("scope"), options.count), transcript, 3)
    for level in range(5):
        for answerable, name in ((True, "said"), (False, "not said")):
            tasks = reading_tasks(draw(f"{level}{name}"), options.count // 2, level, answerable)
            figures[f"reading {level}, {name}"] = share(options, tasks, transcript, 2 if level < 2 else 1)
    print(json.dumps(figures, indent=1))
    if options.transcript:
        with open(options.transcript, "w", encoding="utf-8") as file:
            for question, expected, text in transcript:
                file.write(f"**Question**\n\n```\n{question}\n```\n\n**Answer**\n\n```\n{text}\n```\n\n")
                right = text.strip() == expected
                file.write("as it should be\n\n" if right else f"it should be\n\n```\n{expected}\n```\n\n")


if __name__ == "__main__":
    main()
