// What screen readers are told without being asked: one polite, hidden region of the page (App.svelte).
class Announcer {
  text = $state("");

  say(text: string) {
    // The same words twice would not be read again.
    this.text = this.text === text ? `${text}\u00a0` : text;
  }
}

export const announcer = new Announcer();
