// The views and states of the page that pictures are made of and that accessibility is checked in. Names are those of
// the pictures. `act` brings a tab that has the place to the state; the words are English.

const dialog = (page) => page.getByRole("dialog").last().waitFor();
const composer = (page) => page.getByRole("textbox", { name: "Message", exact: true });

export const views = [
  { name: "welcome", place: "#/" },
  { name: "first-run", place: "#/", stage: "empty", ready: (page) => page.getByText("Get a first model").waitFor() },
  {
    name: "first-run-pull",
    place: "#/",
    stage: "empty",
    act: async (page) => {
      await page.getByRole("button", { name: /^Download/ }).click();
      await page.getByText(/left$/).waitFor();
    },
  },
  { name: "chat", place: "#/chat/c1" },
  {
    name: "chat-top",
    place: "#/chat/c1",
    act: (page) => page.getByRole("article").first().evaluate((article) => article.scrollIntoView({ block: "start" })),
  },
  {
    name: "chat-writing",
    place: "#/chat/c1",
    act: async (page) => {
      await composer(page).fill("And what is a spring tide?");
      await composer(page).press("Enter");
      await page.getByText("springs up").waitFor();
    },
  },
  {
    name: "chat-details",
    place: "#/chat/c1",
    act: async (page) => {
      await page.getByRole("article", { name: /^Answer/ }).last().getByRole("button", { name: "Details" }).click();
    },
  },
  {
    name: "chat-too-long",
    place: "#/chat/c1",
    act: async (page) => {
      await composer(page).fill("Tides, once more, at length. ".repeat(100));
      await composer(page).press("Enter");
      await page.getByText("This prompt does not fit").waitFor();
    },
  },
  {
    name: "chooser",
    place: "#/chat/c1",
    act: async (page) => {
      await page.getByRole("button", { name: /^Model: / }).click();
      await page.getByRole("option").first().waitFor();
    },
  },
  {
    name: "chat-settings",
    place: "#/chat/c1",
    act: async (page) => {
      await page.getByRole("button", { name: "Chat settings" }).first().click();
      await dialog(page);
    },
  },
  {
    name: "search",
    place: "#/chat/c1",
    act: async (page) => {
      await page.keyboard.press("Control+k");
      await page.getByRole("combobox").fill("tides");
      await page.getByText("1 message found").waitFor();
    },
  },
  {
    name: "shortcuts",
    place: "#/chat/c1",
    act: async (page) => {
      await page.keyboard.press("Control+/");
      await dialog(page);
    },
  },
  { name: "models", place: "#/models" },
  {
    name: "models-pull",
    place: "#/models",
    act: async (page) => {
      for (const name of ["hf.co/bartowski/Mistral-Nemo-GGUF:Q4_K_M", "missing:1b"]) {
        await page.getByRole("textbox", { name: /by its name/ }).fill(name);
        await page.keyboard.press("Enter");
      }
      await page.getByText(/left$/).waitFor();
    },
  },
  {
    name: "model-details",
    place: "#/models",
    act: async (page) => {
      const model = page.getByRole("article", { name: "qwen3:8b" });
      await model.getByRole("button", { name: "Details" }).click();
      await model.getByText("Parameters", { exact: true }).waitFor();
      await model.getByText("Template").click();
    },
  },
  {
    name: "model-delete",
    place: "#/models",
    act: async (page) => {
      await page.getByRole("button", { name: "More for llama3.2:3b" }).click();
      await page.getByRole("menuitem", { name: "Delete" }).click();
      await dialog(page);
    },
  },
  { name: "status", place: "#/status", minutes: 4, ready: (page) => page.getByRole("heading", { name: "Last requests", exact: true }).waitFor() },
  { name: "status-idle", place: "#/status", stage: "empty", ready: (page) => page.getByText("No request since").waitFor() },
  { name: "settings", place: "#/settings" },
  { name: "sign-in", place: "#/", stage: "locked", ready: (page) => page.getByText("Sign in to Hearth").waitFor() },
];

const readyAt = {
  "#/": (page) => composer(page).waitFor(),
  "#/chat/c1": (page) => page.getByText("It prints").waitFor(),
  "#/models": (page) => page.getByText("Models for this machine").waitFor(),
  "#/settings": (page) => page.getByRole("heading", { name: "Settings" }).waitFor(),
};

// Brings the tab to the view. The page's clock is ours: views that show the last minutes live through them at once.
export async function show(page, url, view) {
  const minutes = view.minutes ?? 0;
  if (minutes > 0) await page.clock.install({ time: Date.now() - minutes * 60_000 });
  await page.goto(`${url}/${view.place}`);
  await (view.ready ?? readyAt[view.place])(page);
  for (let second = 0; second < minutes * 60; ++second) {
    const reply = page.waitForResponse((response) => response.url().endsWith("/page/status"));
    await page.clock.runFor(1000);
    await reply;
  }
  await view.act?.(page);
  await page.evaluate(() => document.fonts.ready);
}
