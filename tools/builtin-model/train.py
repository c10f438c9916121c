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
from torch import distributed, multiprocessing, nn
from torch.nn import functional

import batches
import guidance
import initial
import model as network
import muon
import samples
import vocabulary

HERE = pathlib.Path(__file__).parent


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1e9, help="of training, in this run")
    parser.add_argument("--rate", type=float, default=2e-3, help="learning rate")
    parser.add_argument("--decay-minutes", type=float, default=0, help="at the end, over which the rate falls to 0")
    parser.add_argument("--warm-up", type=int, default=200, help="steps")
    parser.add_argument("--batch", type=int, default=2048, help="tokens, of each process")
    parser.add_argument("--stages", default="0.5,2,6,15,35", help="millions of tokens after which stages 1 to 5 begin")
    parser.add_argument("--processes", type=int, default=2, help="of one thread each, which share every step; one with a GPU")
    parser.add_argument("--half", action="store_true", help="products of bfloat16 factors")
    parser.add_argument("--checkpoint-minutes", type=float, default=5)
    return parser.parse_args()


def losses_of(model, guide, batch):
    """(loss to reduce, {kind: losses, for the report})."""
    rows, places = batch.weights.nonzero(as_tuple=True)
    taps = network.Taps(guidance.LAYER)
    hidden = model.hidden(batch.ids, wanted=(rows, places), taps=taps)
    losses = functional.cross_entropy(model.logits(hidden), batch.targets[rows, places], reduction="none")
    chosen = batch.weights[rows, places]
    guiding = guide.losses(model, taps, batch)
    by_kind = collections.defaultdict(list, {name: values.tolist() for name, values in guiding.items()})
    for row, loss, weight in zip(rows.tolist(), losses.tolist(), chosen.tolist()):
        by_kind[batch.kinds[row] if weight >= 1 else "text"].append(loss)
    return (losses * chosen).sum() / chosen.sum() + guidance.total(guiding), by_kind


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
            ids, answers = samples.chat_ids(words, [("user", question), ("assistant", answer)])
            made.append(samples.Sample(label, ids, answers))
        made.sort(key=lambda sample: len(sample.ids))
        for at in range(0, count, 8):
            batch = batches.to_tensors(made[at:at + 8]).to(device)
            rows, places = batch.weights.nonzero(as_tuple=True)
            hidden = model.hidden(batch.ids, wanted=(rows, places))
            right = model.logits(hidden).argmax(-1) == batch.targets[rows, places]
            for row, label in enumerate(batch.kinds):
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
    """One of the processes: all hold the same weights, read batches of their own, and take each step together."""

    def __init__(self, options, rank):
        self.options, self.rank = options, rank
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.words = vocabulary.Vocabulary.load(HERE / "vocabulary.json")
        self.model = network.Model(network.Shape(vocabulary=len(self.words.tokens)))
        initial.fill(self.model, options.seed)
        self.model.to(self.device)
        self.guide = guidance.Guidance(self.model.shape.width).to(self.device)
        self.mean = network.Model(self.model.shape).to(self.device)
        self.mean.load_state_dict(self.model.state_dict())
        self.muon = muon.Muon(p for p in self.model.blk.parameters() if p.dim() > 1)
        inner = {id(p) for p in self.muon.matrices}
        self.adam = torch.optim.AdamW([p for p in self.parameters() if id(p) not in inner],
                                      lr=options.rate, betas=(0.9, 0.98), weight_decay=0, foreach=True)
        self.step, self.tokens, position = 0, 0, (0, 0)
        self.path = options.folder / "checkpoint.pt"
        if self.path.exists():
            saved = torch.load(self.path, map_location=self.device)
            self.model.load_state_dict(saved["model"])
            self.guide.load_state_dict(saved["guide"])
            self.mean.load_state_dict(saved["mean"])
            self.muon.load_state_dict(saved["muon"])
            self.adam.load_state_dict(saved["adam"])
            self.step, self.tokens, position = saved["step"], saved["tokens"], saved["position"]
        self.data = batches.Batches(self.words, f"{options.seed}/{rank}", options.batch, self.stage, position)

    def parameters(self):
        return [*self.model.parameters(), *self.guide.parameters()]

    def stage(self, tokens):
        return sum(tokens >= float(limit) * 1e6 for limit in self.options.stages.split(","))

    def save(self):
        state = {"model": self.model.state_dict(), "guide": self.guide.state_dict(), "mean": self.mean.state_dict(),
                 "muon": self.muon.state_dict(), "adam": self.adam.state_dict(), "step": self.step, "tokens": self.tokens,
                 "position": self.data.position}
        torch.save(state, self.path.with_suffix(".new"))
        os.replace(self.path.with_suffix(".new"), self.path)

    def rate(self, minutes_left):
        options = self.options
        scale = min(1, (self.step + 1) / options.warm_up)
        if options.decay_minutes:
            scale *= max(0.02, min(1, minutes_left / options.decay_minutes))
        return options.rate * scale

    def together(self, vector):
        """Its sum over all processes."""
        if self.options.processes > 1:
            distributed.all_reduce(vector)
        return vector

    def take_step(self, rate):
        """From this process's gradients."""
        parameters = self.parameters()
        vector = self.together(torch.cat([p.grad.flatten() for p in parameters]))
        vector *= 1 / max(vector.norm().item(), self.options.processes)  # The mean, of a length of at most 1.
        for p, gradient in zip(parameters, vector.split([p.numel() for p in parameters])):
            p.grad = gradient.view_as(p)
        mine = lambda index: index % self.options.processes == self.rank
        with torch.no_grad():
            self.muon.step(self.together(self.muon.directions(mine)), rate)
        for group in self.adam.param_groups:
            group["lr"] = rate
        self.adam.step()

    def advance(self, minutes_left):
        """A step: (losses by kind, tokens of all processes)."""
        batch = self.data.next(self.tokens).to(self.device)
        loss, by_kind = losses_of(self.model, self.guide, batch)
        self.model.zero_grad(set_to_none=True)
        self.guide.zero_grad(set_to_none=True)
        loss.backward()
        self.take_step(self.rate(minutes_left))
        with torch.no_grad():
            keep = min(0.99, self.step / (self.step + 20))
            mean, now = list(self.mean.parameters()), list(self.model.parameters())
            torch._foreach_mul_(mean, keep)
            torch._foreach_add_(mean, now, alpha=1 - keep)
        self.step += 1
        tokens = int(self.together(torch.tensor([float(batch.ids.numel())])).item())
        self.tokens += tokens
        return by_kind, tokens

    def report(self, sums, tokens, seconds):
        names = ("lines", "read0", "read1", "read2", "read3", "read4", "help", "other", "text", *guidance.WEIGHTS)
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


