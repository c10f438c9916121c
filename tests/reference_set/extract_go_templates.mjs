// Writes the Go templates that a package maps Jinja templates to as files: node extract_go_templates.mjs SOURCE FOLDER.
// The package keeps them in one TypeScript array, whose only types are an import and an annotation.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { runInNewContext } from "node:vm";

const [source, folder] = process.argv.slice(2);
const script = readFileSync(source, "utf8")
  .replace(/^import type .*$/gm, "")
  .replace(/^export const OLLAMA_CHAT_TEMPLATE_MAPPING[^=]*=/m, "globalThis.entries =");
const context = {};
runInNewContext(script, context);
mkdirSync(folder, { recursive: true });
for (const { model, ollama } of context.entries) {
  const name = model.replace(/^library\//, "").replace(/[^\w.-]/g, "_");
  writeFileSync(`${folder}/${name}.gotmpl`, ollama.template);
}
