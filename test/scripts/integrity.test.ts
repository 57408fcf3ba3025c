/** The audit after every scenario finds money that went to the wrong account, which no sum of accounts shows. */
import postgres from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkEffects } from "../../scripts/integrity.ts";
import { createInstantConnector } from "../../src/psp/instant/connector.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { aCheckout, pay, startTestProcessor } from "../support/processor.ts";

let database: TestDatabase;
let owner: postgres.Sql;

beforeAll(async () => {
  database = await createTestDatabase();
  owner = postgres(database.ownerUrl, { max: 1, onnotice: () => {} });
  // As a replica would: the triggers that protect history stay silent.
  await owner`SET session_replication_role = replica`;
  await using processor = await startTestProcessor({
    databaseUrl: database.appUrl,
    connectors: [createInstantConnector({ account: "instant" })],
  });
  await pay(processor, aCheckout("pm_card_visa"));
});
afterAll(async () => {
  await owner.end({ timeout: 1 });
  await database.drop();
});

const complaints = async (): Promise<readonly string[]> =>
  (await checkEffects({ sql: owner, effects: null })).violations;

test("an entry as it was booked is right", async () => {
  expect(await complaints()).toEqual([]);
});

test.each([
  ["another seller's wallet", "credit_account = 'seller:seller-2:payable'", "credit_account LIKE 'seller:%'"],
  ["suspense", "credit_account = 'suspense'", "credit_account = 'platform:fees'"],
  ["another PSP's clearing", "debit_account = 'psp:other:clearing'", "leg = 1"],
  ["the seller, fee and all", "credit_account = 'seller:seller-1:payable'", "credit_account = 'platform:fees'"],
])("money that goes to %s is found", async (_, change, where) => {
  const before = await owner`SELECT * FROM postings`;
  await owner.unsafe(`UPDATE postings SET ${change} WHERE ${where}`);
  const found = await complaints();
  await owner`DELETE FROM postings`;
  await owner`INSERT INTO postings ${owner(before)}`;
  expect(found.filter((text) => /^entry \S+ \(pay_in\) moves /.test(text))).not.toEqual([]);
  expect(await complaints()).toEqual([]);
});
