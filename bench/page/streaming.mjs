// 200 tokens/s for a minute on a processor slowed down to a quarter:
//   node bench/page/streaming.mjs [SECONDS [SLOWDOWN]]
import { openAnswerPage } from "../../tests/page/answer_page.mjs";
import { measureStreaming } from "../../tests/page/answer_budget.mjs";

const [seconds = 60, slowdown = 4] = process.argv.slice(2).map(Number);
const { page, close } = await openAnswerPage();
try {
  console.log(JSON.stringify(await measureStreaming(page, seconds, slowdown), null, 2));
} finally {
  await close();
}
