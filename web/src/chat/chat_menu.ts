// What can be done with a chat, in the sidebar and at the chat's head alike.
import { request, server } from "../api/client";
import { explain } from "../api/client";
import { t } from "../i18n/index.svelte";
import { keysText } from "../keyboard/shortcuts.svelte";
import { chats } from "../state/chats.svelte";
import type { MenuItem } from "../ui/Menu.svelte";
import { toasts } from "../ui/toasts.svelte";

// Downloads what the server sends as a file, under the name it gives.
export async function download(address: string, fallbackName: string): Promise<void> {
  try {
    const response = await request(address);
    const name = /filename\*=UTF-8''([^;]+)/i.exec(response.headers.get("Content-Disposition") ?? "")?.[1];
    const plain = /filename="?([^";]+)"?/i.exec(response.headers.get("Content-Disposition") ?? "")?.[1];
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await response.blob());
    link.download = name ? decodeURIComponent(name) : (plain ?? fallbackName);
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  } catch (error) {
    toasts.error(explain(error));
  }
}

export function chatMenu(
  chat: { id: string; pinned: boolean },
  rename: () => void,
  withKeys = false,
): MenuItem[] {
  return [
    { label: t("chat.rename"), icon: "edit", keys: withKeys ? keysText("rename") : undefined, act: rename },
    {
      label: chat.pinned ? t("chat.unpin") : t("chat.pin"),
      icon: "pin",
      act: () => void chats.patch(chat.id, { pinned: !chat.pinned }),
    },
    {
      label: t("chat.export_markdown"),
      icon: "download",
      act: () => void download(server.exportChatAddress(chat.id, "markdown"), "chat.md"),
    },
    {
      label: t("chat.export_json"),
      icon: "download",
      act: () => void download(server.exportChatAddress(chat.id, "json"), "chat.json"),
    },
    { label: t("chat.delete"), icon: "trash", danger: true, act: () => void chats.remove(chat.id) },
  ];
}
