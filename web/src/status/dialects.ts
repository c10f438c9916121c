// Names of the APIs that clients speak.
const names: Record<string, string> = {
  openai: "OpenAI",
  ollama: "Ollama",
  anthropic: "Anthropic",
  llama_server: "llama-server",
  page: "Hearth",
};

export function dialectName(dialect: string): string {
  return names[dialect] ?? dialect;
}
