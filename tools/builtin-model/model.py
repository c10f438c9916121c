"""The network: a plain Llama (RMSNorm, rotary positions, grouped queries, SwiGLU, tied embeddings) in PyTorch."""

import dataclasses
import math

import torch
from torch import nn
from torch.nn import functional


@dataclasses.dataclass
class Taps:
    """Gets what training wants to see of the inside."""

    layer: int
    early: torch.Tensor = None  # [batch, length, width] behind the second layer
    rows: torch.Tensor = None  # behind `layer`
    # Of the next layer, for the first head of each group of its heads:
    scores: torch.Tensor = None  # [batch, groups, length, length], before the softmax
    written: list = None  # [batch, length, width], the head's share of what the layer adds


@dataclasses.dataclass(frozen=True)
class Shape:
    vocabulary: int = 4096
    width: int = 256
    layers: int = 6
    heads: int = 6
    kv_heads: int = 3
    head_width: int = 64
    ffn: int = 640
    rope_base: float = 1e6
    norm_epsilon: float = 1e-5
    context: int = 2048


class _HalfProduct(torch.autograd.Function):
    """A product of matrices, or of batches of them, with factors rounded to bfloat16: what the processor is fastest at.
    Sums are float32; values and gradients come back as float32."""

    @staticmethod
    def forward(ctx, x, y):
        x, y = x.bfloat16(), y.bfloat16()
        ctx.save_for_backward(x, y)
        return torch.matmul(x, y).float()

    @staticmethod
    def backward(ctx, gradient):
        x, y = ctx.saved_tensors
        gradient = gradient.bfloat16()
        return torch.matmul(gradient, y.transpose(-1, -2)).float(), torch.matmul(x.transpose(-1, -2), gradient).float()


HALF_PRODUCTS = False


def matmul(x, y):
    return _HalfProduct.apply(x, y) if HALF_PRODUCTS and torch.is_grad_enabled() else torch.matmul(x, y)


def product(x, weight):
    """Rows of x through a weight of [out, in]."""
    rows = x.reshape(-1, x.shape[-1])
    return matmul(rows, weight.t()).view(*x.shape[:-1], len(weight))


class Norm(nn.Module):
    def __init__(self, width, epsilon):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.epsilon) * self.weight


def rotate(x, turns):
    """Rotates neighbouring pairs of the last dimension by the angle of the position, as in Llama files of GGUF."""
    pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous())
    return torch.view_as_real(pairs * turns).flatten(-2)


class Layer(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        width, queries, keys = shape.width, shape.heads * shape.head_width, shape.kv_heads * shape.head_width
        self.attn_norm = Norm(width, shape.norm_epsilon)
        self.attn_q = nn.Parameter(torch.empty(queries, width))
        self.attn_k = nn.Parameter(torch.empty(keys, width))
        self.attn_v = nn.Parameter(torch.empty(keys, width))
        self.attn_output = nn.Parameter(torch.empty(width, queries))
        self.ffn_norm = Norm(width, shape.norm_epsilon)
        self.ffn_gate = nn.Parameter(torch.empty(shape.ffn, width))
        self.ffn_up = nn.Parameter(torch.empty(shape.ffn, width))
        self.ffn_down = nn.Parameter(torch.empty(width, shape.ffn))

    def forward(self, x, turns, mask, cache=None, wanted=None, taps=None):
        """The rows behind this layer; with `wanted`, (batch rows, places), only these."""
        shape = self.shape
        batch, length, _ = x.shape
        normed = self.attn_norm(x)
        heads = lambda weight, count: product(normed, weight).view(batch, length, count, -1).transpose(1, 2)
        q = rotate(heads(self.attn_q * (1 / math.sqrt(shape.head_width)), shape.heads), turns)
        k = rotate(heads(self.attn_k, shape.kv_heads), turns)
        v = heads(self.attn_v, shape.kv_heads)
        if cache is not None:
            if cache:
                k, v = torch.cat((cache[0], k), 2), torch.cat((cache[1], v), 2)
            cache[:] = [k, v]
        # Query heads of a group stand below each other, so that each group is one product.
        group = shape.heads // shape.kv_heads
        q = q.reshape(batch * shape.kv_heads, group * length, -1)
        k, v = (t.reshape(batch * shape.kv_heads, -1, shape.head_width) for t in (k, v))
        scores = matmul(q, k.transpose(1, 2))
        if mask is not None:
            scores = (scores.view(-1, group, length, k.shape[1]) + mask).view(-1, group * length, k.shape[1])
        if taps is not None:
            taps.scores = scores.view(batch, shape.kv_heads, group, length, -1)[:, :, 0]
        mixed = matmul(torch.softmax(scores, -1), v)
        mixed = mixed.view(batch, shape.heads, length, -1).transpose(1, 2).reshape(batch, length, -1)
        if taps is not None:
            columns = [slice(at, at + shape.head_width) for at in range(0, mixed.shape[-1], group * shape.head_width)]
            taps.written = [product(mixed[..., part], self.attn_output[:, part]) for part in columns]
        if wanted is not None:
            x, mixed = x[wanted], mixed[wanted]
        x = x + product(mixed, self.attn_output)
        normed = self.ffn_norm(x)
        gated = functional.silu(product(normed, self.ffn_gate)) * product(normed, self.ffn_up)
        return x + product(gated, self.ffn_down)


class Model(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.token_embd = nn.Parameter(torch.empty(shape.vocabulary, shape.width))
        self.blk = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.output_norm = Norm(shape.width, shape.norm_epsilon)

    def turns(self, start, length):
        """Rotations of positions, as complex numbers."""
        steps = torch.arange(0, self.shape.head_width, 2, dtype=torch.float32) / self.shape.head_width
        angles = torch.arange(start, start + length, dtype=torch.float32)[:, None] * self.shape.rope_base ** -steps
        return torch.polar(torch.ones_like(angles), angles).to(self.token_embd.device)

    def hidden(self, ids, caches=None, wanted=None, taps=None):
        """Final rows, normed: [batch, length, width], or those of `wanted`. Padding stands behind and needs no mask."""
        start = caches[0][0].shape[2] if caches and caches[0] else 0
        length = ids.shape[1]
        mask = None
        if length > 1:
            mask = torch.full((length, start + length), -1e30, device=ids.device).triu(start + 1)
        x = functional.embedding(ids, self.token_embd)
        turns = self.turns(start, length)
        for index, layer in enumerate(self.blk):
            last = index + 1 == len(self.blk)
            tapped = taps if taps and index == taps.layer + 1 else None
            x = layer(x, turns, mask, caches[index] if caches else None, wanted if last else None, tapped)
            if taps and index == 1:
                taps.early = x
            if taps and index == taps.layer:
                taps.rows = x
        return self.output_norm(x)

    def logits(self, rows):
        return product(rows, self.token_embd)

    @torch.no_grad()
    def generate(self, ids, end, limit):
        """The likeliest continuation, up to `end` or `limit` tokens."""
        caches = [[] for _ in self.blk]
        out, pending = [], list(ids)
        while len(out) < limit:
            row = self.hidden(torch.tensor([pending]), caches)[:, -1]
            token = int(self.logits(row).argmax())
            if token == end:
                break
            out.append(token)
            pending = [token]
        return out


def parameters(model):
    return sum(p.numel() for p in model.parameters())
