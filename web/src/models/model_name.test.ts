import { expect, test } from "vitest";
import { matches, nameParts, pullName, sameModel } from "./model_name";

test("names fall into their parts", () => {
  expect(nameParts("qwen3:8b")).toEqual({ host: "", space: "", model: "qwen3", tag: "8b" });
  expect(nameParts("tale:latest")).toEqual({ host: "", space: "", model: "tale", tag: "" });
  expect(nameParts("hf.co/unsloth/Qwen3-8B-GGUF:Q4_K_M")).toEqual({
    host: "hf.co",
    space: "unsloth",
    model: "Qwen3-8B-GGUF",
    tag: "Q4_K_M",
  });
  expect(nameParts("localhost:5000/me/tale")).toEqual({
    host: "localhost:5000",
    space: "me",
    model: "tale",
    tag: "",
  });
});

test.each([
  ["  qwen3:8b ", "qwen3:8b"],
  ["ollama run qwen3:8b", "qwen3:8b"],
  ["hearth pull hf.co/a/b:Q8_0", "hf.co/a/b:Q8_0"],
  ["https://huggingface.co/unsloth/Qwen3-8B-GGUF", "hf.co/unsloth/Qwen3-8B-GGUF"],
  ["https://huggingface.co/a/b/blob/main/b.Q4_K_M.gguf?download=true", "hf.co/a/b"],
  ["https://ollama.com/library/gemma3:4b", "gemma3:4b"],
  ["https://ollama.com/me/tale", "me/tale"],
])("a pull of %s asks for %s", (text, name) => expect(pullName(text)).toBe(name));

test("a name without a tag is its latest, in any case", () => {
  expect(sameModel("Tale", "tale:latest")).toBe(true);
  expect(sameModel("localhost:5000/tale", "localhost:5000/tale:latest")).toBe(true);
  expect(sameModel("qwen3:8b", "qwen3:4b")).toBe(false);
});

test("a filter asks for all its words, in any order", () => {
  expect(matches("8b qwen", "qwen3:8b", "Q4_K_M")).toBe(true);
  expect(matches("qwen q4", "qwen3:8b", "Q4_K_M")).toBe(true);
  expect(matches("qwen q8", "qwen3:8b", "Q4_K_M")).toBe(false);
  expect(matches("", "qwen3:8b")).toBe(true);
});
