// Characters that reorder the text around them can make code and addresses read as what they are not ("Trojan Source",
// CVE-2021-42574): they are shown by number instead. The directional marks U+200E, U+200F and U+061C only set a
// direction, and languages written from right to left need them.
const reordering = /[\u202A-\u202E\u2066-\u2069]/g;

export function visible(text: string): string {
  return text.replace(reordering, (mark) => `[U+${mark.charCodeAt(0).toString(16).toUpperCase()}]`);
}
