// Numbers, sizes, times and days in the page's language.
import { currentLanguage, t } from "./index.svelte";

export function number(value: number, digits = 0): string {
  return new Intl.NumberFormat(currentLanguage(), { maximumFractionDigits: digits }).format(value);
}

export function percent(share: number): string {
  return new Intl.NumberFormat(currentLanguage(), { style: "percent", maximumFractionDigits: 0 }).format(share);
}

// Decimal units, as disks and downloads are sold: "4.4 GB".
export function bytes(value: number): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  let unit = 0;
  while (Math.abs(value) >= 1000 && unit < units.length - 1) {
    value /= 1000;
    ++unit;
  }
  return new Intl.NumberFormat(currentLanguage(), {
    style: "unit",
    unit: units[unit],
    unitDisplay: unit === 0 ? "long" : "short",
    maximumFractionDigits: value < 10 && unit > 0 ? 1 : 0,
  }).format(value);
}

// "320ms", "4.2s", "3m 5s"; in other languages "4,2 s".
export function duration(ms: number): string {
  const unit = (value: number, name: string, digits: number) =>
    new Intl.NumberFormat(currentLanguage(), {
      style: "unit",
      unit: name,
      unitDisplay: "narrow",
      maximumFractionDigits: digits,
    }).format(value);
  if (ms < 1000) return unit(Math.round(ms), "millisecond", 0);
  if (ms < 60_000) return unit(ms / 1000, "second", ms < 10_000 ? 1 : 0);
  const seconds = Math.round(ms / 1000);
  return `${unit(Math.floor(seconds / 60), "minute", 0)} ${unit(seconds % 60, "second", 0)}`;
}

export function clock(time: number): string {
  return new Intl.DateTimeFormat(currentLanguage(), { hour: "numeric", minute: "2-digit" }).format(time);
}

export function dateTime(time: number): string {
  return new Intl.DateTimeFormat(currentLanguage(), { dateStyle: "medium", timeStyle: "short" }).format(time);
}

// Days from `time` to `now` in local days: 0 is today.
export function daysAgo(time: number, now: number): number {
  const midnight = (at: number) => {
    const day = new Date(at);
    return Date.UTC(day.getFullYear(), day.getMonth(), day.getDate());
  };
  return Math.round((midnight(now) - midnight(time)) / 86_400_000);
}

// The heading that a chat of this time stands under: today, yesterday, a weekday, a month.
export function dayHeading(time: number, now: number): string {
  const days = daysAgo(time, now);
  if (days <= 0) return t("day.today");
  if (days === 1) return t("day.yesterday");
  if (days < 7) return new Intl.DateTimeFormat(currentLanguage(), { weekday: "long" }).format(time);
  if (days < 30) return t("day.last_30");
  return new Intl.DateTimeFormat(currentLanguage(), { month: "long", year: "numeric" }).format(time);
}
