import { expect, test } from "vitest";
import { freeName, largestFile, readAttachment } from "./attachments";

const file = (...parts: (string | Uint8Array)[]) => new File(parts as BlobPart[], "notes.txt");

test("text is read, whatever its line ends and its Unicode encoding", async () => {
  expect(await readAttachment(file("a\r\nb\rc"))).toEqual({ name: "notes.txt", text: "a\nb\nc" });
  expect(await readAttachment(file(new Uint8Array([0xff, 0xfe, 0xe9, 0])))).toEqual({ name: "notes.txt", text: "é" });
});

test("what is no text is refused, not guessed", async () => {
  expect(await readAttachment(file(new Uint8Array([0xe9, 0x20])))).toBe("not_text");
  expect(await readAttachment(file("a\0b"))).toBe("not_text");
  expect(await readAttachment(file(new Uint8Array(largestFile + 1)))).toBe("too_large");
});

test("names are told apart", () => {
  const taken = [
    { name: "a.txt", text: "" },
    { name: "a (2).txt", text: "" },
    { name: ".env", text: "" },
  ];
  expect(freeName("b.txt", taken)).toBe("b.txt");
  expect(freeName("a.txt", taken)).toBe("a (3).txt");
  expect(freeName(".env", taken)).toBe(".env (2)");
});
