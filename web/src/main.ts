import "./styles/tokens.css";
import "./styles/base.css";
import { mount } from "svelte";
import App from "./App.svelte";
import { setLanguage } from "./i18n/index.svelte";
import { router } from "./router.svelte";
import { applyLanguage, applyTheme } from "./state/preferences.svelte";

applyTheme();
router.start();
try {
  await applyLanguage();
} catch {
  await setLanguage("en");
}
mount(App, { target: document.getElementById("app")! });
