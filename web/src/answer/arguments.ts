// The arguments of a tool call as a code block, in lines if they are whole JSON; "" if there are none.
export function asCode(text: string): string {
  let code = text.trim();
  try {
    const value: unknown = JSON.parse(code);
    if (value === null || (typeof value === "object" && Object.keys(value).length === 0)) return "";
    code = JSON.stringify(value, null, 2);
  } catch {
    // Still being written, or not JSON.
  }
  if (code === "") return "";
  const longest = Math.max(2, ...[...code.matchAll(/`+/g)].map((run) => run[0].length));
  const fence = "`".repeat(longest + 1);
  return `${fence}json\n${code}\n${fence}`;
}
