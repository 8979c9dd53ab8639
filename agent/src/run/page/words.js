// Numbers and verdicts in words.

export const VERDICTS = {
  "idle-race": "request lost to an idle close",
  "premature-hangup": "hung up on a request under way",
  "network": "neither end: the network",
  "connect-failed": "never established",
  "host-abort": "destroyed from outside",
  "unknown": "not decided",
  "server-idle": "idle, closed by the server",
  "client-idle": "idle, closed by the client",
  "completed": "done, as announced",
  "tunnel-end": "tunnel ended",
};

/** Closes that somebody should look at. */
export const TROUBLE = ["idle-race", "premature-hangup", "network", "host-abort"];

/** From the ground of a bar to its top. */
export const STACK = [
  "completed", "client-idle", "server-idle", "tunnel-end", "connect-failed", "unknown", "host-abort", "network",
  "premature-hangup", "idle-race",
];

export const RISKS = ["losing", "mismatch", "tie", "safe", "unknown"];

export const TONES = {
  losing: "Requests are being lost",
  warning: "Requests will be lost",
  notice: "Worth a look",
  calm: "All is well",
  empty: "Nothing to tell yet",
};

export const colour = (verdict) => (verdict in VERDICTS ? `var(--v-${verdict})` : "var(--v-unknown)");

const whole = new Intl.NumberFormat("en-GB");
export const number = (value) => whole.format(value);
export const counted = (value, thing) => `${number(value)} ${thing}${value === 1 ? "" : "s"}`;

export function seconds(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value < 10) return `${value.toFixed(2)} s`;
  if (value < 600) return `${value.toFixed(1)} s`;
  if (value < 7200) return `${(value / 60).toFixed(1)} min`;
  return `${(value / 3600).toFixed(1)} h`;
}

const twoDigits = new Intl.NumberFormat("en-GB", { maximumSignificantDigits: 2 });
export const percent = (share) => (share === undefined ? "–" : `${twoDigits.format(share * 100)} %`);

/** What `ago` counts from: the answer's own time, which may be a past one. */
let moment = () => Date.now();
export const countFrom = (time) => { moment = time ? () => new Date(time).getTime() : () => Date.now(); };

/** How long ago: `14 min ago`. */
export function ago(time) {
  const passed = Math.max(0, (moment() - new Date(time).getTime()) / 1000);
  if (passed < 60) return "just now";
  if (passed < 5400) return `${Math.round(passed / 60)} min ago`;
  if (passed < 172800) return `${Math.round(passed / 3600)} h ago`;
  return `${Math.round(passed / 86400)} days ago`;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const short = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hour12: false });
const told = (format) => (time) => {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? "?" : format.format(date);
};
export const timeOfDay = told(clock);
export const hourAndMinute = told(short);
export const dayAndTime = told(new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" }));
