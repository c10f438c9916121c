"""What the built-in model is taught, compared with the program and the documents; the generator's promises; and what the
shipped weights answer.

Run as `builtin_model_test.py HEARTH`, the built program.
"""

import argparse
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import unittest

import evaluate
import facts
import out_of_scope
import reading
import samples
import vocabulary
import words

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
HEARTH = None

# Least shares of right answers: what was measured of the shipped weights (docs/builtin-model.md), less what chance takes from
# so few questions.
HELPS, REFUSES, QUOTES = 0.82, 0.72, 0.8


def help_of(command):
    """What --help says of a command line's command, or None where the program does not know it."""
    parts = command.split()[1:]
    path = [part for part in parts[:2 if parts[:1] == ["key"] else 1] if part.isalpha()]
    result = subprocess.run([HEARTH, *path, "--help"], capture_output=True, text=True, timeout=60)
    return result.stdout if result.returncode == 0 else None


class Taught(unittest.TestCase):
    def test_every_command_and_flag_exists(self):
        for item in facts.taught():
            with self.subTest(item.topic):
                texts = {command: help_of(command) for command in item.commands}
                for command, text in texts.items():
                    self.assertIsNotNone(text, f"`{command}` is no command")
                    for word in command.split():
                        if word.startswith("-"):
                            self.assertRegex(text, rf"(?<![\w-]){word}(?![\w-])", f"`{command}`: no {word}")
                for flag in item.flags:
                    known = any(f"{flag} " in text or f"{flag}\n" in text for text in texts.values())
                    self.assertTrue(known, f"{flag} is of none of {item.commands}")

    def test_every_route_is_documented(self):
        documented = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
        for entry in facts.entries():
            for key in entry.keys:
                if key.startswith("/v1/"):
                    self.assertIn(key, documented, entry.topic)

    def test_scripts_know_their_options(self):
        self.assertIn("--build-only", (ROOT / "run").read_text(encoding="utf-8"))

    def test_questions_kept_for_evaluation_are_not_taught(self):
        for entry in facts.entries():
            self.assertFalse(set(entry.held_out) & set(entry.questions), entry.topic)
            self.assertGreaterEqual(len(entry.questions), 3, entry.topic)
        self.assertFalse(set(out_of_scope.HELD_OUT) & set(out_of_scope.TEMPLATES))

    def test_every_topic_is_asked_about_by_others(self):
        asked = [entry.topic for entry, _ in facts.asked_by_others()]
        self.assertEqual(set(asked), {entry.topic for entry in facts.entries()})

    def test_rewording_keeps_flags_and_finds_phrases(self):
        rng = random.Random(12)
        seen = {facts.reword(rng, "How do I delete the model? --port") for _ in range(200)}
        self.assertGreater(len(seen), 5)
        for question in seen:
            self.assertTrue(question.endswith(" --port"), question)
            self.assertTrue(question[0].isupper(), question)
        phrases = facts.synonyms()
        self.assertFalse([phrase for phrase in phrases if phrase != phrase.lower() or not phrase.strip()])

    def test_patterns_become_plain_questions(self):
        rng = random.Random(11)
        for entry in facts.entries():
            for pattern in entry.questions + entry.held_out:
                self.assertNotRegex(facts.expand(rng, pattern), r"[\[\]{}|]|  ", entry.topic)


class Vocabulary(unittest.TestCase):
    def test_text_comes_back_and_spells_no_control_token(self):
        known = vocabulary.Vocabulary.load(HERE / "vocabulary.json")
        for text in ("The height is 1,482 m [3].", "Ünïcödé  ½ °C\n\n\t\"x\"", "<|im_end|>"):
            ids = known.encode(text)
            self.assertEqual(known.decode(ids), text)
            self.assertGreaterEqual(min(ids), len(vocabulary.CONTROL_TOKENS))

    def test_training_merges_the_commonest_pair_first(self):
        merges = vocabulary.train(["abab abab abab ab"], 256 + len(vocabulary.CONTROL_TOKENS) + 2)
        self.assertEqual(merges, [("a", "b"), ("ab", "ab")])


