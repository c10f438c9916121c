// Whether a scrolling box keeps its end in view while it grows. It does while the reader is at the end; any move
// upward of theirs (wheel, touch, key, scroll bar, a selection) ends it, coming back to the end takes it up again.

// As near as this counts as the end, in CSS pixels.
export const nearEnd = 48;

export interface FollowState {
  atEnd: boolean;
  following: boolean;
}

export class Follow {
  #following = true;
  #lastTop = 0;
  readonly #observer: ResizeObserver;
  readonly #clean: (() => void)[] = [];

  // `content`: what grows inside of `box`. `changed` is told whenever the state is another one.
  constructor(
    readonly box: HTMLElement,
    content: HTMLElement,
    readonly changed: (state: FollowState) => void,
  ) {
    const listen = <K extends keyof HTMLElementEventMap>(
      type: K,
      act: (event: HTMLElementEventMap[K]) => void,
      target: HTMLElement | Document = box,
    ) => {
      const listener = act as EventListener;
      target.addEventListener(type, listener, { passive: true });
      this.#clean.push(() => target.removeEventListener(type, listener));
    };
    listen("wheel", (event) => event.deltaY < 0 && this.release());
    let touchedAt = 0;
    listen("touchstart", (event) => (touchedAt = event.touches[0]?.clientY ?? 0));
    listen("touchmove", (event) => (event.touches[0]?.clientY ?? 0) > touchedAt + 2 && this.release());
    listen("keydown", (event) => {
      if (["ArrowUp", "PageUp", "Home"].includes(event.key) && !isField(event.target)) this.release();
    });
    listen("scroll", () => this.#scrolled());
    const selected = () => {
      const selection = getSelection();
      if (selection && !selection.isCollapsed && content.contains(selection.anchorNode)) this.release();
    };
    document.addEventListener("selectionchange", selected);
    this.#clean.push(() => document.removeEventListener("selectionchange", selected));
    this.#observer = new ResizeObserver(() => this.#grown());
    this.#observer.observe(content);
    this.#observer.observe(box);
    this.#lastTop = box.scrollTop;
  }

  destroy() {
    this.#observer.disconnect();
    for (const undo of this.#clean) undo();
  }

  // Goes to the end, at once, and stays there.
  toEnd() {
    this.#following = true;
    this.box.scrollTop = this.box.scrollHeight;
    this.#lastTop = this.box.scrollTop;
    this.#tell();
  }

  release() {
    if (!this.#following) return;
    this.#following = false;
    this.#tell();
  }

  #distance(): number {
    return this.box.scrollHeight - this.box.clientHeight - this.box.scrollTop;
  }

  #grown() {
    if (this.#following) {
      this.box.scrollTop = this.box.scrollHeight;
      this.#lastTop = this.box.scrollTop;
    }
    this.#tell();
  }

  #scrolled() {
    const top = this.box.scrollTop;
    const end = this.#distance() <= nearEnd;
    if (top < this.#lastTop - 1 && !end) this.#following = false;
    else if (top > this.#lastTop && end) this.#following = true;
    this.#lastTop = top;
    this.#tell();
  }

  #tell() {
    this.changed({ atEnd: this.#distance() <= nearEnd, following: this.#following });
  }
}

function isField(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && /^(TEXTAREA|INPUT|SELECT)$/.test(target.tagName);
}
