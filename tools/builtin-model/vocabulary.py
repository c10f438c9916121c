"""Byte-level BPE: training, encoding and the vocabulary file.

The pieces are those of the pre-tokenizer that GGUF calls "qwen2" (digits stand alone), the byte alphabet is GPT-2's.
"""

import collections
import functools
import heapq
import json
import re
import sys
import unicodedata


def _ranges(category):
    """The characters of a general category's first letter, as the inside of a class of `re`."""
    found, start = [], None
    for code in range(sys.maxunicode + 2):
        inside = code <= sys.maxunicode and unicodedata.category(chr(code))[0] == category
        if inside and start is None:
            start = code
        elif not inside and start is not None:
            found.append(f"\\U{start:08x}-\\U{code - 1:08x}")
            start = None
    return "".join(found)


LETTERS, DIGITS, SPACES = _ranges("L"), _ranges("N"), r"\t-\r\x85" + _ranges("Z")
PIECES = re.compile(
    rf"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n{LETTERS}{DIGITS}]?[{LETTERS}]+|[{DIGITS}]|"
    rf" ?[^{SPACES}{LETTERS}{DIGITS}]+[\r\n]*|[{SPACES}]*[\r\n]+|[{SPACES}]+(?![^{SPACES}])|[{SPACES}]+")

END_OF_TEXT, TURN_START, TURN_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
CONTROL_TOKENS = [END_OF_TEXT, TURN_START, TURN_END]


def byte_alphabet():
    """The character that stands for each byte, as in GPT-2."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    characters, next_free = {}, 0x100
    for byte in range(256):
        if byte in printable:
            characters[byte] = chr(byte)
        else:
            characters[byte] = chr(next_free)
            next_free += 1
    return characters


ALPHABET = byte_alphabet()
BYTES = {character: byte for byte, character in ALPHABET.items()}


def spell(piece):
    return "".join(ALPHABET[byte] for byte in piece.encode("utf-8"))


def train(texts, size):
    """Merges of a vocabulary of `size` tokens, control tokens and bytes included; ties go by the pair's spelling."""
    counts = collections.Counter()
    for text in texts:
        counts.update(PIECES.findall(text))
    words = [(list(spell(piece)), count) for piece, count in sorted(counts.items()) if count > 1]
    pairs, places = collections.Counter(), collections.defaultdict(set)
    for index, (symbols, count) in enumerate(words):
        for pair in zip(symbols, symbols[1:]):
            pairs[pair] += count
            places[pair].add(index)
    queue = [(-count, pair) for pair, count in pairs.items()]
    heapq.heapify(queue)
    merges = []
    while len(merges) < size - len(CONTROL_TOKENS) - 256 and queue:
        negative, pair = heapq.heappop(queue)
        if pairs[pair] != -negative:  # Out of date: it is in the queue again with its present count.
            continue
        merges.append(pair)
        changed = set()
        for index in places.pop(pair):
            symbols, count = words[index]
            for old in zip(symbols, symbols[1:]):
                pairs[old] -= count
                changed.add(old)
            merged, at = [], 0
            while at < len(symbols):
                if at + 1 < len(symbols) and (symbols[at], symbols[at + 1]) == pair:
                    merged.append(symbols[at] + symbols[at + 1])
                    at += 2
                else:
                    merged.append(symbols[at])
                    at += 1
            words[index] = (merged, count)
            for new in zip(merged, merged[1:]):
                pairs[new] += count
                places[new].add(index)
                changed.add(new)
        for touched in changed:
            if pairs[touched] > 0:
                heapq.heappush(queue, (-pairs[touched], touched))
    return merges


class Vocabulary:
    """Text to ids and back. Control tokens are first; text never spells one unless the caller says so."""

    def __init__(self, merges):
        self.merges = [tuple(pair) for pair in merges]
        self.tokens = CONTROL_TOKENS + list(ALPHABET.values()) + [a + b for a, b in self.merges]
        self.ids = {token: index for index, token in enumerate(self.tokens)}
        self.ranks = {pair: rank for rank, pair in enumerate(self.merges)}
        self.end, self.turn_start, self.turn_end = range(3)
        self.piece_ids = functools.lru_cache(maxsize=200_000)(self._piece_ids)

    @classmethod
    def load(cls, path):
        with open(path, encoding="utf-8") as file:
            return cls(json.load(file)["merges"])

    def save(self, path):
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"merges": self.merges}, file, ensure_ascii=False, indent=0)
            file.write("\n")

    def _piece_ids(self, piece, rng=None):
        symbols, skipped = list(spell(piece)), set()
        rank_of = lambda pair: 1 << 30 if pair in skipped else self.ranks.get(pair, 1 << 30)
        while len(symbols) > 1:
            best = min(zip(symbols, symbols[1:]), key=rank_of)
            if rank_of(best) == 1 << 30:
                break
            if rng is not None and rng.random() < 0.3:
                skipped.add(best)
                continue
            merged, at = [], 0
            while at < len(symbols):
                if at + 1 < len(symbols) and (symbols[at], symbols[at + 1]) == best:
                    merged.append(symbols[at] + symbols[at + 1])
                    at += 2
                else:
                    merged.append(symbols[at])
                    at += 1
            symbols = merged
        return [self.ids[symbol] for symbol in symbols]

    def encode(self, text, rng=None):
        """With `rng` a seventh of the pieces are spelled in smaller tokens than they need, so that a network learns what
        words are made of (BPE-dropout; Provilkov et al., 2020)."""
        ids = []
        for piece in PIECES.findall(text):
            loose = rng is not None and rng.random() < 1 / 7
            ids.extend(self._piece_ids(piece, rng) if loose else self.piece_ids(piece))
        return ids

    def decode(self, ids):
        data = bytes(BYTES[c] for index in ids if index >= len(CONTROL_TOKENS) for c in self.tokens[index])
        return data.decode("utf-8", errors="replace")
