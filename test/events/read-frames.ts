/** Reads Server-Sent Events as a browser does. */

export interface FrameReader {
  /** Ids of the next events; waits for them. */
  ids(count: number): Promise<readonly string[]>;
  /** The next events, parsed. */
  events(count: number): Promise<readonly { readonly id: string; readonly data: unknown }[]>;
  /** Waits for a frame that is no event: `retry`, or a sign of life. */
  comment(): Promise<string>;
  /** Waits until the other side ends it; what comes before is passed over. */
  end(): Promise<void>;
  cancel(): Promise<void>;
}

export function readFrames(body: ReadableStream<Uint8Array>): FrameReader {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";

  async function nextFrame(): Promise<string | null> {
    for (;;) {
      const end = text.indexOf("\n\n");
      if (end >= 0) {
        const frame = text.slice(0, end);
        text = text.slice(end + 2);
        return frame;
      }
      const { done, value } = await reader.read();
      if (done) return null;
      text += decoder.decode(value, { stream: true });
    }
  }

  async function events(count: number) {
    const found: { readonly id: string; readonly data: unknown }[] = [];
    while (found.length < count) {
      const frame = await nextFrame();
      if (frame === null) throw new Error(`the stream ended after ${found.length} of ${count} events`);
      const match = /^id: (\S+)\ndata: (.*)$/.exec(frame);
      if (match !== null) found.push({ id: match[1] ?? "", data: JSON.parse(match[2] ?? "") });
    }
    return found;
  }

  return {
    events,
    ids: async (count) => (await events(count)).map(({ id }) => id),
    async comment() {
      for (;;) {
        const frame = await nextFrame();
        if (frame === null) throw new Error("the stream ended");
        if (!frame.startsWith("id:")) return frame;
      }
    },
    async end() {
      while ((await nextFrame()) !== null);
    },
    cancel: () => reader.cancel(),
  };
}
