"""Trains the built-in model: train.py FOLDER [--minutes N] …; run again, it goes on from the folder's checkpoint.

The folder gets checkpoint.pt (weights, their running mean, optimizer, place in the data), losses.csv and accuracy.csv.
SIGTERM and SIGINT save and end. A GPU is used where there is one.
"""

import argparse
import collections
import os
import pathlib
import random
import signal
import time

import torch
from torch.nn import functional

import batches
import initial
import model as network
import samples
import vocabulary

HERE = pathlib.Path(__file__).parent


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1e9, help="of training, in this run")
    parser.add_argument("--rate", type=float, default=1e-3, help="learning rate")
    parser.add_argument("--decay-minutes", type=float, default=0, help="at the end, over which the rate falls to 0")
    parser.add_argument("--warm-up", type=int, default=200, help="steps")
    parser.add_argument("--batch", type=int, default=3072, help="tokens")
    parser.add_argument("--stages", default="0.5,2,6", help="millions of tokens after which stages 1, 2 and 3 begin")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--half", action="store_true", help="products of bfloat16 factors")
    parser.add_argument("--checkpoint-minutes", type=float, default=5)
    return parser.parse_args()


def loss_of(model, ids, targets, weights):
    """Mean loss over weighted places, and each place's own with its row."""
    rows, places = weights.nonzero(as_tuple=True)
    logits = model.logits(model.hidden(ids, wanted=(rows, places)))
    losses = functional.cross_entropy(logits, targets[rows, places], reduction="none")
    chosen = weights[rows, places]
    return (losses * chosen).sum() / chosen.sum(), losses.detach(), rows, chosen


@torch.no_grad()
def accuracy(model, words, count=48, seed=7, device="cpu"):
    """Share of unseen samples of each kind whose greedy answer is right token by token."""
    results = {}
    for kind in ("help", "other", "read0", "read1", "read2", "read3"):
        rng = random.Random(f"accuracy/{seed}/{kind}")
        made = []
        while len(made) < count:
            question, answer = samples.turn(rng, kind, held_out=True)
            label = kind + "/none" if answer == samples.reading.NOT_SAID else kind
            made.append((label, *samples.chat_ids(words, [("user", question), ("assistant", answer)])))
        made.sort(key=lambda sample: len(sample[1]))
        for at in range(0, count, 8):
            kinds, ids, targets, weights = batches.to_tensors(made[at:at + 8])
            rows, places = weights.nonzero(as_tuple=True)
            hidden = model.hidden(ids.to(device), wanted=(rows.to(device), places.to(device)))
            right = model.logits(hidden).argmax(-1).cpu() == targets[rows, places]
            for row, label in enumerate(kinds):
                results.setdefault(label, []).append(bool(right[rows == row].all()))
    return {label: sum(values) / len(values) for label, values in results.items()}


def append(path, header, row):
    """A line of a CSV file; the header where the file is new."""
    new = not path.exists()
    with open(path, "a", encoding="utf-8") as file:
        if new:
            file.write(header + "\n")
        file.write(",".join(row) + "\n")


