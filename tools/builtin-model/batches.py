"""Batches of samples of similar length, in an order that the seed decides."""

import random

import numpy
import torch

import samples

POOL = 256  # Samples that are sorted together.


class Batches:
    """Iterates over (kinds, ids, targets, weights); `position` says where to go on after a break."""

    def __init__(self, vocabulary, seed, tokens, stage_of, position=(0, 0)):
        self.vocabulary, self.seed, self.tokens, self.stage_of = vocabulary, seed, tokens, stage_of
        self.pool, self.used = position
        self.ready = None

    @property
    def position(self):
        """(pool, batches of it that were used)."""
        return self.pool, self.used

    def _load(self, stage):
        made = [samples.sample(self.vocabulary, self.seed, self.pool * POOL + i, stage) for i in range(POOL)]
        made.sort(key=lambda sample: len(sample[1]))
        self.ready, batch = [], []
        for sample in made:
            if batch and (len(batch) + 1) * len(sample[1]) > self.tokens:
                self.ready.append(batch)
                batch = []
            batch.append(sample)
        self.ready.append(batch)
        random.Random(f"{self.seed}/{self.pool}").shuffle(self.ready)

    def next(self, seen_tokens):
        if self.ready is None:
            self._load(self.stage_of(seen_tokens))
        if self.used >= len(self.ready):
            self.pool, self.used = self.pool + 1, 0
            self._load(self.stage_of(seen_tokens))
        batch = self.ready[self.used]
        self.used += 1
        return to_tensors(batch, random.Random(f"{self.seed}/{self.pool}/{self.used}"))


def to_tensors(batch, rng=None, share=0.04, weight=0.2, first=8, first_weight=3):
    """Rows padded behind. Weights are 1 on answers, more on the `first` tokens of each, which decide what it will be, and
    `weight` on a share of what was asked and read."""
    longest = max(len(ids) for _, ids, _ in batch) - 1
    ids = numpy.zeros((len(batch), longest), dtype=numpy.int64)
    targets, weights = numpy.zeros_like(ids), numpy.zeros((len(batch), longest), dtype=numpy.float32)
    for row, (_, tokens, answer) in enumerate(batch):
        length = len(tokens) - 1
        ids[row, :length], targets[row, :length] = tokens[:-1], tokens[1:]
        weights[row, :length] = answer[1:]
        for place in range(length):
            if answer[place + 1] and not all(answer[max(0, place + 1 - first):place + 1]):
                weights[row, place] = first_weight
        if rng is not None:
            for place in range(length):
                if not answer[place + 1] and rng.random() < share:
                    weights[row, place] = weight
    return [kind for kind, _, _ in batch], *(torch.from_numpy(array) for array in (ids, targets, weights))
