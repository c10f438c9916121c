// Names of programming languages as they stand above a code block, and the one that highlights each.

interface Language {
  name: string;
  // The highlighter's own name; null: shown plain.
  grammar: string | null;
}

const table: [string, string | null, string][] = [
  ["Bash", "bash", "bash sh zsh shell"],
  ["Console", "shell", "console shellsession"],
  ["C", "c", "c h"],
  ["C++", "cpp", "cpp c++ cc cxx hpp hh"],
  ["C#", "csharp", "csharp cs c#"],
  ["CSS", "css", "css"],
  ["Diff", "diff", "diff patch"],
  ["Dockerfile", "dockerfile", "dockerfile docker"],
  ["Go", "go", "go golang"],
  ["HTML", "xml", "html htm xhtml"],
  ["XML", "xml", "xml svg rss"],
  ["INI", "ini", "ini"],
  ["TOML", "ini", "toml"],
  ["Java", "java", "java"],
  ["JavaScript", "javascript", "javascript js jsx mjs cjs"],
  ["JSON", "json", "json jsonc json5"],
  ["Kotlin", "kotlin", "kotlin kt kts"],
  ["LaTeX", "latex", "latex tex"],
  ["Lua", "lua", "lua"],
  ["Makefile", "makefile", "makefile make mk"],
  ["Markdown", "markdown", "markdown md mkd"],
  ["PHP", "php", "php"],
  ["Python", "python", "python py python3 gyp ipython"],
  ["R", "r", "r"],
  ["Ruby", "ruby", "ruby rb"],
  ["Rust", "rust", "rust rs"],
  ["SQL", "sql", "sql sqlite postgresql postgres mysql"],
  ["Swift", "swift", "swift"],
  ["TypeScript", "typescript", "typescript ts tsx mts cts"],
  ["YAML", "yaml", "yaml yml"],
  ["Text", null, "text txt plain plaintext output"],
  ["CSV", null, "csv"],
];

const byAlias = new Map<string, Language>();
for (const [name, grammar, aliases] of table)
  for (const alias of aliases.split(" ")) byAlias.set(alias, { name, grammar });

// The language of a fence's info string ("python title=x.py"); an unknown one keeps its word as its name.
export function languageOf(info: string): Language {
  const word = /^\{?\.?([^\s{},:]+)/.exec(info)?.[1] ?? "";
  return byAlias.get(word.toLowerCase()) ?? { name: word.slice(0, 30), grammar: null };
}