def work(rank, options):
    """One process's training. The first decides when to end, writes and reports."""
    torch.set_num_threads(1)
    network.HALF_PRODUCTS = options.half
    if options.processes > 1:
        distributed.init_process_group("gloo", f"file://{options.folder.resolve()}/meeting", rank=rank,
                                       world_size=options.processes)
    trainer = Trainer(options, rank)
    stopping = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.append(True))
    begin = saved = reported = time.monotonic()
    sums, tokens = collections.defaultdict(list), 0
    while True:
        now = time.monotonic()
        left = options.minutes - (now - begin) / 60
        # All go by the first one's clock and by any one's signal.
        state = trainer.together(torch.tensor([left if rank == 0 else 0.0, float(bool(stopping))], dtype=torch.float64))
        left = state[0].item()
        if left <= 0 or state[1] > 0:
            break
        by_kind, more = trainer.advance(left)
        tokens += more
        for kind, values in by_kind.items():
            sums[kind] += values
        now = time.monotonic()
        if rank == 0 and now - reported > 30:
            trainer.report(sums, tokens, now - reported)
            sums, tokens, reported = collections.defaultdict(list), 0, now
        if rank == 0 and now - saved > options.checkpoint_minutes * 60:
            trainer.save()
            trainer.examine()
            saved = reported = time.monotonic()
    if rank == 0:
        trainer.save()
        trainer.examine()


def main():
    options = arguments()
    options.folder.mkdir(parents=True, exist_ok=True)
    if torch.cuda.is_available():
        options.processes = 1
    (options.folder / "meeting").unlink(missing_ok=True)
    if options.processes == 1:
        work(0, options)
    else:
        multiprocessing.spawn(work, (options,), options.processes)


if __name__ == "__main__":
    main()
