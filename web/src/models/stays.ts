// How long a loaded model stays in memory, in words.
import { currentLanguage, t } from "../i18n/index.svelte";

const yearsThatMeanForGood = 50;

export function staysUntil(expiresAt: string, now = Date.now()): string {
  const left = Date.parse(expiresAt) - now;
  if (!(left < yearsThatMeanForGood * 365 * 86_400_000)) return t("models.stays_for_good");
  if (left < 60_000) return t("models.stays_moment");
  const minutes = Math.round(left / 60_000);
  const [value, unit] = minutes < 120 ? [minutes, "minute"] : [Math.round(minutes / 60), "hour"];
  const time = new Intl.NumberFormat(currentLanguage(), { style: "unit", unit, unitDisplay: "long" }).format(
    value,
  );
  return t("models.stays_for", { time });
}
