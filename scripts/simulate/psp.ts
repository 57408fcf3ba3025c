/**
 * A PSP in virtual time: its own truth about charges, calls that get lost in every way, and notices that come lost, late,
 * twice and forged. It speaks the PSP simulator's HTTP, so the real connector reads its answers. What the payment method's
 * token means is the same as there.
 */
import { createHmac } from "node:crypto";
import type { HttpCall, HttpClient, HttpExchange } from "../../src/psp/http-exchange.ts";
import { DECLINE_REASONS, type DeclineCode } from "../../src/psp/simulator/decline-codes.ts";
import type { Life } from "./life.ts";
import { EPOCH_MS } from "./life.ts";
import type { Seams } from "./seams.ts";
import type { World } from "./world.ts";

type ChargeStatus = "succeeded" | "pending" | "declined";

export interface PspCharge {
  readonly account: string;
  readonly key: string;
  readonly reference: string;
  readonly orderId: string;
  readonly body: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly token: string;
  readonly amount: string;
  readonly currency: string;
  readonly createdAtMs: number;
  /** Inquiries do not find it before. */
  readonly hiddenUntilMs: number;
  status: ChargeStatus;
  declineCode: DeclineCode | null;
  /** The buyer has to act. */
  readonly redirects: boolean;
  /** It was declined and succeeds later by itself: nobody asked for that any more. */
  readonly isLateSuccess: boolean;
}

export interface Notice {
  readonly id: string;
  readonly account: string;
  readonly orderId: string;
  readonly body: string;
  readonly secret: string;
  readonly isGenuine: boolean;
}

/** Hears of everything that the PSP is asked and does. */
export interface PspWatcher {
  onCall(call: {
    readonly account: string;
    readonly kind: "charge" | "inquiry";
    readonly key: string;
    readonly body: string;
    readonly life: Life;
  }): void;
  /** The call's answer is on its way: what it says to the connector. */
  onAnswer(answer: {
    readonly key: string;
    readonly kind: "charge" | "inquiry";
    readonly exchange: HttpExchange;
    readonly life: Life;
    /** The process slept so long that it has given the call up before it looks at the answer. */
    readonly isGivenUp: boolean;
  }): void;
  onEffect(charge: PspCharge): void;
}

export interface SimulatedPsp {
  readonly account: string;
  readonly charges: ReadonlyMap<string, PspCharge>;
  /** The way to this PSP for one process. */
  connect(life: Life): HttpClient;
  /** The buyer's choice on the PSP's page. */
  confirm(orderId: string, choice: "approve" | "decline"): void;
  /** Notices that were not taken yet are delivered now. */
  heal(): void;
  /** Calls that are not answered, notices that nobody has taken, and charges that are about to settle. */
  openMatters(): number;
  isDown: boolean;
}

export interface PspParts {
  readonly world: World;
  readonly account: string;
  readonly secret: string;
  readonly seams: Seams;
  readonly watcher: PspWatcher;
  /** Brings a notice to some process: the status of the answer, null for none. */
  readonly deliver: (notice: Notice, stampMs: number) => Promise<number | null>;
  /** Whether that reference is in the books already. */
  readonly isBooked: (account: string, reference: string) => boolean;
}

/** After this "not found" is final; the connector says the same. */
export const SETTLE_MS = 5_000;
/** In seconds: shorter and longer than the backoff that Florin has of its own. */
const RETRY_AFTER = ["1", "2", "4"] as const;
const FORGERS_SECRET = `whsec_${Buffer.from("a forger's secret, nobody's own!").toString("base64")}`;
/** Beyond the tolerance of 300 s, whatever clocks do meanwhile. */
const STALE_MS = 420_000;
const MAX_NOTICE_PAUSE_MS = 15_000;
const bytesOf = (text: string): Uint8Array => Buffer.from(text);

export function signNotice(notice: Notice, stampMs: number): Record<string, string> {
  const timestamp = String(Math.floor((EPOCH_MS + stampMs) / 1_000));
  const signature = createHmac("sha256", Buffer.from(notice.secret.replace(/^whsec_/, ""), "base64"))
    .update(`${notice.id}.${timestamp}.${notice.body}`)
    .digest("base64");
  return { "webhook-id": notice.id, "webhook-timestamp": timestamp, "webhook-signature": `v1,${signature}` };
}

