/** A merchant's code: calls Florin's API and, where an answer gets lost, asks again under the same key until there is one. */
import { setTimeout as sleep } from "node:timers/promises";

export interface OrderView {
  readonly payment_order_id: string;
  readonly seller_account: string;
  readonly amount: string;
  readonly currency: string;
  readonly platform_fee: string;
  readonly status: string;
  readonly phase: string | null;
  readonly psp_reference: string | null;
  readonly attempts: number;
  readonly failure: { readonly code: string; readonly decline_code?: string } | null;
  readonly next_action: { readonly url: string } | null;
}

export interface CheckoutView {
  readonly checkout_id: string;
  readonly status: string;
  readonly payment_orders: readonly OrderView[];
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly isReplay: boolean;
}

export interface FlorinClient {
  get(path: string): Promise<Answer>;
  /** One try. */
  post(path: string, call: PostCall): Promise<Answer>;
  /** Tries until an answer says what became of it. Counts the tries. */
  postUntilAnswered(path: string, call: PostCall & { readonly onTry?: (trouble: string) => void }): Promise<Answer>;
  readCheckout(checkoutId: string): Promise<CheckoutView>;
}

export interface PostCall {
  readonly key: string;
  readonly body: string;
  readonly waitSeconds?: number;
}

const REQUEST_LIMIT_MS = 45_000;
const RETRY_MS = 150;
/** A minute and a half without any answer: Florin does not come back. */
const MAX_PATIENCE_MS = 90_000;

/** "Not now": the same request is sent again under the same key. */
function isNotNow({ status, text }: Answer): boolean {
  return status >= 500 || status === 429 || (status === 409 && text.includes("idempotency-in-progress"));
}

export function createClient(url: string, key: string): FlorinClient {
  async function send(path: string, init: RequestInit): Promise<Answer> {
    const answer = await fetch(`${url}${path}`, { ...init, signal: AbortSignal.timeout(REQUEST_LIMIT_MS) });
    return {
      status: answer.status,
      text: await answer.text(),
      isReplay: answer.headers.get("idempotent-replayed") === "true",
    };
  }
  const authorization = `Bearer ${key}`;

  const client: FlorinClient = {
    get: (path) => send(path, { headers: { authorization } }),
    post: (path, { key: idempotencyKey, body, waitSeconds }) =>
      send(path, {
        method: "POST",
        body,
        headers: {
          authorization,
          "content-type": "application/json",
          "idempotency-key": idempotencyKey,
          ...(waitSeconds === undefined ? {} : { prefer: `wait=${waitSeconds}` }),
        },
      }),
    async postUntilAnswered(path, call) {
      const giveUpMs = performance.now() + MAX_PATIENCE_MS;
      for (;;) {
        const answer = await client.post(path, call).catch((error: unknown) => toTrouble(error));
        if (typeof answer !== "string" && !isNotNow(answer)) return answer;
        const trouble = typeof answer === "string" ? answer : `${answer.status} ${codeOf(answer.text)}`;
        call.onTry?.(trouble);
        if (performance.now() > giveUpMs) throw new Error(`no answer to ${path} under the key ${call.key}: ${trouble}`);
        await sleep(RETRY_MS);
      }
    },
    async readCheckout(checkoutId) {
      const answer = await client.get(`/v1/checkouts/${checkoutId}`);
      if (answer.status !== 200) throw new Error(`checkout ${checkoutId}: ${answer.status} ${codeOf(answer.text)}`);
      return JSON.parse(answer.text) as CheckoutView;
    },
  };
  return client;
}

function codeOf(text: string): string {
  return /"code":"([a-z-]+)"/.exec(text)?.[1] ?? text.slice(0, 80);
}

function toTrouble(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error && "code" in cause ? String(cause.code) : error.message;
}
