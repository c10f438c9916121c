import "./styles/tokens.css";
import "./styles/base.css";
import { mount } from "svelte";
import App from "./App.svelte";
import { setLanguage } from "./i18n/index.svelte";
import { listenForShortcuts } from "./keyboard/shortcuts.svelte";
import { router } from "./router.svelte";
import { applyLanguage, applyTheme } from "./state/preferences.svelte";
import { serviceWorkerAddress } from "./trusted_types";

applyTheme();
router.start();
listenForShortcuts();
try {
  await applyLanguage();
} catch {
  await setLanguage("en");
}
mount(App, { target: document.getElementById("app")! });

// Without a secure context (a name on the local network without TLS) there is none, and nothing is missed but the shell
// while the server is away.
if (import.meta.env.PROD && "serviceWorker" in navigator)
  navigator.serviceWorker.register(serviceWorkerAddress()).catch(() => {});
