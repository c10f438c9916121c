// The first text of a script or style makes the browser look for a font and read it, 40 ms on a slow machine: more than a
// frame of an answer has. Samples of what answers have in them are measured beforehand, out of sight.

// Latin, Greek and Cyrillic are in one font as a rule.
const samples = ["Aa1 Ωж", "→≤∑√✓■", "日本語かなカナ。", "中文，简体", "한국어", "نص", "עברית", "हिन्दी", "ไทย", "🎉🚀"];
const styles = ["p", "strong", "em", "code", "h2"];

// Steps of a few milliseconds each.
export function faceSteps(): (() => void)[] {
  return styles.flatMap((style) => samples.map((sample) => () => measure(style, sample)));
}

function measure(style: string, sample: string) {
  const answer = document.createElement("div");
  answer.className = "answer";
  answer.setAttribute("aria-hidden", "true");
  Object.assign(answer.style, { position: "fixed", insetBlockStart: "-1000px", visibility: "hidden", contain: "strict" });
  const element = answer.appendChild(document.createElement(style));
  element.textContent = sample;
  document.body.append(answer);
  element.getBoundingClientRect();
  answer.remove();
}
