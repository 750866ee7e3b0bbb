// The people's side of the playground over HTTP.

export const MAX_FILE_BYTES = 50 * 1024 * 1024;

/** Do something as a person; return what the playground answers. Throws an Error whose text can be shown. */
export async function act(name, body) {
  let response;
  try {
    response = await fetch(`/play/${name}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Error("The demo doesn't answer. Is it still running in its terminal?");
  }
  return answered(response.status, await response.text());
}

/** Read something: "state", or "messages?chat=…". */
export async function read(what) {
  const response = await fetch(`/play/${what}`, { cache: "no-store" });
  return answered(response.status, await response.text());
}

/** Send a file. `told` is called with what part of it is sent, 0 to 1; an AbortSignal ends it. */
export function sendFile(file, fields, told, signal) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined && value !== null && value !== "") query.set(name, String(value));
  }
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/play/file?${query}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = (event) => told(event.lengthComputable ? event.loaded / event.total : 0);
    request.onload = () => {
      try {
        resolve(answered(request.status, request.responseText));
      } catch (error) {
        reject(error);
      }
    };
    request.onerror = () => reject(new Error("The file didn't arrive: the connection broke."));
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

/** Return where a file can be loaded from. */
export function fileUrl(fileId) {
  return `/play/file/${encodeURIComponent(fileId)}`;
}

function answered(status, text) {
  let found;
  try {
    found = JSON.parse(text);
  } catch {
    throw new Error(`The demo answered with something else than JSON (${status}).`);
  }
  if (status === 200) return found;
  const words = String(found?.error ?? `status ${status}`).replace(/^[A-Za-z]+Error: /u, "");
  throw new Error(words.charAt(0).toUpperCase() + words.slice(1) + (/[.!?]$/u.test(words) ? "" : "."));
}
