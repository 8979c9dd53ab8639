// Numbers as Grafana's units write them, as far as the dashboards use them.

export function format(value: number, unit: unknown, decimals: unknown): string {
  if (!Number.isFinite(value)) return "";
  const places = typeof decimals === "number" ? decimals : undefined;
  switch (unit) {
    case "percentunit":
      return `${round(value * 100, places)} %`;
    case "bytes":
      return scaled(value, 1024, ["B", "KiB", "MiB", "GiB"], places);
    case "s":
      if (value === 0) return "0 s";
      return Math.abs(value) >= 1 || value === 0
        ? `${round(value, places)} s`
        : Math.abs(value) >= 1e-3
          ? `${round(value * 1e3, 0)} ms`
          : Math.abs(value) >= 1e-6 ? `${round(value * 1e6, 1)} µs` : `${round(value * 1e9, 0)} ns`;
    case "ops":
    case "reqps":
      return `${round(value, places)}${unit === "ops" ? " ops/s" : " req/s"}`;
    case "dateTimeFromNow":
      return `${Math.max(0, Math.round((Date.now() - value) / 60_000))} minutes ago`;
    default:
      return scaled(value, 1000, ["", " K", " Mil", " Bil"], places);
  }
}

function scaled(value: number, base: number, units: string[], places: number | undefined): string {
  let [number, at] = [value, 0];
  while (Math.abs(number) >= base && at < units.length - 1) [number, at] = [number / base, at + 1];
  const unit = units[at] ?? "";
  return `${round(number, at === 0 ? places : 1)}${unit.length > 1 && !unit.startsWith(" ") ? " " : ""}${unit}`;
}

function round(value: number, places: number | undefined): string {
  const auto = value === 0 || Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return String(Number(value.toFixed(places ?? auto)));
}
