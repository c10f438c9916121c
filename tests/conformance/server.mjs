// A server of its own for one file of checks: the built program on a free port, with an empty data folder.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, openSync, rmSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";

const folder = path.dirname(fileURLToPath(import.meta.url));
const program = (name) => path.join(process.env.HEARTH_BUILD, name);

// A trained model of 260 thousand parameters that tells stories; 512 tokens of context.
export const storyModel = path.join(folder, "../data/models/stories260K.gguf");

// A model with random weights and a real family's template, by its name in `hearth-synth --list`: "tiny-qwen3". Its
// context is long enough for replies that are to be interrupted. more: of hearth-synth's options.
export function synthesizedModel(spec, { context = 32768, more = [] } = {}) {
  const home = mkdtempSync(path.join(tmpdir(), "hearth-model-"));
  after(() => rmSync(home, { recursive: true }));
  const file = path.join(home, `${spec}.gguf`);
  execFileSync(program("hearth-synth"), [spec, file, "--context", String(context), "--threads", "1", ...more]);
  return file;
}

export class Server {
  // models: paths of GGUF files. options: more of `hearth serve`. Resolves once the server answers; it is stopped
  // after the file's last check.
  static async start({ models = [storyModel], options = [], environment = {} } = {}) {
    const server = new Server();
    server.home = await mkdtemp(path.join(tmpdir(), "hearth-conformance-"));
    server.logPath = path.join(server.home, "log");
    const log = openSync(server.logPath, "w");
    const command = ["serve", "--port", "0", "--threads", "2", ...options];
    for (const model of models) command.push("--model", model);
    // setpriv has the kernel end the server should this process die without a word.
    server.child = spawn("setpriv", ["--pdeathsig", "KILL", program("hearth"), ...command], {
      env: { ...process.env, HEARTH_HOME: server.home, HEARTH_FOREIGN_MODELS: "off", ...environment },
      stdio: ["ignore", "pipe", log],
    });
    server.exited = new Promise((resolve) => server.child.on("exit", (code) => resolve(code)));
    after(() => server.stop());
    server.url = await server.#address();
    return server;
  }

  async #address() {
    let text = "";
    for await (const chunk of this.child.stdout) {
      text += chunk;
      const match = text.match(/ is at (http\S+)/);
      if (match) {
        this.child.stdout.resume();
        return match[1];
      }
    }
    throw new Error(`the server did not start:\n${text}${await this.log()}`);
  }

  log() {
    return readFile(this.logPath, "utf8");
  }

  async stop() {
    this.child.kill("SIGTERM");
    const late = setTimeout(() => this.child.kill("SIGKILL"), 10_000);
    const code = await this.exited;
    clearTimeout(late);
    await rm(this.home, { recursive: true });
    if (code !== 0) throw new Error(`the server ended with ${code}`);
  }
}

// Waits until `condition` is true, which it must become before `limit_ms`.
export async function eventually(condition, what, limit_ms = 10_000) {
  const end = Date.now() + limit_ms;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`not within ${limit_ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