export function createSimulatedPsp(parts: PspParts): SimulatedPsp {
  const { world, account, seams, watcher } = parts;
  const { timeline } = world;
  const charges = new Map<string, PspCharge>();
  const open = new Map<string, Notice>();
  let numbers = 0;
  let settlements = 0;
  let calls = 0;
  const latency = (): number => world.between(`${account} latency`, 2, 30);

  const answered = (status: number, body: unknown, retryAfter: string | null = null): HttpExchange => ({
    kind: "answered",
    status,
    retryAfter,
    body: bytesOf(typeof body === "string" ? body : JSON.stringify(body)),
    cut: false,
  });
  const lost = (reason: string): HttpExchange => ({ kind: "lost", reason, status: null, body: new Uint8Array(0) });

  function show(charge: PspCharge, status: ChargeStatus, reference = charge.reference): Record<string, unknown> {
    const reason = status === "declined" ? DECLINE_REASONS[charge.declineCode ?? "generic_decline"] : null;
    return {
      object: "charge",
      reference,
      idempotency_key: charge.key,
      status,
      captured: status === "succeeded",
      amount: charge.amount,
      currency: charge.currency,
      payment_method: charge.token,
      failure: reason && { ...reason, decline_code: charge.declineCode ?? "generic_decline" },
      next_action:
        status === "pending" && charge.redirects
          ? { type: "redirect", url: `https://psp.example/3ds/${charge.reference}` }
          : null,
      metadata: charge.metadata,
    };
  }

  function announce(charge: PspCharge, status: ChargeStatus, isCertain = false): void {
    if (!isCertain && world.strikes("notice_missing")) return;
    const type = { succeeded: "charge.succeeded", pending: "charge.pending", declined: "charge.failed" }[status];
    numbers += 1;
    const id = `evt_${account}_${numbers}`;
    const body = JSON.stringify({ id, type, data: { charge: show(charge, status) } });
    const { orderId } = charge;
    const notice: Notice = { id, account, orderId, body, secret: parts.secret, isGenuine: true };
    open.set(id, notice);
    const delay = world.strikes("notice_late") ? world.between("notice late", 500, 12_000) : latency();
    timeline.in(delay, () => attempt(notice, 1));
    if (world.strikes("notice_forged")) forge(charge);
    if (world.strikes("notice_stale")) {
      timeline.in(latency(), () => void parts.deliver(notice, timeline.nowMs() - STALE_MS));
    }
  }

  function forge(charge: PspCharge): void {
    numbers += 1;
    const id = `evt_forged_${account}_${numbers}`;
    const claimed = charge.status === "succeeded" ? "declined" : "succeeded";
    const type = claimed === "declined" ? "charge.failed" : "charge.succeeded";
    const body = JSON.stringify({ id, type, data: { charge: show(charge, claimed) } });
    const notice: Notice = { id, account, orderId: charge.orderId, body, secret: FORGERS_SECRET, isGenuine: false };
    timeline.in(latency(), () => void parts.deliver(notice, timeline.nowMs()));
  }

  async function attempt(notice: Notice, number: number): Promise<void> {
    if (!open.has(notice.id)) return;
    const copies = world.strikes("notice_copies") ? 5 : 1;
    const isLost = world.strikes("notice_lost");
    // Not awaited by the timeline: the answer needs more of it.
    void Promise.all(Array.from({ length: isLost ? 0 : copies }, () => parts.deliver(notice, timeline.nowMs()))).then(
      (statuses) => {
        if (statuses.some((status) => status !== null && status >= 200 && status < 300)) open.delete(notice.id);
        else timeline.in(Math.min(MAX_NOTICE_PAUSE_MS, 250 * 2 ** number), () => attempt(notice, number + 1));
      },
    );
  }

  function settle(charge: PspCharge, afterMs: number, status: ChargeStatus, isTold: boolean): void {
    settlements += 1;
    timeline.in(afterMs, () => {
      settlements -= 1;
      if (charge.status === status) return;
      charge.status = status;
      if (status === "declined") charge.declineCode ??= "generic_decline";
      world.trace(account, `${charge.reference} is ${status}`, charge.orderId);
      if (status === "succeeded") watcher.onEffect(charge);
      if (isTold) announce(charge, status, true);
    });
  }

  /** Makes the charge, or finds it made. */
  function charge(key: string, body: string): PspCharge {
    const known = charges.get(key);
    if (known !== undefined) return known;
    const asked = JSON.parse(body) as {
      readonly amount: string;
      readonly currency: string;
      readonly payment_method: string;
      readonly metadata: Record<string, string>;
    };
    const token = asked.payment_method;
    const isPending = /^sim_pending|threeDSecure/.test(token);
    const decline = declineOf(token, key);
    const made: PspCharge = {
      account,
      key,
      reference: `ch_${account}_${charges.size + 1}_${Math.floor(world.between(`${account} reference`, 0, 1e6))}`,
      orderId: asked.metadata.order_id ?? "",
      body,
      metadata: asked.metadata,
      token,
      amount: token === "sim_wrong_amount" ? String(BigInt(asked.amount) + 1n) : asked.amount,
      currency: token === "sim_wrong_currency" ? (asked.currency === "EUR" ? "USD" : "EUR") : asked.currency,
      createdAtMs: timeline.nowMs(),
      hiddenUntilMs: world.strikes("inquiry_not_yet") ? timeline.nowMs() + world.between("not yet", 500, 4_500) : 0,
      status: isPending ? "pending" : decline === null ? "succeeded" : "declined",
      declineCode: decline,
      redirects: token.includes("threeDSecure"),
      isLateSuccess:
        token === "sim_late_success" || (decline === "processing_error" && world.strikes("psp_late_success")),
    };
    charges.set(key, made);
    world.trace(account, `${made.reference} (${key.slice(-8)}) is ${made.status}`, made.orderId);
    if (made.status === "succeeded") watcher.onEffect(made);
    if (token === "sim_pending_success") settle(made, 1_000, "succeeded", true);
    if (token === "sim_pending_no_webhook") settle(made, 1_000, "succeeded", false);
    if (token === "sim_pending_decline") settle(made, 1_000, "declined", true);
    if (token === "sim_late_success") settle(made, 2_000, "succeeded", true);
    else if (made.isLateSuccess) settle(made, world.between("late success", 500, 12_000), "succeeded", true);
    // The next charge may be what makes the PSP look again: then the two are told at about the same time.
    for (const earlier of charges.values()) {
      if (earlier.orderId === made.orderId && earlier !== made && earlier.isLateSuccess)
        settle(earlier, world.between("late success", 0, 100), "succeeded", true);
    }
    if (token !== "sim_pending_no_webhook" && token !== "sim_late_success") announce(made, made.status);
    return made;
  }

  /** Soft declines: each operation is a new chance. */
  function declineOf(token: string, key: string): DeclineCode | null {
    if (token === "pm_card_chargeDeclined" || token === "sim_late_success") return "generic_decline";
    if (token !== "pm_card_chargeDeclinedProcessingError") return null;
    return key.endsWith(".1") || world.between("soft decline", 0, 1) < 0.5 ? "processing_error" : null;
  }

  function answerCharge(key: string, body: string): HttpExchange {
    const made = charge(key, body);
    if (made.body !== body) return answered(422, { error: { code: "idempotency_key_reused" } });
    if (!world.strikes("psp_wrong_reference")) return answered(200, show(made, made.status));
    const others = [...charges.values()].filter(({ reference }) => reference !== made.reference);
    if (others.length > 0 && world.between("wrong key", 0, 1) < 0.5) {
      const other = world.pick("wrong charge", others);
      world.probe("an answer is of another charge altogether");
      return answered(200, show(other, other.status));
    }
    // Only one that is booked: of two claims to the same charge, nobody but the PSP knows the right one.
    const booked = others.find(({ reference }) => parts.isBooked(account, reference));
    return answered(200, show(made, made.status, booked?.reference));
  }

  function answerInquiry(key: string): HttpExchange {
    const found = charges.get(key);
    if (found === undefined || found.hiddenUntilMs > timeline.nowMs()) {
      return answered(404, { error: { code: "charge_not_found" } });
    }
    return answered(200, show(found, found.status));
  }

  /** What becomes of one call: after how long which answer; the effect happens on the way. */
  function exchange(life: Life, call: HttpCall): Promise<HttpExchange> {
    const isCharge = call.method === "POST";
    const kind = isCharge ? "charge" : "inquiry";
    const key = isCharge
      ? (call.headers["idempotency-key"] ?? "")
      : decodeURIComponent(call.path.replace(/^.*idempotency_key=/, ""));
    const body = call.body ?? "";
    const orderId = key.split(".")[0] ?? "";
    return new Promise((resolve) => {
      if (seams.pass(life, `before ${kind}`)) return;
      calls += 1;
      const sentMs = timeline.nowMs();
      const answer = (ms: number, result: HttpExchange): void =>
        void timeline.in(ms, () => {
          calls -= 1;
          if (seams.pass(life, `after ${kind}`)) return;
          world.trace(life.name, `${kind} ${key.slice(-8)} → ${tell(result)}`, orderId);
          life.run(() => {
            const isGivenUp = timeline.nowMs() - sentMs > call.timeoutMs;
            watcher.onAnswer({ key, kind, exchange: result, life, isGivenUp });
            resolve(result);
          });
        });
      const giveUp = (): void => answer(call.timeoutMs, lost("timeout"));
      watcher.onCall({ account, kind, key, body, life });
      if (isCharge && world.strikes("psp_refused")) return answer(1, { kind: "not_sent", reason: "econnrefused" });
      if (psp.isDown) return giveUp();
      const arrival = latency();
      const back = latency();
      if (!isCharge) {
        if (world.strikes("inquiry_lost")) return giveUp();
        if (world.strikes("inquiry_500")) return answer(arrival + back, answered(500, "oops"));
        const late = world.strikes("inquiry_slow") ? world.between("inquiry slow", 0, 1_500) : 0;
        timeline.in(arrival, () => answer(back + late, answerInquiry(key)));
        return;
      }
      if (world.strikes("psp_timeout_before")) return giveUp();
      if (world.strikes("psp_500_before"))
        return answer(arrival + back, answered(500, { error: { code: "internal" } }));
      if (world.strikes("psp_429"))
        return answer(
          arrival + back,
          answered(429, { error: { code: "rate_limited" } }, world.pick("retry after", RETRY_AFTER)),
        );
      if (world.strikes("psp_key_in_use")) {
        timeline.in(arrival, () => void charge(key, body));
        return answer(arrival + back, answered(409, { error: { code: "idempotency_key_in_use" } }));
      }
      if (world.strikes("psp_late_effect")) {
        timeline.in(world.between("late effect", call.timeoutMs, SETTLE_MS - 500), () => void charge(key, body));
        return giveUp();
      }
      timeline.in(arrival, () => {
        const result = answerCharge(key, body);
        if (world.strikes("psp_timeout_after")) return giveUp();
        if (world.strikes("psp_reset_after")) return answer(back, lost("econnreset"));
        if (world.strikes("psp_500_after")) return answer(back, answered(500, "<html>oops</html>"));
        if (world.strikes("psp_garbage")) return answer(back, answered(200, '\u0000{"object":"charge","status":"suc'));
        answer(back, result);
      });
    });
  }

  const psp: SimulatedPsp = {
    account,
    charges,
    isDown: false,
    connect: (life) => ({ exchange: (call) => exchange(life, call), close: () => {} }),
    confirm(orderId, choice) {
      for (const made of charges.values()) {
        if (made.orderId !== orderId || made.status !== "pending" || !made.redirects) continue;
        if (choice === "decline") made.declineCode = "authentication_failed";
        settle(made, 1, choice === "approve" ? "succeeded" : "declined", true);
      }
    },
    heal() {
      for (const notice of [...open.values()]) void attempt(notice, 1);
    },
    openMatters: () => calls + open.size + settlements,
  };
  return psp;
}

function tell(exchange: HttpExchange): string {
  return exchange.kind === "answered" ? String(exchange.status) : `${exchange.kind} (${exchange.reason})`;
}
