"""Batches of samples of similar length, in an order that the seed decides."""

import dataclasses
import random

import numpy
import torch

import samples

POOL = 256  # Samples that are sorted together.


class Batches:
    """Iterates over Batch; `position` says where to go on after a break."""

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
        made.sort(key=lambda sample: len(sample.ids))
        self.ready, batch = [], []
        for sample in made:
            if batch and (len(batch) + 1) * len(sample.ids) > self.tokens:
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


@dataclasses.dataclass
class Batch:
    """Rows of samples, padded behind: tensors of [rows, places]."""

    kinds: list
    ids: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor
    # As samples.Sample has them; -1 elsewhere:
    ends: torch.Tensor  # [rows, places, 4]
    starts: torch.Tensor
    origins: torch.Tensor
    numbers: torch.Tensor
    topics: torch.Tensor  # [rows], -1 where there is none
    spans: torch.Tensor  # [rows, places]: shares of the question's tokens in its mean
    answers: torch.Tensor  # [rows]: place before the last answer's first token

    def to(self, device):
        return Batch(self.kinds, *(value.to(device) for value in vars(self).values() if torch.is_tensor(value)))


def to_tensors(samples_of_batch, rng=None, share=0.04, weight=0.2, first=8, first_weight=3):
    """Weights are 1 on answers, more on the `first` tokens of each, which decide what it will be, and `weight` on a share of
    what was asked and read."""
    longest = max(len(sample.ids) for sample in samples_of_batch) - 1
    ids = numpy.zeros((len(samples_of_batch), longest), dtype=numpy.int64)
    targets, weights = numpy.zeros_like(ids), numpy.zeros(ids.shape, dtype=numpy.float32)
    ends = numpy.full((*ids.shape, 4), -1, dtype=numpy.int64)
    places = {name: numpy.full(ids.shape, -1, dtype=numpy.int64) for name in ("starts", "origins", "numbers")}
    for row, sample in enumerate(samples_of_batch):
        length, answer = len(sample.ids) - 1, sample.answers
        ids[row, :length], targets[row, :length] = sample.ids[:-1], sample.ids[1:]
        weights[row, :length] = answer[1:]
        for place in range(length):
            if answer[place + 1] and not all(answer[max(0, place + 1 - first):place + 1]):
                weights[row, place] = first_weight
        if rng is not None:
            for place in range(length):
                if not answer[place + 1] and rng.random() < share:
                    weights[row, place] = weight
        for place, of_unit in sample.ends.items():
            ends[row, place] = of_unit
        for name, array in places.items():
            for place, seen in getattr(sample, name).items():
                array[row, place] = seen
    topics = numpy.array([sample.topic for sample in samples_of_batch], dtype=numpy.int64)
    spans, starts = numpy.zeros(ids.shape, dtype=numpy.float32), numpy.zeros_like(topics)
    for row, sample in enumerate(samples_of_batch):
        if sample.topic >= 0:
            spans[row, sample.question[0]:sample.question[1]] = 1 / (sample.question[1] - sample.question[0])
            starts[row] = sample.answers.index(True, sample.question[1]) - 1
    return Batch([sample.kind for sample in samples_of_batch],
                 *map(torch.from_numpy, (ids, targets, weights, ends, *places.values(), topics, spans, starts)))
