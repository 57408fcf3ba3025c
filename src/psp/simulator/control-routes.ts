/** The test's side of the simulator: its truth, its faults, where its notices go. No real PSP has this. */
import { randomUUID } from "node:crypto";
import { type Context, Hono } from "hono";
import { z } from "zod";
import { answerError, type HeldAnswers, type SimulatorEnv } from "./answer-loss.ts";
import { toChargeView, toEffectView } from "./charge.ts";
import { isDeclineCode } from "./decline-codes.ts";
import { faultPlanSchema } from "./faults.ts";
import { secretSchema, webhookSchema } from "./journal-entries.ts";
import { type NoticeSender, secretsOf, signNotice } from "./notices.ts";
import type { Processor } from "./processor.ts";
import type { SimulatorState } from "./state.ts";

const MAX_PAGE = 1_000;

const pageSchema = z.object({
  payment_order_id: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(100),
  cursor: z.coerce.number().int().min(0).optional(),
});

const settleSchema = z.object({
  reference: z.string().optional(),
  idempotency_key: z.string().optional(),
  status: z.enum(["succeeded", "declined"]),
  decline_code: z.string().refine(isDeclineCode).default("generic_decline"),
  notify: z.boolean().default(true),
});

const sendSchema = z.object({
  /** Default: the registered address. */
  url: z.url({ protocol: /^https?$/ }).optional(),
  id: z.string().min(1).max(255).optional(),
  type: z.string().max(255).default("charge.succeeded"),
  /** The charge that the notice is about; `data` takes its place when given. */
  reference: z.string().optional(),
  data: z.unknown().optional(),
  /** The exact body; `type`, `reference` and `data` don't count then. */
  body: z.string().optional(),
  /** Seconds added to the time of the signature: -600 makes it stale. */
  timestamp_offset_s: z.number().int().default(0),
  /** `valid`; `bad`: right form, wrong bytes; `missing`: no header at all. */
  signature: z.enum(["valid", "bad", "missing"]).default("valid"),
  /** Signs with this secret in place of the registered ones. */
  secret: secretSchema.optional(),
  copies: z.number().int().min(1).max(100).default(1),
});

export interface ControlRouteParts {
  readonly state: SimulatorState;
  readonly processor: Processor;
  readonly sender: NoticeSender;
  readonly held: HeldAnswers;
  readonly publicUrl: () => string;
}

export function createControlRoutes({ state, processor, sender, held, publicUrl }: ControlRouteParts) {
  const routes = new Hono<SimulatorEnv>();

  routes.get("/effects", async (c) => {
    const query = pageSchema.safeParse(c.req.query());
    if (!query.success) return refuse(c, query.error);
    await state.flushed();
    const { payment_order_id: paymentOrderId, limit, cursor } = query.data;
    if (paymentOrderId !== undefined) return c.json(state.effectsOf(paymentOrderId).map(toEffectView));
    const page = state.effectsPage({ before: cursor ?? null, limit });
    const nextCursor = page.nextBefore === null ? null : String(page.nextBefore);
    return c.json({ data: page.charges.map(toEffectView), has_more: nextCursor !== null, next_cursor: nextCursor });
  });

  routes.get("/faults", (c) => c.json(state.faults().plan));
  routes.post("/faults", async (c) => {
    const plan = faultPlanSchema.safeParse(await readJson(c));
    if (!plan.success) return refuse(c, plan.error);
    state.record({ t: "faults", plan: plan.data });
    await state.flushed();
    if (!plan.data.hang) held.release();
    return c.json(plan.data);
  });

  routes.get("/identity", async (c) => {
    await state.flushed();
    return c.json({ simulator_id: state.identity() });
  });

  routes.get("/webhook", (c) => {
    const webhook = state.webhook();
    return c.json({ url: webhook?.url ?? null, quiet: webhook?.quiet ?? false });
  });

  routes.put("/webhook", async (c) => {
    const webhook = webhookSchema.safeParse(await readJson(c));
    if (!webhook.success) return refuse(c, webhook.error);
    // Every node says it again now and then: what is known already need not be written again.
    if (JSON.stringify(webhook.data) !== JSON.stringify(state.webhook())) {
      state.record({ t: "webhook", webhook: webhook.data });
    }
    await state.flushed();
    return c.json({ url: webhook.data.url, quiet: webhook.data.quiet });
  });

  routes.post("/webhook/send", async (c) => {
    const parsed = sendSchema.safeParse(await readJson(c));
    if (!parsed.success) return refuse(c, parsed.error);
    const notice = parsed.data;
    const webhook = state.webhook();
    const url = notice.url ?? webhook?.url;
    const secrets = notice.secret !== undefined ? [notice.secret] : webhook === null ? [] : secretsOf(webhook);
    if (url === undefined || secrets.length === 0) {
      return answerError(c, {
        status: 409,
        code: "no_webhook",
        message: "Register a webhook, or give url and secret.",
      });
    }
    const id = notice.id ?? `evt_${randomUUID().replaceAll("-", "")}`;
    const body = notice.body ?? composeBody(id, notice);
    const timestamp = new Date(Date.now() + notice.timestamp_offset_s * 1_000);
    const headers = signNotice({ id, body, timestamp, secrets });
    if (notice.signature === "missing") delete headers["webhook-signature"];
    if (notice.signature === "bad") headers["webhook-signature"] = `v1,${Buffer.alloc(32, 7).toString("base64")}`;
    const statuses = await Promise.all(
      Array.from({ length: notice.copies }, () => sender.post({ url, headers, body })),
    );
    return c.json({ id, statuses });
  });

  routes.post("/settle", async (c) => {
    const parsed = settleSchema.safeParse(await readJson(c));
    if (!parsed.success) return refuse(c, parsed.error);
    const { reference, idempotency_key: key, status, decline_code: code, notify } = parsed.data;
    const charge = state.findByReference(reference ?? "") ?? state.findByKey(key ?? "");
    if (charge === undefined) {
      return answerError(c, { status: 404, code: "charge_not_found", message: "There is no such charge." });
    }
    const declineCode = status === "declined" ? code : null;
    await processor.settle({ reference: charge.reference, status, declineCode, notify });
    return c.json(toChargeView(state.findByReference(charge.reference) ?? charge, publicUrl()));
  });

  routes.post("/reset", async (c) => {
    processor.clear();
    state.reset();
    held.release();
    await state.flushed();
    return c.json({ reset: true });
  });

  const composeBody = (id: string, notice: z.infer<typeof sendSchema>): string => {
    const charge = state.findByReference(notice.reference ?? "");
    const data = notice.data ?? (charge === undefined ? {} : { charge: toChargeView(charge, publicUrl()) });
    return JSON.stringify({ id, type: notice.type, created_at: new Date().toISOString(), data });
  };
  return routes;
}

/** The body as JSON; undefined when it is none, which every schema refuses. */
async function readJson(c: Context<SimulatorEnv>): Promise<unknown> {
  try {
    return await c.req.json();
  } catch {
    return undefined;
  }
}

function refuse(c: Context<SimulatorEnv>, error: z.ZodError): Response {
  return answerError(c, { status: 422, code: "invalid_request", message: z.prettifyError(error) });
}
