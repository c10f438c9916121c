// Tooltips: one element for the page, shown after a moment over its control or at once for keyboard focus, gone with
// Escape. Controls have their names without it.
import type { Attachment } from "svelte/attachments";

export interface TooltipText {
  text: string;
  keys?: string;
}

const delayMs = 450;
const gap = 6;
let bubble: HTMLElement | null = null;
let owner: Element | null = null;
let timer = 0;

function element(): HTMLElement {
  if (!bubble) {
    bubble = document.createElement("div");
    bubble.className = "tooltip";
    bubble.setAttribute("aria-hidden", "true");
    if ("popover" in bubble) bubble.popover = "manual";
  }
  return bubble;
}

function show(target: Element, { text, keys }: TooltipText) {
  const tip = element();
  owner = target;
  tip.textContent = text;
  if (keys) {
    const hint = document.createElement("kbd");
    hint.textContent = keys;
    tip.append(hint);
  }
  // A modal dialog makes everything outside it inert, and the top layer is ordered: stand in the target's dialog.
  (target.closest("dialog") ?? document.body).append(tip);
  if ("showPopover" in tip) tip.showPopover();
  const at = target.getBoundingClientRect();
  const own = tip.getBoundingClientRect();
  const left = Math.min(Math.max(gap, at.left + at.width / 2 - own.width / 2), innerWidth - own.width - gap);
  const below = at.bottom + gap + own.height < innerHeight;
  tip.style.left = `${left}px`;
  tip.style.top = `${below ? at.bottom + gap : at.top - gap - own.height}px`;
}

function hide(target?: Element) {
  clearTimeout(timer);
  if (!bubble || (target && owner !== target)) return;
  owner = null;
  bubble.remove();
}

export function tooltip(text: () => TooltipText): Attachment<HTMLElement> {
  return (target) => {
    const enter = (event: PointerEvent) => {
      if (event.pointerType !== "mouse") return;
      clearTimeout(timer);
      timer = window.setTimeout(() => target.isConnected && show(target, text()), delayMs);
    };
    const focus = () => target.matches(":focus-visible") && show(target, text());
    const leave = () => hide(target);
    const press = () => hide();
    const key = (event: KeyboardEvent) => {
      if (event.key === "Escape") hide();
    };
    target.addEventListener("pointerenter", enter);
    target.addEventListener("pointerleave", leave);
    target.addEventListener("pointerdown", press);
    target.addEventListener("focus", focus);
    target.addEventListener("blur", leave);
    target.addEventListener("keydown", key);
    return () => {
      hide(target);
      target.removeEventListener("pointerenter", enter);
      target.removeEventListener("pointerleave", leave);
      target.removeEventListener("pointerdown", press);
      target.removeEventListener("focus", focus);
      target.removeEventListener("blur", leave);
      target.removeEventListener("keydown", key);
    };
  };
}
