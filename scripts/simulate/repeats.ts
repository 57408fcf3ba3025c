/** When all is at rest, old requests are sent again: unchanged, under their key with another body, and under another key. */
import type { Acknowledged, Answer, ClientCalls } from "./client-calls.ts";
import type { Invariant } from "./invariants.ts";
import type { World } from "./world.ts";

const PAY = "/v1/payments";
const MAX_TRIES = 20;
const PAUSE_MS = 500;

export async function repeatAll(world: World, { send, sendUntilAnswered, acknowledged }: ClientCalls): Promise<void> {
  const fail = (invariant: Invariant, detail: string): void => world.fail(invariant, detail);

  /** What is refused is refused for good: only a temporary answer is asked for again. */
  async function refuse({ merchant }: Acknowledged, key: string, body: string): Promise<Answer | null> {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const answer = await send(merchant, "POST", PAY, { key, body });
      if (answer !== null && answer.status !== 503) return answer;
      await world.timeline.sleep(PAUSE_MS);
    }
    return null;
  }

  async function changeBody(one: Acknowledged): Promise<void> {
    const other = one.body.replace('"seller_account":"s', '"seller_account":"another-s');
    const reused = await refuse(one, one.key, other);
    if (reused?.status !== 422) fail("same answer", `key ${one.key} with another body was answered ${reused?.status}`);
    if (!other.includes('"checkout_id"')) return;
    const clash = await refuse(one, `clash-${one.key}`, other);
    if (clash?.status !== 409)
      fail("one checkout", `another cart under the checkout of ${one.key} was answered ${clash?.status}`);
  }

  for (const one of [...acknowledged]) {
    if (one.path === PAY) await changeBody(one);
    const again = await sendUntilAnswered(one.merchant, one.path, one);
    if (again === null) fail("same answer", `key ${one.key} is not answered any more`);
    else if (again.status !== one.status || again.text !== one.text) {
      fail("same answer", `key ${one.key} was answered ${one.status}, now ${again.status} ${again.text.slice(0, 200)}`);
    }
  }
}
