// The socket: JSON out, JSON or frames in. Frames are asked for one at a time.

const decoder = new TextDecoder();

export class Link {
  constructor(handlers) {
    this.handlers = handlers;
    this.connect();
  }

  connect() {
    this.socket = new WebSocket(`ws://${location.host}/socket`);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => this.handlers.open();
    this.socket.onclose = (event) => this.handlers.close(event.reason);
    this.socket.onmessage = ({ data }) => {
      if (typeof data === "string") {
        const message = JSON.parse(data);
        this.handlers[message.is]?.(message);
      } else this.handlers.frame(parsed(data));
    };
  }

  say(what, message = {}) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ do: what, ...message }));
  }
}

/** A frame: its head, and the planes of bytes behind it. */
function parsed(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(decoder.decode(new Uint8Array(buffer, 4, length)));
  head.bytes = new Uint8Array(buffer, 4 + length);
  return head;
}
