"""Weights to begin with: random ones, with a circuit for copying put in by hand.

A small model needs most of a short training to find out that text can be copied ("induction heads"; Olsson et al.,
2022). Here they are in place from the start, and training refines them:

- One direction of the embedding is the same for all tokens, so that a head can attend by position alone. In the first
  layer heads look at the tokens 1, 2 and 3 places back and write what stands there into directions of their own.
- In the second layer heads compare the last tokens with what stood before each earlier token, and write the embedding
  of the one that fits best: the longest common suffix wins. Slow rotary pairs carry the comparison, so that distance
  does not matter.
"""

import math

import torch

CONSTANT = 0
EMBEDDING = slice(1, 160)
BACK = (slice(160, 208), slice(208, 232), slice(232, 256))  # What stands 1, 2 and 3 places back.


def _projection(rows, columns, generator):
    """Nearly orthogonal rows."""
    random = torch.randn(max(rows, columns), max(rows, columns), generator=generator)
    return torch.linalg.qr(random)[0][:rows, :columns]


def _look_back(layer, shape, generator):
    """First layer: query heads 0, 1 and 2 look 1, 2 and 3 places back."""
    width = shape.head_width
    fast = 12  # Rotary pairs that tell neighbours apart.
    steps = torch.arange(fast, dtype=torch.float32) * 2 / width
    frequencies = shape.rope_base ** -steps
    for head, target in enumerate(BACK):
        kv = head * shape.kv_heads // shape.heads
        angle = -(head + 1) * frequencies
        query = torch.zeros(width)
        query[0:2 * fast:2], query[1:2 * fast:2] = angle.cos(), angle.sin()
        layer.attn_q[head * width:(head + 1) * width] = 0
        layer.attn_q[head * width:(head + 1) * width, CONSTANT] = query * 1.5
        layer.attn_k[kv * width:(kv + 1) * width] = 0
        layer.attn_k[kv * width:kv * width + 2 * fast:2, CONSTANT] = 1.5
        size = target.stop - target.start
        embedding = EMBEDDING.stop - EMBEDDING.start
        layer.attn_v[kv * width:(kv + 1) * width] = 0
        values = _projection(width, embedding, torch.Generator().manual_seed(1000)) * math.sqrt(embedding / width)
        layer.attn_v[kv * width:(kv + 1) * width, EMBEDDING] = values
        layer.attn_output[:, head * width:(head + 1) * width] = 0
        layer.attn_output[target, head * width:head * width + size] = torch.eye(size) * 0.06
    return values


def _continue_match(layer, first, shape, generator):
    """Second layer: one query head of each group attends to what followed the same tokens, and writes it."""
    width, group = shape.head_width, shape.heads // shape.kv_heads
    sizes = (16, 10, 8)  # Of the comparison with the last token, the one before and the one before that.
    embedding = EMBEDDING.stop - EMBEDDING.start
    for kv in range(shape.kv_heads):
        head = kv * group
        q = layer.attn_q[head * width:(head + 1) * width]
        k = layer.attn_k[kv * width:(kv + 1) * width]
        q.zero_(), k.zero_()
        at = width - sum(sizes)
        for place, size in enumerate(sizes):
            rows = slice(at, at + size)
            target = BACK[place]
            span = target.stop - target.start
            mix = _projection(size, span, generator) * math.sqrt(span / size)
            k[rows, target] = mix
            if place == 0:  # The present token itself, in the form in which the first layer stores it.
                source = first.attn_v[0:span, EMBEDDING]
                q[rows, EMBEDDING] = mix @ source
            else:
                before = BACK[place - 1]
                # What stands 1 back is here as the first layer stores it for `before`, later read as `target`.
                overlap = min(span, before.stop - before.start)
                q[rows, before.start:before.start + overlap] = mix[:, :overlap]
            at += size
        q *= 1.5
        k *= 1.5
        layer.attn_v[kv * width:(kv + 1) * width] = 0
        values = _projection(width, embedding, generator)
        layer.attn_v[kv * width:(kv + 1) * width, EMBEDDING] = values
        layer.attn_output[:, head * width:(head + 1) * width] = 0
        layer.attn_output[EMBEDDING, head * width:(head + 1) * width] = values.t() * 0.3


@torch.no_grad()
def fill(model, seed):
    """Sets all weights from the seed."""
    shape = model.shape
    generator = torch.Generator().manual_seed(seed)
    normal = lambda tensor, deviation: tensor.copy_(torch.randn(tensor.shape, generator=generator) * deviation)
    normal(model.token_embd, 1 / math.sqrt(shape.width))
    for layer in model.blk:
        for weight in (layer.attn_q, layer.attn_k, layer.attn_v, layer.ffn_gate, layer.ffn_up):
            normal(weight, 1 / math.sqrt(shape.width))
        normal(layer.attn_output, 1e-3)
        normal(layer.ffn_down, 1e-3)
    if shape.width < 256 or shape.head_width < 64 or shape.layers < 2:
        return  # Too small for the circuit, as in tests.
    model.token_embd[:, CONSTANT] = 0.5
    model.token_embd[:, 160:] = 0
    model.token_embd[:, EMBEDDING] *= math.sqrt(256 / 159)
    _look_back(model.blk[0], shape, generator)
    _continue_match(model.blk[1], model.blk[0], shape, generator)
