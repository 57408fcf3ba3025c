/**
 * Everything the simulator knows. It changes through `record` alone: the same entry is applied to memory and
 * appended to the journal, and a restart applies the journal's entries again, so both can't differ.
 */
import { randomUUID } from "node:crypto";
import { assertNever } from "../../core/assert.ts";
import type { Charge } from "./charge.ts";
import { createFaults, type Faults, NO_FAULTS } from "./faults.ts";
import { openJournal } from "./journal.ts";
import { type Entry, entrySchema, type Job, type Webhook } from "./journal-entries.ts";

export interface SimulatorState {
  /** Made with its data and kept with it. */
  identity(): string;
  /** Applies the entry and appends it to the journal. Await `flushed` before telling anybody. */
  record(entry: Entry): void;
  flushed(): Promise<void>;
  findByKey(idempotencyKey: string): Charge | undefined;
  findByReference(reference: string): Charge | undefined;
  /** How many calls under that key were refused without an effect. */
  refusals(idempotencyKey: string): number;
  effectsOf(paymentOrderId: string): readonly Charge[];
  /** Newest first; `before` is the cursor of the page before, null for the first. */
  effectsPage(page: { readonly before: number | null; readonly limit: number }): EffectsPage;
  jobs(): readonly Job[];
  hasJob(id: string): boolean;
  webhook(): Webhook | null;
  faults(): Faults;
  /** Forgets charges, keys and jobs; the webhook's registration stays. */
  reset(): void;
  close(): void;
}

export interface EffectsPage {
  readonly charges: readonly Charge[];
  readonly nextBefore: number | null;
}

export function openState(dataDir: string): SimulatorState {
  const references: string[] = [];
  const byReference = new Map<string, Charge>();
  const referenceByKey = new Map<string, string>();
  const refusals = new Map<string, number>();
  const jobs = new Map<string, Job>();
  /** Built at the first look-up by order and caught up later: load tests never pay for it. */
  const referencesByOrder = new Map<string, string[]>();
  let indexedCount = 0;
  let identity = "";
  let webhook: Webhook | null = null;
  let faults = createFaults(NO_FAULTS);

  const apply = (entry: Entry): void => {
    switch (entry.t) {
      case "identity":
        identity = entry.id;
        return;
      case "charge":
        references.push(entry.charge.reference);
        byReference.set(entry.charge.reference, entry.charge);
        referenceByKey.set(entry.charge.idempotencyKey, entry.charge.reference);
        refusals.delete(entry.charge.idempotencyKey);
        return;
      case "status": {
        const charge = byReference.get(entry.reference);
        if (charge === undefined) throw new Error(`journal: no charge ${entry.reference}`);
        byReference.set(entry.reference, { ...charge, status: entry.status, declineCode: entry.declineCode });
        return;
      }
      case "refused":
        refusals.set(entry.key, (refusals.get(entry.key) ?? 0) + 1);
        return;
      case "job":
        jobs.set(entry.job.id, entry.job);
        return;
      case "done":
        jobs.delete(entry.id);
        return;
      case "webhook":
        webhook = entry.webhook;
        return;
      case "faults":
        faults = createFaults(entry.plan);
        return;
      default:
        assertNever(entry);
    }
  };

  const journal = openJournal(dataDir, (line) => apply(entrySchema.parse(JSON.parse(line))));
  const record = (entry: Entry): void => {
    apply(entry);
    journal.append(JSON.stringify(entry));
  };
  if (identity === "") record({ t: "identity", id: `sim_${randomUUID()}` });
  const chargesOf = (list: readonly string[]): readonly Charge[] =>
    list.flatMap((reference) => byReference.get(reference) ?? []);

  return {
    identity: () => identity,
    record,
    flushed: () => journal.flushed(),
    findByKey(idempotencyKey) {
      const reference = referenceByKey.get(idempotencyKey);
      return reference === undefined ? undefined : byReference.get(reference);
    },
    findByReference: (reference) => byReference.get(reference),
    refusals: (idempotencyKey) => refusals.get(idempotencyKey) ?? 0,
    effectsOf(paymentOrderId) {
      for (const charge of chargesOf(references.slice(indexedCount))) {
        const orderId = charge.metadata.payment_order_id;
        if (orderId === undefined) continue;
        const known = referencesByOrder.get(orderId);
        if (known === undefined) referencesByOrder.set(orderId, [charge.reference]);
        else known.push(charge.reference);
      }
      indexedCount = references.length;
      return chargesOf(referencesByOrder.get(paymentOrderId) ?? []);
    },
    effectsPage({ before, limit }) {
      const end = Math.min(before ?? references.length, references.length);
      const start = Math.max(0, end - limit);
      return {
        charges: chargesOf(references.slice(start, end)).toReversed(),
        nextBefore: start > 0 ? start : null,
      };
    },
    jobs: () => [...jobs.values()],
    hasJob: (id) => jobs.has(id),
    webhook: () => webhook,
    faults: () => faults,
    reset() {
      references.length = 0;
      indexedCount = 0;
      for (const map of [byReference, referenceByKey, refusals, jobs, referencesByOrder]) map.clear();
      faults = createFaults(NO_FAULTS);
      journal.truncate();
      record({ t: "identity", id: identity });
      if (webhook !== null) record({ t: "webhook", webhook });
    },
    close: () => journal.close(),
  };
}