@unittest.skipUnless(pathlib.Path(words.DICTIONARY).exists(), f"{words.DICTIONARY} is not there (package wamerican)")
class Generator(unittest.TestCase):
    def test_an_answer_stands_in_the_passage_that_it_names(self):
        rng = random.Random(5)
        for _ in range(300):
            task = reading.task(rng, rng.randrange(4), held_out=rng.random() < 0.5)
            if task.number:
                self.assertEqual(task.answer, f"{task.unit} [{task.number}]")
                self.assertIn(task.unit, task.passages[task.number - task.first].units)
                self.assertIn(f"\n\n[{task.number}] (", reading.prompt(task))
            else:
                self.assertEqual(task.answer, reading.NOT_SAID)

    def test_training_is_told_where_the_answer_stands(self):
        known = vocabulary.Vocabulary.load(HERE / "vocabulary.json")
        said = 0
        for index in range(200):
            sample = samples.sample(known, 4, index, 3)
            answer = [place for place, of_unit in sample.ends.items() if of_unit[0]]
            text = [known.decode(sample.ids[place:place + 1]) for place in range(len(sample.ids))]
            if not answer:
                self.assertFalse(sample.starts or sample.origins or sample.numbers)
                continue
            said += 1
            _, first, *number = sample.ends[answer[0]]
            self.assertEqual({*sample.starts.values(), *sample.numbers.values()}, {answer[0]})
            self.assertEqual([sample.ids[place + 1] for place in sample.starts], [first])
            due = sorted(sample.numbers)[0]
            self.assertEqual(sample.ids[due + 1:due + 3], number)
            for place in sample.origins:
                # Cut elsewhere, tokens at the unit's ends may hold more or less: "The" and " The", "." and ".\n\n".
                wanted, there = text[place + 1].strip(), text[sample.origins[place]].strip()
                self.assertTrue(wanted[-1:] in there or there[-1:] in wanted, (wanted, there))
        self.assertGreater(said, 30)

    def test_a_seed_decides_the_samples(self):
        known = vocabulary.Vocabulary.load(HERE / "vocabulary.json")
        made = [samples.sample(known, 3, index, index % 4) for index in range(40)]
        self.assertEqual(made, [samples.sample(known, 3, index, index % 4) for index in range(40)])
        for sample in made:
            self.assertEqual(len(sample.ids), len(sample.answers))
            self.assertTrue(any(sample.answers))


class Weights(unittest.TestCase):
    """The model that is shipped, served as to anybody who has no other one."""

    @classmethod
    def setUpClass(cls):
        cls.home = tempfile.TemporaryDirectory()
        environment = os.environ | {"HEARTH_HOME": cls.home.name, "HEARTH_FOREIGN_MODELS": "off"}
        cls.server = subprocess.Popen([HEARTH, "serve", "--port", "0"], stdout=subprocess.PIPE, text=True, env=environment)
        url = re.search(r"http://[\w.:]+", cls.server.stdout.readline())[0]
        cls.options = argparse.Namespace(url=url, model=None)

    @classmethod
    def tearDownClass(cls):
        cls.server.terminate()
        cls.server.wait()
        cls.server.stdout.close()
        cls.home.cleanup()

    def share(self, tasks, count):
        return evaluate.share(self.options, (task for task, _ in zip(tasks, range(count))), [], 0)

    def test_its_words_are_those_of_the_training(self):
        known = vocabulary.Vocabulary.load(HERE / "vocabulary.json")
        for text in ("The height is 1,482 m [3].", "Ünïcödé  ½ °C\n\n\t\"x\"", "`hearth serve --port PORT`", "<|im_end|>"):
            out = subprocess.run([HEARTH, "tokenize", str(HERE / "hearth-helper.gguf"), text, "--ids"], capture_output=True,
                                 text=True, check=True).stdout
            self.assertEqual([int(number) for number in re.findall(r"\d+", out)], known.encode(text))

    def test_it_helps(self):
        self.assertGreaterEqual(self.share(evaluate.tasks_of_others(random.Random(1)), 80)["correct"], HELPS)

    def test_it_refuses_what_it_does_not_know(self):
        self.assertGreaterEqual(self.share(evaluate.scope_tasks(random.Random(2), 40), 40)["correct"], REFUSES)

    @unittest.skipUnless(pathlib.Path(words.DICTIONARY).exists(), f"{words.DICTIONARY} is not there (package wamerican)")
    def test_it_quotes(self):
        said = self.share(evaluate.reading_tasks(random.Random(3), 40, 1, True), 40)
        self.assertGreaterEqual(said["exact"], QUOTES)


if __name__ == "__main__":
    HEARTH = sys.argv.pop(1)
    unittest.main()
