"""Writes the model as GGUF: export.py CHECKPOINT OUT.gguf, float32; `hearth quantize` makes Q8_0 of it."""

import argparse
import pathlib
import struct

import numpy
import torch

import model as network
import vocabulary

HERE = pathlib.Path(__file__).parent
ALIGNMENT = 32
U32, F32, BOOL, STRING, ARRAY, I32 = 4, 6, 7, 8, 9, 5

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ (message['content'] or '') | trim }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")
DESCRIPTION = (
    "Answers questions about Hearth and quotes from numbered passages; it is no chatbot for everything. "
    "Trained from generated text alone.")


def _string(text):
    data = text.encode("utf-8")
    return struct.pack("<Q", len(data)) + data


def _array(kind, items, pack):
    return struct.pack("<IQ", kind, len(items)) + b"".join(pack(item) for item in items)


def metadata(words, shape):
    """(key, value type, bytes of the value), in the order of the file."""
    u32 = lambda value: (U32, struct.pack("<I", value))
    f32 = lambda value: (F32, struct.pack("<f", value))
    text = lambda value: (STRING, _string(value))
    flag = lambda value: (BOOL, struct.pack("<?", value))
    texts = lambda values: (ARRAY, _array(STRING, values, _string))
    control = len(vocabulary.CONTROL_TOKENS)
    types = [3] * control + [1] * (len(words.tokens) - control)
    values = {
        "general.architecture": text("llama"),
        "general.type": text("model"),
        "general.name": text("hearth-helper"),
        "general.author": text("The Hearth authors"),
        "general.description": text(DESCRIPTION),
        "general.license": text("apache-2.0"),
        "general.languages": texts(["en"]),
        "general.sampling.temp": f32(0),  # It quotes: the likeliest token is the right one.
        "general.file_type": u32(0),
        "general.alignment": u32(ALIGNMENT),
        "llama.block_count": u32(shape.layers),
        "llama.context_length": u32(shape.context),
        "llama.embedding_length": u32(shape.width),
        "llama.feed_forward_length": u32(shape.ffn),
        "llama.attention.head_count": u32(shape.heads),
        "llama.attention.head_count_kv": u32(shape.kv_heads),
        "llama.attention.key_length": u32(shape.head_width),
        "llama.attention.value_length": u32(shape.head_width),
        "llama.attention.layer_norm_rms_epsilon": f32(shape.norm_epsilon),
        "llama.rope.dimension_count": u32(shape.head_width),
        "llama.rope.freq_base": f32(shape.rope_base),
        "llama.vocab_size": u32(len(words.tokens)),
        "tokenizer.ggml.model": text("gpt2"),
        "tokenizer.ggml.pre": text("qwen2"),
        "tokenizer.ggml.tokens": texts(words.tokens),
        "tokenizer.ggml.token_type": (ARRAY, _array(I32, types, lambda kind: struct.pack("<i", kind))),
        "tokenizer.ggml.merges": texts([" ".join(pair) for pair in words.merges]),
        "tokenizer.ggml.bos_token_id": u32(words.end),
        "tokenizer.ggml.eos_token_id": u32(words.turn_end),
        "tokenizer.ggml.padding_token_id": u32(words.end),
        "tokenizer.ggml.add_bos_token": flag(False),
        "tokenizer.chat_template": text(TEMPLATE),
    }
    return [(key, kind, data) for key, (kind, data) in values.items()]


def tensors(model):
    """(name, float32 array) under GGUF's names, which the module's own follow."""
    for name, parameter in model.named_parameters():
        name = name if name.endswith(".weight") else name + ".weight"
        yield name, parameter.detach().cpu().numpy().astype(numpy.float32)


def write(path, words, model):
    values, arrays = metadata(words, model.shape), list(tensors(model))
    with open(path, "wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQ", 3, len(arrays), len(values)))
        for key, kind, data in values:
            file.write(_string(key) + struct.pack("<I", kind) + data)
        offset = 0
        for name, array in arrays:
            file.write(_string(name) + struct.pack("<I", array.ndim))
            file.write(struct.pack(f"<{array.ndim}Q", *reversed(array.shape)) + struct.pack("<IQ", 0, offset))
            offset += -(-array.nbytes // ALIGNMENT) * ALIGNMENT
        for _, array in arrays:
            file.write(b"\0" * (-file.tell() % ALIGNMENT))
            file.write(array.tobytes())


def load(path, words, earlier=None, share=1):
    """The running mean of a checkpoint's weights; with `earlier`, `share` of it and the rest of that checkpoint's."""
    weights = torch.load(path, map_location="cpu")["mean"]
    if earlier:
        before = torch.load(earlier, map_location="cpu")["mean"]
        weights = {name: share * tensor + (1 - share) * before[name] for name, tensor in weights.items()}
    model = network.Model(network.Shape(vocabulary=len(words.tokens)))
    model.load_state_dict(weights)
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("out")
    parser.add_argument("--earlier", help="a checkpoint of the same training, whose weights are mixed in")
    parser.add_argument("--share", type=float, default=0.7, help="of the later one's weights then")
    options = parser.parse_args()
    words = vocabulary.Vocabulary.load(HERE / "vocabulary.json")
    write(options.out, words, load(options.checkpoint, words, options.earlier, options.share))


if __name__ == "__main__":
    main()
