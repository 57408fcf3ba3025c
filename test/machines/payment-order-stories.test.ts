/**
 * Given, when, then: what becomes of a payment, told with the machine alone. Every story is told three times: with
 * the order in memory, restored from its row before every event, and with a PSP that says everything twice.
 */
import { describe, expect, test } from "vitest";
import type { PaymentOrderInput } from "../../machines/payment-order-types.ts";
import {
  later,
  answer,
  earlierAnswer,
  earlierOperation,
  type Happening,
  Life,
  order,
  TELLINGS,
  TERMS,
  timer,
  timerFires,
  webhook,
} from "./payment-order-under-test.ts";

const times = (count: number, ...happenings: readonly Happening[]): readonly Happening[] =>
  Array.from({ length: count }, () => happenings).flat();

const softDecline = answer.declined({ retryable: true });
const inquiriesRunOut = [...times(7, answer.unknown(), timerFires()), answer.unknown()];

describe.each(TELLINGS)("a payment order, %s", (telling) => {
  const aNewOrder = (terms: Partial<PaymentOrderInput> = {}): Life => new Life(terms, telling);
  function aSentOrder(terms: Partial<PaymentOrderInput> = {}): Life {
    const life = aNewOrder(terms);
    life.take(order.started());
    return life;
  }
  const aHostedOrder = (): Life => {
    const life = aNewOrder();
    life.take(order.awaited());
    return life;
  };

  describe("that the PSP answers at once", () => {
    test("is charged, booked and announced", () => {
      const life = aNewOrder();
      expect(life.take(order.started())).toEqual(["send charge 1 as attempt 1"]);
      expect(life.take(answer.captured())).toEqual(["post pay_in ch_1 100.00 USD", "announce succeeded"]);
      expect(life.state).toBe("SUCCESS");
      expect(life.context).toMatchObject({ reference: "ch_1", captured: "10000", call: null, timer: null });
    });

    test("fails at once when the decline is hard (83)", () => {
      const life = aSentOrder();
      expect(life.take(answer.declined())).toEqual(["announce failed"]);
      expect(life.state).toBe("FAILED");
      expect(life.context.failure).toMatchObject({
        code: "card_declined",
        declineCode: "stolen_card",
        retryable: false,
      });
      expect(life.effects("post")).toEqual([]);
    });

    test("is tried again under a new operation when the decline is soft", () => {
      const life = aSentOrder();
      life.take(softDecline);
      expect(life.state).toBe("EXECUTING.retrying");
      expect(life.take(timerFires())).toEqual(["send charge 2 as attempt 2"]);
      life.take(answer.captured({ reference: "ch_2" }));
      expect(life.effects("post")).toEqual(["post pay_in ch_2 100.00 USD"]);
      expect(life.context.failure).toBeNull();
    });

    test("is only authorized when the PSP holds the money, and succeeds when it is captured", () => {
      const life = aSentOrder();
      expect(life.take(answer.captured({ captured: false }))).toEqual(["announce authorized"]);
      expect(life.effects("post")).toEqual([]);
      life.take(webhook.captured());
      expect(life.state).toBe("SUCCESS");
      expect(life.effects("post")).toEqual(["post pay_in ch_1 100.00 USD"]);
    });
  });

  describe("whose outcome is unknown", () => {
    test("was charged: the PSP is asked, and it succeeds with one charge (11)", () => {
      const life = aSentOrder();
      expect(life.take(answer.unknown())).toEqual(["ask about charge 1 as attempt 2"]);
      life.take(answer.captured());
      expect(life.state).toBe("SUCCESS");
      expect(life.effects("send")).toEqual(["send charge 1 as attempt 1"]);
      expect(life.effects("resend")).toEqual([]);
    });

    test("was not charged: it is sent again under the same key, but not before the settle time (12)", () => {
      const life = aSentOrder();
      life.take(answer.unknown());
      expect(life.take(answer.notFound())).toEqual([]);
      expect(life.state).toBe("EXECUTING.resolving");
      life.take(timerFires(), answer.notFound(), later(TERMS.settleTimeMs, order.asked()));
      expect(life.take(answer.notFound())).toEqual([expect.stringMatching(/^resend charge 1 as attempt/)]);
      life.take(answer.captured());
      expect(life.state).toBe("SUCCESS");
      expect(life.effects("send")).toHaveLength(1);
      expect(life.effects("resend")).toHaveLength(1);
    });

    test("is found late: a PSP that at first finds nothing is asked until it does (sim_inquiry_late)", () => {
      const life = aSentOrder();
      life.take(answer.unknown(), answer.notFound(), timerFires(), answer.notFound(), timerFires(), answer.captured());
      expect(life.state).toBe("SUCCESS");
      expect(life.effects("resend")).toEqual([]);
    });

    test("is never sent again once the PSP may have forgotten the key", () => {
      const life = aSentOrder({ keyLifetimeMs: 5_000 });
      life.take(answer.unknown(), later(60_000, answer.unknown()), ...times(7, timerFires(), answer.notFound()));
      expect(life.context.parked?.reason).toBe("inquiries_spent");
      expect(life.effects("resend")).toEqual([]);
    });

    test("stays unknown: it is asked about until the schedule ends, then parked, and never failed (13)", () => {
      const life = aSentOrder();
      life.take(answer.unknown());
      for (let inquiry = 1; inquiry <= 7; inquiry += 1) {
        expect(life.state).toBe("EXECUTING.resolving");
        life.take(answer.unknown(), timerFires());
      }
      expect(life.take(answer.unknown())).toEqual(["announce parked"]);
      expect(life.state).toBe("EXECUTING.parked");
      expect(life.context.parked?.reason).toBe("inquiries_spent");
      expect(life.context.unknownSince).not.toBeNull();
      expect(life.effects("ask")).toHaveLength(8);
      expect(life.effects("resend")).toEqual([]);
    });

    test("waits longer from inquiry to inquiry", () => {
      const life = aSentOrder();
      life.take(answer.unknown());
      const waits = times(7, answer.unknown()).map((unknown) => {
        life.take(unknown);
        const wait = (life.context.timer?.dueAt ?? 0) - life.now;
        life.take(timerFires());
        return wait;
      });
      expect(waits).toEqual([1_000, 2_000, 3_000, 5_000, 8_000, 13_000, 21_000]);
    });

    test("ignores what an overtaken call brings back", () => {
      const life = aSentOrder();
      life.take(answer.unknown(), earlierAnswer.unsent(), earlierAnswer.unknown());
      expect(life.state).toBe("EXECUTING.resolving");
      expect(life.context.unknownSince).not.toBeNull();
    });
  });

  describe("whose node dies", () => {
    test("before the call left: it is asked about, then sent once (16)", () => {
      const life = aSentOrder();
      expect(life.take(order.adopted())).toEqual(["ask about charge 1 as attempt 2"]);
      life.take(answer.notFound(), later(TERMS.settleTimeMs, timerFires()), answer.notFound());
      expect(life.state).toBe("EXECUTING.sending");
      life.take(answer.captured());
      expect(life.effects("post")).toHaveLength(1);
    });

    test("after the PSP charged: it succeeds without a second charge (14)", () => {
      const life = aSentOrder();
      life.take(order.adopted(), answer.captured());
      expect(life.state).toBe("SUCCESS");
      expect(life.effects("resend")).toEqual([]);
    });

    test("while it waits for a retry or a poll: adoption changes nothing, the timer fires once (17)", () => {
      const retrying = aSentOrder();
      retrying.take(answer.unsent());
      expect(retrying.take(order.adopted())).toEqual([]);
      expect(retrying.take(timerFires())).toEqual(["resend charge 1 as attempt 2"]);
      expect(retrying.take(timer("retry"))).toEqual([]);

      const polling = aSentOrder();
      polling.take(answer.pending());
      expect(polling.take(order.adopted())).toEqual([]);
      expect(polling.take(timerFires())).toEqual(["ask about charge 1 as attempt 2"]);
      expect(polling.take(timer("poll"))).toEqual([]);
    });

    test("during a poll or an inquiry: the question is asked again", () => {
      const polling = aSentOrder();
      polling.take(answer.pending(), timerFires(), order.adopted());
      expect(polling.context).toMatchObject({ call: null, timer: { name: "poll" } });

      const resolving = aSentOrder();
      resolving.take(answer.unknown());
      expect(resolving.take(order.adopted())).toEqual(["ask about charge 1 as attempt 3"]);
    });
  });

  describe("whose money differs from what was asked", () => {
    test.each([
      { money: { amount: "9000" }, reason: "amount_mismatch" },
      { money: { amount: "10001" }, reason: "amount_mismatch" },
      { money: { currency: "EUR" }, reason: "currency_mismatch" },
    ])("is parked for $reason ($money), and no money moves (23)", ({ money, reason }) => {
      const life = aSentOrder();
      expect(life.take(answer.captured(money))).toEqual(["announce parked"]);
      expect(life.context.parked?.reason).toBe(reason);
      expect(life.context.held).toEqual({ reference: "ch_1", amount: "10000", currency: "USD", ...money });
      expect(life.effects("post")).toEqual([]);
    });

    test("can't be failed while the PSP holds it, but booked as it is", () => {
      const life = aSentOrder();
      life.take(answer.captured({ amount: "9000" }));
      expect(life.canTake(order.resolved({ outcome: "failed" }))).toBe(false);
      expect(life.canTake(order.resolved({ amount: "10000" }))).toBe(false);
      life.take(order.resolved({ amount: "9000", reference: null }));
      expect(life.state).toBe("SUCCESS");
      expect(life.context).toMatchObject({ captured: "9000", held: null, reference: "ch_1" });
      expect(life.effects("post")).toEqual(["post pay_in ch_1 90.00 USD"]);
    });

    test("is not failed by a decline, not even after an operator's retry", () => {
      const life = aSentOrder();
      life.take(answer.captured({ amount: "9000" }), webhook.declined());
      expect(life.state).toBe("EXECUTING.parked");
      life.take(order.retried(), answer.declined());
      expect(life.state).toBe("EXECUTING.parked");
      expect(life.context).toMatchObject({ parked: { reason: "amount_mismatch" }, held: { reference: "ch_1" } });
    });

    test("is not sent again after an operator's retry, whatever the PSP doesn't find", () => {
      const life = aSentOrder({ settleTimeMs: 0 });
      life.take(answer.captured({ amount: "9000" }), order.retried(), answer.notFound());
      expect(life.state).toBe("EXECUTING.resolving");
      life.take(...times(7, timerFires(), answer.notFound()));
      expect(life.state).toBe("EXECUTING.parked");
      expect(life.effects("resend")).toEqual([]);
    });

    test("stays known when other money shows up: that goes to suspense, in every state", () => {
      const parked = aSentOrder();
      parked.take(answer.captured({ amount: "9000" }), webhook.captured({ reference: "ch_2" }));
      const resolving = aSentOrder();
      resolving.take(answer.captured({ amount: "9000" }), order.retried(), webhook.captured({ reference: "ch_2" }));
      for (const life of [parked, resolving]) {
        expect(life.state).toBe("EXECUTING.parked");
        expect(life.context.held).toMatchObject({ reference: "ch_1", amount: "9000" });
        expect(life.effects("post")).toEqual(["post late_success ch_2 100.00 USD"]);
      }
    });

    test("settles the order when the PSP corrects itself after an operator's retry", () => {
      const life = aSentOrder();
      life.take(answer.captured({ amount: "9000" }), order.retried(), answer.captured());
      expect(life.state).toBe("SUCCESS");
      expect(life.context.held).toBeNull();
      expect(life.effects("post")).toEqual(["post pay_in ch_1 100.00 USD"]);
    });

    test("does not keep the question open that a reader asked", () => {
      const life = aSentOrder();
      life.take(answer.captured({ amount: "9000" }));
      for (const said of [answer.captured({ amount: "9000" }), answer.declined(), answer.pending(), answer.unknown()]) {
        expect(life.take(order.asked())).toHaveLength(1);
        life.take(said);
        expect(life.context.call).toBeNull();
        expect(life.context.held).not.toBeNull();
      }
    });
  });

  describe("whose call surely did not arrive", () => {
    test("is sent again under the same key after a backoff with jitter (24)", () => {
      const life = aSentOrder();
      life.take(answer.unsent());
      expect(life.context.timer).toEqual({ name: "retry", dueAt: life.now + 375 });
      expect(life.take(timerFires())).toEqual(["resend charge 1 as attempt 2"]);
    });

    test.each([
      { jitter: 0, waits: [250, 500, 1_000, 2_000] },
      { jitter: 0.999, waits: [500, 1_000, 1_999, 3_998] },
    ])("waits $waits ms from send to send when chance says $jitter", ({ jitter, waits }) => {
      const life = aSentOrder();
      const waited = waits.map(() => {
        life.take(answer.unsent({ jitter }));
        const wait = (life.context.timer?.dueAt ?? 0) - life.now;
        life.take(timerFires());
        return wait;
      });
      expect(waited).toEqual(waits);
    });

    test("waits as long as the PSP asks for, and never shorter than the backoff (24)", () => {
      const patient = aSentOrder();
      patient.take(answer.unsent({ retryAfterMs: 20_000 }));
      expect(patient.context.timer?.dueAt).toBe(patient.now + 20_000);
      const eager = aSentOrder();
      eager.take(answer.unsent({ retryAfterMs: 1 }));
      expect(eager.context.timer?.dueAt).toBe(eager.now + 375);
    });

    test("is parked when its sends are spent, with all that an operator needs (84)", () => {
      const life = aSentOrder();
      life.take(...times(4, answer.unsent(), timerFires()));
      expect(life.take(answer.unsent())).toEqual(["announce parked"]);
      expect(life.context).toMatchObject({
        sends: 5,
        parked: { reason: "retries_spent", since: life.now },
        held: null,
      });
      expect(life.canTake(order.retried())).toBe(true);
      expect(life.canTake(order.resolved({ outcome: "failed" }))).toBe(true);
    });

    test("works once when an operator retries it after the fix (84)", () => {
      const life = aSentOrder();
      life.take(...times(4, answer.unsent(), timerFires()), answer.unsent());
      expect(life.take(order.retried())).toEqual(["resend charge 1 as attempt 6"]);
      expect(life.canTake(order.retried())).toBe(false);
      life.take(answer.captured());
      expect(life.effects("post")).toEqual(["post pay_in ch_1 100.00 USD"]);
    });

    test("is parked when soft declines spend its sends, not failed", () => {
      const life = aSentOrder();
      life.take(...times(4, softDecline, timerFires()), softDecline);
      expect(life.context.parked?.reason).toBe("retries_spent");
      expect(life.take(order.retried())).toEqual(["send charge 6 as attempt 6"]);
    });
  });

  describe("that the PSP charges late or twice (26)", () => {
    test("had failed: the money goes to suspense, and the order stays failed (sim_late_success)", () => {
      const life = aSentOrder();
      life.take(answer.declined());
      expect(life.take(webhook.captured())).toEqual(["post late_success ch_1 100.00 USD", "announce late_success"]);
      expect(life.state).toBe("FAILED");
      expect(life.take(webhook.captured())).toEqual([]);
    });

    test("had succeeded: only the second charge goes to suspense", () => {
      const life = aSentOrder();
      life.take(answer.captured(), webhook.captured(), webhook.captured({ reference: "ch_2" }));
      expect(life.state).toBe("SUCCESS");
      expect(life.effects("post")).toEqual(["post pay_in ch_1 100.00 USD", "post late_success ch_2 100.00 USD"]);
      expect(life.context).toMatchObject({ reference: "ch_1", captured: "10000" });
    });

    test("is tried again already: the overtaken charge goes to suspense, and the newer one is seen to its end", () => {
      const life = aSentOrder();
      life.take(softDecline, timerFires(), earlierOperation.captured());
      expect(life.state).toBe("EXECUTING.sending");
      life.take(answer.unknown(), answer.captured({ reference: "ch_2" }));
      expect(life.state).toBe("SUCCESS");
      expect(life.effects("post")).toEqual(["post late_success ch_1 100.00 USD", "post pay_in ch_2 100.00 USD"]);
    });

    test("waits to be tried again: the late success settles it, and nothing is sent any more", () => {
      const life = aSentOrder();
      life.take(softDecline, earlierOperation.captured());
      expect(life.state).toBe("SUCCESS");
      expect(life.effects("post")).toEqual(["post pay_in ch_1 100.00 USD"]);
      expect(life.context.timer).toBeNull();
    });

    test("was canceled or had expired: the money goes to suspense", () => {
      const canceled = aHostedOrder();
      canceled.take(order.canceled());
      const expired = aHostedOrder();
      expired.take(timerFires());
      for (const life of [canceled, expired]) {
        life.take(webhook.captured());
        expect(life.state).toBe("FAILED");
        expect(life.effects("post")).toEqual(["post late_success ch_1 100.00 USD"]);
      }
    });

    test("had taken another amount: what it says of an authorization makes nobody forget that money", () => {
      const life = aSentOrder();
      life.take(answer.captured({ amount: "9000" }), order.retried(), answer.captured({ captured: false }));
      expect(life.state).toBe("EXECUTING.parked");
      expect(life.context.held).toMatchObject({ reference: "ch_1", amount: "9000" });
    });

    test.each([
      { proof: "that surely left nothing", isNotCharged: [answer.unsent()] },
      { proof: "that we held back ourselves", isNotCharged: [answer.unsent({ heldBack: true })] },
      { proof: "that is softly declined", isNotCharged: [softDecline] },
      {
        proof: "that the PSP does not know",
        isNotCharged: [answer.unknown(), answer.unknown(), later(3_000, timerFires()), answer.notFound()],
      },
    ])("was paid by its first charge, beside a second one $proof: there is no third", ({ isNotCharged }) => {
      const life = aSentOrder();
      life.take(softDecline, timerFires(), earlierOperation.captured(), ...isNotCharged);
      expect(life.state).toBe("EXECUTING.parked");
      expect(life.context.parked?.reason).toBe("charged_before");
      expect(life.canTake(order.retried())).toBe(false);
      expect(life.effects("send")).toHaveLength(2);
      expect(life.effects("post")).toEqual(["post late_success ch_1 100.00 USD"]);
      life.take(order.resolved({ outcome: "failed" }));
      expect(life.state).toBe("FAILED");
    });

    test("was charged before it was sent: it is not sent, and what is in suspense never pays for it a second time", () => {
      const life = aHostedOrder();
      life.take(webhook.captured(), order.started());
      expect(life.state).toBe("EXECUTING.parked");
      expect(life.effects("post")).toEqual(["post late_success ch_1 100.00 USD"]);
      expect(life.effects("send")).toEqual([]);
      expect(life.context).toMatchObject({ timer: null, nextActionUrl: null });
      expect(life.canTake(order.resolved({ reference: "ch_1" }))).toBe(false);
      expect(life.canTake(order.retried())).toBe(false);
    });
  });

  describe("that hears from the PSP by webhook", () => {
    test("succeeds once when the webhook comes before the answer (28)", () => {
      const life = aSentOrder();
      life.take(webhook.captured());
      expect(life.state).toBe("SUCCESS");
      expect(life.take(answer.captured())).toEqual([]);
      expect(life.effects("post")).toHaveLength(1);
    });

    test("succeeds once when five webhooks come at once (30)", () => {
      const life = aSentOrder();
      life.take(...times(5, webhook.captured()));
      expect(life.effects("post")).toEqual(["post pay_in ch_1 100.00 USD"]);
      expect(life.effects("announce")).toEqual(["announce succeeded"]);
    });

    test.each([
      { late: "authorized", said: webhook.captured({ captured: false }) },
      { late: "pending", said: webhook.pending() },
      { late: "a forged or mistaken decline", said: webhook.declined() },
    ])("stays captured when $late comes after captured (31)", ({ said }) => {
      const life = aSentOrder();
      life.take(webhook.captured());
      expect(life.take(said)).toEqual([]);
      expect(life.state).toBe("SUCCESS");
    });

    test("takes a success that overtakes its pending", () => {
      const life = aSentOrder();
      life.take(webhook.captured(), answer.pending());
      expect(life.state).toBe("SUCCESS");
    });

    test("ignores the decline of an operation that is over", () => {
      const life = aSentOrder();
      life.take(softDecline, timerFires(), earlierOperation.declined());
      expect(life.state).toBe("EXECUTING.sending");
      expect(life.context.operation).toBe(2);
    });
  });

  describe("that the PSP has as pending", () => {
    test("is settled by polling when no webhook ever comes (37)", () => {
      const life = aSentOrder();
      life.take(answer.pending(), timerFires(), answer.pending(), timerFires(), answer.captured());
      expect(life.state).toBe("SUCCESS");
      expect(life.effects("ask")).toHaveLength(2);
    });

    test("is parked when the polls are spent, and still asked about when somebody reads it (38)", () => {
      const life = aSentOrder();
      life.take(answer.pending(), ...times(6, timerFires(), answer.pending()));
      expect(life.context.parked?.reason).toBe("pending_too_long");
      expect(life.take(order.asked())).toEqual(["ask about charge 1 as attempt 8"]);
      expect(life.take(answer.pending())).toEqual([]);
      expect(life.state).toBe("EXECUTING.parked");
      life.take(order.asked(), answer.captured());
      expect(life.state).toBe("SUCCESS");
    });

    test("fails when the PSP declines it after all", () => {
      const life = aSentOrder();
      life.take(answer.pending(), webhook.declined());
      expect(life.state).toBe("FAILED");
    });

    test("shows the buyer the page that the PSP asks for, until it is done", () => {
      const life = aSentOrder();
      life.take(answer.pending({ nextActionUrl: "https://psp.example/3ds" }));
      expect(life.context.nextActionUrl).toBe("https://psp.example/3ds");
      life.take(webhook.captured());
      expect(life.context.nextActionUrl).toBeNull();
    });

    test("does not use up its schedule because somebody reads it often", () => {
      const life = aSentOrder();
      life.take(answer.pending(), ...times(30, order.asked(), answer.pending()));
      expect(life.state).toBe("EXECUTING.pending");
      expect(life.context.asks).toBe(0);
    });
  });

  describe("that is canceled", () => {
    test("while it is asked about, and parked: the proof that the PSP has nothing ends it, and no retry charges", () => {
      const life = aSentOrder();
      life.take(answer.unknown(), order.canceled(), ...inquiriesRunOut);
      expect(life.state).toBe("EXECUTING.parked");
      life.take(order.asked(), answer.notFound());
      expect(life.state).toBe("FAILED");
      expect(life.context.failure?.code).toBe("canceled");
      expect(life.canTake(order.retried())).toBe(false);
    });

    test("before the PSP has heard of it: it fails at once", () => {
      const life = aHostedOrder();
      expect(life.take(order.canceled())).toEqual(["announce failed"]);
      expect(life.context.failure?.code).toBe("canceled");
      expect(life.effects("send")).toEqual([]);
    });

    test("while it waits to be sent again: it fails, and the retry's timer does nothing", () => {
      const life = aSentOrder();
      life.take(answer.unsent(), order.canceled());
      expect(life.state).toBe("FAILED");
      expect(life.take(timer("retry"))).toEqual([]);
    });

    test("while its outcome is unknown: it fails only when the PSP surely has nothing", () => {
      const life = aSentOrder();
      life.take(answer.unknown(), order.canceled(), answer.notFound());
      expect(life.state).toBe("EXECUTING.resolving");
      life.take(later(TERMS.settleTimeMs, timerFires()), answer.notFound());
      expect(life.state).toBe("FAILED");
      expect(life.context.failure?.code).toBe("canceled");
      expect(life.effects("resend")).toEqual([]);
    });

    test("while its outcome is unknown: it succeeds when the PSP has charged", () => {
      const life = aSentOrder();
      life.take(answer.unknown(), order.canceled(), answer.captured());
      expect(life.state).toBe("SUCCESS");
    });

    test("while its outcome is unknown: a soft decline ends it instead of a new charge", () => {
      const life = aSentOrder();
      life.take(answer.unknown(), order.canceled(), softDecline);
      expect(life.state).toBe("FAILED");
      expect(life.context.failure?.code).toBe("canceled");
      expect(life.effects("send")).toHaveLength(1);
    });

    test.each([
      { place: "out at the PSP", lived: [] },
      { place: "pending", lived: [answer.pending()] },
      { place: "authorized", lived: [answer.captured({ captured: false })] },
      { place: "parked", lived: [answer.captured({ amount: "9000" })] },
      { place: "paid", lived: [answer.captured()] },
      { place: "failed", lived: [answer.declined()] },
    ])("while it is $place: that is refused", ({ lived }) => {
      const life = aSentOrder();
      life.take(...lived);
      expect(life.canTake(order.canceled())).toBe(false);
      expect(life.take(order.canceled())).toEqual([]);
    });
  });

  describe("that waits for the buyer", () => {
    test("expires without a word to the PSP", () => {
      const life = aHostedOrder();
      expect(life.context).toMatchObject({ timer: { name: "expiry" }, nextActionUrl: "https://pay.example/chk_1" });
      expect(life.take(timerFires())).toEqual(["announce failed"]);
      expect(life.context.failure?.code).toBe("expired");
      expect(life.context.nextActionUrl).toBeNull();
    });

    test("is sent when the buyer pays, and can't expire any more", () => {
      const life = aHostedOrder();
      expect(life.take(order.started())).toEqual(["send charge 1 as attempt 1"]);
      expect(life.context).toMatchObject({ timer: null, nextActionUrl: null });
      expect(life.take(timer("expiry"))).toEqual([]);
      expect(life.take(order.started())).toEqual([]);
      expect(life.state).toBe("EXECUTING.sending");
    });
  });

  describe("that an operator decides on", () => {
    test("is asked about before it is sent again when an outcome is unknown", () => {
      const life = aSentOrder();
      life.take(answer.unknown(), ...inquiriesRunOut);
      expect(life.state).toBe("EXECUTING.parked");
      expect(life.take(order.retried())).toEqual(["ask about charge 1 as attempt 10"]);
      expect(life.take(answer.notFound())).toEqual(["resend charge 1 as attempt 11"]);
    });

    test("is asked about before it is sent again when it was pending, however often an operator retries", () => {
      const life = aSentOrder();
      life.take(answer.pending(), ...times(6, timerFires(), answer.pending()));
      for (let retry = 1; retry <= 3; retry += 1) {
        expect(life.take(order.retried())).toEqual([expect.stringMatching(/^ask about charge 1/)]);
        life.take(...inquiriesRunOut);
        expect(life.state).toBe("EXECUTING.parked");
      }
      expect(life.effects("resend")).toEqual([]);
    });

    test("is sent again when it was pending and the PSP surely has nothing any more", () => {
      const life = aSentOrder();
      life.take(answer.pending(), ...times(6, timerFires(), answer.pending()), order.retried(), answer.notFound());
      expect(life.state).toBe("EXECUTING.resolving");
      life.take(later(TERMS.settleTimeMs, timerFires()));
      expect(life.take(answer.notFound())).toEqual([expect.stringMatching(/^resend charge 1/)]);
    });

    test("gets its whole patience back with a retry", () => {
      const life = aSentOrder();
      life.take(...times(4, answer.unsent(), timerFires()), answer.unsent(), order.retried());
      life.take(...times(4, answer.unsent(), timerFires()));
      expect(life.state).toBe("EXECUTING.sending");
      life.take(answer.unsent());
      expect(life.state).toBe("EXECUTING.parked");
      expect(life.context.sends).toBe(10);
    });

    test("is booked under the charge that the operator names, up to the order's amount", () => {
      const life = aSentOrder();
      life.take(answer.unknown(), ...inquiriesRunOut);
      expect(life.canTake(order.resolved({ reference: null }))).toBe(false);
      expect(life.canTake(order.resolved({ amount: "10001" }))).toBe(false);
      expect(life.canTake(order.resolved({ amount: "0" }))).toBe(false);
      expect(life.take(order.resolved({ reference: "ch_7", amount: "6000" }))).toEqual([
        "post pay_in ch_7 60.00 USD",
        "announce succeeded",
      ]);
      expect(life.context).toMatchObject({ reference: "ch_7", captured: "6000", unknownSince: null, parked: null });
    });

    test("is failed when the operator says so, and a charge that shows up later is late", () => {
      const life = aSentOrder();
      life.take(answer.unknown(), ...inquiriesRunOut, order.resolved({ outcome: "failed", reference: null }));
      expect(life.state).toBe("FAILED");
      expect(life.context.failure?.code).toBe("resolved_as_failed");
      life.take(webhook.captured());
      expect(life.effects("post")).toEqual(["post late_success ch_1 100.00 USD"]);
    });

    test("has no call open after the decision, even when a reader had asked", () => {
      const booked = aSentOrder();
      booked.take(answer.unknown(), ...inquiriesRunOut, order.asked(), order.resolved());
      const failed = aSentOrder();
      failed.take(answer.unknown(), ...inquiriesRunOut, order.asked(), order.resolved({ outcome: "failed" }));
      expect([booked.state, booked.context.call]).toEqual(["SUCCESS", null]);
      expect([failed.state, failed.context.call]).toEqual(["FAILED", null]);
      expect(booked.take(answer.captured())).toEqual([]);
    });

    test("is decided by the PSP when a webhook is faster than the operator", () => {
      const life = aSentOrder();
      life.take(answer.unknown(), ...inquiriesRunOut, webhook.captured());
      expect(life.state).toBe("SUCCESS");
      expect(life.canTake(order.resolved())).toBe(false);
    });

    test.each([
      { place: "out at the PSP", lived: [] },
      { place: "pending", lived: [answer.pending()] },
      { place: "paid", lived: [answer.captured()] },
      { place: "failed", lived: [answer.declined()] },
    ])("is not asked while it is $place: retry and resolve are refused", ({ lived }) => {
      const life = aSentOrder();
      life.take(...lived);
      expect(life.canTake(order.retried())).toBe(false);
      expect(life.canTake(order.resolved())).toBe(false);
      expect(life.canTake(order.resolved({ outcome: "failed" }))).toBe(false);
    });
  });

  describe("whose charge another order has booked", () => {
    test("is parked with the charge's name, and nothing is posted", () => {
      const life = aSentOrder();
      expect(life.take(order.conflicted())).toEqual(["announce parked"]);
      expect(life.context).toMatchObject({ parked: { reason: "booked_elsewhere" }, reference: "ch_1", held: null });
      expect(life.effects("post")).toEqual([]);
    });

    test("may be failed by an operator: the money is the other order's", () => {
      const life = aSentOrder();
      life.take(order.conflicted(), order.resolved({ outcome: "failed" }));
      expect(life.state).toBe("FAILED");
    });

    test("does not forget the money that it held before", () => {
      const life = aSentOrder();
      life.take(answer.captured({ amount: "9000" }), order.conflicted({ reference: "ch_2" }));
      expect(life.context.held).toMatchObject({ reference: "ch_1", amount: "9000" });
      life.take(order.retried(), order.conflicted({ reference: "ch_2" }));
      expect(life.state).toBe("EXECUTING.parked");
      expect(life.context.held).toMatchObject({ reference: "ch_1", amount: "9000" });
    });
  });
});
