// Times and sizes as people read them, and messages in one line.

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long" });
const SHORT_DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

/** Return the time of day of Unix seconds. */
export function clock(seconds) {
  return CLOCK.format(seconds * 1000);
}

/** Return date and time of Unix seconds, in full. */
export function fullTime(seconds) {
  return FULL.format(seconds * 1000);
}

/** Return a text that is the same for all times of one day. */
export function dayKey(seconds) {
  return new Date(seconds * 1000).toDateString();
}

/** Return the day of Unix seconds: "Today", "Yesterday" or its date. */
export function day(seconds) {
  const today = new Date();
  const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1);
  if (dayKey(seconds) === today.toDateString()) return "Today";
  if (dayKey(seconds) === yesterday.toDateString()) return "Yesterday";
  return DAY.format(seconds * 1000);
}

/** Return when something was, for a list: the time today, else the day. */
export function when(seconds) {
  return dayKey(seconds) === new Date().toDateString() ? clock(seconds) : SHORT_DAY.format(seconds * 1000);
}

/** Return a size in bytes as people read it. */
export function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

/** Return the name of a person, chat or file without what turns the direction of writing: "gnp.exe" stays that. */
export function plainName(name) {
  return String(name ?? "").replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, "");
}

/** Return a message as one line. */
export function oneLine(message) {
  const file = message.photo ? "🖼 Photo" : message.document ? `📎 ${plainName(message.document.file_name)}` : "";
  const text = (message.text ?? message.caption ?? "").replace(/\s+/gu, " ");
  return [file, text].filter(Boolean).join(" ") || service(message);
}

/** Return the words of a service message, "" for any other. */
export function service(message) {
  const who = plainName(message.from?.first_name ?? "Somebody");
  if (message.forum_topic_created) return `${who} opened the topic “${message.forum_topic_created.name}”`;
  if (message.migrate_to_chat_id) return "This group became a supergroup";
  if (message.migrate_from_chat_id) return "This supergroup was a group before";
  return "";
}

/** Return a count with its noun. */
export function count(number, one, many) {
  return `${number} ${number === 1 ? one : many}`;
}
