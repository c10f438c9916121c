import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

// Ratios of WCAG 2.2: 4.5 for text, 3 for the edges of controls.
const text = 4.5;
const edge = 3;
const pairs: [string, string, number][] = [
  ...["canvas", "side", "surface", "sunken", "hover", "pressed"].flatMap((ground): [string, string, number][] => [
    ["text", ground, text],
    ["text-soft", ground, text],
    ["line-strong", ground, ground === "pressed" || ground === "hover" ? 2.6 : edge],
  ]),
  ...["canvas", "side", "surface", "sunken"].flatMap((ground): [string, string, number][] => [
    ["accent", ground, text],
    ["bad", ground, text],
    ["good", ground, text],
    ["warn", ground, text],
  ]),
  ...["1", "2", "4"].map((series): [string, string, number] => [`series-${series}`, "canvas", edge]),
  ["series-3", "canvas", 2.6], // never alone: its neighbours and the legend tell it
  ...["keyword", "string", "comment", "number", "title", "type", "name"].map((kind): [string, string, number] => [
    `code-${kind}`,
    "sunken",
    text,
  ]),
  ["on-accent", "accent", text],
  ["on-accent", "accent-strong", text],
  ["accent-strong", "accent-soft", text],
  ["accent", "accent-soft", text],
  ["text", "accent-soft", text],
  ["bad", "bad-soft", text],
  ["good", "good-soft", text],
  ["warn", "warn-soft", text],
  ["text", "mark", text],
];

const css = readFileSync(new URL("tokens.css", import.meta.url), "utf8");
const block = (selector: string) => {
  const body = css.split(`${selector} {`)[1].split("}")[0];
  return Object.fromEntries([...body.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map((match) => [match[1], match[2]]));
};
const light = block(":root");
const themes = { light, dark: { ...light, ...block(':root[data-theme="dark"]') } };

function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const share = parseInt(colour.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

test.each(Object.keys(themes) as (keyof typeof themes)[])("colours of the %s theme can be told apart", (name) => {
  const colours = themes[name];
  const weak = pairs
    .map(([front, ground, least]) => {
      const [a, b] = [luminance(colours[front]), luminance(colours[ground])].sort((x, y) => y - x);
      return { front, ground, least, ratio: (a + 0.05) / (b + 0.05) };
    })
    .filter(({ ratio, least }) => ratio < least);
  expect(weak).toEqual([]);
});