class Trainer:
    def __init__(self, options):
        self.options = options
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.words = vocabulary.Vocabulary.load(HERE / "vocabulary.json")
        self.model = network.Model(network.Shape(vocabulary=len(self.words.tokens)))
        initial.fill(self.model, options.seed)
        self.model.to(self.device)
        self.mean = network.Model(self.model.shape).to(self.device)
        self.mean.load_state_dict(self.model.state_dict())
        matrices = [p for p in self.model.parameters() if p.dim() > 1]
        vectors = [p for p in self.model.parameters() if p.dim() == 1]
        self.optimizer = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": 0.03}, {"params": vectors, "weight_decay": 0}],
            lr=options.rate, betas=(0.9, 0.98), foreach=True)
        self.step, self.tokens, position = 0, 0, (0, 0)
        self.path = options.folder / "checkpoint.pt"
        if self.path.exists():
            saved = torch.load(self.path, map_location=self.device)
            self.model.load_state_dict(saved["model"])
            self.mean.load_state_dict(saved["mean"])
            self.optimizer.load_state_dict(saved["optimizer"])
            self.step, self.tokens, position = saved["step"], saved["tokens"], saved["position"]
        self.data = batches.Batches(self.words, options.seed, options.batch, self.stage, position)

    def stage(self, tokens):
        return sum(tokens >= float(limit) * 1e6 for limit in self.options.stages.split(","))

    def save(self):
        state = {"model": self.model.state_dict(), "mean": self.mean.state_dict(),
                 "optimizer": self.optimizer.state_dict(), "step": self.step, "tokens": self.tokens,
                 "position": self.data.position}
        torch.save(state, self.path.with_suffix(".new"))
        os.replace(self.path.with_suffix(".new"), self.path)

    def rate(self, minutes_left):
        options = self.options
        scale = min(1, (self.step + 1) / options.warm_up)
        if options.decay_minutes:
            scale *= max(0.02, min(1, minutes_left / options.decay_minutes))
        return options.rate * scale

    def advance(self, minutes_left):
        """A step: (losses by kind, tokens)."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(minutes_left)
        kinds, *tensors = self.data.next(self.tokens)
        ids, targets, weights = (tensor.to(self.device) for tensor in tensors)
        loss, losses, rows, chosen = loss_of(self.model, ids, targets, weights)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        with torch.no_grad():
            keep = min(0.998, self.step / (self.step + 20))
            mean, now = list(self.mean.parameters()), list(self.model.parameters())
            torch._foreach_mul_(mean, keep)
            torch._foreach_add_(mean, now, alpha=1 - keep)
        self.step += 1
        self.tokens += ids.numel()
        by_kind = collections.defaultdict(list)
        for row, loss, weight in zip(rows.tolist(), losses.tolist(), chosen.tolist()):
            by_kind[kinds[row] if weight == 1 else "text"].append(loss)
        return by_kind, ids.numel()

    def report(self, sums, tokens, seconds):
        names = ("copy", "read0", "read1", "read2", "read3", "help", "other", "text")
        means = [f"{sum(sums[name]) / len(sums[name]):.3f}" if sums[name] else "" for name in names]
        row = [time.strftime("%H:%M:%S"), str(self.step), str(self.tokens), str(self.stage(self.tokens)),
               f"{tokens / seconds:.0f}", *means]
        append(self.options.folder / "losses.csv", "time,step,tokens,stage,tokens_per_second," + ",".join(names), row)
        labels = ("time", "step", "tokens", "stage", "t/s") + names
        print(" ".join(f"{label}={value}" for label, value in zip(labels, row)), flush=True)

    def examine(self):
        found = accuracy(self.mean, self.words, device=self.device)
        names = ("help", "other", *(f"read{level}{end}" for level in range(4) for end in ("", "/none")))
        row = [time.strftime("%H:%M:%S"), str(self.step), str(self.tokens)]
        append(self.options.folder / "accuracy.csv", "time,step,tokens," + ",".join(names),
               row + [f"{found[name]:.3f}" if name in found else "" for name in names])
        print("accuracy", {name: round(value, 2) for name, value in found.items()}, flush=True)


def main():
    options = arguments()
    options.folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    network.HALF_PRODUCTS = options.half
    trainer = Trainer(options)
    stopping = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.append(True))
    begin = saved = reported = time.monotonic()
    sums, tokens = collections.defaultdict(list), 0
    while not stopping and (now := time.monotonic()) - begin < options.minutes * 60:
        by_kind, more = trainer.advance(options.minutes - (now - begin) / 60)
        tokens += more
        for kind, values in by_kind.items():
            sums[kind] += values
        now = time.monotonic()
        if now - reported > 30:
            trainer.report(sums, tokens, now - reported)
            sums, tokens, reported = collections.defaultdict(list), 0, now
        if now - saved > options.checkpoint_minutes * 60:
            trainer.save()
            trainer.examine()
            saved = reported = time.monotonic()
    trainer.save()
    trainer.examine()


if __name__ == "__main__":
    main()
