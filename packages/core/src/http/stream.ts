import { EventReader, type EventStreamOptions } from "./event-reader.ts";

const encoder = new TextEncoder();

/**
 * Server-sent events: the rows that the actor may see, in order, each with its sequence as `id`. Rejects, before
 * anything is sent, where the actor may not read events. Reads on only as fast as the client does.
 */
export async function eventStream(options: EventStreamOptions): Promise<ReadableStream<Uint8Array>> {
  const reader = new EventReader(options);
  try {
    await reader.begin();
  } catch (error) {
    reader.end();
    throw error;
  }
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => controller.enqueue(encoder.encode(": connected\n\n")),
      async pull(controller) {
        const text = await reader.next();
        if (text === null) return controller.close();
        controller.enqueue(encoder.encode(text));
      },
      cancel: () => reader.end(),
    },
    { highWaterMark: 1 },
  );
}
