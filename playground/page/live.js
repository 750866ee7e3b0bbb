// The stream of what happens: it connects again by itself, and goes on where it was.

const AGAIN_MS = 1500;

/** Follow the playground from an event on. The callbacks: `onState`, `onEvent`, `onConnected` (true or false). */
export function follow(after, { onState, onEvent, onConnected }) {
  let last = after;
  let source = null;
  let timer = 0;

  function connect() {
    clearTimeout(timer);
    source?.close();
    source = new EventSource(`/play/live?after=${last}`);
    source.onopen = () => onConnected(true);
    source.addEventListener("state", (message) => onState(JSON.parse(message.data)));
    source.onmessage = (message) => {
      const event = JSON.parse(message.data);
      const missed = event.number > last + 1;
      last = event.number;
      onEvent(event, missed);
    };
    // Some browsers give up when the connection is refused, others go on: so this always does it.
    source.onerror = () => {
      source.close();
      onConnected(false);
      clearTimeout(timer);
      timer = setTimeout(connect, AGAIN_MS);
    };
  }

  // A browser may let a sleeping tab's connection die without a word.
  addEventListener("online", connect);
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => event.persisted && connect());
  connect();
}
