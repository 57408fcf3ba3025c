/** The API that merchants' code calls: charges and inquiries. Faults of a test apply here and nowhere else. */
import { type Context, Hono } from "hono";
import { assertNever } from "../../core/assert.ts";
import { answerError, type HeldAnswers, loseAnswer, type SimulatorEnv } from "./answer-loss.ts";
import { type Charge, toChargeView } from "./charge.ts";
import type { Processor } from "./processor.ts";
import type { SimulatorState } from "./state.ts";

const MAX_BODY_CHARS = 65_536;
const KEY_PATTERN = /^[\x21-\x7e]{1,255}$/;

export interface ChargeRouteParts {
  readonly state: SimulatorState;
  readonly processor: Processor;
  readonly held: HeldAnswers;
  readonly publicUrl: () => string;
}

export function createChargeRoutes({ state, processor, held, publicUrl }: ChargeRouteParts): Hono<SimulatorEnv> {
  const routes = new Hono<SimulatorEnv>();
  const sendCharge = (c: Context<SimulatorEnv>, charge: Charge, status: 200 | 201): Response =>
    c.body(JSON.stringify(toChargeView(charge, publicUrl())), status, { "content-type": "application/json" });

  /** Runs a call under the faults that the test asked for. */
  const withFaults = async (c: Context<SimulatorEnv>, handle: () => Promise<Response>): Promise<Response> => {
    const faults = state.faults();
    if (faults.plan.hang) return loseAnswer(c, "hold", held);
    if (faults.plan.latency_ms > 0) await new Promise((resolve) => setTimeout(resolve, faults.plan.latency_ms));
    const fault = faults.drawCall();
    if (fault === null) return handle();
    if (fault.takesEffect) await handle();
    return loseAnswer(c, fault.loss, held);
  };

  routes.post("/charges", (c) =>
    withFaults(c, async () => {
      const key = c.req.header("idempotency-key");
      if (key === undefined || !KEY_PATTERN.test(key)) {
        return answerError(c, { status: 400, code: "idempotency_key_missing", message: "Send an Idempotency-Key." });
      }
      const body = await c.req.text();
      if (body.length > MAX_BODY_CHARS) {
        return answerError(c, { status: 413, code: "body_too_large", message: "The body is too large." });
      }
      const result = await processor.charge(key, body);
      switch (result.kind) {
        case "made":
          return result.loss === null ? sendCharge(c, result.charge, 201) : loseAnswer(c, result.loss, held);
        case "replayed":
          c.header("idempotent-replayed", "true");
          return sendCharge(c, result.charge, 200);
        case "lost":
          return loseAnswer(c, result.loss, held);
        case "refused":
          return answerError(c, result);
        default:
          return assertNever(result);
      }
    }),
  );

  /** What an inquiry may see now, and only once it is on disk. */
  const answerInquiry = async (c: Context<SimulatorEnv>, charge: Charge | undefined): Promise<Response> => {
    await state.flushed();
    if (charge === undefined || charge.hiddenUntilMs > Date.now()) {
      return answerError(c, { status: 404, code: "charge_not_found", message: "There is no such charge." });
    }
    return sendCharge(c, charge, 200);
  };

  routes.get("/charges", (c) =>
    withFaults(c, async () => {
      const key = c.req.query("idempotency_key");
      if (key === undefined) {
        return answerError(c, { status: 400, code: "invalid_request", message: "Ask for an idempotency_key." });
      }
      return answerInquiry(c, state.findByKey(key));
    }),
  );
  routes.get("/charges/:reference", (c) =>
    withFaults(c, async () => answerInquiry(c, state.findByReference(c.req.param("reference")))),
  );
  return routes;
}
