// Conversations of the stage: one with everything an answer can have, and a list with days between.

const hour = 3_600_000;
const day = 24 * hour;

const kNoSettings = {
  system: "",
  temperature: null,
  top_p: null,
  top_k: null,
  min_p: null,
  repeat_penalty: null,
  max_tokens: null,
  seed: null,
  thinking: null,
  num_ctx: null,
  preset: null,
};

const kTides = `Because the Moon pulls harder on the near side of the Earth than on the far side. It is the **difference** of its pull that counts, and that difference stretches the ocean on *both* sides:

1. On the near side the water is pulled more than the Earth below it.
2. On the far side the Earth is pulled more than the water above it.

The Earth turns below these two bulges once a day, so a coast meets two high tides. The stretching acceleration at distance $r$ from the centre is

$$
a_{\\text{tide}} \\approx \\frac{2\\,G\\,M\\,r}{d^{3}},
$$

which falls with the **cube** of the distance $d$. That is why the near Moon wins over the much heavier Sun:

| body | mass | distance | tide, relative |
| --- | ---: | ---: | ---: |
| Moon | 7.35 × 10²² kg | 384 400 km | 1.00 |
| Sun | 1.99 × 10³⁰ kg | 149 600 000 km | 0.46 |

When both pull along one line, at new and full moon, the tides add up to a *spring tide*.`;

const kCode = `Here is a function that does it in one pass:

\`\`\`python
def tide_ratio(mass_a, distance_a, mass_b, distance_b):
    """How much stronger body a raises tides than body b."""
    return (mass_a / distance_a**3) / (mass_b / distance_b**3)


moon = tide_ratio(7.35e22, 3.844e8, 1.989e30, 1.496e11)
print(f"The Moon raises tides {moon:.2f} times as strong as the Sun.")
\`\`\`

It prints \`The Moon raises tides 2.18 times as strong as the Sun.\``;

function message(chat, id, parent, role, content, created, more = {}) {
  return {
    id,
    chat,
    parent,
    role,
    content,
    created,
    reasoning: "",
    reasoning_ms: null,
    tool_calls: [],
    attachments: [],
    model: role === "assistant" ? "qwen3:8b" : null,
    status: "complete",
    finish: role === "assistant" ? "stop" : null,
    error: null,
    usage: null,
    timings: null,
    ...more,
  };
}

const usage = (prompt, cached, completion, reasoning = 0) => ({
  prompt_tokens: prompt,
  cached_tokens: cached,
  completion_tokens: completion,
  reasoning_tokens: reasoning,
});
const timings = (load, queue, prefill, decode) => ({
  load_ms: load,
  queue_ms: queue,
  prefill_ms: prefill,
  decode_ms: decode,
  first_token_ms: load + queue + prefill + 100,
});

function chat(id, title, age, more = {}) {
  const updated = Date.now() - age;
  return {
    id,
    title,
    title_by: "auto",
    pinned: false,
    created: updated - 10 * 60_000,
    updated,
    model: "qwen3:8b",
    settings: { ...kNoSettings },
    leaf: null,
    draft: "",
    running: false,
    ...more,
  };
}

export function chats() {
  return [
    chat("c1", "Why tides come twice a day", 4 * 60_000, { pinned: true, leaf: "m4" }),
    chat("c2", "Letter to the landlord about the heating", 2 * hour),
    chat("c3", "Regular expression for ISO dates", 5 * hour),
    chat("c4", "Summary of the committee minutes", day + 2 * hour),
    chat("c5", "Sourdough with rye: timetable", day + 6 * hour),
    chat("c6", "Compare three grant proposals", 3 * day),
    chat("c7", "Haskell type classes, explained with tea", 5 * day),
    chat("c8", "Ideas for a walk around Lake Constance", 12 * day),
    chat("c9", "Unit tests for the invoice parser", 21 * day),
  ];
}

export function messages(id) {
  if (id !== "c1") return [];
  const at = Date.now() - 8 * 60_000;
  return [
    message("c1", "m1", null, "user", "Why do ocean tides come twice a day, and not once?", at),
    message("c1", "m2a", "m1", "assistant", "Because there are two bulges.", at + 4000),
    message("c1", "m2", "m1", "assistant", kTides, at + 5000, {
      reasoning:
        "The user asks about the semidiurnal tide. Explain the tidal force as a difference of gravity, " +
        "give the formula, compare with the Sun, and mention spring tides.",
      reasoning_ms: 3200,
      usage: usage(62, 31, 421, 58),
      timings: timings(0, 4, 610, 41_900),
    }),
    message("c1", "m3", "m2", "user", "Show me the comparison as a small Python program.", at + 90_000),
    message("c1", "m4", "m3", "assistant", kCode, at + 92_000, {
      usage: usage(512, 480, 148),
      timings: timings(0, 1, 290, 14_600),
    }),
  ];
}

export const kRunning =
  "A spring tide has nothing to do with the season. The name comes from the water that springs up, and it comes twice " +
  "in every month, at new moon and at full moon, when Sun and Moon pull along one line and their tides add up. " +
  "In between, at half moon, they pull at right angles and the *neap tide* stays low. ".repeat(40);

export function questionOf(id, chat, parent, content) {
  return message(chat, id, parent, "user", content, Date.now());
}

export function answerOf(id, chat, parent) {
  return message(chat, id, parent, "assistant", "", Date.now(), { status: "running", finish: null });
}
