/** The demo and the kill loop in small: their own checks are the assertions. */
import { expect, test } from "vitest";
import { runScript } from "./run-script.ts";

test("the demo pays with every quick token and finds the books right", async () => {
  const { code, stdout, stderr } = await runScript("demo", ["--quick", "--payments", "40"]);
  expect({ code, stdout, stderr }).toMatchObject({ code: 0, stdout: expect.stringContaining("All is well") });
  expect(stdout).toMatch(/sim_late_success +\d+ +1 +\d+ FAILED \(generic_decline\) \+ late success/);
  expect(stdout).toMatch(/USD +\S+ +\S+ +0\.00\n/);
  expect(stdout).toMatch(/hosted page, 3DS approved +\d+ +1 +\d+ SUCCESS/);
}, 90_000);

test.runIf(process.platform === "linux")(
  "two kills under load, one with the database, lose and double nothing",
  async () => {
    const { code, stdout, stderr } = await runScript("kill-loop", ["--quick", "--rounds", "2", "--per-round", "20"]);
    expect({ code, stdout, stderr }).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("Nothing was lost, doubled or stuck"),
    });
    expect(stdout).toMatch(/payments acknowledged +60\n/);
  },
  120_000,
);
