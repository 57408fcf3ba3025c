/** Random machine events, and letters that carry them. */
import type { PaymentOrderContext } from "../../../machines/payment-order-types.ts";
import type { ActorEvent, ActorRef } from "../../../src/engine/actor.ts";
import type { KeyRow, Mail, Observation } from "../../../src/engine/item.ts";
import type { Letter } from "../../../src/engine/letters.ts";
import { CURRENCIES, KEYS, PSPS, REFERENCES, type World } from "./world.ts";

export const HASHES = ["00".repeat(32), "a1".repeat(32), "ff".repeat(32)] as const;

export function randomEvent({ chance, clock }: World, context: PaymentOrderContext): ActorEvent {
  const stamp = { at: clock.nowMs, jitter: chance.unit() };
  const { operation, attempt, call } = context;
  const origin = { source: chance.pick(["answer", "inquiry", "webhook"] as const), operation, attempt, ...stamp };
  const reference = chance.pick(REFERENCES);
  const { amount, currency } = context;
  const happenings: (() => ActorEvent)[] = [
    () => ({ type: "psp.succeeded", reference, amount, currency, captured: true, ...origin }),
    () => ({ type: "psp.succeeded", reference, amount, currency: chance.pick(CURRENCIES), captured: true, ...origin }),
    () => ({
      type: "psp.declined",
      reference: null,
      code: "card_declined",
      message: "no",
      declineCode: null,
      retryable: chance.of(0.5),
      ...origin,
    }),
    () => ({ type: "psp.pending", reference, nextActionUrl: null, ...origin }),
    () => ({ type: "psp.unsent", reason: "refused", retryAfterMs: null, heldBack: false, ...origin }),
    () => ({ type: "psp.unknown", reason: "timeout", ...origin }),
    () => ({ type: "psp.not_found", ...origin }),
    () => ({ type: "order.cancel", ...stamp }),
    () => ({ type: "order.retry", ...stamp }),
    () => ({ type: "order.adopted", ...stamp }),
    () => ({ type: "order.ask", ...stamp }),
    () => ({ type: "order.started", ...stamp }),
    () => ({ type: "timer.fired", name: context.timer?.name ?? "retry", ...stamp }),
    () => ({ type: "order.conflicted", reference, amount, currency, ...stamp }),
    () => ({
      type: "order.resolve",
      outcome: chance.pick(["succeeded", "failed"] as const),
      amount,
      reference,
      reason: "because",
      ...stamp,
    }),
  ];
  // Most of the time what an open call comes to.
  return call !== null && chance.of(0.7) ? chance.pick(happenings.slice(0, 7))() : chance.pick(happenings)();
}

export function randomObservation({ chance }: World, fact: unknown): Observation {
  return {
    attempt: 1 + chance.int(3),
    source: chance.pick(["answer", "inquiry"] as const),
    fact,
    httpStatus: chance.pick([200, 402, 500, null]),
    bodyBase64: Buffer.from(chance.bytes(chance.int(8))).toString("base64"),
    latencyMs: chance.int(1_000),
  };
}

/** Mail that is there, or that nobody knows. */
export function randomMail({ chance, store, newId }: World, ref: ActorRef): Mail {
  const notices = [...store.inbox.values()];
  const commands = [...store.commands.keys()];
  const observations = store.observations.get(`${ref.merchantId}/${ref.id}`) ?? [];
  switch (chance.int(3)) {
    case 0: {
      const notice = notices.length === 0 ? null : chance.pick(notices);
      return { kind: "inbox", psp: notice?.psp ?? chance.pick(PSPS), eventId: notice?.eventId ?? "nobody's" };
    }
    case 1: {
      const observation = observations.length === 0 ? null : chance.pick(observations);
      return { kind: "observation", attempt: observation?.attempt ?? 1, source: observation?.source ?? "answer" };
    }
    default:
      return { kind: "command", commandId: commands.length === 0 ? newId() : chance.pick(commands) };
  }
}

export function randomKey({ chance }: World, merchantId: number): KeyRow {
  const isAnswered = chance.of(0.3);
  return {
    merchantId,
    key: chance.pick(KEYS),
    requestHash: chance.pick(HASHES),
    subject: "a subject",
    status: isAnswered ? 201 : null,
    answer: isAnswered ? '{"ok":true}' : null,
  };
}

export function randomLetter(world: World, ref: ActorRef, event: ActorEvent): Letter {
  const { chance } = world;
  return {
    event,
    isCommand: false,
    mail: chance.of(0.4) ? randomMail(world, ref) : null,
    observation: chance.of(0.4) ? randomObservation(world, event) : null,
    toKeyRow: chance.of(0.15) ? () => randomKey(world, ref.merchantId) : null,
  };
}
