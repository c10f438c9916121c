"""What training knows that the answer's tokens alone tell too slowly: where the answer stands, what the question is about.

More losses. They touch what the network has anyway; what they need beside it stays in training. Of reading:

- Behind a middle layer the row at each unit's end must tell whether the unit is the answer ("locate"), with which token the
  unit begins ("begin"), and the number of its passage ("number"): a row knows only what stands before it, so the unit's
  beginning cannot know of its end.
- In the next layer one head must look at the end of that unit before the answer begins ("start"), and write how it begins
  ("first"); another at what is to be copied next ("point"), and write that ("copy"); and one at the end of the unit again where
  the number is due ("find").

Of help: behind the second layer the mean of the question's rows must tell its topic ("gist"), so that words mean what they hint at
whatever stands around them; behind the middle layer the row before the answer must tell it ("topic").
"""

import torch
from torch import nn
from torch.nn import functional

import facts
import model as network

LAYER = 3  # behind which the units' ends are examined; the layer after it has the heads
COPYING, STARTING, NUMBERING = 0, 1, 2  # these heads' groups
WEIGHTS = {"locate": 0.5, "begin": 0.2, "number": 0.3, "start": 0.3, "first": 0.5, "point": 0.5, "copy": 0.3,
           "find": 0.2, "gist": 0.3, "topic": 0.5}  # in the loss


class Guidance(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = network.Norm(width, 1e-5)
        self.score = nn.Parameter(torch.zeros(width))
        self.bias = nn.Parameter(torch.zeros(1))
        self.beginning = nn.Parameter(torch.eye(width))
        self.number = nn.Parameter(torch.eye(width).repeat(2, 1, 1))  # of its first token and the one after that
        n_topics = len(facts.entries()) + 1  # and anything else
        self.gist_norm = network.Norm(width, 1e-5)
        self.gist = nn.Parameter(torch.zeros(n_topics, width))
        self.topic_norm = network.Norm(width, 1e-5)
        self.topic = nn.Parameter(torch.zeros(n_topics, width))

    def losses(self, model, taps, batch):
        """{name: losses, one for each row, unit or token}; empty tensors where the batch has nothing of a kind. `taps` has
        been through Model.hidden()."""
        answer = batch.ends[..., 0]
        rows, places = (answer >= 0).nonzero(as_tuple=True)
        ends = self.norm(taps.rows[rows, places])
        _, first, *number = batch.ends[rows, places].unbind(-1)
        scores = torch.full((answer.shape[0], answer.shape[1] + 1), -1e9, device=ends.device)
        scores[rows, places] = ends @ self.score + self.bias
        scores[:, -1] = 0  # "none of them"
        wanted = torch.where((answer == 1).any(1), (answer == 1).long().argmax(1), answer.shape[1])
        read = rows.unique()
        cross_entropy = lambda logits, targets: functional.cross_entropy(logits, targets, reduction="none")
        told = lambda weight, ids: cross_entropy(model.logits(network.product(ends, weight)), ids)
        losses = {"locate": cross_entropy(scores[read], wanted[read]), "begin": told(self.beginning, first),
                  "number": told(self.number[0], number[0]) + told(self.number[1], number[1])}
        for looks, writes, group, seen in (("start", "first", STARTING, batch.starts),
                                           ("point", "copy", COPYING, batch.origins),
                                           ("find", None, NUMBERING, batch.numbers)):
            rows, places = (seen >= 0).nonzero(as_tuple=True)
            losses[looks] = cross_entropy(taps.scores[rows, group, places], seen[rows, places])
            if writes:
                written = model.output_norm(taps.written[group][rows, places])
                losses[writes] = cross_entropy(model.logits(written), batch.targets[rows, places])
        asked = (batch.topics >= 0).nonzero()[:, 0]
        topics = batch.topics[asked]
        means = torch.bmm(batch.spans[asked, None], taps.early[asked])[:, 0]
        losses["gist"] = cross_entropy(network.product(self.gist_norm(means), self.gist), topics)
        rows = taps.rows[asked, batch.answers[asked]]
        losses["topic"] = cross_entropy(network.product(self.topic_norm(rows), self.topic), topics)
        return losses


def total(losses):
    return sum(WEIGHTS[name] * values.sum() / max(1, len(values)) for name, values in losses.items())
