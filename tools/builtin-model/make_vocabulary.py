"""Trains the vocabulary: make_vocabulary.py OUT.json [--seed N] [--size N] [--documents FILE ...]"""

import argparse

import samples
import vocabulary


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--count", type=int, default=3000, help="rounds of generated text")
    parser.add_argument("--documents", nargs="*", default=[], help="prose to be read as well, such as docs/*.md")
    options = parser.parse_args()

    texts = list(samples.text_for_vocabulary(options.seed, options.count))
    for path in options.documents:
        with open(path, encoding="utf-8") as file:
            texts += [file.read()] * 3
    made = vocabulary.Vocabulary(vocabulary.train(texts, options.size))
    made.save(options.out)
    sample = "\n".join(texts[:200])
    print(f"{len(made.tokens)} tokens, {len(sample.encode()) / len(made.encode(sample)):.2f} bytes a token")


if __name__ == "__main__":
    main()
